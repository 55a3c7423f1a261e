// The control connection: dialled by us, never towards us.
//
//   connect ── hello ──► stream of states ──(end, error, 30 s of silence)──► wait ──► connect
//      │                                       twice as long each time, jittered
//      └ at once, with each state, each second and at the end: report (totals; a lost report loses nothing)
//
// All sockets and timers are unref'd. What arrives is bytes of bounded size; what they mean is trust.ts's
// question.

import type { ClientRequest, IncomingMessage } from 'node:http'
import { packMeasured, type AgentHello, type AgentReport } from '#protocol'
import type { Ledger } from './guard.ts'
import {
  CONTROL_TIMEOUT_MS,
  RECONNECT_MS_MAX,
  RECONNECT_MS_MIN,
  REPORT_EVERY_MS,
  RESPONSE_BYTES_MAX,
  STATE_BYTES_MAX,
  STREAM_SILENCE_MS_MAX,
} from './limits.ts'
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
  #stream: ClientRequest | undefined
  #retry: NodeJS.Timeout | undefined
  #agent: import('node:http').Agent | undefined
  #failures = 0
  #toldTracepoints = -1
  #isReporting = false
  #isAsked = false
  #isKnown = false
  #isStopped = false

  constructor(parts: Parts) {
    this.#parts = parts
    this.#reports = setInterval(() => this.#report(), REPORT_EVERY_MS).unref()
    this.#retry = setTimeout(() => this.#connect(), 0).unref()
  }

  stop(): void {
    this.#isStopped = true
    clearInterval(this.#reports)
    clearTimeout(this.#retry)
    this.#stream?.destroy()
    this.#agent?.destroy()
  }

  farewell(withinMs: number): Promise<void> {
    if (!this.#isKnown || this.#isStopped) return Promise.resolve()
    this.#isKnown = false
    return new Promise((resolve) => {
      // Referenced: nothing else holds the process now.
      const held = setTimeout(resolve, withinMs)
      this.#post('/agent/v1/report', this.#parts.report(), () => {
        clearTimeout(held)
        resolve()
      })
    })
  }

  #connect(): void {
    const hello = this.#parts.hello()
    this.#toldTracepoints = hello.tracepoints.length
    this.#post('/agent/v1/hello', hello, (error) => {
      if (error !== undefined) return this.#failed('hello', error)
      this.#isKnown = true
      this.#report()
      this.#follow(hello.agent)
    })
  }

  /**
   * An application's tracepoints are known when it first hits them: then hello is said again, for the
   * vocabulary.
   */
  #tellVocabulary(): void {
    const hello = this.#parts.hello()
    if (this.#toldTracepoints < 0 || hello.tracepoints.length === this.#toldTracepoints) return
    this.#toldTracepoints = hello.tracepoints.length
    this.#post('/agent/v1/hello', hello, () => {})
  }

  #follow(agent: string): void {
    const request = this.#request('GET', `/agent/v1/state?agent=${encodeURIComponent(agent)}`, {
      accept: 'text/event-stream',
    })
    this.#stream = request
    let isOver = false
    const over = (error: unknown) => {
      if (isOver) return
      isOver = true
      request.destroy()
      this.#failed('state', error)
    }
    request.setTimeout(STREAM_SILENCE_MS_MAX, () =>
      over(new ControlError('E_CONTROL_SILENT', 'the stream was silent too long')),
    )
    request.on('error', over)
    request.on('close', () => over(new ControlError('E_CONTROL_CLOSED', 'the stream ended')))
    request.on('response', (response) => {
      if (response.statusCode !== 200)
        return over(new ControlError('E_CONTROL_REFUSED', `answered ${response.statusCode}`))
      this.#failures = 0
      this.#parts.onStream()
      readEvents(
        response,
        (event, data) => {
          if (event === 'control') this.#parts.onOrder(data)
          if (event !== 'state') return
          this.#parts.onState(data)
          // Somebody waits for it: a query that was installed, or was taken away. A report that is on its way
          // does not know of it yet.
          this.#isAsked = true
          this.#report()
        },
        over,
      )
    })
    request.end()
  }

  /** One at a time: a slow server gets fewer reports, not a queue of them. */
  #report(): void {
    if (this.#isReporting) return
    this.#isReporting = true
    this.#isAsked = false
    this.#tellVocabulary()
    this.#post('/agent/v1/report', this.#parts.report(), (error) => {
      this.#isReporting = false
      if (error !== undefined) this.#parts.ledger.note('report', error)
      else if (this.#isAsked) this.#report()
    })
  }

  #failed(where: string, error: unknown): void {
    this.#isKnown = false
    this.#parts.ledger.note(`control ${where}`, error)
    if (this.#isStopped) return
    const waitMs =
      Math.min(RECONNECT_MS_MAX, RECONNECT_MS_MIN * 2 ** this.#failures) * (0.5 + Math.random() / 2)
    this.#failures = Math.min(this.#failures + 1, 10)
    this.#retry = setTimeout(() => this.#connect(), waitMs).unref()
  }

  #post(path: string, message: AgentHello | AgentReport, done: (error?: unknown) => void): void {
    const body = Buffer.from(JSON.stringify(onWire(message)))
    const request = this.#request('POST', path, {
      'content-type': 'application/json',
      'content-length': body.length,
    })
    let isDone = false
    const once = (error?: unknown) => {
      if (isDone) return
      isDone = true
      clearTimeout(deadline)
      done(error)
    }
    // Of the whole exchange: an answer of one byte a second would never be idle long enough.
    const deadline = setTimeout(
      () => request.destroy(new ControlError('E_CONTROL_TIMEOUT', `${path} took too long`)),
      CONTROL_TIMEOUT_MS,
    ).unref()
    request.on('error', once)
    // Always the last event, and the only one when the answer was cut at its limit or is 101.
    request.on('close', () => once(new ControlError('E_CONTROL_CLOSED', `${path} was not answered`)))
    request.on('response', (response) => {
      drain(response)
      response.on('error', once)
      response.on('end', () => {
        const status = response.statusCode ?? 0
        once(
          status >= 200 && status < 300
            ? undefined
            : new ControlError('E_CONTROL_REFUSED', `${path} answered ${status}`),
        )
      })
    })
    request.end(body)
  }

  #request(method: string, path: string, headers: Record<string, string | number>): ClientRequest {
    const { settings, detached } = this.#parts
    const http =
      settings.url.protocol === 'https:'
        ? process.getBuiltinModule('node:https')
        : process.getBuiltinModule('node:http')
    this.#agent ??= new http.Agent({ keepAlive: true, maxSockets: 3 })
    const all = { ...headers, authorization: `Bearer ${settings.token}`, 'user-agent': 'crosscut-agent' }
    const request = detached(() =>
      http.request(new URL(path, settings.url), { method, agent: this.#agent, headers: all }),
    )
    request.on('socket', (socket) => socket.unref())
    return request
  }
}

