// A server as a user has it, for tests: `crosscut up` as a process on a folder of its own, spoken to over
// OTLP, the API and the CLI; it may be killed and started again.

import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

const MAIN = new URL('../../face/cli/main.ts', import.meta.url).pathname

type Up = { readonly child: ChildProcess; readonly url: string; readonly otlpUrl: string }
export type Answer = { readonly status: number; readonly body: ReturnType<typeof JSON.parse> }
export type Ended = { readonly code: number | null; readonly out: string; readonly err: string }
export type SentSpan = {
  readonly id: number
  readonly ms: number
  readonly error?: boolean
  readonly state?: string
}

export const newTraceId = (): string => randomBytes(16).toString('hex')

export async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const endMs = performance.now() + 40_000
  for (;;) {
    const seen = await look()
    if (seen !== undefined) return seen
    if (performance.now() > endMs) throw new Error(`not in time: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

export class RunningServer {
  readonly dataDir = mkdtempSync(path.join(tmpdir(), 'crosscut-server-'))
  readonly #begins = new Map<string, bigint>()
  #up: Up | undefined

  /** Resolves when it is ready. Flags are those of `crosscut up`, beside its folder and ports. */
  async start(flags: readonly string[] = []): Promise<void> {
    this.#up = await this.#spawn(flags)
    await until('ready', async () => ((await fetch(`${this.url}/readyz`)).status === 200 ? true : undefined))
  }

  get url(): string {
    assert.ok(this.#up !== undefined, 'it was started')
    return this.#up.url
  }

  /** Resolves with its exit code; null = by the signal. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    const { child } = this.#up ?? {}
    assert.ok(child !== undefined, 'it was started')
    if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode)
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
    child.kill(signal)
    return ended
  }

  async remove(): Promise<void> {
    await this.end('SIGKILL')
    rmSync(this.dataDir, { recursive: true, force: true })
  }

  async call(method: string, at: string, body?: unknown, token?: string): Promise<Answer> {
    const own = readFileSync(path.join(this.dataDir, 'admin-token'), 'utf8').trim()
    const response = await fetch(`${this.url}/api/v1${at}`, {
      method,
      headers: { authorization: `Bearer ${token ?? own}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { status: response.status, body: JSON.parse(await response.text()) }
  }

  async metrics(): Promise<string> {
    return (await fetch(`${this.url}/metrics`)).text()
  }

  /** Span 1 is the root; the others are calls below it. */
  async send(traceId: string, service: string, spans: readonly SentSpan[]): Promise<void> {
    // A trace begins once, whenever its spans come.
    const now = this.#begins.get(traceId) ?? BigInt(Date.now() - 5_000) * 1_000_000n
    this.#begins.set(traceId, now)
    const made = spans.map(({ id, ms, error = false, state = '' }) => ({
      traceId,
      spanId: id.toString(16).padStart(16, '0'),
      ...(id === 1 ? {} : { parentSpanId: '0000000000000001' }),
      name: id === 1 ? 'GET /' : `call ${id}`,
      kind: id === 1 ? 2 : 3,
      traceState: state,
      startTimeUnixNano: String(now),
      endTimeUnixNano: String(now + BigInt(ms) * 1_000_000n),
      status: { code: error ? 2 : 0 },
      attributes: [],
    }))
    const attributes = [{ key: 'service.name', value: { stringValue: service } }]
    const response = await fetch(`${this.#up?.otlpUrl}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ resourceSpans: [{ resource: { attributes }, scopeSpans: [{ spans: made }] }] }),
    })
    assert.equal(response.status, 200)
    await response.arrayBuffer()
  }

  /** The row of a dataset that is of this trace, once there is one like that. */
  rowOf(
    name: string,
    traceId: string,
    where: (row: Record<string, unknown>) => boolean = () => true,
  ): Promise<Record<string, unknown>> {
    return until(`a row of ${traceId} in ${name}`, async () => {
      const { columns } = (await this.call('GET', `/datasets/${name}`)).body
      const select = ['traceId', 'weight', ...columns.map((column: { name: string }) => column.name)]
      const request = { select, where: { column: 'traceId', op: '=', value: traceId } }
      const { status, body } = await this.call('POST', `/datasets/${name}/query`, request)
      // A busy machine answers 503 or 504 for a while after a start.
      if (status !== 200) return undefined
      const [row] = body.rows
      return body.rows.length === 1 && where(row) ? row : undefined
    })
  }

  crosscut(args: readonly string[]): Promise<Ended> {
    return new Promise((resolve) => {
      const child = spawn(process.execPath, [MAIN, ...args, '--data', this.dataDir], {
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      let out = ''
      let err = ''
      child.stdout.on('data', (chunk: Buffer) => {
        out += chunk.toString()
      })
      child.stderr.on('data', (chunk: Buffer) => {
        err += chunk.toString()
      })
      child.on('close', (code) => resolve({ code, out, err }))
    })
  }

  #spawn(flags: readonly string[]): Promise<Up> {
    const args = ['up', '--json', '--data', this.dataDir, '--port', '0', '--otlp-port', '0', ...flags]
    const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
    return new Promise((resolve, reject) => {
      let out = ''
      child.stdout.on('data', (chunk: Buffer) => {
        out += chunk.toString()
        if (out.includes('\n')) resolve({ child, ...JSON.parse(out) })
      })
      child.once('exit', (code) => reject(new Error(`up ended with ${code}`)))
    })
  }
}
