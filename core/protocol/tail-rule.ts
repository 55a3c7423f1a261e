// What the server keeps of the traces that reached it: one rule of the operator, or none (then all).
//
// A trace is kept because it is slow, failed or rare, or by chance, and then stands for 1/p others. One
// that a sampling policy asked for is always kept. What is not kept is deleted, so the rule is an
// operator's to set. Source: Canopy 4.1 (opportunistic tracing: the decision after the fact).

export type TailRule = {
  /** Longer than 99 % of the traces of its root's service and operation. */
  readonly slow: boolean
  /** A span of it has status error. */
  readonly failed: boolean
  /**
   * Its root's service and operation were seen less often than this in the window; 0 = never kept for that.
   */
  readonly rareBelow: number
  /** Of all others; above 0. */
  readonly probability: number
}

/** Why a trace was kept; `late`: the rule that had dropped it is gone, its spans were not. */
export type TailReason = 'policy' | 'failed' | 'slow' | 'rare' | 'chance' | 'late'

/** Rarer than that, an operation is no longer rare. */
export const RARE_BELOW_MAX = 10_000
/** A trace kept by chance stands for no more than a million. */
export const TAIL_PROBABILITY_MIN = 1e-6

/** Reads a rule from JSON; what is wrong, as a sentence. */
export function readTailRule(json: unknown): { readonly rule: TailRule } | { readonly wrong: string } {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    return { wrong: 'a rule must be an object' }
  const held: { readonly [member: string]: unknown } = { ...json }
  const { slow = true, failed = true, rareBelow = 0, probability } = held
  if (typeof slow !== 'boolean' || typeof failed !== 'boolean')
    return { wrong: 'slow and failed must be true or false' }
  if (
    typeof rareBelow !== 'number' ||
    !Number.isSafeInteger(rareBelow) ||
    !within(rareBelow, 0, RARE_BELOW_MAX)
  )
    return { wrong: `rareBelow must be a whole number from 0 to ${RARE_BELOW_MAX}` }
  if (typeof probability !== 'number' || !within(probability, TAIL_PROBABILITY_MIN, 1))
    return { wrong: `probability must be a number from ${TAIL_PROBABILITY_MIN} to 1` }
  return { rule: { slow, failed, rareBelow, probability } }
}

const within = (value: number, min: number, max: number): boolean => value >= min && value <= max
