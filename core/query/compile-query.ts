// Text to what is installed: the package for processes, and how their groups become rows again.

import type { ColumnRole, ToolPackage } from '#protocol'
import { compileRecording } from './compile-recording.ts'
import { compilePlan, type CompileOptions } from './compile.ts'
import { readQuery } from './evaluate.ts'
import { rollUp, rowsOfGroups, type Group } from './output.ts'
import { buildPlan, type Output } from './plan.ts'
import type { Surroundings } from './resolve.ts'
import { hasAggregate, type Term } from './resolved.ts'
import { Gathering } from './recording.ts'
import { rewritePlan } from './rewrite.ts'
import type { Row } from './rows.ts'

export type { CompileOptions }

export type CompiledQuery = {
  readonly tool: ToolPackage
  /** In order; with windows, `window` first. */
  readonly columns: readonly string[]
  /** Of each column. */
  readonly roles: readonly ColumnRole[]
  /** Columns that only grow: COUNT and SUM alone. */
  readonly summed: readonly string[]
  readonly output: Output
  /** Of the recorded plan: what processes tell is gathered there. */
  gather(): Gathering
  rows(groups: readonly Group[]): readonly Row[]
  /** Rows of the groups that agree in these columns, put together. */
  rollUp(groups: readonly Group[], by: readonly string[]): readonly Row[]
}

/** Errors: QueryError E_QUERY. */
export function compileQuery(
  text: string,
  options: CompileOptions & { readonly isRecorded?: boolean },
  around: Surroundings = {},
): CompiledQuery {
  const plan = rewritePlan(buildPlan(readQuery(text, around)))
  return {
    tool: options.isRecorded === true ? compileRecording(plan, options) : compilePlan(plan, options),
    columns: plan.output.columns.map(({ name }) => name),
    roles: plan.output.columns.map(({ value }, i) =>
      i === 0 && plan.output.isWindowed ? 'window' : roleOf(value),
    ),
    summed: plan.output.columns.filter(({ value }) => isSummed(value)).map(({ name }) => name),
    output: plan.output,
    gather: () => new Gathering(plan),
    rows: (groups) => rowsOfGroups(plan.output, groups),
    rollUp: (groups, by) => rollUp(plan.output, groups, by),
  }
}

const isSummed = (value: Term): boolean =>
  value.kind === 'aggregate' && (value.fn === 'count' || value.fn === 'sum')

function roleOf(value: Term): ColumnRole {
  if (!hasAggregate(value)) return 'key'
  if (value.kind !== 'aggregate') return 'value'
  return value.quantile === undefined ? value.fn : 'quantile'
}
