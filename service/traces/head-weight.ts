// How many traces a sampled one stands for by its head, of what a summary sees of its spans; the rule is that
// of `weightOf` (#model), which sees them all.
//
//   the root's tracestate; where that says nothing, that of the earliest span that a policy asked for; where
//   there is no root, else that of the earliest that says something

import { readTraceState, WEIGHT_MAX, weightOfState } from '#protocol'

export type HeadStates = {
  readonly hasRoot: boolean
  /** Of the root, or of the earliest span that stands for it; '' = it has none. */
  readonly rootTraceState: string
  /** Of the earliest span that a policy asked for; of the earliest that has one. */
  readonly wantedTraceState: string
  readonly firstTraceState: string
}

export function headWeightOf(traceId: string, states: HeadStates): number {
  const beside = states.wantedTraceState || (states.hasRoot ? '' : states.firstTraceState)
  return weightOfState(traceId, states.rootTraceState || beside)
}

export const isWanted = (traceState: string): boolean => readTraceState(traceState).isWanted

/** As `isWanted` says, of a column trace_state. */
export const WANTED_SQL = `match(trace_state, '(^|,) *crosscut=([^,]*;)?k:1 *([;,]|$)')`

/** Of a row of table `traces`: by its head and by the tail rule. */
export const STANDS_FOR_SQL = `least(${WEIGHT_MAX}, head_weight * greatest(1, weight))`
