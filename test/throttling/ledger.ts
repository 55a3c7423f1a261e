// A server without a store, the ledger service under its agent, clients of its tenants, and the command line,
// as a test holds them.

import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startServer, type ServerHandle } from '#server'
import { ROOT } from '../../scripts/toolchain.mjs'
import { memoryPipeline } from '../../service/server/memory-pipeline.fixture.ts'
import { ended, until } from '../system/running.ts'

export type Said = { readonly code: number; readonly stdout: string; readonly stderr: string }

export class Ledger {
  /** Where commands are typed; the data folder is `.crosscut` in it. */
  readonly home = mkdtempSync(path.join(tmpdir(), 'crosscut-ledger-'))
  readonly dataDir = path.join(this.home, '.crosscut')
  #server: ServerHandle | undefined
  readonly #services: ChildProcess[] = []
  #serviceUrl = ''
  #isOver = false
  readonly #clients: Promise<void>[] = []

  get server(): ServerHandle {
    if (this.#server === undefined) throw new Error('the server is not started')
    return this.#server
  }

  /** Also again, in the same folder. No traces are looked at: the reader behind it is one in memory. */
  async startServer(): Promise<void> {
    await this.#server?.close()
    const { parts } = memoryPipeline([])
    this.#server = await startServer({ dataDir: this.dataDir, port: 0, otlpPort: 0 }, {}, parts)
  }

  /** A service of this folder, or of a path; clients ask the last one. Gives its URL. */
  async startService(
    file = 'ledger-service.mjs',
    name = 'ledger',
    settings: Record<string, string> = {},
    given: readonly string[] = [],
  ): Promise<string> {
    const place = (file: string) => path.join(ROOT, file)
    const service = path.resolve(ROOT, 'test/throttling', file)
    const args = ['--import', place('process/agent/register.ts'), service, ...given]
    const env = {
      ...process.env,
      ...settings,
      OTEL_SERVICE_NAME: name,
      OTEL_EXPORTER_OTLP_ENDPOINT: this.server.otlpUrl,
      CROSSCUT_SERVER: this.server.url,
      CROSSCUT_TOKEN: this.server.agentToken,
    }
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], env })
    this.#services.push(child)
    let said = ''
    child.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()))
    await until(
      () => /port \d+/.test(said),
      () => `the service did not say its port: ${said}`,
    )
    this.#serviceUrl = `http://127.0.0.1:${/port (\d+)/.exec(said)?.[1]}`
    return this.#serviceUrl
  }

  /** Clients that ask again when they were answered, after a pause. */
  load(pathname: string, { count, pauseMs }: { readonly count: number; readonly pauseMs: number }): void {
    const client = async (): Promise<void> => {
      while (!this.#isOver) {
        await (await fetch(`${this.#serviceUrl}${pathname}`)).text()
        await sleep(pauseMs)
      }
    }
    for (let i = 0; i < count; i++) this.#clients.push(client().catch(() => {}))
  }

  /** Errors: `STATUS BODY`. */
  async api<T>(place: string, init: RequestInit = {}): Promise<T> {
    const { adminToken, url } = this.server
    const headers = { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' }
    const answer = await fetch(`${url}/api/v1${place}`, { ...init, headers })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${answer.status} ${text}`)
    return JSON.parse(text) as T
  }

  put(policy: string, body: object): Promise<unknown> {
    return this.api(`/policies/${policy}`, { method: 'PUT', body: JSON.stringify(body) })
  }

  /** Beside the clients: who blocks this process stops the load. */
  cli(args: readonly string[], env: Record<string, string> = {}): Promise<Said> {
    const main = path.join(ROOT, 'face', 'cli', 'main.ts')
    const options = { cwd: this.home, env: { ...process.env, ...env } }
    return new Promise((resolve) =>
      execFile(process.execPath, [main, ...args], options, (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
      ),
    )
  }

  async close(): Promise<void> {
    this.#isOver = true
    await Promise.allSettled(this.#clients)
    for (const service of this.#services) {
      const gone = ended(service)
      service.kill()
      await gone
    }
    await this.#server?.close()
    rmSync(this.home, { recursive: true, force: true })
  }
}
