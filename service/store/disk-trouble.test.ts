// A full or failing disk below the engine is no fault of what is inserted. An HTTP server answers as
// ClickHouse does (243 as seen on a full disk, the others in its words for errno), because filling a real
// disk needs root.

import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { describe, it } from 'node:test'
import { openStore } from './clickhouse-store.ts'
import { encodeNativeBlock } from './native-block.ts'
import { isDiskTrouble, StoreError } from './store-error.ts'

const FULL: readonly (readonly [code: number, message: string])[] = [
  [243, 'Cannot reserve 1.00 MiB, not enough space. (NOT_ENOUGH_SPACE)'],
  [75, 'Cannot write to file /d/data.bin: , errno: 28, strerror: No space left on device.'],
  [1001, 'std::exception. filesystem error: in create_directories: No space left on device ["/d/x"]'],
  [74, 'Cannot read from file 13, errno: 5, strerror: Input/output error.'],
  [76, 'Cannot open file /d/columns.txt: , errno: 30, strerror: Read-only file system.'],
]
const BLOCK = { columns: [], rowCount: 0 } satisfies Parameters<typeof encodeNativeBlock>[0]

/** An engine that answers every insert with the next of these, then with success. */
async function engine(answers: readonly (readonly [code: number, message: string])[]): Promise<{
  readonly url: string
  readonly inserts: () => number
  close(): void
}> {
  let inserts = 0
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      const isInsert = decodeURIComponent(request.url ?? '').includes('INSERT')
      const answer = isInsert ? answers[inserts++] : undefined
      if (answer === undefined) return response.end()
      const [code, message] = answer
      response.writeHead(500, { 'x-clickhouse-exception-code': code })
      return response.end(`Code: ${code}. DB::Exception: ${message} (version 26.7.2.1)`)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  return {
    url: `http://127.0.0.1:${address.port}`,
    inserts: () => inserts,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

describe('disk trouble of the engine', () => {
  for (const [code, message] of FULL) {
    it(`is seen in ${code} ${message.slice(0, 50)}`, () => assert.ok(isDiskTrouble(code, message)))
  }

  it('is not seen in what is wrong with a block', () =>
    assert.ok(!isDiskTrouble(53, 'Type mismatch in column name (TYPE_MISMATCH)')))

  it('is waited out by an insert, never given up', async () => {
    const { url, inserts, close } = await engine(FULL.slice(0, 3))
    const store = openStore({ url })
    try {
      await store.insert('spans', BLOCK, { token: 't' })
      assert.equal(inserts(), 4)
    } finally {
      await store.close()
      close()
    }
  })

  it('unlike what is wrong with a block, which is told at once', async () => {
    const { url, inserts, close } = await engine([[53, 'Type mismatch (TYPE_MISMATCH).']])
    const store = openStore({ url })
    try {
      await assert.rejects(
        store.insert('spans', BLOCK, { token: 't' }),
        (error: unknown) => error instanceof StoreError && error.code === 'E_STORE_QUERY',
      )
      assert.equal(inserts(), 1)
    } finally {
      await store.close()
      close()
    }
  })
})
