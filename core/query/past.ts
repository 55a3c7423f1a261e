// A query over executions that are over, one after the other: the compiled advice runs along each, and all
// add to one table. What happened before what never crosses executions, so this gives the rows of all of
// them together, in the memory of one.

import { GroupTable, matchesTracepoint } from '#advice'
import { foldExecution, readQuery } from './evaluate.ts'
import { layoutPlan } from './layout.ts'
import { PAST_BYTES_MAX, PAST_EVENTS_MAX, PAST_GROUPS_MAX } from './limits.ts'
import { rowsOfGroups } from './output.ts'
import { buildPlan } from './plan.ts'
import { readExecution, type RecordedExecution } from './recorded.ts'
import type { Surroundings } from './resolve.ts'
import type { ResolvedQuery } from './resolved.ts'
import { rewritePlan } from './rewrite.ts'
import type { Row } from './rows.ts'

export type PastQuery = {
  /** In order; with windows, `window` first. */
  readonly columns: readonly string[]
  /**
   * Adds what one execution gives. Errors: ExecutionError E_EXECUTION where it explodes; the table is as if
   * part of it had been seen.
   */
  take(execution: RecordedExecution): void
  rows(): readonly Row[]
  /** Tracepoints that the text or its views name, and at which nothing was. */
  unseen(): readonly string[]
  /** Tuples that reached Select, and how many of them had no room among the groups. */
  counts(): { readonly total: number; readonly otherRows: number }
}

/** Errors: QueryError E_QUERY. */
export function openPast(text: string, around: Surroundings = {}): PastQuery {
  const query = readQuery(text, around)
  const plan = rewritePlan(buildPlan(query))
  const layout = layoutPlan(plan, 'all')
  const table = new GroupTable(
    plan.output.folds.map(({ fn }) => fn),
    { groups: PAST_GROUPS_MAX, bytes: PAST_BYTES_MAX },
  )
  const named = [...new Set(tracepointsOf(query))]
  const seen = new Set<string>()
  return {
    columns: plan.output.columns.map(({ name }) => name),
    take: (execution) => {
      for (const { tracepoint } of execution.events) seen.add(tracepoint)
      foldExecution(readExecution(execution, PAST_EVENTS_MAX), { plan, layout }, table)
    },
    unseen: () => named.filter((name) => ![...seen].some((one) => matchesTracepoint(name, one))),
    rows: () => rowsOfGroups(plan.output, table.groups()),
    counts: () => ({ total: table.hits, otherRows: table.otherRows }),
  }
}

function tracepointsOf({ root, joins }: ResolvedQuery): readonly string[] {
  return [root, ...joins].flatMap(({ of }) =>
    of.kind === 'tracepoints' ? of.names : tracepointsOf(of.query),
  )
}
