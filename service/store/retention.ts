// How long spans live: by age since they arrived, and by size on disk. Never by a time that a sender wrote.
//
//   age    the tables' TTL on ingest_time, set to what was configured, also for parts that are there; the
//          engine drops whole parts
//   size   every minute: while the tables are too large, the part whose newest row arrived first goes
//
// On a cluster the size of the disk is its operators' matter: only the TTL is set there.

import type { Engine } from './migrations.ts'
import type { Store } from './store.ts'

export type Retention = { readonly hours: number; readonly bytesMax: number }

const TABLES = ['spans', 'traces'] as const

export async function applyAge(engine: Engine, hours: number): Promise<void> {
  for (const table of TABLES) await changeAge(engine, table, hours)
}

/** A TTL that stands already is left alone. Errors: those of the engine. */
export async function changeAge(engine: Engine, table: string, hours: number): Promise<void> {
  const whole = Math.max(1, Math.round(hours))
  const [row] = await engine.query(
    `SELECT create_table_query AS text FROM system.tables
    WHERE database = currentDatabase() AND name = {table:String}`,
    { table },
  )
  if (String(row?.['text']).includes(`TTL ingest_time + toIntervalHour(${whole})`)) return
  // Parts keep the age that they were written with, unless it is computed anew: from one column, as they are.
  await engine.command(`ALTER TABLE ${table} MODIFY SETTING materialize_ttl_recalculate_only = 1`)
  await engine.command(`ALTER TABLE ${table} MODIFY TTL ingest_time + toIntervalHour(${whole})
    SETTINGS materialize_ttl_after_modify = 1, mutations_sync = 0`)
}

/** Returns how many parts were dropped. */
export async function enforceSize(
  engine: Engine,
  bytesMax: number,
  tables: readonly string[] = TABLES,
): Promise<number> {
  if (bytesMax === 0) return 0
  const parts = await engine.query(
    `SELECT table, name, bytes_on_disk AS bytes FROM system.parts
    WHERE active AND database = currentDatabase() AND has({tables:Array(String)}, table)
    ORDER BY max_time, name`,
    { tables },
  )
  let total = parts.reduce((sum, { bytes }) => sum + Number(bytes), 0)
  let dropped = 0
  for (const { table, name, bytes } of parts) {
    if (total <= bytesMax) break
    // Names of parts and tables come from the engine: letters, digits and underscores.
    await engine.command(`ALTER TABLE ${String(table)} DROP PART {part:String}`, { part: String(name) })
    total -= Number(bytes)
    dropped++
  }
  return dropped
}

/** A store as these functions take it. */
export const engineOf = (store: Store): Engine => ({
  query: (sql, params) => store.query(sql, { params }),
  command: (sql, params) => store.command(sql, { params }),
})
