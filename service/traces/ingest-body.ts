// Reading a request's body within bounds: of its bytes, of its bytes after decompression, and of all bodies
// together.
//
//   chunks --count, hold--> whole body --zlib, chunk by chunk--> --count, hold--> plain body
//
// Nothing beyond BODY_BYTES_MAX is ever held, and nothing that the budget of all bodies has not granted: a
// bomb of 1 : 636,000 costs what an honest body costs, and two hundred at once cost no more than the budget.

import type { IncomingMessage } from 'node:http'
import { createGunzip, createInflate, createZstdDecompress } from 'node:zlib'
import { BODY_BYTES_MAX, CHUNK_BYTES_MIN, CHUNK_BLOCK_BYTES } from './ingest-limits.ts'
import { Refusal } from './ingest-refusal.ts'

/** Bytes held by all requests of this thread. */
export class ByteBudget {
  readonly #max: number
  #held = 0

  constructor(max: number) {
    this.#max = max
  }

  get held(): number {
    return this.#held
  }

  /** False = over the budget; nothing was taken. */
  take(bytes: number): boolean {
    if (this.#held + bytes > this.#max) return false
    this.#held += bytes
    return true
  }

  give(bytes: number): void {
    this.#held -= bytes
  }
}

const DECOMPRESSORS = { gzip: createGunzip, deflate: createInflate, zstd: createZstdDecompress }

export type Encoding = 'identity' | keyof typeof DECOMPRESSORS

/** Errors: Refusal 415 for one we do not know, or several. */
export function encodingOf(header: string | undefined): Encoding {
  const name = (header ?? 'identity').trim().toLowerCase()
  if (name === '' || name === 'identity') return 'identity'
  if (name === 'gzip' || name === 'deflate' || name === 'zstd') return name
  throw new Refusal(
    415,
    {
      code: 'E_ENCODING',
      message: 'the body is in an encoding that is not read here',
      hint: 'Content-Encoding must be gzip, deflate, zstd or none, once',
    },
    { 'accept-encoding': 'gzip, deflate, zstd' },
  )
}

export type Body = {
  readonly bytes: Uint8Array
  /** As received, before decompression. */
  readonly wireBytes: number
}

/**
 * Reads a request's body within the budget of all bodies; what it holds goes back when `use` has settled.
 * Errors: Refusal 400, 413, 415, 503.
 */
export async function withBody<T>(
  request: IncomingMessage,
  budget: ByteBudget,
  use: (body: Body) => Promise<T>,
): Promise<T> {
  const encoding = encodingOf(request.headers['content-encoding'])
  let held = 0
  const hold = (bytes: number): boolean => {
    const isGranted = budget.take(bytes)
    if (isGranted) held += bytes
    return isGranted
  }
  try {
    return await use(await readBody(request, encoding, hold))
  } finally {
    budget.give(held)
  }
}

/**
 * Asks `hold` for every byte it keeps; what was granted is for the caller to give back. Errors: Refusal 400,
 * 413, 503.
 */
export async function readBody(
  request: IncomingMessage,
  encoding: Encoding,
  hold: (bytes: number) => boolean,
): Promise<Body> {
  const wire = await readWire(request, hold)
  if (encoding === 'identity') return { bytes: wire, wireBytes: wire.length }
  const bytes = await decompress(wire, encoding, hold)
  return { bytes, wireBytes: wire.length }
}

export const tooLarge = (bytesMax: number): Refusal =>
  new Refusal(413, {
    code: 'E_TOO_LARGE',
    message: `the body is larger than ${bytesMax} bytes, after decompression`,
    hint: 'send it in smaller parts',
  })
const overBudget = (): Refusal =>
  new Refusal(503, {
    code: 'E_BUSY',
    message: 'too many bytes are being received at once',
    hint: 'keep the batch and send it again',
  })
export const cutShort = (): Refusal =>
  new Refusal(400, { code: 'E_BODY_CUT', message: 'the request was cut short', hint: 'send it again' })

async function readWire(request: IncomingMessage, hold: (bytes: number) => boolean): Promise<Uint8Array> {
  if (Number(request.headers['content-length'] ?? 0) > BODY_BYTES_MAX) throw tooLarge(BODY_BYTES_MAX)
  const chunks = new ChunkList(hold, BODY_BYTES_MAX)
  return new Promise<Uint8Array>((resolve, reject) => {
    const fail = (error: Error): void => {
      request.removeAllListeners('data')
      request.resume()
      reject(error)
    }
    request.on('data', (chunk: Buffer) => {
      const refusal = chunks.add(chunk)
      if (refusal !== undefined) fail(refusal)
    })
    request.on('end', () => resolve(chunks.whole()))
    // An aborted request errs, or only closes; after 'end' neither changes anything.
    for (const event of ['error', 'close']) request.on(event, () => reject(cutShort()))
  })
}

/** Errors: Refusal 400 when it is in no such encoding, 413 over the limit, 503 when `hold` refuses. */
export async function decompress(
  wire: Uint8Array,
  encoding: keyof typeof DECOMPRESSORS,
  hold: (bytes: number) => boolean,
  bytesMax: number = BODY_BYTES_MAX,
): Promise<Uint8Array> {
  const stream = DECOMPRESSORS[encoding]({ chunkSize: CHUNK_BLOCK_BYTES })
  const chunks = new ChunkList(hold, bytesMax)
  stream.end(wire)
  try {
    // Leaving the loop by an error ends the stream.
    for await (const chunk of stream) {
      const refusal = chunks.add(chunk)
      if (refusal !== undefined) throw refusal
    }
  } catch (error: unknown) {
    if (error instanceof Refusal) throw error
    throw new Refusal(400, {
      code: 'E_BODY_ENCODING',
      message: `the body is not valid ${encoding}`,
      hint: 'compress it once, and name that in Content-Encoding',
    })
  }
  return chunks.whole()
}

/**
 * The bytes of one body as they come. Small chunks are copied together: kept as they are, each byte of a body
 * sent in chunks of one byte would cost an object of a hundred.
 */
export class ChunkList {
  readonly #hold: (bytes: number) => boolean
  readonly #bytesMax: number
  readonly #chunks: Buffer[] = []
  #bytes = 0
  #block = Buffer.alloc(0)
  /** Of the block: copied, and of that already in the list. */
  #used = 0
  #listed = 0

