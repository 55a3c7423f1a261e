// A conversation with the inspector of a running Node process on this machine.
//
//   SIGUSR1 ──► Node listens on loopback ──► /json/list ──► WebSocket ── evaluate ──► .. ──► closed behind us
//
// Node has no other door into a process that was started without us. Whoever has the right to send the signal
// has the right to do what is done here; the port is open only meanwhile.

import { existsSync, readFileSync, readdirSync, readlinkSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CliError } from './verb.ts'

const OPEN_MS_MAX = 5_000
const POLL_MS = 50
const ANSWER_MS_MAX = 30_000
const CLOSED_MS_MAX = 3_000
const DEFAULT_PORT = 9229
const CLOSE_SOON = `void setTimeout(() => process.getBuiltinModule('node:inspector').close(), 100)`
const SIGUSR1_BIT = 1n << 9n

type Answer = {
  readonly id?: number
  readonly method?: string
  readonly result?: unknown
  readonly params?: unknown
}
type Evaluated = {
  readonly result: { readonly value?: unknown }
  readonly exceptionDetails?: {
    readonly exception?: { readonly description?: string }
    readonly text: string
  }
}

/**
 * Refuses what the signal would harm. Errors: E_ATTACH_PID, E_ATTACH_NOT_NODE, E_ATTACH_SIGNAL (it would end
 * the process), E_ATTACH_PERMISSION.
 */
export function checkAttachable(pid: number): void {
  try {
    process.kill(pid, 0)
  } catch (error: unknown) {
    const isForbidden = error instanceof Error && 'code' in error && error.code === 'EPERM'
    throw isForbidden
      ? new CliError('E_ATTACH_PERMISSION', `process ${pid} belongs to another user`, 'run this as that user')
      : new CliError('E_ATTACH_PID', `there is no process ${pid}`, 'see ps, or pgrep -f node')
  }
  if (process.platform !== 'linux') return
  const program = path.basename(readlinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, ''))
  if (!program.startsWith('node'))
    throw new CliError(
      'E_ATTACH_NOT_NODE',
      `process ${pid} runs ${program}, not node`,
      'attach works on Node.js only',
    )
  const caught = /^SigCgt:\s*([0-9a-f]+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  if ((BigInt(`0x${caught ?? '0'}`) & SIGUSR1_BIT) === 0n)
    throw new CliError(
      'E_ATTACH_SIGNAL',
      `process ${pid} does not listen to SIGUSR1: the signal would end it`,
      'it runs with --disable-sigusr1; start it with crosscut run instead',
    )
}

/** Owned by one verb; `close` it. */
export class Inspector {
  readonly #socket: WebSocket
  readonly #pid: number
  readonly #port: number
  readonly #waiting = new Map<number, (answer: Answer) => void>()
  readonly #scripts: string[] = []
  #lastId = 0

  private constructor(socket: WebSocket, { pid, port }: { readonly pid: number; readonly port: number }) {
    this.#socket = socket
    this.#pid = pid
    this.#port = port
    socket.addEventListener('message', ({ data }) => this.#onMessage(String(data)))
    socket.addEventListener('close', () => this.#failAll())
  }

  /** Errors: E_ATTACH_CLOSED when no inspector opens. */
  static async open(pid: number): Promise<Inspector> {
    const port = await openedPort(pid)
    const socket = new WebSocket(await urlAt(port, pid))
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener('open', () => resolve(), { once: true })
      socket.addEventListener('error', () => reject(notOpen(pid)), { once: true })
    })
    return new Inspector(socket, { pid, port })
  }

