// What the engine writes is looked at before anybody relies on it: an engine that takes a failed write for a
// good one must cost nothing that was answered.

import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { globSync, mkdtempSync, rmSync, statSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { openStore } from './clickhouse-store.ts'
import type { NativeBlock } from './native-block.ts'
import type { Store } from './store.ts'

const ROWS = 20

/** Small: 500 bytes of block become a file of 1.9 kB, as 32 of the columns are not given. */
function block(firstId: number): NativeBlock {
  const starts = BigUint64Array.from({ length: ROWS }, (_, i) => BigInt(firstId + i))
  const seconds = Uint32Array.from({ length: ROWS }, () => 1_800_000_000)
  return {
    rowCount: ROWS,
    columns: [
      { name: 'ingest_time', type: 'DateTime', write: (writer) => writer.memory(seconds) },
      { name: 'start_ns', type: 'UInt64', write: (writer) => writer.memory(starts) },
      { name: 'span_id', type: 'FixedString(8)', write: (writer) => writer.memory(starts) },
    ],
  }
}

async function inFolder(test: (dir: string) => Promise<void>): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'crosscut-parts-'))
  try {
    await test(dir)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

async function withStore(dir: string, work: (store: Store) => Promise<void>): Promise<void> {
  const store = openStore({ dir })
  try {
    await store.ready()
    await work(store)
  } finally {
    await store.close()
  }
}

const starts = async (store: Store): Promise<number[]> =>
  (await store.query('SELECT DISTINCT start_ns FROM spans ORDER BY start_ns')).map(({ start_ns }) =>
    Number(start_ns),
  )
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i)

function dataOf(dir: string, part: string): { readonly file: string; readonly bytes: number } {
  const [file = ''] = globSync(join(dir, 'engine/store/*/*', part, 'data.bin'))
  return { file, bytes: statSync(file).size }
}

/** As a full disk leaves it: the file ends early, the rest of the part is as it should be. */
function cutShort(dir: string, part: string): void {
  const { file, bytes } = dataOf(dir, part)
  truncateSync(file, Math.floor(bytes / 2))
}

const activeParts = async (store: Store): Promise<string[]> =>
  (await store.query("SELECT name FROM system.parts WHERE active AND table = 'spans' ORDER BY name")).map(
    ({ name }) => String(name),
  )

describe('parts', () => {
  it('of a merge that was cut short are undone: what it was made from is there again', () =>
    inFolder((dir) =>
      withStore(dir, async (store) => {
        for (let i = 0; i < 3; i++) await store.insert('spans', block(i * ROWS), { token: `t${i}` })
        await store.command('OPTIMIZE TABLE spans FINAL')
        const [merged = ''] = await activeParts(store)
        cutShort(dir, merged)
        // The next insert looks at all that is new; the engine that made this ends, its successor goes on.
        await store.insert('spans', block(3 * ROWS), { token: 't3' })
        assert.deepEqual(await starts(store), range(0, 4 * ROWS))
        assert.equal(store.stats().childStarts, 2)
      }),
    ))

  it('of an insert that were cut short before it was answered are taken anew under their token', () =>
    inFolder(async (dir) => {
      await withStore(dir, async (store) => {
        await store.insert('spans', block(0), { token: 'a' })
        const [part = ''] = await activeParts(store)
        cutShort(dir, part)
      })
      await withStore(dir, async (store) => {
        assert.deepEqual(await starts(store), [])
        await store.insert('spans', block(0), { token: 'a' })
        assert.deepEqual(await starts(store), range(0, ROWS))
      })
    }))

  const hasPrlimit = spawnSync('prlimit', ['--version']).status === 0
  it(
    'of an insert are whole when it is answered, although writes of the engine fail silently',
    { skip: hasPrlimit ? false : 'needs prlimit, which makes writes fail without root' },
    () =>
      inFolder((dir) =>
        withStore(dir, async (store) => {
          await store.insert('spans', block(0), { token: 'a' })
          const limit = (bytes: string): unknown =>
            execFileSync('prlimit', ['--pid', String(store.stats().childPid), `--fsize=${bytes}:unlimited`])
          const [part = ''] = await activeParts(store)
          limit(String(dataOf(dir, part).bytes - 100))
          let isAnswered = false
          const insert = store.insert('spans', block(ROWS), { token: 'b' }).then(() => (isAnswered = true))
          await new Promise((resolve) => setTimeout(resolve, 500))
          assert.equal(isAnswered, false)
          limit('unlimited')
          await insert
          assert.deepEqual(await starts(store), range(0, 2 * ROWS))
        }),
      ),
  )
})
