// The outgoing side: JSON and streams over undici, one keep-alive pool for the process.

import type { Readable } from 'node:stream'
import { Agent, request } from 'undici'

/** To one place. A process of clients stands for many users, who do not wait for each other's connections. */
const CONNECTIONS = Number(process.env.SHELF_CONNECTIONS ?? 16)

const pool = new Agent({
  connections: CONNECTIONS,
  keepAliveTimeout: 10_000,
  headersTimeout: 30_000,
  bodyTimeout: 30_000,
})

export class CallFailed extends Error {
  readonly code = 'E_CALL_FAILED'
}

/** GET or POST of JSON. Errors: CallFailed when the other side does not answer 2xx. */
export async function callJson<T>(
  url: string,
  options: { method?: 'GET' | 'POST'; body?: unknown; headers?: Record<string, string> } = {},
): Promise<T> {
  const hasBody = options.body !== undefined
  const response = await request(url, {
    dispatcher: pool,
    method: options.method ?? 'GET',
    headers: { ...options.headers, ...(hasBody ? { 'content-type': 'application/json' } : {}) },
    body: hasBody ? JSON.stringify(options.body) : null,
  })
  if (response.statusCode >= 300) {
    throw new CallFailed(
      `${url} answered ${response.statusCode}: ${(await response.body.text()).slice(0, 200)}`,
    )
  }
  return (await response.body.json()) as T
}

export async function getBytes(url: string, headers: Record<string, string> = {}): Promise<Buffer> {
  const response = await request(url, { dispatcher: pool, headers })
  if (response.statusCode >= 300) {
    await response.body.dump()
    throw new CallFailed(`${url} answered ${response.statusCode}`)
  }
  return Buffer.from(await response.body.arrayBuffer())
}

export async function putBytes(url: string, body: Buffer | Readable): Promise<void> {
  const headers = { 'content-type': 'application/octet-stream' }
  const response = await request(url, { dispatcher: pool, method: 'PUT', headers, body })
  await response.body.dump()
  if (response.statusCode >= 300) throw new CallFailed(`${url} answered ${response.statusCode}`)
}
