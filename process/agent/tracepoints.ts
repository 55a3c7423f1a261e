// Places where advice runs, and the advice that is there now.
//
// A name is looked up once a hit; a name without advice costs one Map lookup, the built-in ones one
// property read. Advice reads variables through a closure over the exchange, so nothing is collected that
// no advice asks for; every tracepoint exports what the process is, when it is and for which tenant.
//
//   hit ── nothing woven ──► return
//    └──── woven, breaker closed ──► environment ── run each advice ──► baggage back into the execution

import {
  isCode,
  matchesTracepoint,
  valueFrom,
  type AdviceEnvironment,
  type CompiledAdvice,
  type Value,
} from '#advice'
import type { ClientExchange, ServerExchange } from '#carriers'
import type { Baggage } from '#baggage'
import { context, currentFrame, enter, frameOf, type Scope } from '#context'
import type { ActName, HostAttributes, TracepointInfo } from '#protocol'
import { activeSpan, openSpan, withLogLevel } from './active.ts'
import type { AdviceBudget } from './budget.ts'
import { guarded, type Ledger } from './guard.ts'
import { FUNCTIONS_TOLD_MAX, NAMES_MAX, WOVEN_TOLD_MAX } from './limits.ts'
import { FaultError } from './fault.ts'
import { hookFor, type Point, type Run } from './invocations.ts'
import type { Stops } from './points/steering.ts'
import type { Stop, ToolStops } from './points/stops.ts'
import { REDACTED, type Redaction } from './redaction.ts'
import { Sources, SOURCE_TRACEPOINTS } from './sources.ts'
import { KIND, Span, STATUS, WaitingSpan, type SpanContext } from './span.ts'
import { taken, type ToolMeter } from './tool-meter.ts'
import type { Weave } from '#weave'

const SERVER_START = 'http.server.request.start'
const SERVER_RESPONSE = 'http.server.response'
const SERVER_END = 'http.server.request.end'
const CLIENT_START = 'http.client.request.start'
const CLIENT_RESPONSE = 'http.client.response'
const CLIENT_END = 'http.client.request.end'
const SPAN_START = 'span.start'
const SPAN_END = 'span.end'

/** `header.<name>` reads a request header. */
const SERVER_VARS = ['method', 'path', 'host', 'header.*']
const CLIENT_VARS = ['method', 'host', 'port', 'path']
/** `attributes.db.system` reads an attribute. */
const SPAN_VARS = ['name', 'kind', 'attributes.*']
const BUILT_IN: readonly TracepointInfo[] = [
  { name: SERVER_START, vars: SERVER_VARS },
  { name: SERVER_RESPONSE, vars: [...SERVER_VARS, 'status', 'durationMs'] },
  { name: SERVER_END, vars: [...SERVER_VARS, 'status', 'durationMs'] },
  { name: CLIENT_START, vars: CLIENT_VARS },
  { name: CLIENT_RESPONSE, vars: [...CLIENT_VARS, 'status', 'durationMs'] },
  { name: CLIENT_END, vars: [...CLIENT_VARS, 'status', 'durationMs'] },
  { name: SPAN_START, vars: SPAN_VARS },
  { name: SPAN_END, vars: [...SPAN_VARS, 'status', 'durationMs'] },
]

export const LOG_LEVELS: ReadonlySet<string> = new Set([
  'trace',
  'debug',
  'info',
  'warn',
  'error',
  'fatal',
  'silent',
])

const STOPS: ReadonlySet<ActName> = new Set<ActName>(['delay', 'reject', 'fault', 'hold', 'route'])
const isStop = (act: ActName): boolean => STOPS.has(act)

type Woven = readonly MeteredAdvice[]
const NOTHING: Woven = Object.freeze([])

