// Lists of things as a table, or one JSON object a line.

import { table } from '../text.ts'
import type { Args, Io } from '../verb.ts'

export const rounded = (value: number): string => Number(value.toPrecision(3)).toString()

export const percent = (share: number): string => `${Math.round(100 * share)}%`

export const firstOf = (all: readonly string[]): string => all.slice(0, SHOWN_MAX).join(', ')

/** What fits in a cell. */
export const SHOWN_MAX = 5

export function show<T>(
  io: Io,
  args: Args,
  what: {
    readonly rows: readonly T[]
    readonly head: readonly string[]
    readonly cells: (row: T) => string[]
    readonly none: string
  },
): number {
  if (args.has('json')) for (const row of what.rows) io.out(`${JSON.stringify(row)}\n`)
  else if (what.rows.length === 0) io.say(`${what.none}\n`)
  else io.out(table(io, what.head, what.rows.map(what.cells)))
  return 0
}
