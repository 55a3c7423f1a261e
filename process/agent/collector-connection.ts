// One kept connection to one collector: a POST at a time, straight on node:net or node:tls.
//
//   closed ──post──► open ──post──► awaiting an answer ──whole──► open
//      ▲               │ collector hangs up   │ error, deadline, no HTTP
//      └───────────────┴──────────────────────┘
//
// Not node:http: its client is shared with the host. What the host (or a test library of its) patches there
// would get our spans, and V8, having seen our kind of request among the host's, makes code for all kinds:
// 5 of 127 us of a request that itself calls another service.
//
// Loaded with the first batch: a process without spans has no use for it.
// The socket is unref'd unless `hold`: sending never keeps the host alive.

import type { Socket } from 'node:net'
import { ExportError } from './export-error.ts'
import { AnswerReader, type Answer } from './http-answer.ts'
import type { ExporterSettings } from './settings.ts'

type Parts = {
  readonly settings: ExporterSettings
  /** Runs a function outside every execution. */
  readonly detached: <R>(fn: () => R) => R
}

type Pending = {
  readonly socket: Socket
  readonly reader: AnswerReader
  readonly deadline: NodeJS.Timeout
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
}

export class CollectorConnection {
  readonly #parts: Parts
  /** Up to the lines of the body. */
  #head: string | undefined
  #socket: Socket | undefined
  #pending: Pending | undefined
  #isHolding = false

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Rejects with ExportError, or with the error of the socket. Not before the one before has settled. */
  post(body: Uint8Array): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const head = this.#headFor(body)
      const socket = (this.#socket ??= this.#open())
      // Of the whole exchange: an answer of one byte a second would never be idle long enough.
      const late = (): void => this.#fail(socket, new ExportError('the collector did not answer in time'))
      const deadline = setTimeout(late, this.#timeoutMs()).unref()
      this.#pending = { socket, reader: new AnswerReader(), deadline, resolve, reject }
      if (this.#isHolding) socket.ref()
      socket.cork()
      socket.write(head, 'latin1')
      socket.write(body)
      socket.uncork()
    })
  }

  /**
   * Without waiting for an answer; false = not now. Node hands a small write on an idle connection to the
   * kernel at once, so it leaves even though the process ends now.
   */
  sendNow(body: Uint8Array): boolean {
    const socket = this.#socket
    if (socket === undefined || socket.connecting || this.#pending !== undefined || this.#isSecure)
      return false
    socket.write(Buffer.concat([Buffer.from(this.#headFor(body), 'latin1'), body]))
    return true
  }

  /** From here on what is being sent keeps the process alive. */
  hold(): void {
    this.#isHolding = true
    this.#pending?.socket.ref()
  }

  release(): void {
    this.#isHolding = false
    this.#socket?.unref()
  }

  abort(): void {
    if (this.#pending !== undefined)
      this.#fail(this.#pending.socket, new ExportError('there was no time left for an answer'))
  }

  get #isSecure(): boolean {
    return this.#parts.settings.url.protocol === 'https:'
  }

  #open(): Socket {
    const { detached } = this.#parts
    const socket = detached(() => this.#connect())
    socket.setNoDelay(true).setKeepAlive(true, 1000).unref()
    socket.on('data', (bytes) => this.#take(socket, bytes))
    socket.on('error', (error) => this.#fail(socket, error))
    socket.on('close', () => this.#closed(socket))
    return socket
  }

  #connect(): Socket {
    const { url, certificateFile } = this.#parts.settings
    const net = process.getBuiltinModule('node:net')
    // An IPv6 address stands in brackets.
    const host = url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname
    if (!this.#isSecure) return net.connect({ host, port: Number(url.port || 80) })
    const tls = process.getBuiltinModule('node:tls')
    return tls.connect({
      host,
      port: Number(url.port || 443),
      ALPNProtocols: ['http/1.1'],
      ...(net.isIP(host) === 0 ? { servername: host } : {}),
      ...(certificateFile === undefined
        ? {}
        : { ca: process.getBuiltinModule('node:fs').readFileSync(certificateFile) }),
    })
  }

  #take(socket: Socket, bytes: Buffer): void {
    const pending = this.#pendingOn(socket)
    // Nobody asked.
    if (pending === undefined) return void socket.destroy()
    try {
      const answer = pending.reader.read(bytes)
      if (answer !== undefined) this.#settle(pending, answer)
    } catch (error: unknown) {
      this.#fail(socket, error)
    }
  }

  #closed(socket: Socket): void {
    const pending = this.#pendingOn(socket)
    const answer = pending?.reader.end()
    if (pending !== undefined && answer !== undefined) this.#settle(pending, answer)
    else this.#fail(socket, new ExportError('the collector closed the connection without an answer'))
  }

  #settle(pending: Pending, answer: Answer): void {
    this.#pending = undefined
    clearTimeout(pending.deadline)
    if (!answer.isKept) this.#leave(pending.socket)
    else if (this.#isHolding) pending.socket.unref()
    pending.resolve(answer)
  }

  #fail(socket: Socket, error: unknown): void {
    this.#leave(socket)
    const pending = this.#pendingOn(socket)
    if (pending === undefined) return
    this.#pending = undefined
    clearTimeout(pending.deadline)
    pending.reject(error)
  }

  #leave(socket: Socket): void {
    if (this.#socket === socket) this.#socket = undefined
    socket.destroy()
  }

  #pendingOn(socket: Socket): Pending | undefined {
    return this.#pending?.socket === socket ? this.#pending : undefined
  }

  /** 0 is OpenTelemetry's way to say "no limit". */
  #timeoutMs(): number {
    const { timeoutMs } = this.#parts.settings
    const LONGEST_TIMER_MS = 2 ** 31 - 1
    return timeoutMs === 0 ? LONGEST_TIMER_MS : Math.min(timeoutMs, LONGEST_TIMER_MS)
  }

  #headFor(body: Uint8Array): string {
    this.#head ??= headOf(this.#parts.settings)
    return `${this.#head}content-length: ${body.length}\r\n\r\n`
  }
}

const OURS = new Set([
  'host',
  'content-type',
  'content-encoding',
  'content-length',
  'transfer-encoding',
  'connection',
])
const NAME = /^[\w!#$%&'*+.^`|~-]+$/
/** What a line may hold: visible characters of Latin-1, spaces and tabs. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

/** Throws ExportError: a line break in a header of the settings would begin another request. */
function headOf({ url, headers, isGzip }: ExporterSettings): string {
  const lines = [
    `POST ${url.pathname}${url.search} HTTP/1.1`,
    `host: ${url.host}`,
    'user-agent: crosscut-agent',
    'content-type: application/x-protobuf',
    ...(isGzip ? ['content-encoding: gzip'] : []),
    ...(url.username === '' ? [] : [`authorization: Basic ${credentials(url)}`]),
  ]
  for (const [name, value] of headers) {
    if (!NAME.test(name) || !VALUE.test(value))
      throw new ExportError(`the header ${JSON.stringify(name)} of OTEL_EXPORTER_OTLP_HEADERS cannot be sent`)
    if (!OURS.has(name.toLowerCase())) lines.push(`${name}: ${value}`)
  }
  return `${lines.join('\r\n')}\r\n`
}

function credentials({ username, password }: URL): string {
  return Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64')
}