  /** The value of an expression, JSON-like; a promise is awaited. Errors: E_ATTACH_EVALUATE. */
  async evaluate(expression: string): Promise<unknown> {
    const options = { expression, awaitPromise: true, returnByValue: true, includeCommandLineAPI: true }
    const { result, exceptionDetails } = (await this.#send('Runtime.evaluate', options)) as Evaluated
    if (exceptionDetails === undefined) return result.value
    const said = exceptionDetails.exception?.description ?? exceptionDetails.text
    throw new CliError('E_ATTACH_EVALUATE', `the process refused: ${said.split('\n')[0]}`)
  }

  /** URLs of all that is loaded. Pauses the process: V8 walks the heap. */
  async scripts(): Promise<readonly string[]> {
    await this.#send('Debugger.enable', {})
    await this.#send('Debugger.disable', {})
    return this.#scripts
  }

  /** Ends the conversation, and the process stops listening. False: it still does, for somebody else. */
  async close(): Promise<boolean> {
    // After our own connection has gone: closing waits for all.
    await this.evaluate(CLOSE_SOON).catch(() => {})
    this.#socket.close()
    for (let waitedMs = 0; waitedMs < CLOSED_MS_MAX; waitedMs += POLL_MS) {
      await sleep(POLL_MS)
      if (loopbackPorts(this.#pid)?.includes(this.#port) !== true) return true
    }
    return false
  }

  #send(method: string, params: object): Promise<unknown> {
    const id = ++this.#lastId
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(silent(method)), ANSWER_MS_MAX)
      this.#waiting.set(id, ({ result }) => {
        clearTimeout(timer)
        if (result === undefined) reject(silent(method))
        else resolve(result)
      })
      this.#socket.send(JSON.stringify({ id, method, params }))
    })
  }

  #onMessage(text: string): void {
    const answer = JSON.parse(text) as Answer
    if (answer.method === 'Debugger.scriptParsed') this.#scripts.push((answer.params as { url: string }).url)
    if (answer.id === undefined) return
    this.#waiting.get(answer.id)?.(answer)
    this.#waiting.delete(answer.id)
  }

  #failAll(): void {
    for (const settle of this.#waiting.values()) settle({})
    this.#waiting.clear()
  }
}

const silent = (method: string): CliError =>
  new CliError('E_ATTACH_CLOSED', `the process did not answer ${method}`, 'is it busy, or gone?')

const notOpen = (pid: number): CliError =>
  new CliError(
    'E_ATTACH_CLOSED',
    `no inspector of process ${pid} opens on loopback`,
    'another program may hold the port: the process then said so on its stderr; or it runs under --permission',
  )

/** The port that opens with the signal: other ports of the process are its own affair, none is spoken to. */
async function openedPort(pid: number): Promise<number> {
  const before = loopbackPorts(pid)
  if (before?.includes(DEFAULT_PORT) === true) return DEFAULT_PORT
  process.kill(pid, 'SIGUSR1')
  for (let waitedMs = 0; waitedMs < OPEN_MS_MAX; waitedMs += POLL_MS) {
    await sleep(POLL_MS)
    const now = loopbackPorts(pid)
    const port = now === undefined ? DEFAULT_PORT : now.find((one) => before?.includes(one) !== true)
    if (port !== undefined) return port
  }
  throw notOpen(pid)
}

async function urlAt(port: number, pid: number): Promise<string> {
  const list: unknown = await fetch(`http://127.0.0.1:${port}/json/list`, {
    signal: AbortSignal.timeout(OPEN_MS_MAX),
  })
    .then(async (response) => (await response.json()) as unknown)
    .catch(() => undefined)
  const [target] = Array.isArray(list) ? (list as unknown[]) : []
  if (typeof target !== 'object' || target === null || !('webSocketDebuggerUrl' in target)) throw notOpen(pid)
  return String(target.webSocketDebuggerUrl)
}

const LISTENING = '0A'
const LOOPBACK = '0100007F'

/** Linux tells who listens where; undefined elsewhere. */
function loopbackPorts(pid: number): number[] | undefined {
  const table = `/proc/${pid}/net/tcp`
  if (!existsSync(table)) return undefined
  const sockets = new Set(readdirSync(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`)))
  return readFileSync(table, 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(
      ([, address, , state, , , , , , inode]) =>
        state === LISTENING && address.startsWith(LOOPBACK) && sockets.has(`socket:[${inode}]`),
    )
    .map(([, address]) => Number.parseInt(address.split(':')[1], 16))
}

function linkOf(file: string): string {
  try {
    return readlinkSync(file)
  } catch {
    return ''
  }
}
