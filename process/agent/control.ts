// The control connection: dialled by us, never towards us.
//
//   connect ── hello ──► stream of states ──(end, error, 30 s of silence)──► wait ──► connect
//      │                                       twice as long each time, jittered
//      └ at once, with each state, each second and at the end: report (totals; a lost report loses nothing)
//
// All sockets and timers are unref'd. What arrives is bytes of bounded size; what they mean is trust.ts's
// question.

import { packMeasured, type AgentHello, type AgentReport } from '#protocol'
import { EventReader } from './event-reader.ts'
import type { Ledger } from './guard.ts'
import type { SinkOf } from './http-answer.ts'
import { headText, KeptConnection } from './kept-connection.ts'
import {
  CONTROL_TIMEOUT_MS,
  RECONNECT_MS_MAX,
  RECONNECT_MS_MIN,
  REPORT_EVERY_MS,
  STREAM_SILENCE_MS_MAX,
} from './limits.ts'
import { CONTROL_PLANE, PeerError } from './peer-error.ts'
import type { ControlSettings } from './settings.ts'

type Parts = {
  readonly settings: ControlSettings
  readonly ledger: Ledger
  readonly detached: <R>(fn: () => R) => R
  readonly hello: () => AgentHello
  readonly report: () => AgentReport
  /** The data of one `state` event. */
  readonly onState: (data: string) => void
  /** A stream has begun: what comes with it was sent by who answers now. */
  readonly onStream: () => void
  /** The data of one `control` event. */
  readonly onOrder: (data: string) => void
}

export type Control = {
  /** The last report: a short program must not end unheard. Settles within the time, at once offline. */
  farewell(withinMs: number): Promise<void>
  stop(): void
}

export function openControl(parts: Parts): Control {
  return parts.detached(() => new Connection(parts))
}

class Connection implements Control {
  readonly #parts: Parts
  readonly #reports: NodeJS.Timeout
  readonly #posts: KeptConnection
  readonly #stream: KeptConnection
  #retry: NodeJS.Timeout
  #failures = 0
  #toldTracepoints = -1
  #isReporting = false
  #isAsked = false
  #isKnown = false
  #isStopped = false

  constructor(parts: Parts) {
    const { detached, settings } = parts
    const peer = { peer: CONTROL_PLANE, url: settings.url, detached }
    this.#parts = parts
    this.#posts = new KeptConnection(peer)
    this.#stream = new KeptConnection(peer)
    this.#reports = setInterval(() => this.#report(), REPORT_EVERY_MS).unref()
    this.#retry = setTimeout(() => this.#connect(), 0).unref()
  }

  stop(): void {
    this.#isStopped = true
    clearInterval(this.#reports)
    clearTimeout(this.#retry)
    this.#posts.close()
    this.#stream.close()
  }

  farewell(withinMs: number): Promise<void> {
    if (!this.#isKnown || this.#isStopped) return Promise.resolve()
    this.#isKnown = false
    return new Promise((resolve) => {
      // Referenced: nothing else holds the process now.
      const held = setTimeout(resolve, withinMs)
      const over = (): void => {
        clearTimeout(held)
        resolve()
      }
      this.#parts.detached(() => this.#post('/agent/v1/report', this.#parts.report())).then(over, over)
    })
  }

  /** Settles when the stream has ended, for whatever reason. Never rejects. */
  async #connect(): Promise<void> {
    let where = 'control hello'
    try {
      const agent = await this.#tell()
      this.#isKnown = true
      void this.#report()
      where = 'control state'
      await this.#follow(agent)
    } catch (error: unknown) {
      this.#failed(where, error)
    }
  }

  /** Says hello; gives by which name. */
  async #tell(): Promise<string> {
    const hello = this.#parts.hello()
    await this.#post('/agent/v1/hello', hello)
    this.#toldTracepoints = hello.tracepoints.length
    return hello.agent
  }

  /** Rejects, at the latest when the stream ends. */
  async #follow(agent: string): Promise<void> {
    const events = new EventReader((event, data) => this.#take(event, data))
    const sinkOf: SinkOf = (status) => {
      if (status !== 200) throw PeerError.ofStatus(CONTROL_PLANE, status)
      this.#failures = 0
      this.#parts.onStream()
      return (bytes) => events.read(bytes)
    }
    const path = `/agent/v1/state?agent=${encodeURIComponent(agent)}`
    const head = this.#head('GET', path, [['accept', 'text/event-stream']])
    await this.#stream.follow(head, sinkOf, STREAM_SILENCE_MS_MAX)
    throw new PeerError(CONTROL_PLANE, 'closed', 'ended the stream')
  }

  #take(event: string, data: string): void {
    if (event === 'control') this.#parts.onOrder(data)
    if (event !== 'state') return
    this.#parts.onState(data)
    // Somebody waits for it: a query that was installed, or was taken away. A report that is on its way does
    // not know of it yet.
    this.#isAsked = true
    void this.#report()
  }

  /** One at a time: a slow server gets fewer reports, not a queue of them. Never rejects. */
  async #report(): Promise<void> {
    if (this.#isReporting) return
    this.#isReporting = true
    try {
      do {
        this.#isAsked = false
        await this.#tellVocabulary()
        await this.#post('/agent/v1/report', this.#parts.report())
      } while (this.#isAsked)
    } catch (error: unknown) {
      if (!this.#isStopped) this.#parts.ledger.note('report', error)
    } finally {
      this.#isReporting = false
    }
  }

  /**
   * An application's tracepoints are known when it first hits them: then hello is said again, for the
   * vocabulary.
   */
  async #tellVocabulary(): Promise<void> {
    const isTold = this.#toldTracepoints === this.#parts.hello().tracepoints.length
    if (this.#isKnown && !isTold) await this.#tell()
  }

  #failed(where: string, error: unknown): void {
    this.#isKnown = false
    if (this.#isStopped) return
    this.#parts.ledger.note(where, error)
    const waitMs =
      Math.min(RECONNECT_MS_MAX, RECONNECT_MS_MIN * 2 ** this.#failures) * (0.5 + Math.random() / 2)
    this.#failures = Math.min(this.#failures + 1, 10)
    this.#retry = setTimeout(() => this.#connect(), waitMs).unref()
  }

  /** Resolves when it was taken. Rejects with PeerError, or with the error of the socket. */
  async #post(path: string, message: AgentHello | AgentReport): Promise<void> {
    const head = this.#head('POST', path, [['content-type', 'application/json']])
    const body = Buffer.from(JSON.stringify(onWire(message)))
    const { status } = await this.#posts.post(head, body, CONTROL_TIMEOUT_MS)
    if (status < 200 || status >= 300) throw PeerError.ofStatus(CONTROL_PLANE, status)
  }

  #head(method: 'GET' | 'POST', path: string, lines: readonly (readonly [string, string])[]): string {
    const { url, token } = this.#parts.settings
    const all = [...lines, ['authorization', `Bearer ${token}`]] as const
    return headText({ peer: CONTROL_PLANE, url }, { method, path, lines: all }, 'CROSSCUT_TOKEN')
  }
}

function onWire(message: AgentHello | AgentReport): object {
  return 'measured' in message && message.measured !== undefined
    ? { ...message, measured: packMeasured(message.measured) }
    : message
}
