// Text to a program: parse, check, link; then rows of a trace.

import { Reporter, type Diagnostic } from '#base'
import { FeatureBudget, OverBudget } from './budget.ts'
import { Checker, type Column, type RowPer } from './check.ts'
import {
  FEATURE_CHARS_MAX,
  FEATURE_LIST_LENGTH_MAX,
  FEATURE_ROWS_MAX,
  FEATURE_TEXT_CHARS_MAX,
  FILTER_CHARS_MAX,
} from './limits.ts'
import { textOf } from './measuring.ts'
import { parseStatements } from './parser.ts'
import { Linker, Scope, type Node, type Run, type Value } from './program.ts'
import { TraceIndex } from './trace-index.ts'
import type { Trace } from '../trace.ts'

export type FeatureColumn = {
  readonly name: string
  readonly type: 'number' | 'string' | 'strings' | 'boolean'
  /** Of a number, by UCUM: ns, By, ms, .. */
  readonly unit?: string
}
export type FeatureValue = number | string | boolean | readonly string[] | null
export type FeatureRow = {
  /**
   * Which element, unique in its trace: the id of a block's span, of a unit's first; of a point the span it
   * is in and `#` its place there, of an edge its target and `#` its place among those that arrive there.
   */
  readonly element?: string
  /** As `columns`. */
  readonly values: readonly FeatureValue[]
}
export type FeatureProgram = {
  readonly columns: readonly FeatureColumn[]
  /** Never throws. `prepareTrace` once, where several programs read one trace. */
  evaluate(trace: Trace | PreparedTrace, budget?: FeatureBudget): FeatureRow[]
}
export type FeatureFilter = (trace: Trace | PreparedTrace, budget?: FeatureBudget) => boolean

/** A trace with what programs have asked of it so far. */
export type PreparedTrace = { readonly index: TraceIndex }

export function prepareTrace(trace: Trace): PreparedTrace {
  return { index: new TraceIndex(trace) }
}

const indexOf = (trace: Trace | PreparedTrace): TraceIndex =>
  'index' in trace ? trace.index : new TraceIndex(trace)

/** Compiles a text of feature pipelines; all diagnostics at once. rowPer says what a row is. */
export function compileFeatures(
  text: string,
  options: { readonly rowPer?: RowPer } = {},
): { program?: FeatureProgram; diagnostics: Diagnostic[] } {
  const report = new Reporter(text)
  const rowPer = options.rowPer ?? 'trace'
  const checker = new Checker(report, { rowPer })
  if (isShort(text, FEATURE_CHARS_MAX, report)) checker.statements(parseStatements(text, report))
  if (!report.hasErrors && checker.columns.length === 0)
    report.error({ start: 0, end: 0 }, 'nothing is recorded', {
      suggestion: 'Trace | Duration | RecordAs("duration")',
    })
  const diagnostics = [...report.diagnostics]
  return report.hasErrors ? { diagnostics } : { program: programOf(checker, rowPer), diagnostics }
}

/** Filter predicate over a trace, same language: `ExecUnits | Filter(service="gateway") | Exists`. */
export function compileFilter(text: string): { filter?: FeatureFilter; diagnostics: Diagnostic[] } {
  const report = new Reporter(text)
  const checker = new Checker(report, { rowPer: 'trace' })
  const condition = isShort(text, FILTER_CHARS_MAX, report) ? conditionOf(text, checker, report) : undefined
  const diagnostics = [...report.diagnostics]
  if (condition === undefined || report.hasErrors) return { diagnostics }
  const linker = new Linker()
  const run = linker.link(condition)
  const filter: FeatureFilter = (trace, budget = new FeatureBudget()) => {
    const scope = new Scope(indexOf(trace), budget, linker.slots)
    return attempt(run, scope) === true
  }
  return { filter, diagnostics }
}

function conditionOf(text: string, checker: Checker, report: Reporter): Node | undefined {
  const statements = parseStatements(text, report, 'condition')
  const last = statements.at(-1)
  checker.statements(statements.slice(0, -1))
  if (last === undefined || last.name !== undefined) {
    if (!report.hasErrors)
      report.error({ start: 0, end: 0 }, 'there is no condition', { suggestion: 'duration > 1s' })
    return undefined
  }
  const condition = checker.condition(last.value)
  if (checker.columns.length > 0)
    report.error(last, 'a filter records nothing', { suggestion: 'leave out RecordAs' })
  return condition
}

function isShort(text: string, charsMax: number, report: Reporter): boolean {
  if (text.length <= charsMax) return true
  report.error({ start: charsMax, end: text.length }, `the text has more than ${charsMax} characters`)
  return false
}

