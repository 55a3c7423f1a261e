// Places where advice runs, and the advice that is there now.
//
// A name is looked up once a hit; a name without advice costs one Map lookup, the built-in ones one
// property read. Advice reads variables through a closure over the exchange, so nothing is collected that
// no advice asks for.
//
//   hit ── nothing woven ──► return
//    └──── woven, breaker closed ──► environment ── run each advice ──► baggage back into the execution

import type { AdviceEnvironment, AdviceValue, CompiledAdvice } from '#advice'
import type { ClientExchange, ServerExchange } from '#carriers'
import { context, currentFrame, enter, frameOf } from '#context'
import type { HostAttributes, TracepointInfo } from '#protocol'
import { openSpan, withLogLevel } from './active.ts'
import type { AdviceBudget } from './budget.ts'
import type { Ledger } from './guard.ts'
import { NAMES_MAX } from './limits.ts'
import { Span } from './span.ts'

const SERVER_START = 'http.server.request.start'
const SERVER_END = 'http.server.request.end'
const CLIENT_START = 'http.client.request.start'
const CLIENT_END = 'http.client.request.end'

/** `header.<name>` reads a request header too, but for those that hold credentials. */
const SERVER_VARS = ['method', 'path', 'host', 'header.*']
const CLIENT_VARS = ['method', 'host', 'port', 'path']
const BUILT_IN: readonly TracepointInfo[] = [
  { name: SERVER_START, vars: SERVER_VARS },
  { name: SERVER_END, vars: [...SERVER_VARS, 'status', 'durationMs'] },
  { name: CLIENT_START, vars: CLIENT_VARS },
  { name: CLIENT_END, vars: [...CLIENT_VARS, 'status', 'durationMs'] },
]

const SECRET_HEADERS = new Set(['authorization', 'cookie', 'proxy-authorization', 'x-api-key', 'set-cookie'])

export const LOG_LEVELS: ReadonlySet<string> = new Set([
  'trace',
  'debug',
  'info',
  'warn',
  'error',
  'fatal',
  'silent',
])

type Woven = readonly CompiledAdvice[]
const NOTHING: Woven = Object.freeze([])

/** Owned by one agent; `install` is the only change. */
export class Tracepoints {
  readonly #budget: AdviceBudget
  readonly #ledger: Ledger
  /** Names applications have hit while there was somebody to tell. */
  readonly #seen = new Map<string, TracepointInfo>()
  #woven = new Map<string, Woven>()
  #serverStart = NOTHING
  #serverEnd = NOTHING
  #clientStart = NOTHING
  #clientEnd = NOTHING

  constructor(parts: { budget: AdviceBudget; ledger: Ledger }) {
    this.#budget = parts.budget
    this.#ledger = parts.ledger
  }

  /** Replaces all that is woven, at once. */
  install(advice: readonly CompiledAdvice[]): void {
    this.#woven = Map.groupBy(advice, (one) => one.tracepoint)
    this.#serverStart = this.#woven.get(SERVER_START) ?? NOTHING
    this.#serverEnd = this.#woven.get(SERVER_END) ?? NOTHING
    this.#clientStart = this.#woven.get(CLIENT_START) ?? NOTHING
    this.#clientEnd = this.#woven.get(CLIENT_END) ?? NOTHING
  }

