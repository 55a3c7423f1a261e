// The other way to answer: every event is told with its causal stamp, and joined where they are gathered. It
// costs a few bytes of baggage whatever the query packs, and a report of every event instead of one of sums.
//
//   at all tracepoints of the query, one advice (an event that several sources fit is one event):
//     OBSERVE all variables   RANDOM id   UNPACK ids of the events directly before (X-Trace)
//     EMIT id, before, tracepoint, variables       DROP those ids, PACK id
//
// Source: X-Trace (NSDI'07); Pivot Tracing section 3 calls it global evaluation.

import type { Instruction, ToolPackage } from '#protocol'
import { adviceAt, type CompileOptions } from './compile.ts'
import { layoutPlan, type Layout } from './layout.ts'
import { TOLD_IN_REPORTS } from './limits.ts'
import { nodesOf, type Plan } from './plan.ts'

const BAG = 'Events'
const FIELD = 'before'
const ID = '#id'
const BEFORE = '#before'
const TRACEPOINT = 'tracepoint'
const TOLD = [ID, BEFORE, TRACEPOINT]
/** Of what one row may tell, this is taken. */
export const TOLD_BESIDE_VARIABLES = TOLD.length

/** What each event tells, in the order of the emitted keys behind id, before and tracepoint. */
export function recordedVariables(plan: Plan): readonly string[] {
  const observed = (layout: Layout): string[] => [...layout.observes, ...layout.inputs.flatMap(observed)]
  return [...new Set(observed(layoutPlan(plan, 'none')))].filter((name) => name !== TRACEPOINT)
}

export function compileRecording(plan: Plan, { name, version, bagId, sources }: CompileOptions): ToolPackage {
  const vars = recordedVariables(plan)
  const names = [...new Set(nodesOf(plan.root).flatMap((node) => node.names))]
  const slot = (of: string): { readonly slot: string } => ({ slot: of })
  const instructions: readonly Instruction[] = [
    { op: 'observe', vars: [TRACEPOINT, ...vars] },
    { op: 'random', slot: ID },
    { op: 'unpack', bag: BAG, field: FIELD, tuples: { columns: [BEFORE], weight: '#n', outer: true } },
    {
      op: 'emit',
      result: name,
      keys: [...TOLD, ...vars].map(slot),
      folds: [],
      forgetAfter: TOLD_IN_REPORTS,
    },
    { op: 'drop', bag: BAG },
    { op: 'pack', bag: BAG, field: FIELD, columns: [slot(ID)], parts: [] },
  ]
  const schema = `bag ${BAG} = ${bagId} {\n  set<bytes> ${FIELD} = 1;\n}\n`
  return { name, version, schema, advice: [adviceAt(names, instructions, sources)], parameters: {} }
}
