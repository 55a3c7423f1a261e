// Requests that come and go, as control points: what carriers tell and ask, answered.
//
//   comes   deadline off the baggage, into the scope --> asked, if anything is ordered or a tool stops here:
//             a tool delays, rejects           waits; its status, instead of all that follows
//             its time is over                 504      nobody waits for the answer
//             its tenant is over its rate      waits; 429 where that would take too long
//             shares are ordered               in turn (turns.ts); 503 when too many wait
//   leaves  asked, if anything is ordered for that place: waits; fails when its deadline comes first
//           deadline into the baggage, as what remains
//
// Points are named for where they are: `http.server:SERVICE`, `http.client:HOST:PORT`. Nothing is asked while
// nothing is ordered: then a request is counted for its tenant, and that is all.

import type { Carriers, ClientCall, ClientExchange, HeldCall, ServerExchange } from '#carriers'
import type { CarrierObserver } from '#carriers'
import type { Baggage } from '#baggage'
import type { Scope } from '#context'
import type { ControlPoints, PassMeter } from './control-points.ts'
import { DeadlineError, isHolding, remainingMs, type Deadlines } from './execution.ts'
import { ADMISSION_WAIT_MS_MAX, CLIENT_POINTS_MAX, HOLD_MS_MAX } from './limits.ts'
import { Delays } from './delays.ts'
import { refuse, reject } from './refuse.ts'
import type { Turns } from './turns.ts'

const CLIENT = 'http.client:'

/** What tools do to a request that arrives: it waits so long, then is answered with this status, if any. */
export type Stop = {
  readonly delay?: { readonly ms: number; readonly tool: string } | undefined
  readonly answer?: { readonly status: number; readonly tool: string } | undefined
}

export type Stops = {
  /** Names of tools that may stop a request. */
  readonly stoppers: ReadonlySet<string>
  stopOf(exchange: ServerExchange): Stop | undefined
}

type Parts = {
  readonly service: string
  readonly points: ControlPoints
  readonly stops: () => Stops
  readonly count: (reason: string) => void
  /** Something of ours could not be loaded. */
  readonly failed: (error: unknown) => void
  readonly deadlines: Deadlines
  readonly meter: PassMeter
  /** Somebody will ask for what passed; else it is not counted. */
  readonly isMetered: boolean
  readonly tenantOf: (baggage: Baggage) => string
  readonly detached: <R>(fn: () => R) => R
  /** undefined while carriers are taken off. */
  readonly carriers: () => Carriers | undefined
}

export class Steering {
  readonly #parts: Parts
  readonly #serverPoint: string
  /** Loaded with the first order of shares. */
  #turns: Turns | undefined
  #areTurnsLoading = false
  readonly #delays: Delays
  readonly #origins = new Set<string>()
  /** Most requests go where the one before went. */
  #lastOrigin: { readonly host: string; readonly port: number; readonly point: string } | undefined
  /** Deadlines come with requests: those that are over are not begun. */
  #dropsExpired = false
  #isAskedFor = { server: false, client: false }

  constructor(parts: Parts) {
    this.#parts = parts
    this.#serverPoint = `http.server:${parts.service}`
    this.#delays = new Delays(parts.detached)
  }

  readonly observer: CarrierObserver = {
    serverStart: (exchange) => this.#arrived(exchange),
    clientStart: (exchange) => this.#leaves(exchange),
    messageSend: (exchange) => {
      exchange.baggage = this.#parts.deadlines.departing(exchange.scope, exchange.baggage)
    },
    messageReceive: (exchange) => {
      exchange.scope = this.#parts.deadlines.arrived(exchange.scope, exchange.baggage)
    },
  }

