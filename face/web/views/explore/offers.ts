// What can be typed next in the field of conditions: columns by the word that is being written, then what
// their type can be compared by.

import type { DatasetColumn, DatasetColumnType } from '#protocol'
import { condition } from './where.ts'

export type Offer = { readonly label: string; readonly says: string; readonly text: string }

const OFFERS_MAX = 10
const OPERATORS: Readonly<Record<DatasetColumnType, readonly string[]>> = {
  number: ['>=', '<', '=', '!=', 'exists'],
  string: ['=', '!=', 'contains', 'in (', 'exists'],
  strings: ['=', '!=', 'contains'],
  boolean: ['= true', '= false'],
}

export function offersFor(typed: string, columns: readonly DatasetColumn[]): readonly Offer[] {
  const after = columns.find(({ name }) => typed.trimEnd().endsWith(nameText(name)) && typed.endsWith(' '))
  if (after !== undefined)
    return OPERATORS[after.type].map((op) => ({ label: op, says: after.name, text: `${typed}${op} ` }))
  const word = /(?:^|\s|\(|`)([\w.]*)$/.exec(typed)?.[1] ?? ''
  const before = typed.slice(0, typed.length - word.length).replace(/`$/, '')
  const wanted = word.toLowerCase()
  const isColumnNext = before.trim() === '' || /(?:\b(?:and|or|not)|\()\s*$/i.test(before)
  if (!isColumnNext) return []
  return columns
    .filter(({ name }) => !name.includes('`') && name.toLowerCase().includes(wanted))
    .sort((a, b) => rank(a, wanted) - rank(b, wanted))
    .slice(0, OFFERS_MAX)
    .map(({ name, type, unit }) => ({
      label: name,
      says: unit === undefined ? type : `${type}, ${unit}`,
      text: `${before}${nameText(name)} `,
    }))
}

const rank = ({ name }: DatasetColumn, wanted: string): number =>
  name.toLowerCase().startsWith(wanted) ? 0 : 1

/** The name as the language writes it. */
const nameText = (name: string): string => condition(name, '=', 0).replace(/ = 0$/, '')
