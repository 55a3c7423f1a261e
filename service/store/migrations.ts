// Brings a data directory from any earlier version to this one: numbered steps, each recorded when done.
//
//   schema_migrations: version, name, applied_at    a step is run again if we died before its record
//
// A version newer than we know is refused: an older program must not write into tables it does not
// understand.

import { MIGRATIONS } from './schema.ts'
import { StoreError } from './store-error.ts'
import type { Row } from './store.ts'

export type Migration = {
  readonly version: number
  readonly name: string
  readonly statements: readonly string[]
}

type Params = { readonly [name: string]: number | string | readonly string[] }

/** What migrations need of an engine. */
export type Engine = {
  query(sql: string, params?: Params): Promise<Row[]>
  command(sql: string, params?: Params): Promise<void>
}

const newestOf = (steps: readonly Migration[]): number => Math.max(0, ...steps.map(({ version }) => version))

export const SCHEMA_VERSION = newestOf(MIGRATIONS)

/**
 * Returns the versions that were applied now. Errors: E_STORE_QUERY when the directory is of a newer version
 * than the last step.
 */
export async function migrate(engine: Engine, steps: readonly Migration[] = MIGRATIONS): Promise<number[]> {
  await engine.command(`CREATE TABLE IF NOT EXISTS schema_migrations
    (version UInt32, name String, applied_at DateTime DEFAULT now())
    ENGINE = ReplacingMergeTree ORDER BY version SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`)
  const done = new Set(
    (await engine.query('SELECT version FROM schema_migrations')).map((row) => Number(row['version'])),
  )
  const newest = Math.max(0, ...done)
  const known = newestOf(steps)
  if (newest > known) {
    throw new StoreError(
      'E_STORE_QUERY',
      `the data directory has schema ${newest}, this program knows up to ${known}`,
    )
  }
  const applied: number[] = []
  for (const migration of steps) {
    if (done.has(migration.version)) continue
    for (const statement of migration.statements) await engine.command(statement)
    await engine.command(
      'INSERT INTO schema_migrations (version, name) SELECT {version:UInt32}, {name:String}',
      { version: migration.version, name: migration.name },
    )
    applied.push(migration.version)
  }
  return applied
}

/** True when all steps are in force; for a store that does not own the engine. */
export async function isMigrated(engine: Engine): Promise<boolean> {
  const exists = await engine.query(`SELECT count() AS n FROM system.tables WHERE database = currentDatabase()
    AND name = 'schema_migrations'`)
  if (Number(exists[0]?.['n']) === 0) return false
  const newest = await engine.query('SELECT max(version) AS version FROM schema_migrations')
  return Number(newest[0]?.['version']) >= SCHEMA_VERSION
}
