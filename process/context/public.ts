// The export `crosscut/context`.
export { context, type Context } from './context.ts'
export type { Mismatch, MismatchListener } from './strict.ts'
