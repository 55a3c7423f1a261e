// The contract on the chDB child, and what only a child can suffer: being killed, running away, outliving its
// owner.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { openStore } from './clickhouse-store.ts'
import { storeContract } from './contract.ts'
import { storeSocketPath } from './child-host.ts'
import { migrate, SCHEMA_VERSION, type Engine } from './migrations.ts'
import { enforceSize, engineOf } from './retention.ts'
import { MIGRATIONS } from './schema.ts'
import type { NativeBlock } from './native-block.ts'
import type { Store } from './store.ts'

async function openInTemporaryFolder(
  options: { retentionHours?: number } = {},
): Promise<{ dir: string; store: Store; dispose: () => Promise<void> }> {
  const dir = mkdtempSync(join(tmpdir(), 'crosscut-store-'))
  const store = openStore({ dir, ...options })
  return {
    dir,
    store,
    dispose: async () => {
      await store.close()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

function arrivedAt(seconds: number, startNs: bigint, id: number): NativeBlock {
  return {
    rowCount: 1,
    columns: [
      { name: 'ingest_time', type: 'DateTime', write: (writer) => writer.memory(Uint32Array.of(seconds)) },
      { name: 'start_ns', type: 'UInt64', write: (writer) => writer.u64(startNs) },
      { name: 'span_id', type: 'FixedString(8)', write: (writer) => writer.raw(new Uint8Array(8).fill(id)) },
    ],
  }
}

function summaryAt(seconds: number, startNs: bigint): NativeBlock {
  return {
    rowCount: 1,
    columns: arrivedAt(seconds, startNs, 0).columns.filter(({ name }) => name !== 'span_id'),
  }
}

async function startsIn(store: Store, table: string): Promise<unknown[]> {
  await store.command(`OPTIMIZE TABLE ${table} FINAL`)
  const rows = await store.query(`SELECT start_ns FROM ${table} ORDER BY start_ns`)
  return rows.map((row) => row['start_ns'])
}

const countSpans = async (store: Store): Promise<number> =>
  Number((await store.query('SELECT count() AS n FROM spans'))[0]?.['n'])

storeContract('chDB', openInTemporaryFolder)

describe('the chDB child', () => {
  it('listens on a socket that only its owner may open', async () => {
    const { dir, store, dispose } = await openInTemporaryFolder()
    try {
      await store.ready()
      assert.equal(statSync(storeSocketPath(dir)).mode & 0o777, 0o600)
    } finally {
      await dispose()
    }
  })

  it('is started again when it dies, and nothing that was inserted is lost or doubled', async () => {
    const { store, dispose } = await openInTemporaryFolder()
    try {
      await store.ready()
      const inserts: Promise<void>[] = []
      for (let i = 0; i < 30; i++) {
        inserts.push(store.insert('spans', arrivedAt(1_800_000_000, 1n, i + 1), { token: `t.${i}` }))
        if (i % 10 === 5) {
          await new Promise((resolve) => setTimeout(resolve, 15))
          const pid = store.stats().childPid
          if (pid !== undefined) process.kill(pid, 'SIGKILL')
        }
      }
      await Promise.all(inserts)
      assert.equal(await countSpans(store), 30)
      assert.ok(store.stats().childStarts > 1)
    } finally {
      await dispose()
    }
  })

  it('asks a read again when another query took the child along', async () => {
    const { store, dispose } = await openInTemporaryFolder()
    try {
      await store.ready()
      const answer = store.query('SELECT sleep(0.3) AS slept')
      setTimeout(() => process.kill(store.stats().childPid ?? 0, 'SIGKILL'), 100)
      assert.deepEqual(await answer, [{ slept: 0 }])
    } finally {
      await dispose()
    }
  })

  it('is killed with a query that does not stop, and only that query fails', async () => {
    const { store, dispose } = await openInTemporaryFolder()
    try {
      await store.ready()
      // One call of a quadratic function: seconds in which the engine looks at no deadline.
      const runaway = assert.rejects(
        store.query("SELECT editDistance(repeat('ab', 30000), repeat('ba', 30000))", { timeoutMs: 100 }),
        { code: 'E_STORE_TIMEOUT' },
      )
      const other = store.query('SELECT sleep(2.9) AS slept', { timeoutMs: 10_000 })
      await runaway
      assert.deepEqual(await other, [{ slept: 0 }])
      assert.equal(store.stats().runawayKills, 1)
    } finally {
      await dispose()
    }
  })

  it('is joined by another thread through its socket, which waits until tables exist', async () => {
    const { dir, store, dispose } = await openInTemporaryFolder()
    const joined = openStore({ socketPath: storeSocketPath(dir) })
    try {
      await joined.ready()
      assert.deepEqual(await joined.query('SELECT 1 AS one'), [{ one: 1 }])
      assert.equal(joined.stats().childStarts, 0)
      assert.equal(store.stats().childStarts, 1)
    } finally {
      await joined.close()
      await dispose()
    }
  })

  it('serves a data folder whose path is too long for a socket', async () => {
    const root = mkdtempSync(join(tmpdir(), 'crosscut-store-'))
    const dir = join(root, 'long'.repeat(30))
    const store = openStore({ dir })
    try {
      await store.ready()
      assert.ok(storeSocketPath(dir).length <= 100)
      assert.deepEqual(await store.query('SELECT 1 AS one'), [{ one: 1 }])
    } finally {
      await store.close()
      rmSync(root, { recursive: true, force: true })
    }
  })

  it('keeps its data over a close and an open', async () => {
    const { dir, store } = await openInTemporaryFolder()
    await store.ready()
    await store.insert('spans', arrivedAt(1_800_000_000, 1n, 1), { token: 'x' })
    await store.close()
    const again = openStore({ dir })
    try {
      await again.ready()
      await again.insert('spans', arrivedAt(1_800_000_000, 1n, 1), { token: 'x' })
      assert.equal(await countSpans(again), 1)
      assert.deepEqual(await migrate(engineOf(again)), [])
    } finally {
      await again.close()
      rmSync(dir, { recursive: true, force: true })
    }
  })

  it('brings a data folder of an older version to this one, and repeats the step it died in', async () => {
    const { store, dispose } = await openInTemporaryFolder()
    try {
      await store.ready()
      await store.insert('spans', arrivedAt(1_800_000_000, 1n, 1), { token: 'x' })
      const next = {
        version: SCHEMA_VERSION + 1,
        name: 'a column more',
        statements: [`ALTER TABLE spans ADD COLUMN IF NOT EXISTS added UInt8 DEFAULT 7`],
      }
      const engine = engineOf(store)
      const steps = [...MIGRATIONS, next]
      const diesBeforeRecord: Engine = {
        ...engine,
        command: async (sql, params) => {
          if (params?.['version'] === next.version) throw new Error('killed here')
          await engine.command(sql, params)
        },
      }
      await assert.rejects(migrate(diesBeforeRecord, steps), { message: 'killed here' })
      assert.deepEqual(await migrate(engine, steps), [next.version])
      assert.deepEqual(await migrate(engine, steps), [])
      const rows = await store.query('SELECT start_ns, added FROM spans')
      assert.deepEqual(rows, [{ start_ns: '1', added: 7 }])
    } finally {
      await dispose()
    }
  })

  it('refuses a data folder of a newer version, and says so as long as it is open', async () => {
    const { dir, store } = await openInTemporaryFolder()
    let again = store
    try {
      await store.ready()
      assert.deepEqual([store.stats().hasFailed, store.stats().trouble], [false, undefined])
      await store.command(
        'INSERT INTO schema_migrations (version, name) SELECT {version:UInt32}, {name:String}',
        { params: { version: SCHEMA_VERSION + 1, name: 'from the future' } },
      )
      await assert.rejects(migrate(engineOf(store)), { code: 'E_STORE_QUERY' })
      await store.close()
      again = openStore({ dir })
      await assert.rejects(again.ready(), { code: 'E_STORE_QUERY' })
      const { isReady, hasFailed, trouble = '' } = again.stats()
      assert.deepEqual([isReady, hasFailed], [false, true])
      assert.match(trouble, /has schema \d+, this program knows up to/)
    } finally {
      await again.close()
      rmSync(dir, { recursive: true, force: true })
    }
  })
})

describe('retention', () => {
  it('counts age from arrival and never from what a span claims', async () => {
    const { store, dispose } = await openInTemporaryFolder({ retentionHours: 2 })
    try {
      await store.ready()
      const now = Math.floor(Date.now() / 1000)
      await store.insert('spans', arrivedAt(now - 3 * 3600, BigInt(now) * 1_000_000_000n, 1), {
        token: 'old-arrival',
      })
      await store.insert('spans', arrivedAt(now, 0n, 2), { token: 'claims-1970' })
      await store.insert('spans', arrivedAt(now, 2n ** 64n - 1n, 3), { token: 'claims-2554' })
      await store.command('OPTIMIZE TABLE spans FINAL')
      const rows = await store.query('SELECT start_ns FROM spans ORDER BY start_ns')
      assert.deepEqual(
        rows.map(({ start_ns }) => start_ns),
        ['0', '18446744073709551615'],
      )
    } finally {
      await dispose()
    }
  })

  it('a changed age holds for what is there, of spans and of traces', async () => {
    const { dir, store, dispose } = await openInTemporaryFolder({ retentionHours: 48 })
    const now = Math.floor(Date.now() / 1000)
    try {
      await store.ready()
      for (const [id, hours] of [0, 30].entries()) {
        const token = `age-${id}`
        await store.insert('spans', arrivedAt(now - hours * 3600, BigInt(id), id), { token })
        await store.insert('traces', summaryAt(now - hours * 3600, BigInt(id)), { token })
      }
      for (const table of ['spans', 'traces']) assert.deepEqual(await startsIn(store, table), ['0', '1'])
    } finally {
      await store.close()
    }
    const shorter = openStore({ dir, retentionHours: 24 })
    try {
      for (const table of ['spans', 'traces']) {
        // The engine looks at ages in its own time.
        const endMs = performance.now() + 20_000
        while ((await startsIn(shorter, table)).length > 1 && performance.now() < endMs)
          await new Promise((resolve) => setTimeout(resolve, 50))
        assert.deepEqual(await startsIn(shorter, table), ['0'], table)
      }
    } finally {
      await shorter.close()
      await dispose()
    }
  })

  it('by size drops what arrived first', async () => {
    const { store, dispose } = await openInTemporaryFolder()
    try {
      await store.ready()
      const day = 24 * 3600
      const now = Math.floor(Date.now() / 1000)
      for (let i = 0; i < 3; i++)
        await store.insert('spans', arrivedAt(now - i * day, 1n, i), { token: `day-${i}` })
      const bytes = Number(
        (
          await store.query(
            "SELECT sum(bytes_on_disk) AS n FROM system.parts WHERE active AND table = 'spans'",
          )
        )[0]?.['n'],
      )
      assert.equal(await enforceSize(engineOf(store), 0), 0)
      assert.equal(await enforceSize(engineOf(store), bytes - 1), 1)
      const left = await store.query(
        'SELECT DISTINCT toUnixTimestamp(ingest_time) AS t FROM spans ORDER BY t DESC',
      )
      assert.deepEqual(
        left.map(({ t }) => t),
        [now, now - day],
      )
    } finally {
      await dispose()
    }
  })
})
