// Reading bodies and writing answers: small, bounded, the same headers everywhere.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { BODY_BYTES_MAX, BODY_MS_MAX, STREAM_BACKLOG_BYTES_MAX, STREAM_BEAT_MS } from './limits.ts'
import { RequestError } from './server-error.ts'

export const SECURITY_HEADERS = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'x-frame-options': 'DENY',
} as const

/** The JSON of a request. Errors: 415, 413, 408, 400. */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase()
  if (type !== 'application/json') {
    throw new RequestError(
      415,
      'E_MEDIA_TYPE',
      'the body must be application/json',
      'send Content-Type: application/json',
    )
  }
  if (request.headers['content-encoding'] !== undefined) {
    throw new RequestError(415, 'E_MEDIA_TYPE', 'the body must not be compressed', 'send it plain')
  }
  const body = await readBody(request)
  try {
    return JSON.parse(body)
  } catch {
    throw new RequestError(400, 'E_BAD_JSON', 'the body is not JSON', 'GET /openapi.json has its shape')
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const tooLarge = (): RequestError =>
    new RequestError(413, 'E_TOO_LARGE', `the body is larger than ${BODY_BYTES_MAX} bytes`, 'send less')
  if (Number(request.headers['content-length'] ?? 0) > BODY_BYTES_MAX) throw tooLarge()
  const timer = setTimeout(() => request.destroy(new Error('body too slow')), BODY_MS_MAX)
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of request) {
      if (!Buffer.isBuffer(chunk)) continue
      bytes += chunk.length
      if (bytes > BODY_BYTES_MAX) throw tooLarge()
      chunks.push(chunk)
    }
  } catch (cause: unknown) {
    if (cause instanceof RequestError) throw cause
    throw new RequestError(408, 'E_BODY_SLOW', 'the body did not arrive', 'send it again')
  } finally {
    clearTimeout(timer)
  }
  return Buffer.concat(chunks).toString('utf8')
}

type Headers = { readonly [name: string]: string }

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Headers = {},
): void {
  send(response, status, Buffer.from(JSON.stringify(body)), {
    'content-type': 'application/json',
    ...headers,
  })
}

/** One whole answer. Nothing of ours is cached unless a handler says so. */
export function send(response: ServerResponse, status: number, body: Uint8Array, headers: Headers): void {
  if (response.headersSent || response.destroyed) return
  response.writeHead(status, {
    ...SECURITY_HEADERS,
    'cache-control': 'no-store',
    ...headers,
    'content-length': String(body.length),
  })
  response.end(response.req.method === 'HEAD' ? undefined : body)
}

/** A stream of server-sent events with a beat; a reader that does not read is cut off. */
export type EventStream = {
  send(data: string, event?: string): void
  close(): void
  onClose(fn: () => void): void
}

export function openEventStream(response: ServerResponse): EventStream {
  response.writeHead(200, {
    ...SECURITY_HEADERS,
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  })
  const write = (text: string): void => {
    if (response.writableLength > STREAM_BACKLOG_BYTES_MAX) response.destroy()
    else if (!response.writableEnded && !response.destroyed) response.write(text)
  }
  write(': connected\n\n')
  const beat = setInterval(() => write(': beat\n\n'), STREAM_BEAT_MS)
  beat.unref()
  response.once('close', () => clearInterval(beat))
  return {
    send: (data, event) => write(`${event === undefined ? '' : `event: ${event}\n`}data: ${data}\n\n`),
    close: () => response.end(),
    onClose: (fn) => {
      response.once('close', fn)
    },
  }
}
