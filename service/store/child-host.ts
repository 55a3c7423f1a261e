// The life of the engine's child process: start, watch, restart, end.
//
//   start --> 'ready' on stdout --> ping every 2 s --> silence of 10 s --> SIGKILL --+
//     ^                                                                              |
//     +----------------- exit, whatever the reason; wait 50 ms .. 2 s <--------------+
//
// Cast: owned by a store opened with {dir}; nobody else may signal the child. Its stdin is our lifeline to
// it: when this process dies, the pipe closes and the child ends itself, so a data directory never keeps a
// stray owner.

import { spawn, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, extname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  CHILD_THREADS,
  CLOSE_MS_MAX,
  PING_EVERY_MS,
  PING_SILENCE_MS_MAX,
  RESTART_MS_MAX,
  RESTART_MS_MIN,
  SOCKET_PATH_BYTES_MAX,
} from './limits.ts'

/**
 * Where the child of this data directory listens: in it, or, where the path is too long for a socket, in a
 * private folder.
 */
export function storeSocketPath(dir: string): string {
  const path = join(resolve(dir), 'store.sock')
  if (Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX) return path
  const hash = createHash('sha256').update(resolve(dir)).digest('hex').slice(0, 16)
  return join(tmpdir(), `crosscut-${process.getuid?.() ?? 0}-${hash}`, 'store.sock')
}

export class ChildHost {
  readonly socketPath: string
  readonly #dir: string
  #child: ChildProcess | undefined
  #isClosed = false
  #isReady = false
  #starts = 0
  #runawayKills = 0
  #restartMs = RESTART_MS_MIN
  #timer: NodeJS.Timeout | undefined
  #lastPongMs = 0
  #lastWords = ''
  #lastEnd: string | undefined

  constructor(dir: string) {
    this.#dir = resolve(dir)
    this.socketPath = storeSocketPath(dir)
    mkdirSync(this.#dir, { recursive: true, mode: 0o700 })
    mkdirSync(dirname(this.socketPath), { recursive: true, mode: 0o700 })
    this.#start()
  }

  get isReady(): boolean {
    return this.#isReady
  }
  get starts(): number {
    return this.#starts
  }
  get runawayKills(): number {
    return this.#runawayKills
  }
  get pid(): number | undefined {
    return this.#child?.pid
  }
  /** The end of what the child last wrote to stderr, for error messages. */
  get lastWords(): string {
    return this.#lastWords
  }
  /** How the child ended before this one was started, and its last line; undefined = none ended yet. */
  get lastEnd(): string | undefined {
    return this.#lastEnd
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    const child = this.#child
    if (child === undefined) return
    const exited = new Promise<void>((done) => child.once('exit', () => done()))
    child.kill('SIGTERM')
    const killer = setTimeout(() => child.kill('SIGKILL'), CLOSE_MS_MAX)
    await exited
    clearTimeout(killer)
  }

  #start(): void {
    if (this.#isClosed) return
    this.#starts++
    const entry = fileURLToPath(new URL(`./chdb-child${extname(import.meta.url)}`, import.meta.url))
    const options = JSON.stringify({ dir: join(this.#dir, 'engine'), socketPath: this.socketPath })
    // A clean environment: NODE_OPTIONS of the server (an agent, an inspector) must not reach the engine.
    const child = spawn(process.execPath, [entry, options], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        TMPDIR: process.env['TMPDIR'],
        TZ: 'UTC',
        UV_THREADPOOL_SIZE: String(CHILD_THREADS),
      },
    })
    this.#child = child
    child.stdin.on('error', () => undefined)
    child.stdout.on('data', (chunk: Buffer) => this.#onMessage(chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => {
      this.#lastWords = (this.#lastWords + chunk.toString()).slice(-2000)
    })
    child.on('error', (error) => {
      this.#lastWords = error.message
    })
    child.once('close', () => this.#onExit(child))
  }

  #onMessage(text: string): void {
    if (text.includes('ready')) {
      this.#isReady = true
      this.#restartMs = RESTART_MS_MIN
      this.#lastPongMs = performance.now()
      this.#timer = setTimeout(() => this.#watch(), PING_EVERY_MS)
      this.#timer.unref()
    }
    if (text.includes('runaway')) this.#runawayKills++
  }

  #onExit(child: ChildProcess): void {
    if (this.#child !== child) return
    this.#child = undefined
    this.#isReady = false
    this.#lastEnd = endOf(child, this.#lastWords)
    clearTimeout(this.#timer)
    if (this.#isClosed) return
    this.#timer = setTimeout(() => this.#start(), this.#restartMs)
    this.#restartMs = Math.min(this.#restartMs * 2, RESTART_MS_MAX)
  }

  #watch(): void {
    const ping = request(
      { socketPath: this.socketPath, path: '/ping', timeout: PING_SILENCE_MS_MAX },
      (response) => {
        response.resume()
        this.#lastPongMs = performance.now()
      },
    )
    ping.on('error', () => undefined)
    ping.end()
    if (performance.now() - this.#lastPongMs > PING_SILENCE_MS_MAX) this.#child?.kill('SIGKILL')
    this.#timer = setTimeout(() => this.#watch(), PING_EVERY_MS)
    this.#timer.unref()
  }
}

const LINE_CHARS_MAX = 300

/** The error that ended it, where its words name one, else its last line. */
function endOf({ exitCode, signalCode }: ChildProcess, words: string): string {
  const lines = words.split('\n').filter((line) => line.trim() !== '')
  const line = lines.findLast((candidate) => /^\w*(Error|Exception)\b/.test(candidate)) ?? lines.at(-1) ?? ''
  const how = signalCode === null ? `with exit code ${exitCode}` : `by ${signalCode}`
  return `the engine ended ${how}${line === '' ? '' : `: ${line.slice(0, LINE_CHARS_MAX)}`}`
}