  isWoven(name: string): boolean {
    if (this.#woven.has(name)) return true
    if (!this.#seen.has(name) && this.#seen.size < NAMES_MAX) this.#seen.set(name, { name, vars: [] })
    return false
  }

  /** Some advice is at a tracepoint of HTTP. */
  get hasBuiltIn(): boolean {
    return BUILT_IN.some(({ name }) => this.#woven.has(name))
  }

  vocabulary(): readonly TracepointInfo[] {
    return [...BUILT_IN, ...this.#seen.values()]
  }

  /** A hit of an application's own tracepoint. */
  hit(name: string, vars: HostAttributes): void {
    this.#seen.set(name, { name, vars: Object.keys(vars) })
    const woven = this.#woven.get(name)
    if (woven === undefined) return
    const environment = new Environment(
      (variable) => (Object.hasOwn(vars, variable) ? vars[variable] : undefined),
      context.current(),
    )
    this.#run(woven, environment)
    leaveHere(environment, openSpan(currentFrame()?.scope))
  }

  serverStart(exchange: ServerExchange): void {
    if (this.#serverStart === NOTHING) return
    const environment = new Environment((name) => serverVariable(exchange, name), exchange.baggage)
    this.#run(this.#serverStart, environment)
    exchange.baggage = environment.baggage
    if (environment.level !== undefined) exchange.scope = withLogLevel(exchange.scope, environment.level)
    putTags(environment, exchange.handle)
  }

  serverEnd(exchange: ServerExchange): void {
    if (this.#serverEnd === NOTHING) return
    const environment = new Environment((name) => serverVariable(exchange, name), context.current())
    this.#run(this.#serverEnd, environment)
    leaveHere(environment, exchange.handle)
  }

  /** Between here and the wire: what is set travels with this request, and with it only. */
  clientStart(exchange: ClientExchange): void {
    if (this.#clientStart === NOTHING) return
    const environment = new Environment((name) => clientVariable(exchange, name), exchange.baggage)
    this.#run(this.#clientStart, environment)
    exchange.baggage = environment.baggage
    putTags(environment, exchange.handle)
  }

  clientEnd(exchange: ClientExchange): void {
    if (this.#clientEnd === NOTHING) return
    const environment = new Environment((name) => clientVariable(exchange, name), exchange.returned)
    this.#run(this.#clientEnd, environment)
    exchange.returned = environment.baggage
    putTags(environment, exchange.handle)
  }

  /** An advice that fails (a value that does not fit its field, say) is counted; the next one runs. */
  #run(woven: Woven, environment: Environment): void {
    if (this.#budget.isTripped) return this.#ledger.count('advice-breaker', woven.length)
    for (const advice of woven) {
      try {
        this.#budget.spend(() => advice.run(environment))
      } catch (error: unknown) {
        this.#ledger.count('advice-failed')
        this.#ledger.note(`advice of ${advice.tool}`, error)
      }
    }
  }
}

/** Collects what advice wants; whoever made it carries that out. */
class Environment implements AdviceEnvironment {
  readonly variable: (name: string) => AdviceValue
  readonly tags: [string, string | number | bigint | boolean][] = []
  baggage: AdviceEnvironment['baggage']
  level: string | undefined

  constructor(variable: (name: string) => AdviceValue, baggage: AdviceEnvironment['baggage']) {
    this.variable = variable
    this.baggage = baggage
  }

  tag(key: string, value: string | number | bigint | boolean): void {
    this.tags.push([key, value])
  }

  logLevel(level: string): void {
    if (LOG_LEVELS.has(level)) this.level = level
  }
}

function putTags(environment: Environment, span: unknown): void {
  if (!(span instanceof Span) || span.isEnded) return
  for (const [key, value] of environment.tags) span.set(key, value, Infinity)
}

/** At a point inside an execution: baggage and level hold from here on. */
function leaveHere(environment: Environment, span: unknown): void {
  putTags(environment, span)
  context.set(environment.baggage)
  const frame = currentFrame()
  if (environment.level !== undefined && frame !== undefined)
    enter(frameOf(frame.baggage, withLogLevel(frame.scope, environment.level)))
}

function serverVariable({ request, response, handle }: ServerExchange, name: string): AdviceValue {
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

function clientVariable(exchange: ClientExchange, name: string): AdviceValue {
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

function headerOf(headers: NodeJS.Dict<string | string[]>, name: string): string | undefined {
  const value = SECRET_HEADERS.has(name) ? undefined : headers[name]
  return typeof value === 'string' ? value : value?.join(', ')
}

const durationOf = (handle: unknown): number | undefined =>
  handle instanceof Span ? performance.now() - handle.startMs : undefined

function pathOf(url: string): string {
  const question = url.indexOf('?')
  return question < 0 ? url : url.slice(0, question)
}
