// What a feature file says, checked: its columns, and what it made of a trace. A value of another type than
// its column is refused with the column's name; a number that is none is null and counted, as in pipelines.

import type { FeatureColumn, FeatureRow, FeatureValue, RowPer } from '#model'
import { COLUMNS_MAX, ROWS_PER_TRACE_MAX, SET_MEMBERS_MAX, TEXT_CHARS_MAX } from '../datasets/limits.ts'
import { COLUMN_CHARS_MAX, ELEMENT_CHARS_MAX } from './limits.ts'

/** In words that the owner of the file can act on. */
export class FeatureFileError extends Error {
  override readonly name = 'FeatureFileError'
}

const TYPES = ['number', 'string', 'strings', 'boolean'] as const
type ColumnType = (typeof TYPES)[number]
const UNIT = /^[A-Za-z%{}/.0-9-]{1,16}$/

/** `{ gap_ms: { type: 'number', unit: 'ms' }, slowest: 'string' }`. Errors: FeatureFileError. */
export function columnsOf(declared: unknown): FeatureColumn[] {
  if (typeof declared !== 'object' || declared === null || Array.isArray(declared))
    throw new FeatureFileError("it must export its columns: export const columns = { gap_ms: 'number' }")
  const entries = Object.entries(declared)
  if (entries.length === 0 || entries.length > COLUMNS_MAX)
    throw new FeatureFileError(`it has ${entries.length} columns; it may have 1 to ${COLUMNS_MAX}`)
  return entries.map(([name, given]) => columnOf(name, given))
}

function columnOf(name: string, given: unknown): FeatureColumn {
  if (name === '' || name.length > COLUMN_CHARS_MAX)
    throw new FeatureFileError(`the name of a column has 1 to ${COLUMN_CHARS_MAX} characters`)
  const { type, unit }: { type?: unknown; unit?: unknown } =
    typeof given === 'object' && given !== null ? given : { type: given }
  const known = TYPES.find((one) => one === type)
  if (known === undefined) throw new FeatureFileError(`column ${name} is one of ${TYPES.join(', ')}`)
  if (unit === undefined) return { name, type: known }
  if (known === 'number' && typeof unit === 'string' && UNIT.test(unit)) return { name, type: known, unit }
  throw new FeatureFileError(`column ${name}: a unit is of a number, by UCUM: ns, ms, By, %`)
}

export type Checked = {
  readonly rows: readonly FeatureRow[]
  readonly notFinite: number
  readonly cut: number
  readonly rowsLeftOut: number
}

/** An object is a row, a list of them rows, nothing none. Errors: FeatureFileError. */
export function rowsOf(given: unknown, columns: readonly FeatureColumn[], rowPer: RowPer): Checked {
  const list: readonly unknown[] =
    given === undefined || given === null ? [] : Array.isArray(given) ? given : [given]
  if (rowPer === 'trace' && list.length > 1)
    throw new FeatureFileError(`features gave ${list.length} rows; of a dataset with a row a trace it is one`)
  const counts = { notFinite: 0, cut: 0 }
  const known = new Set(['element', ...columns.map(({ name }) => name)])
  const rows = list.slice(0, ROWS_PER_TRACE_MAX).map((row) => rowOf(row, { columns, rowPer, known, counts }))
  return { rows, ...counts, rowsLeftOut: list.length - rows.length }
}

type Rules = {
  readonly columns: readonly FeatureColumn[]
  readonly rowPer: RowPer
  readonly known: ReadonlySet<string>
  readonly counts: { notFinite: number; cut: number }
}

function rowOf(given: unknown, { columns, rowPer, known, counts }: Rules): FeatureRow {
  if (typeof given !== 'object' || given === null || given instanceof Promise)
    throw new FeatureFileError(`features gave ${nameOf(given)}; a row is an object with a value a column`)
  const row = new Map<string, unknown>(Object.entries(given))
  const stray = [...row.keys()].find((name) => !known.has(name))
  if (stray !== undefined) throw new FeatureFileError(`features gave ${quoted(stray)}, which is no column`)
  const values = columns.map((column) => valueOf(row.get(column.name), column, counts))
  const element = row.get('element')
  if (rowPer === 'trace') {
    if (element !== undefined) throw new FeatureFileError('element is of a dataset with a row an element')
    return { values }
  }
  if (typeof element !== 'string' || element === '' || element.length > ELEMENT_CHARS_MAX)
    throw new FeatureFileError(`element of a row is the id of a span; features gave ${nameOf(element)}`)
  return { element, values }
}

function valueOf(value: unknown, { name, type }: FeatureColumn, counts: Rules['counts']): FeatureValue {
  if (value === undefined || value === null) return null
  if (type === 'number' && typeof value === 'number') {
    if (Number.isFinite(value)) return value
    counts.notFinite++
    return null
  }
  if (type === 'boolean' && typeof value === 'boolean') return value
  if (type === 'string' && typeof value === 'string') return cutText(value, counts)
  if (type === 'strings' && Array.isArray(value) && value.every((text) => typeof text === 'string')) {
    if (value.length > SET_MEMBERS_MAX) counts.cut++
    return value.slice(0, SET_MEMBERS_MAX).map((text) => cutText(text, counts))
  }
  throw new FeatureFileError(`${quoted(name)} is ${WORDS[type]}; features gave ${nameOf(value)}`)
}

const WORDS: Readonly<Record<ColumnType, string>> = {
  number: 'a number',
  string: 'a text',
  strings: 'a list of texts',
  boolean: 'true or false',
}

function cutText(text: string, counts: Rules['counts']): string {
  if (text.length <= TEXT_CHARS_MAX) return text
  counts.cut++
  return text.slice(0, TEXT_CHARS_MAX)
}

const quoted = (name: string): string => `'${name.slice(0, COLUMN_CHARS_MAX)}'`

function nameOf(value: unknown): string {
  if (value instanceof Promise) return 'a Promise: features are synchronous'
  if (value === null || value === undefined) return String(value)
  if (typeof value === 'bigint') return 'a bigint: Number(..) makes it a number'
  return Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
