// Reading a request's body within bounds: of its bytes, of its bytes after decompression, and of all bodies
// together.
//
//   chunks --count--> whole body --zlib with maxOutputLength--> plain body
//
// Nothing beyond BODY_BYTES_MAX is ever held: zlib stops at it, so a bomb of 1 : 636,000 costs what an honest
// body costs.

import type { IncomingMessage } from 'node:http'
import { promisify } from 'node:util'
import { gunzip, inflate, zstdDecompress } from 'node:zlib'
import { BODY_BYTES_MAX } from './ingest-limits.ts'

export type RefusalStatus = 400 | 401 | 403 | 404 | 405 | 413 | 415 | 503

/** A request that is answered with an error status. */
export class Refusal extends Error {
  readonly status: RefusalStatus
  readonly headers: { readonly [name: string]: string }

  constructor(status: RefusalStatus, message: string, headers: { readonly [name: string]: string } = {}) {
    super(message)
    this.name = 'Refusal'
    this.status = status
    this.headers = headers
  }
}

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

const DECOMPRESSORS = {
  gzip: promisify(gunzip),
  deflate: promisify(inflate),
  zstd: promisify(zstdDecompress),
}

export type Encoding = 'identity' | keyof typeof DECOMPRESSORS

/** undefined = one we do not know, or several. */
export function encodingOf(header: string | undefined): Encoding | undefined {
  const name = (header ?? 'identity').trim().toLowerCase()
  if (name === '' || name === 'identity') return 'identity'
  return name === 'gzip' || name === 'deflate' || name === 'zstd' ? name : undefined
}

export type Body = {
  readonly bytes: Uint8Array
  /** As received, before decompression. */
  readonly wireBytes: number
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
  const bytes = await decompress(wire, encoding)
  if (!hold(bytes.length)) throw overBudget()
  return { bytes, wireBytes: wire.length }
}

const tooLarge = (): Refusal =>
  new Refusal(413, `the body is larger than ${BODY_BYTES_MAX} bytes, after decompression`)
const overBudget = (): Refusal => new Refusal(503, 'too many bytes are being received; try again soon')

async function readWire(request: IncomingMessage, hold: (bytes: number) => boolean): Promise<Uint8Array> {
  if (Number(request.headers['content-length'] ?? 0) > BODY_BYTES_MAX) throw tooLarge()
  const chunks: Buffer[] = []
  let bytes = 0
  return new Promise<Uint8Array>((resolve, reject) => {
    const fail = (error: Error): void => {
      request.removeAllListeners('data')
      request.resume()
      reject(error)
    }
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > BODY_BYTES_MAX) return fail(tooLarge())
      if (!hold(chunk.length)) return fail(overBudget())
      chunks.push(chunk)
    })
    request.on('end', () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)))
    // An aborted request errs, or only closes; after 'end' neither changes anything.
    for (const event of ['error', 'close'])
      request.on(event, () => reject(new Refusal(400, 'the request was cut short')))
  })
}

async function decompress(wire: Uint8Array, encoding: keyof typeof DECOMPRESSORS): Promise<Uint8Array> {
  try {
    return await DECOMPRESSORS[encoding](wire, { maxOutputLength: BODY_BYTES_MAX })
  } catch (error: unknown) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge()
    throw new Refusal(400, `the body is not valid ${encoding}`)
  }
}
