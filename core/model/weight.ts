// How many traces a sampled one stands for: the decision at its head times the one at its tail.
//
//   weight = 1/p of the root's threshold * the factor beside it (#protocol, trace state) * 1/p of the tail
//
// The main root's tracestate counts: parts of a trace that were sampled more thinly miss spans, not traces.
// Where it says nothing (a page in a browser) or is missing, the first span counts that a policy asked for;
// where it is missing, else the first that says something.

import { readTraceState, WEIGHT_MAX, weightOfState } from '#protocol'
import type { Trace } from './trace.ts'

/**
 * At least 1. `tailWeight` is what the server's own rule gave this trace (column `weight` of table
 * `traces`); 1 without a rule.
 */
export function weightOf(trace: Trace, tailWeight = 1): number {
  const root = trace.blocks[trace.root]?.span
  const state = root?.traceState || besideRoot(trace)
  return Math.min(WEIGHT_MAX, weightOfState(trace.traceId, state) * Math.max(1, tailWeight))
}

function besideRoot({ blocks, hasRoot }: Trace): string | undefined {
  let first: string | undefined
  for (const { span } of blocks) {
    if (!span.traceState) continue
    if (readTraceState(span.traceState).isWanted) return span.traceState
    first ??= span.traceState
  }
  return hasRoot ? undefined : first
}