  /** What is ordered or deployed changed, or carriers were put on. */
  refresh(): void {
    const { points, carriers, stops } = this.#parts
    const { stoppers } = stops()
    this.#delays.releaseBut(stoppers)
    if (points.weightsAt(this.#serverPoint) !== undefined) this.#loadTurns()
    const server = stoppers.size > 0 || this.#dropsExpired || points.has(this.#serverPoint)
    const client = points.hasAny(CLIENT)
    this.#isAskedFor = { server, client }
    carriers()?.hold({
      server: server ? (exchange, go) => this.#admit(exchange, go) : undefined,
      client: client ? (call, go) => this.#dispatch(call, go) : undefined,
    })
  }

  /** Until they are there, everybody begins at once. */
  #loadTurns(): void {
    if (this.#areTurnsLoading) return
    this.#areTurnsLoading = true
    const { detached, failed } = this.#parts
    import('./turns.ts').then(({ Turns }) => (this.#turns = new Turns(detached))).catch(failed)
  }

  #arrived(exchange: ServerExchange): void {
    const { deadlines, points, meter, isMetered } = this.#parts
    const scope = deadlines.arrived(exchange.scope, exchange.baggage)
    if (scope !== exchange.scope) {
      exchange.scope = scope
      if (!this.#dropsExpired) {
        this.#dropsExpired = true
        this.refresh()
      }
    }
    if (!isMetered) return
    const tenant = this.#parts.tenantOf(exchange.baggage)
    if (!this.#isAskedFor.server) meter.passed(this.#serverPoint, tenant)
    const limitMs = points.limitMsAt(this.#serverPoint, tenant)
    if (limitMs !== undefined) exchange.scope = deadlines.within(exchange.scope, limitMs)
  }

  #leaves(exchange: ClientExchange): void {
    const { deadlines, meter, isMetered, tenantOf } = this.#parts
    if (isMetered && !this.#isAskedFor.client) {
      const point = this.#clientPoint(exchange.host, exchange.port)
      if (point !== undefined) meter.passed(point, tenantOf(exchange.baggage))
    }
    exchange.baggage = deadlines.departing(this.#limited(exchange), exchange.baggage, exchange.delayMs)
  }

  /** The scope of what is called: it has the time that is ordered for such calls, from when it is sent. */
  #limited(exchange: ClientExchange): Scope {
    const { scope } = exchange
    if (!this.#isAskedFor.client) return scope
    const { baggage, host, port, delayMs } = exchange
    const { deadlines, points, tenantOf } = this.#parts
    const point = this.#clientPoint(host, port)
    const limitMs = point === undefined ? undefined : points.limitMsAt(point, tenantOf(baggage))
    return limitMs === undefined ? scope : deadlines.within(scope, limitMs + delayMs)
  }

  /** Everybody whom a tool delays goes on. */
  release(): void {
    this.#delays.releaseBut(new Set())
  }

  #admit(exchange: ServerExchange, go: () => void): boolean {
    const { stops, count } = this.#parts
    const stop = stops().stopOf(exchange)
    if (stop === undefined) return this.#enter(exchange, go)
    const { delay, answer } = stop
    const goOn = () => {
      if (answer !== undefined) reject(exchange, answer.status, answer.tool)
      else if (!this.#enter(exchange, go)) go()
    }
    const leave = delay && this.#delays.hold(delay.tool, delay.ms, goOn)
    if (leave !== undefined) exchange.response.once('close', leave)
    else {
      if (delay !== undefined) count('delay-full')
      goOn()
    }
    return true
  }

  #enter(exchange: ServerExchange, go: () => void): boolean {
    const { points, tenantOf } = this.#parts
    const tenant = tenantOf(exchange.baggage)
    const turns = this.#turns
    const isInTurn = () =>
      turns !== undefined && (points.weightsAt(this.#serverPoint) !== undefined || turns.queued > 0)
    const gone = new AbortController()
    const begin = () => {
      const how = { weights: points.weightsAt(this.#serverPoint), signal: gone.signal }
      if (turns === undefined || !isInTurn()) go()
      else if (!turns.enter(tenant, go, how)) refuse(exchange, 503, 1)
    }
    const entry = points.arrive({
      point: this.#serverPoint,
      tenant,
      remainingMs: remainingMs(exchange.scope),
      waitMsMax: ADMISSION_WAIT_MS_MAX,
      canRefuse: true,
      // A request that comes from outside holds nothing here yet.
      isHolding: false,
      mayHold: false,
      go: begin,
      drop: () => refuse(exchange, 504),
    })
    if (entry.kind === 'go' && !isInTurn()) return false
    if (entry.kind === 'refuse') refuse(exchange, 429, entry.retryAfterSeconds)
    else if (entry.kind === 'drop') refuse(exchange, 504)
    else {
      const leave = entry.kind === 'wait' ? entry.leave : undefined
      exchange.response.once('close', () => {
        leave?.()
        gone.abort()
      })
      if (entry.kind === 'go') begin()
    }
    return true
  }

  #dispatch(call: ClientCall, go: (error?: Error) => void): HeldCall | undefined {
    const { points, tenantOf } = this.#parts
    const point = this.#clientPoint(call.host, call.port)
    if (point === undefined || call.frame === undefined) return undefined
    const entry = points.arrive({
      point,
      tenant: tenantOf(call.frame.baggage),
      remainingMs: remainingMs(call.frame.scope),
      waitMsMax: HOLD_MS_MAX,
      canRefuse: false,
      isHolding: isHolding(call.frame.scope),
      mayHold: true,
      go: () => go(),
      drop: () => go(new DeadlineError(`the deadline passed before the request to ${call.host} was sent`)),
    })
    return entry.kind === 'wait' ? { waitMs: entry.ms, leave: entry.leave } : undefined
  }

  /** undefined: one more than is counted apart. */
  #clientPoint(host: string, port: number): string | undefined {
    const last = this.#lastOrigin
    if (last?.host === host && last.port === port) return last.point
    const point = `${CLIENT}${host}:${port}`
    if (!this.#origins.has(point)) {
      if (this.#origins.size >= CLIENT_POINTS_MAX) return undefined
      this.#origins.add(point)
    }
    this.#lastOrigin = { host, port, point }
    return point
  }
}