function onWire(message: AgentHello | AgentReport): object {
  return 'measured' in message && message.measured !== undefined
    ? { ...message, measured: packMeasured(message.measured) }
    : message
}

/** Errors: codes E_CONTROL_REFUSED, E_CONTROL_TIMEOUT, E_CONTROL_SILENT, E_CONTROL_CLOSED. */
class ControlError extends Error {
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

function drain(response: IncomingMessage): void {
  let size = 0
  response.on('data', (chunk: Buffer) => {
    size += chunk.length
    if (size > RESPONSE_BYTES_MAX) response.destroy()
  })
}

/**
 * Server-sent events (HTML standard 9.2), as far as our server uses them: `event:` and `data:` lines,
 * comments, LF or CRLF.
 */
function readEvents(
  response: IncomingMessage,
  onEvent: (event: string, data: string) => void,
  onEnd: (error: unknown) => void,
): void {
  let rest = ''
  let event = 'message'
  let data = ''
  const line = (text: string) => {
    if (text === '') {
      if (data !== '') onEvent(event, data)
      event = 'message'
      data = ''
    } else if (text.startsWith('event:')) event = text.slice(6).trim()
    else if (text.startsWith('data:')) data += (data === '' ? '' : '\n') + text.slice(5).trimStart()
  }
  response.setEncoding('utf8')
  response.on('data', (chunk: string) => {
    const lines = (rest + chunk).split(/\r?\n/)
    rest = lines.pop() ?? ''
    lines.forEach(line)
    if (rest.length + data.length > STATE_BYTES_MAX * 2)
      onEnd(new ControlError('E_CONTROL_REFUSED', 'an event is too large'))
  })
  response.on('error', onEnd)
  response.on('close', () => onEnd(new ControlError('E_CONTROL_CLOSED', 'the stream ended')))
}
