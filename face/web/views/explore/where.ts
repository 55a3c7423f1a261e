// Conditions on rows as the address and the chips hold them: text of the dataset's condition language, which
// the server reads; nothing is parsed here. What the text cannot say (a backtick in a name) is a tree in
// JSON.
//
//   service = 'gateway'      {"column":"a`b","op":"=","value":"x"}

import type { DatasetOperator, DatasetScalar, DatasetWhere } from '#protocol'

const PLAIN = /^[A-Za-z_][\w.]*$/
const RESERVED = new Set(['and', 'or', 'not', 'in', 'contains', 'exists', 'true', 'false'])

/** A column as the language writes it; undefined: it has no way to. */
function columnText(column: string): string | undefined {
  if (PLAIN.test(column) && !RESERVED.has(column.toLowerCase())) return column
  return column.includes('`') ? undefined : `\`${column}\``
}

export const valueText = (value: DatasetScalar): string =>
  typeof value === 'string' ? `'${value.replaceAll(/[\\']/g, '\\$&')}'` : String(value)

/** One condition, as text where that is possible. */
export function condition(column: string, op: DatasetOperator, value: DatasetScalar): string {
  const name = columnText(column)
  return name === undefined ? JSON.stringify({ column, op, value }) : `${name} ${op} ${valueText(value)}`
}

/** Rows with this value; null = rows without one. */
export function valueIs(column: string, value: DatasetScalar | null): string {
  if (value !== null) return condition(column, '=', value)
  const name = columnText(column)
  return name === undefined ? JSON.stringify({ not: { column, op: 'exists' } }) : `not ${name} exists`
}

/** Rows without this value; null = rows with one. */
export function valueIsNot(column: string, value: DatasetScalar | null): string {
  if (value !== null) return condition(column, '!=', value)
  const name = columnText(column)
  return name === undefined ? JSON.stringify({ column, op: 'exists' }) : `${name} exists`
}

/** low <= column < high; ends at infinity are open. */
export function between(column: string, low: number, high: number): readonly string[] {
  return [
    ...(Number.isFinite(low) ? [condition(column, '>=', low)] : []),
    ...(Number.isFinite(high) ? [condition(column, '<', high)] : []),
  ]
}

/** Columns that conditions speak of: what two populations were chosen by differs between them, of course. */
export function columnsIn(conditions: string, columns: readonly string[]): readonly string[] {
  const isNamed = (column: string): boolean => {
    const name = columnText(column) ?? JSON.stringify(column)
    const at = conditions.indexOf(name)
    return (
      at >= 0 && !/[\w.]/.test(conditions[at - 1] ?? '') && !/[\w.]/.test(conditions[at + name.length] ?? '')
    )
  }
  return columns.filter(isNamed)
}

/** As the request wants it. JSON that is none is sent as text: the server says what is wrong with it. */
export function readCondition(text: string): DatasetWhere {
  if (!text.startsWith('{')) return text
  try {
    const value: unknown = JSON.parse(text)
    // What is in it is the server's to check: nothing here depends on it.
    return typeof value === 'object' && value !== null ? (value as DatasetWhere) : text
  } catch {
    return text
  }
}

export const allOf = (conditions: readonly string[]): DatasetWhere => ({ and: conditions.map(readCondition) })

/** The conditions with one more; one that is there already is not added. */
export const withCondition = (conditions: readonly string[], text: string): readonly string[] =>
  conditions.includes(text) ? conditions : [...conditions, text]
