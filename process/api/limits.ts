// Bounds of what an application may say at once, with their reasons.

/** Levels of nested counters: a name of five parts is one that nobody reads; a circle ends here. */
export const COUNTER_DEPTH_MAX = 4

/** Of a stack as text: V8's ten frames of up to 400 characters each. */
export const STACK_LENGTH_MAX = 4096

/** One passage of a stream: what a socket takes at once, and what a disk reads in a millisecond. */
export const PIECE_BYTES = 64 * 1024
