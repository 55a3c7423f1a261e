// What gRPC puts on HTTP/2, as far as one unary call needs it: the prefix of a message, its deadline, and how
// a status is told.
//
//   message = [ 1 byte compressed? | 4 bytes length, big endian | length bytes ]
//
// Source: gRPC over HTTP/2 (grpc/doc/PROTOCOL-HTTP2.md), compression.md, statuscodes.md.

import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import { ChunkList, cutShort, decompress, tooLarge } from './ingest-body.ts'
import type { Body } from './ingest-body.ts'
import { GRPC_MESSAGE_BYTES_MAX, RETRY_AFTER_SECONDS } from './ingest-limits.ts'
import { Refusal, sentenceOf, type RefusalStatus } from './ingest-refusal.ts'
import { encodeRpcStatus, RPC_CODES } from './ingest-response.ts'

export const PREFIX_BYTES = 5

export type MessageEncoding = 'identity' | 'gzip'

/** Errors: Refusal 415, told as UNIMPLEMENTED. */
export function messageEncodingOf(header: string | undefined): MessageEncoding {
  if (header === undefined || header === '' || header === 'identity') return 'identity'
  if (header === 'gzip') return 'gzip'
  throw new Refusal(415, {
    code: 'E_ENCODING',
    message: 'the message is in an encoding that is not read here',
    hint: 'grpc-encoding must be gzip, identity or absent',
  })
}

/**
 * The one message of a call, whole and decompressed. Asks `hold` for every byte that it keeps; what was
 * granted is for the caller to give back. Errors: Refusal 400, 413, 415, 503.
 */
export async function readMessage(
  stream: ServerHttp2Stream,
  encoding: MessageEncoding,
  hold: (bytes: number) => boolean,
): Promise<Body> {
  const wire = await readFrame(stream, hold)
  const bytes = wire.subarray(PREFIX_BYTES)
  if (wire[0] === 0) return { bytes, wireBytes: bytes.length }
  if (encoding === 'identity') throw FRAMING.unnamed()
  const plain = await decompress(bytes, encoding, hold, GRPC_MESSAGE_BYTES_MAX)
  return { bytes: plain, wireBytes: bytes.length }
}

/** The prefix is looked at as soon as it is there: a length over the limit costs nobody its bytes. */
function readFrame(stream: ServerHttp2Stream, hold: (bytes: number) => boolean): Promise<Uint8Array> {
  const chunks = new ChunkList(hold, PREFIX_BYTES + GRPC_MESSAGE_BYTES_MAX)
  const prefix: number[] = []
  return new Promise<Uint8Array>((resolve, reject) => {
    const fail = (error: Error): void => {
      stream.removeAllListeners('data')
      stream.resume()
      reject(error)
    }
    stream.on('data', (chunk: Buffer) => {
      const wasKnown = prefix.length === PREFIX_BYTES
      if (!wasKnown) prefix.push(...chunk.subarray(0, PREFIX_BYTES - prefix.length))
      const refusal = prefixRefusal(prefix) ?? chunks.add(chunk)
      if (refusal !== undefined) fail(refusal)
    })
    stream.on('end', () => {
      const wire = chunks.whole()
      const refusal = lengthRefusal(wire)
      if (refusal === undefined) resolve(wire)
      else fail(refusal)
    })
    // A cancelled call errs, or only closes; after 'end' neither changes anything.
    for (const event of ['error', 'aborted', 'close']) stream.on(event, () => reject(cutShort()))
  })
}

const lengthOf = (prefix: ArrayLike<number>): number =>
  prefix[1]! * 0x100_0000 + prefix[2]! * 0x1_0000 + prefix[3]! * 0x100 + prefix[4]!

/** undefined = nothing against it, as far as it is here. */
function prefixRefusal(prefix: readonly number[]): Refusal | undefined {
  if (prefix.length > 0 && prefix[0]! > 1) return FRAMING.flag()
  if (prefix.length === PREFIX_BYTES && lengthOf(prefix) > GRPC_MESSAGE_BYTES_MAX)
    return tooLarge(GRPC_MESSAGE_BYTES_MAX)
  return undefined
}

function lengthRefusal(wire: Uint8Array): Refusal | undefined {
  if (wire.length === 0) return FRAMING.none()
  if (wire.length < PREFIX_BYTES) return FRAMING.short()
  const extra = wire.length - PREFIX_BYTES - lengthOf(wire)
  return extra === 0 ? undefined : extra < 0 ? FRAMING.short() : FRAMING.many()
}

const framing = (message: string, hint: string) => (): Refusal =>
  new Refusal(400, { code: 'E_GRPC_FRAME', message, hint })
const FRAMING = {
  flag: framing(
    'the message is marked neither compressed nor plain',
    'the first byte of a message is 0 or 1',
  ),
  unnamed: framing('the message is marked compressed, in no encoding', 'name it in grpc-encoding'),
  none: framing('the call has no message', 'send one ExportTraceServiceRequest'),
  short: framing('the call ends before its message does', 'send it again'),
  many: framing('the call has more than one message', 'Export is unary: send each request in its own call'),
}

/** One message as it goes out. */
export function frameOf(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + message.length)
  frame[0] = 0
  frame.writeUInt32BE(message.length, 1)
  frame.set(message, PREFIX_BYTES)
  return frame
}

const UNITS_MS: { readonly [unit: string]: number } = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
}

/** ms that the sender will wait; undefined = it did not say. Errors: Refusal 400. */
export function timeoutMsOf(header: string | undefined): number | undefined {
  if (header === undefined) return undefined
  const [, digits = '', unit = ''] = /^(\d{1,8})([HMSmun])$/.exec(header) ?? []
  if (digits === '')
    throw new Refusal(400, {
      code: 'E_GRPC_TIMEOUT',
      message: 'grpc-timeout is not a time',
      hint: 'up to eight digits and one of H M S m u n',
    })
  return Number(digits) * UNITS_MS[unit]!
}

/** Where gRPC has a code that says it better than the usual one of the HTTP status. */
const GRPC_CODES: { readonly [status in RefusalStatus]?: number } = { 404: 12, 405: 12, 415: 12 }

/** The headers of a call that is refused: headers and trailers in one. 503 tells the sender to try again. */
export function refusalHeaders(refusal: Refusal): OutgoingHttpHeaders {
  const code = GRPC_CODES[refusal.status] ?? RPC_CODES[refusal.status] ?? 2
  const message = sentenceOf(refusal)
  const retry = refusal.status === 503 ? { retrySeconds: RETRY_AFTER_SECONDS } : {}
  const details = Buffer.from(encodeRpcStatus(code, { message, ...retry })).toString('base64')
  return {
    ':status': 200,
    'content-type': 'application/grpc',
    'grpc-accept-encoding': 'identity,gzip',
    'grpc-status': String(code),
    'grpc-message': percentEncoded(message),
    'grpc-status-details-bin': details.replace(/=+$/, ''),
  }
}

/** Printable ASCII but `%` as it is; all other bytes of UTF-8 as %XX. */
function percentEncoded(message: string): string {
  return Buffer.from(message).reduce(
    (text, byte) =>
      text +
      (byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`),
    '',
  )
}
