// One kept connection to one collector or control plane: a request at a time, straight on node:net or
// node:tls.
//
//   closed ──request──► open ──request──► awaiting an answer ──whole──► open
//      ▲                  │ they hang up      │ error, deadline, no HTTP
//      └──────────────────┴───────────────────┘
//
// Not node:http: its client is shared with the host. What the host (or a test library of its) patches there
// would get our spans and our token, and V8, having seen our kind of request among the host's, makes code for
// all kinds: 5 of 127 us of a request that itself calls another service.
//
// The socket is unref'd unless `hold`: sending never keeps the host alive.

import type { Socket } from 'node:net'
import { AnswerReader, type Answer, type SinkOf } from './http-answer.ts'
import { PeerError, type Peer } from './peer-error.ts'

type Parts = {
  readonly peer: Peer
  /** Of it: protocol, host and port. */
  readonly url: URL
  /** Path of a PEM file with the peer's certificate authority; undefined: those that Node trusts. */
  readonly certificateFile?: string | undefined
  /** Runs a function outside every execution. */
  readonly detached: <R>(fn: () => R) => R
}

/** Up to the empty line behind it. */
export type Head = {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly lines: Iterable<readonly [name: string, value: string]>
}

/** `late` ends it, `ms` after it began; behind each piece of a stream, after that piece. */
type Patience = { readonly ms: number; readonly late: () => PeerError }

type Pending = {
  readonly socket: Socket
  readonly reader: AnswerReader
  readonly deadline: NodeJS.Timeout
  readonly isStream: boolean
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
}

export class KeptConnection {
  readonly #parts: Parts
  #socket: Socket | undefined
  #pending: Pending | undefined
  /** Settles with the request before. */
  #turn: Promise<unknown> = Promise.resolve()
  #isHolding = false
  #isClosed = false

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /**
   * `head` is of headText, and the body follows it. `timeoutMs` is for the whole exchange: an answer of one
   * byte a second would never be idle long enough. Rejects with PeerError, or with the socket's error.
   */
  post(head: string, body: Uint8Array, timeoutMs: number): Promise<Answer> {
    const late = (): PeerError => new PeerError(this.#parts.peer, 'timeout', 'did not answer in time')
    return this.#inTurn(() => {
      const socket = this.#connected()
      socket.cork()
      socket.write(headWithLength(head, body), 'latin1')
      socket.write(body)
      socket.uncork()
      return this.#answered(socket, { ms: timeoutMs, late })
    })
  }

  /** A body without end goes to the sink as it comes. Settles when it ends after all; rejects like `post`. */
  follow(head: string, sinkOf: SinkOf, silenceMs: number): Promise<Answer> {
    const late = (): PeerError => new PeerError(this.#parts.peer, 'silent', 'was silent too long')
    return this.#inTurn(() => {
      const socket = this.#connected()
      socket.write(`${head}\r\n`, 'latin1')
      return this.#answered(socket, { ms: silenceMs, late }, sinkOf)
    })
  }

  /**
   * Without waiting for an answer; false = not now. Node hands a small write on an idle connection to the
   * kernel at once, so it leaves even though the process ends now.
   */
  sendNow(head: string, body: Uint8Array): boolean {
    const socket = this.#socket
    if (socket === undefined || socket.connecting || this.#pending !== undefined || this.#isSecure)
      return false
    socket.write(Buffer.concat([Buffer.from(headWithLength(head, body), 'latin1'), body]))
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
    const { peer } = this.#parts
    if (this.#pending !== undefined)
      this.#fail(this.#pending.socket, new PeerError(peer, 'timeout', 'was given no time to answer'))
  }

  /** For good: who waits for a turn is refused. */
  close(): void {
    this.#isClosed = true
    this.abort()
    this.#socket?.destroy()
  }

  get #isSecure(): boolean {
    return this.#parts.url.protocol === 'https:'
  }

  #inTurn(exchange: () => Promise<Answer>): Promise<Answer> {
    const answer = this.#turn.then(() => {
      if (this.#isClosed) throw new PeerError(this.#parts.peer, 'closed', 'is left')
      return exchange()
    })
    this.#turn = answer.catch(() => {})
    return answer
  }

  #connected(): Socket {
    const socket = (this.#socket ??= this.#open())
    if (this.#isHolding) socket.ref()
    return socket
  }

  #answered(socket: Socket, { ms, late }: Patience, sinkOf?: SinkOf): Promise<Answer> {
    const { peer } = this.#parts
    return new Promise((resolve, reject) => {
      const deadline = setTimeout(() => this.#fail(socket, late()), ms).unref()
      const reader = new AnswerReader(peer, sinkOf)
      this.#pending = { socket, reader, deadline, isStream: sinkOf !== undefined, resolve, reject }
    })
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
    const { url, certificateFile } = this.#parts
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
    if (pending.isStream) pending.deadline.refresh()
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
    else
      this.#fail(socket, new PeerError(this.#parts.peer, 'closed', 'closed the connection without an answer'))
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
}

const headWithLength = (head: string, body: Uint8Array): string =>
  `${head}content-length: ${body.length}\r\n\r\n`

const NAME = /^[\w!#$%&'*+.^`|~-]+$/
/** What a line may hold: visible characters of Latin-1, spaces and tabs. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

/**
 * First line, host and lines. A line break in a header of the settings would begin another request: throws
 * PeerError, which says where the lines come from (`source`).
 */
export function headText({ peer, url }: Pick<Parts, 'peer' | 'url'>, head: Head, source: string): string {
  const lines = [`${head.method} ${head.path} HTTP/1.1`, `host: ${url.host}`, 'user-agent: crosscut-agent']
  for (const [name, value] of head.lines) {
    if (!NAME.test(name) || !VALUE.test(value))
      throw new PeerError(peer, 'refused', `cannot be sent the header ${JSON.stringify(name)} of ${source}`)
    lines.push(`${name}: ${value}`)
  }
  return `${lines.join('\r\n')}\r\n`
}
