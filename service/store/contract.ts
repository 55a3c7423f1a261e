// The suite that every engine behind Store must pass; each implementation calls it with a way to open itself.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { StoreError } from './store-error.ts'
import type { BlockWriter, NativeBlock } from './native-block.ts'
import type { Store } from './store.ts'

/** Texts that have ended statements, lines or strings somewhere before. */
const NASTY = [
  '',
  '\n\n',
  "a'b",
  'a\\b',
  'tab\t',
  '\0',
  '; DROP TABLE spans',
  '{x:String}',
  '\u202e',
  '💥',
  "\\'",
  '--',
  '/*',
]

const encoder = new TextEncoder()

function textBlock(values: readonly string[]): NativeBlock {
  return {
    rowCount: values.length,
    columns: [
      {
        name: 'version',
        type: 'UInt32',
        write: (writer: BlockWriter) => writer.memory(Uint32Array.from(values, (_, i) => 1000 + i)),
      },
      {
        name: 'name',
        type: 'String',
        write: (writer) => {
          for (const value of values) writer.string(encoder.encode(value))
        },
      },
    ],
  }
}

const NAMES = 'SELECT name FROM schema_migrations WHERE version >= 1000 ORDER BY version, name'

/**
 * open: a fresh, empty store each time. Suites on a shared cluster must give each run a database of its own.
 */
export function storeContract(
  engine: string,
  open: () => Promise<{ store: Store; dispose: () => Promise<void> }>,
): void {
  describe(`a store on ${engine}`, () => {
    const withStore = async (work: (store: Store) => Promise<void>): Promise<void> => {
      const { store, dispose } = await open()
      try {
        await store.ready()
        await work(store)
      } finally {
        await dispose()
      }
    }

    it('gives back every byte of a block', () =>
      withStore(async (store) => {
        await store.insert('schema_migrations', textBlock(NASTY), { token: 'bytes' })
        const rows = await store.query(NAMES)
        assert.deepEqual(
          rows.map(({ name }) => name),
          NASTY,
        )
      }))

    it('takes the same token once, and another token again', () =>
      withStore(async (store) => {
        const count = async (): Promise<string> =>
          String((await store.query('SELECT count() AS n FROM spans'))[0]?.['n'])
        const block: NativeBlock = {
          rowCount: 1,
          columns: [
            { name: 'span_id', type: 'FixedString(8)', write: (writer) => writer.raw(new Uint8Array(8)) },
            // Rows older than retention are dropped as they come in.
            {
              name: 'ingest_time',
              type: 'DateTime',
              write: (writer) => writer.memory(Uint32Array.of(Math.floor(Date.now() / 1000))),
            },
          ],
        }
        await store.insert('spans', block, { token: 'segment-1.0' })
        await store.insert('spans', block, { token: 'segment-1.0' })
        assert.equal(await count(), '1')
        await store.insert('spans', block, { token: 'segment-1.1' })
        assert.equal(await count(), '2')
      }))

    it('binds parameters as values, whatever they contain', () =>
      withStore(async (store) => {
        for (const value of NASTY) {
          const rows = await store.query('SELECT {value:String} AS value, {list:Array(String)} AS list', {
            params: { value, list: [value, 'b'] },
          })
          assert.deepEqual(rows, [{ value, list: [value, 'b'] }])
        }
      }))

    it('does not round 64-bit integers', () =>
      withStore(async (store) => {
        const rows = await store.query('SELECT {a:UInt64} AS a, {b:Int64} AS b', {
          params: { a: 2n ** 64n - 1n, b: -(2n ** 63n) },
        })
        assert.deepEqual(rows, [{ a: '18446744073709551615', b: '-9223372036854775808' }])
      }))

    it('keeps parameters of queries that run side by side apart', () =>
      withStore(async (store) => {
        const values = Array.from({ length: 40 }, (_, i) => `value-${i}`)
        const rows = await Promise.all(
          values.map((value) =>
            store.query('SELECT {value:String} AS value, sleep(0.01) AS s', { params: { value } }),
          ),
        )
        assert.deepEqual(
          rows.map(([row]) => row?.['value']),
          values,
        )
      }))

    it('refuses a statement it can not run with E_STORE_QUERY', () =>
      withStore(async (store) => {
        await assert.rejects(
          store.query('SELECT nonsense'),
          (error: unknown) => error instanceof StoreError && error.code === 'E_STORE_QUERY',
        )
        await assert.rejects(
          store.insert('no_such_table', textBlock(['x']), { token: 't' }),
          (error: unknown) => error instanceof StoreError && error.code === 'E_STORE_QUERY',
        )
      }))

    it('refuses table names and tokens that are not identifiers', () =>
      withStore(async (store) => {
        await assert.rejects(store.insert('spans; DROP TABLE spans', textBlock(['x']), { token: 't' }), {
          code: 'E_STORE_QUERY',
        })
        await assert.rejects(store.insert('spans', textBlock(['x']), { token: "t'" }), {
          code: 'E_STORE_QUERY',
        })
      }))

    it('stops a query at its deadline with E_STORE_TIMEOUT and goes on', () =>
      withStore(async (store) => {
        await assert.rejects(
          store.query('SELECT sum(sipHash64(number)) FROM numbers(1000000000000)', { timeoutMs: 300 }),
          { code: 'E_STORE_TIMEOUT' },
        )
        assert.deepEqual(await store.query('SELECT 1 AS one'), [{ one: 1 }])
      }))

    it('records its migrations', () =>
      withStore(async (store) => {
        const rows = await store.query('SELECT version, name FROM schema_migrations FINAL ORDER BY version')
        assert.deepEqual(rows[0], { version: 1, name: 'spans and traces' })
      }))

    it('answers E_STORE_CLOSED after close', async () => {
      const { store, dispose } = await open()
      await store.ready()
      await store.close()
      await assert.rejects(store.query('SELECT 1'), { code: 'E_STORE_CLOSED' })
      await dispose()
    })
  })
}
