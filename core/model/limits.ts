// Limits of the model, each with its reason.

/**
 * Times are kept as whole ns in doubles relative to the trace's base: exact below 2^53. Half of it on each
 * side is 52 days, so a trace of 30 days fits, and a time of 0 or 2^64-1 is seen as what it is.
 */
export const RELATIVE_NS_MAX = 2 ** 52

/** Sane wall-clock times: after 1971 (below it a clock was never set) and within int64 ns (year 2262). */
export const WALL_NS_MIN = 31_536_000_000_000_000n
export const WALL_NS_MAX = 2n ** 63n - 1n

/**
 * Repairs that are listed; all are counted. 1,000 lines are more than anybody reads, and 1M would double the
 * trace.
 */
export const REPAIRS_MAX = 1_000

/**
 * Hosts of one trace that are aligned jointly: the closure costs hosts^3 steps, 128^3 = 2.1M = about 5 ms.
 */
export const CLOSURE_HOSTS_MAX = 128

/** Spans sampled to find the base time: enough that a few hostile clocks cannot be the median. */
export const BASE_SAMPLES = 101

/**
 * A server's span ends when its process notices that the answer was sent, which on a busy event loop is after
 * the client has read it: 1-5 % of the span in the demo under load, on one clock. Twice that is taken for
 * lateness; and so is one late turn of an event loop, however short the span: of 300 traces of the demo on a
 * loaded machine 80 had their one clock "aligned" without this floor, half of them by less than 0.5 ms. A
 * clock that is really 5 ms ahead shows its spans ending 5 ms after their callers, which misleads nobody.
 */
export const REPLY_SLACK = 0.1
export const REPLY_SLACK_NS_MIN = 5e6

/**
 * How late an answer may be noticed before it is no answer at all: a long garbage collection, a loaded
 * machine (35 ms seen in the demo). Clocks that are further off than this are still set by the other bounds.
 * Circles of hosts try 0.25 ms first and double it: 10 rounds.
 */
export const REPLY_LATE_NS_MIN = 250_000
export const REPLY_LATE_NS_MAX = 128_000_000

/**
 * Frames of a call path; what lies deeper counts for the last of them. Deeper than any picture can show, and
 * a chain of 100,000 spans is one node a span else.
 */
export const CALL_PATH_FRAMES_MAX = 64

/**
 * Rows of an aggregate over traces: call paths about 1 kB each with their distributions, so 20 MB at most.
 * Names that hold ids make a new operation a trace; past the limit time counts for what is known above it.
 */
export const PROFILE_NODES_MAX = 20_000
export const PROFILE_OPERATIONS_MAX = 5_000
export const PROFILE_SERVICES_MAX = 1_000

/** Call paths in one answer: more than a picture of 1,000 px can tell apart. */
export const PROFILE_VIEW_NODES_MAX = 1_000
export const PROFILE_VIEW_OPERATIONS_MAX = 500

/**
 * Operations of one trace whose drag is computed: each is a replay (0.1 us a span), and what lies behind the
 * eighth of a path is seldom a tenth of it.
 */
export const DRAG_OPERATIONS_MAX = 8
