// Bounds of a TraceQL query, each with its reason: the text is a stranger's, and so are the traces.

/** Grafana's builder writes some hundred characters; a list of a thousand values still fits. */
export const QUERY_CHARS_MAX = 16_384
/** Parentheses and operators in one another; the tree is walked by recursion. */
export const DEPTH_MAX = 64
/** Nodes of the tree: what a query costs per span is at most this. */
export const NODES_MAX = 2_000
/** Stages between pipes. */
export const STAGES_MAX = 32
/** Fields of select(). */
export const SELECT_MAX = 32
/** Groups of by() in one trace; a trace that makes more keeps the first ones, by their first span. */
export const GROUPS_MAX = 1_000

/** A pattern, and the instructions it becomes: `(a{1000}){1000}` is 11 characters. */
export const PATTERN_CHARS_MAX = 1_024
export const PATTERN_STEPS_MAX = 4_000
/** Of a text that a pattern looks at; what is longer is cut. Names are 1 KiB, values 64 KiB. */
export const MATCH_CHARS_MAX = 65_536

/**
 * Steps of all patterns of one evaluation, or of all traces that share a cost: about 1 s. A pattern of 4,000
 * steps on one value of 64 KiB would be 268 M. Beyond it no pattern matches, and the answer says so.
 */
export const PATTERN_STEPS_TOTAL_MAX = 20_000_000
