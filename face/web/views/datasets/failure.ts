// What was thrown, as an error.

export const failed = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)))
