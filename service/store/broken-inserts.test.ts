// What the engine sets aside at a start: an insert that was cut short comes again, once, and what is kept for
// whoever wants to look goes in time.

import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { brokenInserts, forgetTokens, removeSetAside } from './broken-inserts.ts'
import { openStore } from './clickhouse-store.ts'
import type { NativeBlock } from './native-block.ts'

const folders: string[] = []
after(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })))

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'crosscut-broken-'))
  folders.push(folder)
  return folder
}

/** Of one table, with these parts set aside. */
function engineWith(...names: string[]): { readonly engine: string; readonly table: string } {
  const engine = newFolder()
  const table = join(engine, 'store', 'abc', 'abc-uuid')
  for (const name of names) mkdirSync(join(table, 'detached', name), { recursive: true })
  mkdirSync(join(table, 'deduplication_logs'))
  return { engine, table }
}

test('only parts of inserts make tokens forgotten; done once, they are kept under another name', () => {
  const { engine, table } = engineWith(
    'broken-on-start_20260101_1_1_0',
    'broken-on-start_20260101_2_2_0_try1',
    'broken-on-start_20260101_1_5_1',
    'ignored_20260101_7_7_0',
  )
  assert.equal(forgetTokens(brokenInserts(engine)), true)
  assert.equal(existsSync(join(table, 'deduplication_logs')), false)
  assert.equal(forgetTokens(brokenInserts(engine)), false)
  assert.deepEqual(readdirSync(join(table, 'detached')).toSorted(), [
    'broken-on-start_20260101_1_5_1',
    'ignored_20260101_7_7_0',
    'kept_broken-on-start_20260101_1_1_0',
    'kept_broken-on-start_20260101_2_2_0_try1',
  ])
})

test('what was set aside goes when its time is over, whatever its name, and not before', () => {
  const { engine, table } = engineWith('kept_broken-on-start_20260101_1_1_0', 'ignored_20260101_7_7_0')
  assert.equal(removeSetAside(engine, Date.now() - 60_000), 0)
  assert.equal(readdirSync(join(table, 'detached')).length, 2)
  assert.equal(removeSetAside(engine, Date.now() + 60_000), 2)
  assert.deepEqual(readdirSync(join(table, 'detached')), [])
  assert.equal(removeSetAside(join(engine, 'nowhere'), Date.now()), 0)
})

const row: NativeBlock = {
  rowCount: 1,
  columns: [
    {
      name: 'ingest_time',
      type: 'DateTime',
      write: (writer) => writer.memory(Uint32Array.of(1_800_000_000)),
    },
    { name: 'start_ns', type: 'UInt64', write: (writer) => writer.u64(1n) },
  ],
}

test('an insert cut short on disk is set aside at the next start, and its block is taken again', async () => {
  const dir = newFolder()
  const first = openStore({ dir })
  await first.ready()
  await first.insert('spans', row, { token: 'x' })
  const [{ path = '' } = {}] = await first.query(
    "SELECT path FROM system.parts WHERE active AND table = 'spans'",
  )
  await first.close()
  truncateSync(join(String(path), 'data.bin'), 1)
  const second = openStore({ dir })
  try {
    await second.ready()
    const count = async (): Promise<unknown> =>
      (await second.query('SELECT count() AS n FROM spans'))[0]?.['n']
    assert.equal(await count(), '0')
    assert.match(readdirSync(join(String(path), '..', 'detached')).join(' '), /^kept_broken-on-start_\S+_0$/)
    await second.insert('spans', row, { token: 'x' })
    await second.insert('spans', row, { token: 'x' })
    assert.equal(await count(), '1')
  } finally {
    await second.close()
  }
})
