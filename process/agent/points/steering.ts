// Requests that come and go, as control points: what carriers tell and ask, answered.
//
//   comes   deadline off the baggage, into the scope --> asked, if anything is ordered or a tool stops here:
//             a tool holds, delays, rejects    waits (stops.ts); its status, instead of all that follows
//             its time is over                 504      nobody waits for the answer
//             its tenant is over its rate      waits; 429, a while later, where it would too long
//             shares are ordered               in turn (turns.ts); 503 when too many wait
//   leaves  asked, if anything is ordered for calls or a tool stops them:
//             a tool holds, delays, fails, routes
//             its tenant is over its rate      waits; fails when its deadline comes first
//           deadline into the baggage, as what remains
//
// Points are named for where they are: `http.server:SERVICE`, `http.client:HOST:PORT`. Nothing is asked while
// nothing is ordered: then a request is counted for its tenant, and that is all.

import type { Carriers, ClientExchange, ServerExchange } from '#carriers'
import type { CarrierObserver } from '#carriers'
import type { Baggage } from '#baggage'
import type { Scope } from '#context'
import type { ControlPoints, PassMeter } from './control-points.ts'
import { DeadlineError, isHolding, remainingMs, type Deadlines } from './execution.ts'
import { ADMISSION_WAIT_MS_MAX, CLIENT_POINTS_MAX, HOLD_MS_MAX } from './limits.ts'
import { LateRefusals, refuse, reject } from './refuse.ts'
import type { Stop, ToolStops } from './stops.ts'
import type { Turns } from './turns.ts'

const CLIENT = 'http.client:'

/** What tools ask of requests. */
export type Stops = {
  /** Names of tools that may stop what arrives, or what leaves. */
  stoppersAt(side: 'server' | 'client'): readonly string[]
  stopOf(exchange: ServerExchange | ClientExchange): Stop | undefined
}

type Parts = {
  readonly service: string
  readonly points: ControlPoints
  readonly stops: () => Stops
  /** undefined: no tool stops anything, so what does it is not loaded. */
  readonly toolStops: () => ToolStops | undefined
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
  readonly #lateRefusals: LateRefusals
  readonly #origins = new Set<string>()
  /** Most requests go where the one before went. */
  #lastOrigin: { readonly host: string; readonly port: number; readonly point: string } | undefined
  /** Deadlines come with requests: those that are over are not begun. */
  #dropsExpired = false
  #isAskedFor = { server: false, client: false }

  constructor(parts: Parts) {
    this.#parts = parts
    this.#serverPoint = `http.server:${parts.service}`
    this.#lateRefusals = new LateRefusals(parts.detached)
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
    const { points, carriers, stops, toolStops } = this.#parts
    const arrivals = stops().stoppersAt('server')
    const departures = stops().stoppersAt('client')
    toolStops()?.become(new Set([...arrivals, ...departures]))
    if (points.weightsAt(this.#serverPoint) !== undefined) this.#loadTurns()
    const server = arrivals.length > 0 || this.#dropsExpired || points.has(this.#serverPoint)
    const client = departures.length > 0 || points.hasAny(CLIENT)
    this.#isAskedFor = { server, client }
    carriers()?.hold({
      server: server ? (exchange, go) => this.#admit(exchange, go) : undefined,
      client: client ? (exchange, go) => this.#dispatch(exchange, go) : undefined,
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
    const { meter, isMetered, tenantOf } = this.#parts
    if (isMetered && !exchange.isAsked) {
      const point = this.#clientPoint(exchange.host, exchange.port)
      if (point !== undefined) meter.passed(point, tenantOf(exchange.baggage))
    }
    this.#date(exchange, 0)
  }

  /** Its deadline, as of when it is sent. */
  #date(exchange: ClientExchange, delayMs: number): void {
    const scope = this.#limited(exchange, delayMs)
    exchange.baggage = this.#parts.deadlines.departing(scope, exchange.baggage, delayMs)
  }

  /** The scope of what is called: it has the time that is ordered for such calls, from when it is sent. */
  #limited({ scope, baggage, host, port }: ClientExchange, delayMs: number): Scope {
    if (!this.#isAskedFor.client) return scope
    const { deadlines, points, tenantOf } = this.#parts
    const point = this.#clientPoint(host, port)
    const limitMs = point === undefined ? undefined : points.limitMsAt(point, tenantOf(baggage))
    return limitMs === undefined ? scope : deadlines.within(scope, limitMs + delayMs)
  }

  /** Everybody whom a tool stops goes on. */
  release(): void {
    this.#parts.toolStops()?.become(new Set())
  }

  #admit(exchange: ServerExchange, go: () => void): boolean {
    const { stops, toolStops } = this.#parts
    const stop = stops().stopOf(exchange)
    const tools = toolStops()
    if (stop === undefined || tools === undefined) return this.#enter(exchange, go)
    const goOn = () => {
      if (stop.answer !== undefined) reject(exchange, stop.answer.status, stop.answer.tool)
      else if (!this.#enter(exchange, go)) go()
    }
    const leave = tools.wait(stop, goOn)
    if (leave === undefined) goOn()
    else exchange.response.once('close', leave)
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
    if (entry.kind === 'refuse') this.#refuse(exchange, entry.retryAfterSeconds)
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

  /** Whoever has a deadline may still do something else in time. */
  #refuse(exchange: ServerExchange, retryAfterSeconds: number): void {
    if (remainingMs(exchange.scope) < Number.POSITIVE_INFINITY) refuse(exchange, 429, retryAfterSeconds)
    else this.#lateRefusals.refuse(exchange, retryAfterSeconds)
  }

  #dispatch(exchange: ClientExchange, go: (error?: Error) => void): (() => void) | undefined {
    const { stops, toolStops } = this.#parts
    const stop = stops().stopOf(exchange)
    const tools = toolStops()
    if (stop === undefined || tools === undefined) return this.#depart(exchange, go)
    let leave = tools.depart(stop, exchange, (error) => {
      if (error !== undefined) return go(error)
      this.#date(exchange, 0)
      leave = this.#depart(exchange, go)
      if (leave === undefined) go()
    })
    if (leave === undefined) return this.#depart(exchange, go)
    this.#date(exchange, stop.delay?.ms ?? 0)
    return () => leave?.()
  }

  #depart(exchange: ClientExchange, go: (error?: Error) => void): (() => void) | undefined {
    const { points, tenantOf } = this.#parts
    const { host, scope, baggage } = exchange
    const point = this.#clientPoint(host, exchange.port)
    // Outside of every execution it is nobody's.
    if (point === undefined || scope.execution.id === 0) return undefined
    const entry = points.arrive({
      point,
      tenant: tenantOf(baggage),
      remainingMs: remainingMs(scope),
      waitMsMax: HOLD_MS_MAX,
      canRefuse: false,
      isHolding: isHolding(scope),
      mayHold: true,
      go: () => {
        this.#date(exchange, 0)
        go()
      },
      drop: () => go(new DeadlineError(`the deadline passed before the request to ${host} was sent`)),
    })
    if (entry.kind !== 'wait') return undefined
    this.#date(exchange, entry.ms)
    return entry.leave
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
