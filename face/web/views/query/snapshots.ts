// What a result was, once a second while the page is open: the past of each row. The server keeps only what
// is; a line over time is made of what went by here, or of the windows of `Every`.

import type { QueryResults, ResultRow } from '#protocol'
import { SNAPSHOT_ROWS_MAX, SNAPSHOTS_MAX } from '../../base/limits.ts'

export type Snapshot = {
  readonly timeMs: number
  /** So far. */
  readonly rows: readonly ResultRow[]
  /** Beside them: a second. */
  readonly rates: readonly ResultRow[]
  readonly runs: number
}

/** With one more; the oldest fall out. A result that is no newer changes nothing. */
export function withSnapshot(past: readonly Snapshot[], results: QueryResults): readonly Snapshot[] {
  const { timeMs, rows, perSecond, use } = results
  const last = past.at(-1)
  if (last !== undefined && last.timeMs >= timeMs) return past
  const all = [...past, { timeMs, rows, rates: perSecond.rows, runs: use.runs }].slice(-SNAPSHOTS_MAX)
  let held = all.reduce((sum, one) => sum + one.rows.length, 0)
  let first = 0
  while (held > SNAPSHOT_ROWS_MAX && first < all.length - 1) held -= all[first++]!.rows.length
  return all.slice(first)
}

/** How often advice ran, a second, over the last seconds; undefined before there are two snapshots. */
export function runsPerSecond(past: readonly Snapshot[]): number | undefined {
  const last = past.at(-1)
  const first = past.at(-RUNS_OVER) ?? past[0]
  if (last === undefined || first === undefined || last.timeMs === first.timeMs) return undefined
  return Math.max(0, last.runs - first.runs) / ((last.timeMs - first.timeMs) / 1000)
}

/** Snapshots: processes report once a second, each at its own time. */
const RUNS_OVER = 6