/** What a hit can ask of the process it happens in. */
export type Surroundings = {
  /** host, procName, procId, service: the same at every tracepoint. */
  readonly identity: ReadonlyMap<string, Value>
  nowNs(): bigint
  stamp(): Uint8Array
  tenant(baggage: Baggage): string | undefined
  /** Is `mac` the fleet's for this text? */
  isAuthentic(text: string, mac: string): boolean
  /** Is this the name of something that nobody may see? */
  readonly isSecret: Redaction
  /** Something of this tool's advice had no room. */
  overflowed(tool: string): void
  /** undefined: what stops requests could not be loaded. */
  toolStops(): Pick<ToolStops, 'stopFor'> | undefined
  /** A hit, which stands for `weight` of them, wants the trace of this span recorded. */
  choose(span: SpanContext | undefined, weight: number): void
}

/** What is woven in this process. */
export type Code = Pick<Weave, 'arm' | 'functions'>

/** Advice with the meter of its tool. */
export type MeteredAdvice = CompiledAdvice & { readonly meter: ToolMeter }

type Parts = {
  /** Undefined: nothing is woven. */
  readonly code: Code | undefined
  readonly budget: AdviceBudget
  readonly ledger: Ledger
  readonly surroundings: Surroundings
}

/** Owned by one agent; `install` is the only change. */
export class Tracepoints implements Stops {
  readonly #budget: AdviceBudget
  readonly #ledger: Ledger
  readonly #surroundings: Surroundings
  /** Names applications have hit while there was somebody to tell. */
  readonly #seen = new Map<string, TracepointInfo>()
  readonly #sources: Sources
  readonly #code: Code | undefined
  readonly #runAtCode: Run
  #given: readonly CompiledAdvice[] = []
  #advice: Woven = NOTHING
  #around: Around
  /** By name; filled as names are hit, for advice may be at a pattern. */
  #woven = new Map<string, Woven>()
  #serverStart = NOTHING
  #serverResponse = NOTHING
  #serverEnd = NOTHING
  #clientStart = NOTHING
  #clientResponse = NOTHING
  #clientEnd = NOTHING
  #spanStart = NOTHING
  #spanEnd = NOTHING
  readonly #stops = new WeakMap<object, Stop>()

