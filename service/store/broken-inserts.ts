// Parts of inserts that the engine set aside when it started, because they were cut short (part-check.ts says
// how that comes), and the tokens that must be forgotten with them.
//
//   DIR/store/GROUP/TABLE/detached/broken-on-start_PARTITION_MIN_MAX_LEVEL     LEVEL 0 = made by an insert
//   DIR/store/GROUP/TABLE/deduplication_logs/
//
// Such an insert was not answered, so its block comes again. A token that still stands in the log would turn
// it away as known. All tokens of the table go: a block that comes twice collapses by its keys
// (docs/adr/003). Then the part is renamed to kept_..., so that dying before that only does it once more.
//
// Whatever the engine sets aside nobody reads any more; after a day, for whoever wants to look, it goes.

import { readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'

/** Paths of the parts of inserts that were set aside, of all tables below the engine's folder. */
export function brokenInserts(dir: string): string[] {
  return setAside(dir).filter((path) => /^broken-on-start_.+_\d+_\d+_0(_try\d+)?$/.test(basename(path)))
}

/** True = there were tokens to forget: the engine has read them and must be started again. */
export function forgetTokens(broken: readonly string[]): boolean {
  const logs = new Set(broken.map((path) => join(path, '..', '..', 'deduplication_logs')))
  for (const log of logs) rmSync(log, { recursive: true, force: true })
  for (const path of broken) renameSync(path, join(path, '..', `kept_${basename(path)}`))
  return broken.length > 0
}

/** Removes what was set aside before that time; returns how many parts. A failure is tried again. */
export function removeSetAside(dir: string, beforeMs: number): number {
  let removed = 0
  for (const path of setAside(dir)) {
    try {
      // Setting aside is a rename, which changes this time and no other.
      if (statSync(path).ctimeMs >= beforeMs) continue
      rmSync(path, { recursive: true })
      removed++
    } catch {
      continue
    }
  }
  return removed
}

function setAside(dir: string): string[] {
  return entries(join(dir, 'store')).flatMap((group) =>
    entries(join(dir, 'store', group)).flatMap((table) => {
      const detached = join(dir, 'store', group, table, 'detached')
      return entries(detached).map((name) => join(detached, name))
    }),
  )
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
