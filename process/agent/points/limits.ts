// Bounds of control points, with their reasons.

/**
 * A request of whose place in line we know that it comes later is told to come again: an order lives for 5 s,
 * so nobody knows what comes then.
 */
export const ADMISSION_WAIT_MS_MAX = 5_000

/**
 * Who is told to come again is told so late, and asks so seldom at least: one that asks again at once, of
 * which there are always some, else costs more by its refusals than it would by its requests.
 */
export const REFUSAL_DELAY_MS = 1_000

/** Refusals that wait to be told: each keeps a connection. From there on they are told at once. */
export const REFUSALS_WAITING_MAX = 1_000

/** Nobody is held longer than this, whatever was ordered. */
export const HOLD_MS_MAX = 60_000

/**
 * By a `hold` of a tool: long enough to look around, short enough that a breakpoint that was forgotten ends.
 */
export const HELD_MS_MAX = 600_000

/** Held by tools at once: each keeps a connection and what it sent of its body. Nobody looks at more. */
export const HELD_MAX = 256

/** What a tool may answer with: an error, for whoever reads logs. */
export const STATUS_MIN = 400
export const STATUS_MAX = 599

/** Who may wait at one point for one workflow: about 300 B each, 3 MB. */
export const POINT_WAITING_MAX = 10_000

/** An order is a lease of 5 s; what asks for more than a minute is not one of ours. */
export const LEASE_MS_MAX = 60_000

/** One passage in ten seconds: no order stops a tenant for good. */
export const POINT_RATE_MIN = 0.1

/** From so much on a rate limits nothing. */
export const POINT_RATE_MAX = 1e9

/** Deadlines from orders: below this no request would ever succeed. */
export const LIMIT_MS_MIN = 10

/**
 * Points where a lock or a slot may be held obey so much later than the first order: until then holders that
 * came before it, and are not known as such, have left.
 */
export const SETTLE_MS = 1_000

/** Settings of one order: the 256 workflows that a process keeps apart, at 32 points. */
export const ORDER_SETTINGS_MAX = 8_192

/**
 * Origins that calls of this process are counted for: more than a service has, fewer than a crawler
 * visits.
 */
export const CLIENT_POINTS_MAX = 16

/** Handlers begin for so long in one turn of the event loop, then timers and sockets have theirs. */
export const TURN_MS = 1

/** Requests that wait for their turn: beyond it they are told to come again. */
export const TURNS_WAITING_MAX = 10_000

/** A deadline of more is none: what fits 32 bits, 49 days. */
export const DEADLINE_MS_MAX = 2 ** 32 - 1
