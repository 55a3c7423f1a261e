// Bodies over real sockets: whole however they are cut into chunks, and never more held than was granted.

import assert from 'node:assert/strict'
import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import test from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { encodingOf, readBody } from './ingest-body.ts'
import { BODY_BYTES_MAX, CHUNK_BLOCK_BYTES, CHUNK_BYTES_MIN } from './ingest-limits.ts'
import { Refusal } from './ingest-refusal.ts'

type Read = { readonly bytes?: Uint8Array; readonly status?: number; readonly held: number }

/** What reading a body of these pieces gives when at most `granted` bytes may be held. */
async function read(pieces: readonly Uint8Array[], encoding: string, granted: number): Promise<Read> {
  let held = 0
  const hold = (bytes: number): boolean => {
    if (held + bytes > granted) return false
    held += bytes
    return true
  }
  const got = Promise.withResolvers<Read>()
  const server = createServer((request, response) => {
    readBody(request, encodingOf(encoding) ?? 'identity', hold)
      .then(
        ({ bytes }) => got.resolve({ bytes, held }),
        (error: unknown) =>
          error instanceof Refusal ? got.resolve({ status: error.status, held }) : got.reject(error),
      )
      .finally(() => response.end())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const sender = httpRequest({ port, host: '127.0.0.1', method: 'POST' }, (answer) => answer.resume())
  // The answer may come before the body is sent; then the connection is not for us to keep.
  sender.on('error', () => {})
  for (const piece of pieces) sender.write(piece)
  sender.end()
  const outcome = await got.promise
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  return outcome
}

/** Bytes 0, 1, 2, ... cut into pieces of these sizes. */
function cut(sizes: readonly number[]): { readonly whole: Buffer; readonly pieces: Uint8Array[] } {
  const length = sizes.reduce((sum, size) => sum + size, 0)
  const whole = Buffer.from(Array.from({ length }, (_, index) => index % 251))
  let at = 0
  return { whole, pieces: sizes.map((size) => whole.subarray(at, (at += size))) }
}

const CUTS: readonly (readonly [name: string, sizes: readonly number[]])[] = [
  ['one byte', [1]],
  ['thousands of chunks of one byte', Array.from({ length: 5000 }, () => 1)],
  ['small and large by turns', Array.from({ length: 300 }, (_, index) => (index % 3 === 0 ? 2000 : 7))],
  ['the last small and the first large size', [CHUNK_BYTES_MIN - 1, CHUNK_BYTES_MIN, CHUNK_BYTES_MIN + 1]],
  ['small chunks beyond a block', Array.from({ length: 200 }, () => CHUNK_BYTES_MIN - 1)],
  ['a chunk larger than a block', [3, CHUNK_BLOCK_BYTES + 1, 3]],
]

for (const [name, sizes] of CUTS) {
  test(`a body comes whole in ${name}`, async () => {
    const { whole, pieces } = cut(sizes)
    const { bytes, held } = await read(pieces, 'identity', BODY_BYTES_MAX)
    assert.ok(whole.equals(bytes ?? Buffer.alloc(0)))
    assert.equal(held, whole.length)
  })
}

for (const [encoding, compress] of [
  ['gzip', gzipSync],
  ['zstd', zstdCompressSync],
] as const) {
  test(`a ${encoding} bomb is stopped where the budget of all bodies ends, before it is whole`, async () => {
    const bomb = compress(Buffer.alloc(BODY_BYTES_MAX))
    const granted = 1024 * 1024
    const refused = await read([bomb], encoding, granted)
    assert.deepEqual([refused.status, refused.held <= granted], [503, true])
    const { bytes } = await read([bomb], encoding, 2 * BODY_BYTES_MAX)
    assert.equal(bytes?.length, BODY_BYTES_MAX)
  })
}