  constructor(parts: Parts) {
    this.#budget = parts.budget
    this.#ledger = parts.ledger
    this.#surroundings = parts.surroundings
    this.#around = { around: parts.surroundings, ledger: parts.ledger, secrets: new Set() }
    this.#code = parts.code
    this.#runAtCode = (woven, point) => {
      try {
        return this.#runHere(woven, point).fault
      } catch (error: unknown) {
        this.#ledger.fail('function', error)
        return undefined
      }
    }
    this.#sources = new Sources(
      guarded(this.#ledger, 'source', undefined, (name, own) => this.#hitHere(name, own)),
    )
  }

  /** Replaces all that is woven, at once. */
  install(given: readonly CompiledAdvice[]): void {
    this.#given = given
    this.#budget.keep([...new Set(given.map(({ tool }) => tool))])
    this.refresh()
  }

  /** What costs too much is not even passed by. */
  refresh(): void {
    const metered = this.#given.map((one) => ({ ...one, meter: this.#budget.meter(one.tool) }))
    const advice = metered.filter(({ meter }) => !meter.isDisarmed)
    for (const { meter } of metered) meter.placedAnew()
    this.#advice = advice
    this.#woven = new Map()
    this.#serverStart = this.#wovenAt(SERVER_START)
    this.#serverResponse = this.#wovenAt(SERVER_RESPONSE)
    this.#serverEnd = this.#wovenAt(SERVER_END)
    this.#clientStart = this.#wovenAt(CLIENT_START)
    this.#clientResponse = this.#wovenAt(CLIENT_RESPONSE)
    this.#clientEnd = this.#wovenAt(CLIENT_END)
    this.#spanStart = this.#wovenAt(SPAN_START)
    this.#spanEnd = this.#wovenAt(SPAN_END)
    const { isSecret } = this.#surroundings
    const vars = advice.flatMap((one) => one.vars)
    const secrets = new Set(vars.filter((name) => name.split('.').some(isSecret)))
    this.#around = { ...this.#around, secrets }
    const atCode = advice.filter(({ tracepoint }) => tracepoint.split(',').some(isCode))
    this.#code?.arm((fn) => (atCode.length === 0 ? undefined : hookFor(fn, atCode, this.#runAtCode)))
    this.#sources.want(advice.flatMap(({ tracepoint }) => tracepoint.split(',')))
  }

  isWoven(name: string): boolean {
    if (this.#wovenAt(name) !== NOTHING) return true
    if (!this.#seen.has(name) && this.#seen.size < NAMES_MAX) this.#seen.set(name, { name, vars: [] })
    return false
  }

  /** Where advice is now, as it was told. */
  get woven(): readonly string[] {
    return [...new Set(this.#advice.map(({ tracepoint }) => tracepoint))].slice(0, WOVEN_TOLD_MAX)
  }

  /** Of what is installed, disarmed or not: it may be armed again at any time. */
  stoppersAt(side: 'server' | 'client'): readonly string[] {
    const name = side === 'server' ? SERVER_START : CLIENT_START
    return this.#given
      .filter(({ acts, tracepoint }) => acts.some(isStop) && tracepoint.split(',').includes(name))
      .map(({ tool }) => tool)
  }

  stopOf(exchange: object): Stop | undefined {
    return this.#stops.get(exchange)
  }

  get hasServerResponse(): boolean {
    return this.#serverResponse !== NOTHING
  }

  /** Some advice is at a tracepoint of HTTP. */
  get hasBuiltIn(): boolean {
    return BUILT_IN.some(({ name }) => this.#wovenAt(name) !== NOTHING)
  }

  #wovenAt(name: string): Woven {
    if (this.#advice === NOTHING) return NOTHING
    const known = this.#woven.get(name)
    if (known !== undefined) return known
    const fitting = this.#advice.filter(({ tracepoint }) => matchesTracepoint(tracepoint, name))
    const woven = fitting.length === 0 ? NOTHING : fitting
    // Names that an application makes up without end are matched anew at each hit.
    if (this.#woven.size < NAMES_MAX) this.#woven.set(name, woven)
    return woven
  }

  vocabulary(): readonly TracepointInfo[] {
    const functions = this.#code?.functions.slice(0, FUNCTIONS_TOLD_MAX) ?? []
    const told = functions.map(({ name, params, hasThis, lines, source }) => ({
      name,
      vars: hasThis ? [...params, 'this'] : params,
      ...(lines === undefined ? {} : { lines: [lines.first, lines.last] as const, source }),
    }))
    return [...BUILT_IN, ...SOURCE_TRACEPOINTS, ...this.#seen.values(), ...told]
  }

  /** A hit of an application's own tracepoint. */
  hit(name: string, vars: HostAttributes): void {
    this.#seen.set(name, { name, vars: Object.keys(vars) })
    this.#hitHere(name, (variable) => (Object.hasOwn(vars, variable) ? vars[variable] : undefined))
  }

  /** At this point of whatever execution is current. */
  #hitHere(name: string, own: (variable: string) => unknown): void {
    const woven = taken(this.#wovenAt(name))
    if (woven.length === 0) return
    const { fault } = this.#runHere(woven, { name, own, invocation: undefined })
    // An own tracepoint may be named like a function; nothing is thrown there.
    if (fault !== undefined) this.#ledger.count('fault-not-in-function')
  }

  #runHere(woven: Woven, point: Point): Environment {
    const environment = this.#environment(point, undefined)
    this.#runAll(woven, environment)
    leaveHere(environment)
    return environment
  }

  serverStart(exchange: ServerExchange): void {
    if (this.#serverStart === NOTHING) return
    const environment = this.#at(
      SERVER_START,
      (name) => serverVariable(exchange, name),
      exchange.baggage,
      exchange,
    )
    this.#run(this.#serverStart, environment, exchange.scope)
    exchange.baggage = environment.baggage
    if (environment.level !== undefined) exchange.scope = withLogLevel(exchange.scope, environment.level)
    this.#keepStop(environment, exchange, true)
    putTags(environment, exchange.handle)
  }

  #keepStop({ stop, fault }: Environment, exchange: object, isAsked: boolean): void {
    if (stop === undefined && fault === undefined) return
    if (isAsked) this.#stops.set(exchange, { ...stop, fault })
    else this.#ledger.count('call-not-stopped')
  }

  /** The last point whose baggage flows back: the head leaves with it. */
  serverResponse(exchange: ServerExchange): void {
    if (this.#serverResponse === NOTHING) return
    const own = (name: string): unknown => serverVariable(exchange, name)
    const environment = this.#at(SERVER_RESPONSE, own, exchange.returned, exchange)
    this.#run(this.#serverResponse, environment, exchange.scope)
    exchange.returned = environment.baggage
    putTags(environment, exchange.handle)
  }

  serverEnd(exchange: ServerExchange): void {
    if (this.#serverEnd === NOTHING) return
    const environment = this.#at(
      SERVER_END,
      (name) => serverVariable(exchange, name),
      context.current(),
      exchange,
    )
    this.#run(this.#serverEnd, environment)
    putTags(environment, exchange.handle)
    leaveHere(environment)
  }

  /** Between here and the wire: what is set travels with this request, and with it only. */
  clientStart(exchange: ClientExchange): void {
    if (this.#clientStart === NOTHING) return
    const environment = this.#at(
      CLIENT_START,
      (name) => clientVariable(exchange, name),
      exchange.baggage,
      exchange,
    )
    this.#run(this.#clientStart, environment, exchange.scope)
    exchange.baggage = environment.baggage
    this.#keepStop(environment, exchange, exchange.isAsked)
    putTags(environment, exchange.handle)
  }

  /** Who awaits the answer goes on with what is packed here. */
  clientResponse(exchange: ClientExchange): void {
    if (this.#clientResponse === NOTHING) return
    const own = (name: string): unknown => clientVariable(exchange, name)
    const both = exchange.baggage.join(exchange.returned)
    const environment = this.#at(CLIENT_RESPONSE, own, both, exchange)
    this.#run(this.#clientResponse, environment, exchange.scope)
    exchange.returned = environment.baggage
    putTags(environment, exchange.handle)
  }

  clientEnd(exchange: ClientExchange): void {
    if (this.#clientEnd === NOTHING) return
    const own = (name: string): unknown => clientVariable(exchange, name)
    const both = exchange.baggage.join(exchange.returned)
    const environment = this.#at(CLIENT_END, own, both, exchange)
    this.#run(this.#clientEnd, environment, exchange.scope)
    exchange.returned = environment.baggage
    putTags(environment, exchange.handle)
  }

  /** Of a span that the application makes, through us or through @opentelemetry/api. */
  spanStart(span: Span): void {
    if (this.#spanStart !== NOTHING) this.#atSpan(SPAN_START, this.#spanStart, span)
  }

  /** It is still open, so tags find it. */
  spanEnd(span: Span): void {
    if (this.#spanEnd !== NOTHING) this.#atSpan(SPAN_END, this.#spanEnd, span)
  }

  #atSpan(name: string, woven: Woven, span: Span): void {
    const own = (variable: string): unknown => spanVariable(span, variable)
    const environment = this.#environment({ name, own, invocation: span }, undefined)
    this.#run(woven, environment)
    putTags(environment, span)
    leaveHere(environment)
  }

  /** `invocation`: what its entry keeps, its exit observes. */
  #at(name: string, own: (name: string) => unknown, baggage: Baggage, invocation?: object): Environment {
    return this.#environment({ name, own, invocation }, baggage)
  }

  #environment(point: Point, baggage: Baggage | undefined): Environment {
    return new Environment(point, baggage, this.#around)
  }

  #run(woven: Woven, environment: Environment, scope?: Scope): void {
    this.#runAll(taken(woven), environment, scope)
  }

  /**
   * An advice that fails (a value that does not fit its field, say) is counted; the next one runs. `scope`:
   * where it is not the current one.
   */
  #runAll(woven: Woven, environment: Environment, scope?: Scope): void {
    for (const advice of woven) {
      environment.tool = advice.tool
      environment.weight = advice.meter.every
      try {
        advice.meter.run(advice, environment)
      } catch (error: unknown) {
        this.#ledger.count('advice-failed')
        this.#ledger.note(`advice of ${advice.tool}`, error)
      }
    }
    const { chosenBy } = environment
    if (chosenBy > 0) this.#surroundings.choose(activeSpan(scope ?? currentFrame()?.scope), chosenBy)
  }
}

type Around = {
  readonly around: Surroundings
  readonly ledger: Ledger
  readonly secrets: ReadonlySet<string>
}

type Tag = readonly [string, string | number | bigint | boolean]

/** What entries kept for their exits; gone with the exchange. */
const KEPT = new WeakMap<object, Map<string, Value>>()
const KEPT_PREFIX = 'kept.'

/** Collects what advice wants; whoever made it carries that out. */
class Environment implements AdviceEnvironment {
  tags: Tag[] | undefined
  level: string | undefined
  /** Whose advice runs, and for how many hits. */
  tool = ''
  weight = 1
  stop: Stop | undefined
  /** Of several tools the first one's. */
  fault: FaultError | undefined
  /** The weight of the hit that wants this trace; 0 = none. */
  chosenBy = 0
  readonly #point: Point
  readonly #parts: Around
  #baggage: Baggage | undefined

  /** Without `baggage`: that of the current execution, looked for only if some advice wants it. */
  constructor(point: Point, baggage: Baggage | undefined, parts: Around) {
    this.#baggage = baggage
    this.#point = point
    this.#parts = parts
  }

  get baggage(): Baggage {
    return (this.#baggage ??= context.current())
  }

  set baggage(baggage: Baggage) {
    this.#baggage = baggage
  }

  /** Nobody has asked for the current baggage, so nobody has changed it. */
  get isUntouched(): boolean {
    return this.#baggage === undefined
  }

  get #around(): Surroundings {
    return this.#parts.around
  }

  variable(name: string): Value {
    const { secrets } = this.#parts
    if (secrets.size > 0 && secrets.has(name)) return REDACTED
    const own = this.#point.own(name)
    if (own !== undefined && own !== null) return valueFrom(own)
    if (name === 'tracepoint') return this.#point.name
    if (name === 'time') return valueFrom(this.nowNs())
    if (name === 'tenant') return this.#around.tenant(this.baggage) ?? null
    if (name.startsWith(KEPT_PREFIX)) return this.#kept()?.get(name.slice(KEPT_PREFIX.length)) ?? null
    return this.#around.identity.get(name) ?? null
  }

  stamp(): Uint8Array {
    return this.#around.stamp()
  }

  nowNs(): bigint {
    return this.#around.nowNs()
  }

  keep(slot: string, value: Value): void {
    const { invocation } = this.#point
    if (invocation === undefined) return this.#parts.ledger.count('keep-without-exit')
    const kept = KEPT.get(invocation) ?? new Map<string, Value>()
    KEPT.set(invocation, kept.set(slot, value))
  }

  isAuthentic(text: string, mac: string): boolean {
    return this.#around.isAuthentic(text, mac)
  }

  act(name: ActName, value: Value, key = ''): void {
    if (name === 'logLevel') {
      if (typeof value === 'string' && LOG_LEVELS.has(value)) this.level = value
    } else if (name === 'tag') this.#tag(key, value)
    else if (name === 'capture') this.#tag(`crosscut.capture.${key}`, value)
    else if (name === 'sample') this.chosenBy = value === true ? this.weight : this.chosenBy
    else if (name === 'fault') this.fault ??= new FaultError(String(value), this.tool)
    else this.#stop(name, value)
  }

  #stop(act: ActName, value: Value): void {
    const stop = this.#around.toolStops()?.stopFor(this.stop ?? {}, { act, value, tool: this.tool })
    if (stop === undefined) this.#parts.ledger.count(`${act}-misread`)
    else this.stop = stop
  }

  overflow(): void {
    this.#around.overflowed(this.tool)
  }

  #tag(key: string, value: Value): void {
    this.tags ??= []
    this.tags.push([key, attributeOf(value)])
  }

  #kept(): Map<string, Value> | undefined {
    return this.#point.invocation === undefined ? undefined : KEPT.get(this.#point.invocation)
  }
}

/** Attributes of spans hold no lists of lists and no null. */
function attributeOf(value: Value): string | number | bigint | boolean {
  return value === null || typeof value === 'object' ? JSON.stringify(value) : value
}

/** A root that waited is found by the advice that chose it. */
function putTags(environment: Environment, handle: unknown): void {
  const { tags } = environment
  const span = handle instanceof WaitingSpan ? handle.recorded : handle
  if (tags === undefined || !(span instanceof Span) || span.isEnded) return
  for (const [key, value] of tags) span.set(key, value, Infinity)
  environment.tags = undefined
}

/** At a point inside an execution: baggage and level hold from here on. */
function leaveHere(environment: Environment): void {
  if (environment.tags !== undefined) putTags(environment, openSpan(currentFrame()?.scope))
  if (!environment.isUntouched) context.set(environment.baggage)
  if (environment.level === undefined) return
  const frame = currentFrame()
  if (frame !== undefined) enter(frameOf(frame.baggage, withLogLevel(frame.scope, environment.level)))
}

function serverVariable({ request, response, handle }: ServerExchange, name: string): unknown {
  switch (name) {
    case 'method':
      return request.method
    case 'path':
      return pathOf(request.url ?? '/')
    case 'host':
      return request.headers.host
    case 'status':
      return response.statusCode
    case 'durationMs':
      return durationOf(handle)
    default:
      return name.startsWith('header.') ? headerOf(request.headers, name.slice('header.'.length)) : undefined
  }
}

function clientVariable(exchange: ClientExchange, name: string): unknown {
  switch (name) {
    case 'method':
      return exchange.method
    case 'path':
      return pathOf(exchange.path)
    case 'host':
      return exchange.host
    case 'port':
      return exchange.port
    case 'status':
      return exchange.statusCode
    case 'durationMs':
      return durationOf(exchange.handle)
    default:
      return undefined
  }
}

const SPAN_KINDS = ['', ...Object.keys(KIND)]
const SPAN_STATUSES = Object.keys(STATUS)
const ATTRIBUTE = 'attributes.'

function spanVariable(span: Span, name: string): unknown {
  switch (name) {
    case 'name':
      return span.name
    case 'kind':
      return SPAN_KINDS[span.kind]
    case 'status':
      return SPAN_STATUSES[span.statusCode]
    case 'durationMs':
      return performance.now() - span.startMs
    default:
      return name.startsWith(ATTRIBUTE) ? span.get(name.slice(ATTRIBUTE.length)) : undefined
  }
}

function headerOf(headers: NodeJS.Dict<string | string[]>, name: string): string | undefined {
  const value = headers[name]
  return typeof value === 'string' ? value : value?.join(', ')
}

const durationOf = (handle: unknown): number | undefined =>
  handle instanceof Span ? performance.now() - handle.startMs : undefined

function pathOf(url: string): string {
  const question = url.indexOf('?')
  return question < 0 ? url : url.slice(0, question)
}
