// Text to what is installed: the package for processes, and how their groups become rows again.

import type { ToolPackage } from '#protocol'
import { compilePlan, type CompileOptions } from './compile.ts'
import { readQuery } from './evaluate.ts'
import { rowsOfGroups, type Group } from './output.ts'
import { buildPlan, type Output } from './plan.ts'
import type { Surroundings } from './resolve.ts'
import type { Term } from './resolved.ts'
import { rewritePlan } from './rewrite.ts'
import type { Row } from './rows.ts'

export type { CompileOptions }

export type CompiledQuery = {
  readonly tool: ToolPackage
  /** In order; with windows, `window` first. */
  readonly columns: readonly string[]
  /** Columns that only grow: COUNT and SUM alone. */
  readonly summed: readonly string[]
  readonly output: Output
  rows(groups: readonly Group[]): readonly Row[]
}

/** Errors: QueryError E_QUERY. */
export function compileQuery(
  text: string,
  options: CompileOptions,
  around: Surroundings = {},
): CompiledQuery {
  const plan = rewritePlan(buildPlan(readQuery(text, around)))
  return {
    tool: compilePlan(plan, options),
    columns: plan.output.columns.map(({ name }) => name),
    summed: plan.output.columns.filter(({ value }) => isSummed(value)).map(({ name }) => name),
    output: plan.output,
    rows: (groups) => rowsOfGroups(plan.output, groups),
  }
}

const isSummed = (value: Term): boolean =>
  value.kind === 'aggregate' && (value.fn === 'count' || value.fn === 'sum')