  constructor(hold: (bytes: number) => boolean, bytesMax: number) {
    this.#hold = hold
    this.#bytesMax = bytesMax
  }

  get bytes(): number {
    return this.#bytes
  }

  /** A refusal = the chunk was not taken. */
  add(chunk: Buffer): Refusal | undefined {
    if (this.#bytes + chunk.length > this.#bytesMax) return tooLarge(this.#bytesMax)
    if (!this.#hold(chunk.length)) return overBudget()
    this.#bytes += chunk.length
    if (chunk.length < CHUNK_BYTES_MIN) this.#copy(chunk)
    else {
      this.#listBlock()
      this.#chunks.push(chunk)
    }
    return undefined
  }

  whole(): Uint8Array {
    this.#listBlock()
    return this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks, this.#bytes)
  }

  #copy(chunk: Buffer): void {
    if (this.#used + chunk.length > this.#block.length) {
      this.#listBlock()
      this.#block = Buffer.allocUnsafe(Math.max(CHUNK_BYTES_MIN, Math.min(CHUNK_BLOCK_BYTES, this.#bytes)))
      this.#used = 0
      this.#listed = 0
    }
    this.#used += chunk.copy(this.#block, this.#used)
  }

  #listBlock(): void {
    if (this.#used > this.#listed) this.#chunks.push(this.#block.subarray(this.#listed, this.#used))
    this.#listed = this.#used
  }
}
