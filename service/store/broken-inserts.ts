// Parts of inserts that the engine set aside when it started, because they were cut short (part-check.ts says
// how that comes), and the tokens that must be forgotten with them.
//
//   DIR/store/GROUP/TABLE/detached/broken-on-start_PARTITION_MIN_MAX_LEVEL     LEVEL 0 = made by an insert
//   DIR/store/GROUP/TABLE/deduplication_logs/
//
// Such an insert was not answered, so its block comes again. A token that still stands in the log would turn
// it away as known. All tokens of the table go: a block that comes twice collapses by its keys
// (docs/adr/003).

import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/** Paths of the parts of inserts that were set aside, of all tables below the engine's folder. */
export function brokenInserts(dir: string): ReadonlySet<string> {
  const found = new Set<string>()
  for (const group of entries(join(dir, 'store'))) {
    for (const table of entries(join(dir, 'store', group))) {
      const detached = join(dir, 'store', group, table, 'detached')
      for (const name of entries(detached)) {
        if (/^broken-on-start_.+_\d+_\d+_0(_try\d+)?$/.test(name)) found.add(join(detached, name))
      }
    }
  }
  return found
}

/** True = there were tokens to forget: the engine has read them and must be started again. */
export function forgetTokens(broken: readonly string[]): boolean {
  const logs = new Set(broken.map((path) => join(path, '..', '..', 'deduplication_logs')))
  for (const log of logs) rmSync(log, { recursive: true, force: true })
  return logs.size > 0
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
