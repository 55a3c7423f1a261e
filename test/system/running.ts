// A running Crosscut for tests: `crosscut up` as a child process in a temporary folder, programs beside it,
// the API over HTTP.

import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TraceSearchResult, TraceSummary, TraceView } from '#protocol'
import { ROOT } from '../../scripts/toolchain.mjs'

const CLI = path.join(ROOT, 'face', 'cli', 'main.ts')
const START_MS_MAX = 60_000
const POLL_MS = 100

export type Program = { readonly child: ChildProcess; readonly output: () => string; stop(): Promise<void> }

export class Crosscut {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'crosscut-system-'))
  url = ''
  otlpUrl = ''
  server: ChildProcess | undefined
  readonly #programs: Program[] = []
  #ports: readonly [number, number] | undefined

  /** Starts the server (again, in the same folder and on the same ports) and waits until it is ready. */
  async start(): Promise<this> {
    this.#ports ??= [await freePort(), await freePort()]
    const [port, otlpPort] = this.#ports
    this.url = `http://127.0.0.1:${port}`
    this.otlpUrl = `http://127.0.0.1:${otlpPort}`
    const flags = [
      '--data',
      path.join(this.folder, '.crosscut'),
      '--port',
      String(port),
      '--otlp-port',
      String(otlpPort),
      '--otlp-grpc-port',
      '0',
    ]
    const child = spawn(process.execPath, [CLI, 'up', ...flags], {
      cwd: this.folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.server = child
    const said = collect(child)
    await until(
      async () => {
        if (child.exitCode !== null) throw new Error(`crosscut up ended with ${child.exitCode}:\n${said()}`)
        return (await this.#status('/readyz')) === 200
      },
      () => `the server is not ready:\n${said()}`,
    )
    return this
  }

  /** Ends at once, as a power cut would for the process. */
  async kill(): Promise<void> {
    const gone = ended(this.server)
    this.server?.kill('SIGKILL')
    await gone
  }

  get token(): string {
    return readFileSync(path.join(this.folder, '.crosscut', 'admin-token'), 'utf8').trim()
  }

  async api<T>(place: string, init: RequestInit = {}): Promise<T> {
    const headers = {
      authorization: `Bearer ${this.token}`,
      'content-type': 'application/json',
      ...init.headers,
    }
    const answer = await fetch(`${this.url}/api/v1${place}`, { ...init, headers })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${place} answered ${answer.status}: ${text}`)
    return JSON.parse(text) as T
  }

  /** For a browser; works once. */
  async loginLink(): Promise<string> {
    const { url } = await this.api<{ url: string }>('/login-links', { method: 'POST', body: '{}' })
    return url
  }

  /** All summaries of a search, page by page. */
  async traces(query: Record<string, string> = {}): Promise<TraceSummary[]> {
    const found: TraceSummary[] = []
    let cursor: string | undefined
    do {
      const parameters = new URLSearchParams({
        limit: '200',
        ...query,
        ...(cursor === undefined ? {} : { cursor }),
      })
      const page = await this.api<TraceSearchResult>(`/traces?${parameters}`)
      found.push(...page.traces)
      cursor = page.nextCursor
    } while (cursor !== undefined)
    return found
  }

  async trace(traceId: string): Promise<TraceView> {
    return await this.api<TraceView>(`/traces/${traceId}`)
  }

  /** Runs `crosscut run -- node ARGS`; resolves when its output matches `ready`. */
  async run(args: readonly string[], env: Record<string, string>, ready: RegExp): Promise<Program> {
    return await this.#launch([CLI, 'run', '--', process.execPath, ...args], env, ready)
  }

  /** Runs `node ARGS` without us. */
  async plain(args: readonly string[], env: Record<string, string>, ready: RegExp): Promise<Program> {
    return await this.#launch(args, env, ready)
  }

  async close(): Promise<void> {
    for (const program of this.#programs.toReversed()) await program.stop()
    const gone = ended(this.server)
    this.server?.kill('SIGTERM')
    await gone
    rmSync(this.folder, { recursive: true, force: true })
  }

  async #launch(args: readonly string[], env: Record<string, string>, ready: RegExp): Promise<Program> {
    const child = spawn(process.execPath, args, {
      cwd: this.folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        CROSSCUT_SERVER: this.url,
        CROSSCUT_DATA: path.join(this.folder, '.crosscut'),
        OTEL_EXPORTER_OTLP_ENDPOINT: this.otlpUrl,
        ...env,
      },
    })
    const output = collect(child)
    const program: Program = {
      child,
      output,
      stop: async () => {
        const gone = ended(child)
        child.kill('SIGTERM')
        await gone
      },
    }
    this.#programs.push(program)
    await until(
      () => {
        if (child.exitCode !== null && child.exitCode !== 0)
          throw new Error(`${args.at(-1)} ended with ${child.exitCode}:\n${output()}`)
        return ready.test(output())
      },
      () => `${args.at(-1)} did not say ${ready}:\n${output()}`,
    )
    return program
  }

  async #status(place: string): Promise<number> {
    try {
      return (await fetch(`${this.url}${place}`)).status
    } catch {
      return 0
    }
  }
}

/** Asks until it is so; fails with what `explain` says. */
export async function until(
  isSo: () => boolean | Promise<boolean>,
  explain: () => string,
  msMax = START_MS_MAX,
): Promise<void> {
  const endMs = performance.now() + msMax
  while (!(await isSo())) {
    if (performance.now() > endMs) throw new Error(explain())
    await sleep(POLL_MS)
  }
}

export async function freePort(): Promise<number> {
  const server = http.createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

function collect(child: ChildProcess): () => string {
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      text += chunk.toString()
    })
  return () => text
}

/** Resolves when the process is gone, also when it already is. */
export async function ended(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
  await new Promise((resolve) => child.once('exit', resolve))
}
