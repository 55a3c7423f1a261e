// Limits of fair/, each with its reason.

/**
 * Slots of one scheduler. 2DFQ keeps a heap a slot; real pools have 4 (libuv) to some hundred (connections),
 * and 4,096 empty heaps are 300 kB.
 */
export const SLOTS_MAX = 4_096

/**
 * Weights: 1 is everybody's share. A factor of a million each way is more than any policy means, and keeps
 * cost / weight, and the sum of weights, far from where doubles lose whole units.
 */
export const WEIGHT_MIN = 1e-6
export const WEIGHT_MAX = 1e6

/** Who may wait in front of a gate. A waiting call is about 300 B: 100,000 are 30 MB, minutes of work. */
export const GATE_WAITING_MAX = 100_000

/**
 * Tenants that a gate remembers while they have nothing to do, for what they cost and what they owe. About
 * 500 B each: 5 MB. The one idle for longest is forgotten first; 100,000 hostile names cost no more.
 */
export const GATE_IDLE_FLOWS_MAX = 10_000

/** Who may wait for a limiter: as for a gate. */
export const LIMITER_WAITING_MAX = 100_000

/** How much of what L_max was stays after a cheaper request (2DFQ section 6, alpha). */
export const ESTIMATE_DECAY = 0.99

/** How often running requests are charged for more than was estimated: 10 ms (2DFQ section 6), in seconds. */
export const REFRESH_SECONDS = 0.01

/**
 * Tags are sums of doubles: equal ones differ in the last bits, and a tag that is late by a rounding error
 * must not cost a turn. Relative to the larger of 1 and the tag.
 */
export const TAG_EPSILON = 1e-9