function programOf(checker: Checker, rowPer: RowPer): FeatureProgram {
  const linker = new Linker()
  const columns = checker.columns.map(({ name, node }) => ({ name, ...columnOf(node) }))
  const runs = checker.columns.map((column) => valueRun(column, linker))
  const rows = checker.rows === undefined ? undefined : linker.link(checker.rows)
  return {
    columns,
    evaluate: (trace, budget = new FeatureBudget()) => {
      const scope = new Scope(indexOf(trace), budget, linker.slots)
      const isTrace = rowPer === 'trace'
      const found = isTrace ? [0] : rowsOf(scope, rowPer, rows)
      return rowsFrom(scope, found, runs, (row) => (isTrace ? undefined : spanIdOf(scope.index, rowPer, row)))
    },
  }
}

function rowsFrom(
  scope: Scope,
  elements: readonly number[],
  runs: readonly Run[],
  spanOf: (row: number) => string | undefined,
): FeatureRow[] {
  const made: FeatureRow[] = []
  for (const row of elements) {
    // A row of nothing but nulls would only be noise.
    if (made.length >= FEATURE_ROWS_MAX || (made.length > 0 && scope.budget.left < 0)) break
    scope.row = row
    scope.rowSlots.fill(undefined)
    const element = spanOf(row)
    const values = runs.map((run) => attempt(run, scope) as FeatureValue)
    made.push(element === undefined ? { values } : { element, values })
  }
  scope.budget.rowsLeftOut += elements.length - made.length
  return made
}

/** Nothing of a text's or a trace's making leaves here as an exception. */
function attempt(run: Run, scope: Scope): Value {
  try {
    return run(scope)
  } catch (error: unknown) {
    if (!(error instanceof OverBudget)) throw error
    scope.budget.overBudget += 1
    return null
  }
}

function columnOf({ type }: Node): { type: FeatureColumn['type']; unit?: string } {
  if (type.isMany) return { type: 'strings' }
  if (type.item === 'number')
    return type.unit === undefined ? { type: 'number' } : { type: 'number', unit: type.unit }
  return { type: type.item === 'boolean' ? 'boolean' : 'string' }
}

/** The value as a row holds it: attributes as texts, long ones cut. */
function valueRun({ node }: Column, linker: Linker): Run {
  const run = linker.link(node)
  const { item, isMany } = node.type
  if (item === 'number' || item === 'boolean') return run
  return (scope) => {
    const value = run(scope)
    if (value === null) return null
    if (!isMany) return cutText(scope.budget, textOf(value) ?? '')
    const list = Array.isArray(value) ? value : []
    if (list.length > FEATURE_LIST_LENGTH_MAX) scope.budget.cut += 1
    return list.slice(0, FEATURE_LIST_LENGTH_MAX).map((text) => cutText(scope.budget, textOf(text) ?? ''))
  }
}

function cutText(budget: FeatureBudget, text: string): string {
  if (text.length <= FEATURE_TEXT_CHARS_MAX) return text
  budget.cut += 1
  return text.slice(0, FEATURE_TEXT_CHARS_MAX)
}

/** Without a binding Rows: all of the trace; of points the events, since begins and ends are of blocks. */
function rowsOf(scope: Scope, rowPer: RowPer, rows: Run | undefined): readonly number[] {
  if (rows !== undefined) return (attempt(rows, scope) as readonly number[] | null) ?? []
  const { index } = scope
  switch (rowPer) {
    case 'trace':
      return [0]
    case 'unit':
      return index.units
    case 'block':
      return index.blocks
    case 'point':
      return index.points.filter((point) => index.pointSide(point) === 'event')
    case 'edge':
      return index.edges
  }
}

function edgeId(index: TraceIndex, edge: number): string {
  const span = index.spanOfEdge(edge)
  if (span !== undefined) return index.trace.blocks[span].spanId
  return `${index.trace.blocks[index.edgeTarget(edge)].spanId}#${index.edgePlace(edge)}`
}

function spanIdOf(index: TraceIndex, rowPer: RowPer, row: number): string | undefined {
  const { blocks, units } = index.trace
  switch (rowPer) {
    case 'trace':
      return undefined
    case 'unit':
      return blocks[units[row].entry].spanId
    case 'block':
      return blocks[row].spanId
    case 'point':
      return `${blocks[index.pointBlock(row)].spanId}#${index.pointPlace(row)}`
    case 'edge':
      return edgeId(index, row)
  }
}
