// What was dropped, and why: one counter a reason, so that "my baggage does not arrive" has an answer.
//
// The agent reports them; a counter only grows. Every early return of this folder that loses something names
// its reason here.

export const DROP_REASONS = [
  // in the pure header layer
  'member_too_long',
  'member_malformed',
  'member_charset',
  'member_duplicate',
  'members_exceeded',
  'header_exceeded',
  'lines_exceeded',
  'traceparent_invalid',
  'tracestate_truncated',
  // our member
  'baggage_malformed',
  'baggage_trimmed',
  'baggage_no_room',
  'mac_missing',
  'mac_invalid',
  // policy
  'ingress_untrusted',
  'egress_refused',
  // flow-back
  'return_foreign_execution',
  'return_too_late',
  // injection
  'headers_already_sent',
  // threads
  'message_overrun',
  // our own faults and the observer's: guarded, counted, never seen by the host
  'observer_failed',
  'hook_failed',
] as const

export type DropReason = (typeof DROP_REASONS)[number]
export type DropCounts = Record<DropReason, number>

/** All zero. Owns: the caller, who increments in place. */
export function newCounts(): DropCounts {
  const zero: Partial<DropCounts> = {}
  for (const reason of DROP_REASONS) zero[reason] = 0
  return zero as DropCounts
}
