// What an execution knows of itself that points ask for: until when its answer is worth anything, and whether
// it holds something that others wait for. Both are scope: they flow to everything it causes and never back.
//
//   baggage  Deadline { ms }  --arrival: now + ms--> scope: a Lifetime --departure: until - now--> Deadline
// { ms }
//
// On the wire stands what remains, never a time of day: clocks of two machines differ, and the network's own
// time is small. Of two deadlines the nearer one holds; a callee's never reaches its caller.

import { loadBdl, type Baggage, type BagType } from '#baggage'
import { currentFrame, enter, frameOf, withScope, scopeValue, withScopeValue, type Scope } from '#context'
import { DEADLINE_MS_MAX } from './limits.ts'

const LIFETIME = Symbol('crosscut.lifetime')
const HOLDING = Symbol('crosscut.holding')

/** Below Tenant (14) and Tags (15): where room is short it goes first. Smaller values win a join. */
const SCHEMA = 'bag Deadline = 16 { fixed32 ms = 0; }'

type DeadlineValue = { ms?: number }

export class DeadlineError extends Error {
  override readonly name = 'DeadlineError'
  readonly code = 'E_DEADLINE'
}

/** Until when an execution's answer is worth anything; its signal is made for who asks. */
export class Lifetime {
  /** On performance.now(). */
  readonly untilMs: number
  readonly #detached: <R>(fn: () => R) => R
  #controller: AbortController | undefined

  constructor(untilMs: number, detached: <R>(fn: () => R) => R) {
    this.untilMs = untilMs
    this.#detached = detached
  }

  /** Below 0: it has passed. */
  get remainingMs(): number {
    return this.untilMs - performance.now()
  }

  /** Aborted with a DeadlineError. Its timer holds no process. */
  get signal(): AbortSignal {
    if (this.#controller !== undefined) return this.#controller.signal
    const controller = new AbortController()
    this.#controller = controller
    const abort = () => controller.abort(new DeadlineError('the deadline of this execution has passed'))
    const ms = this.remainingMs
    if (ms <= 0) abort()
    else this.#detached(() => setTimeout(abort, Math.min(ms, 2 ** 31 - 1)).unref())
    return controller.signal
  }
}

/** Infinity = it has no deadline. Below 0: it has passed. */
export function remainingMs(scope: Scope | undefined): number {
  return lifetimeOf(scope)?.remainingMs ?? Number.POSITIVE_INFINITY
}

export function lifetimeOf(scope: Scope | undefined): Lifetime | undefined {
  const held = scopeValue(scope, LIFETIME)
  return held instanceof Lifetime ? held : undefined
}

export function isHolding(scope: Scope | undefined): boolean {
  return scopeValue(scope, HOLDING) === true
}

/** Runs fn, which holds what others wait for: no point stops it. */
export function whileHolding<R>(fn: () => R): R {
  return withScope((scope) => (isHolding(scope) ? scope : withScopeValue(scope, HOLDING, true)), fn)
}

/** Owned by one agent. Loads the bag's type when a deadline first appears. */
export class Deadlines {
  readonly #detached: <R>(fn: () => R) => R
  #bag: BagType<DeadlineValue> | undefined
  /** Some execution of this process has had one: without, nothing is looked for when requests leave. */
  #areUsed = false

  constructor(detached: <R>(fn: () => R) => R) {
    this.#detached = detached
  }

  /** The scope of an execution that begins with this baggage. */
  arrived(scope: Scope, baggage: Baggage): Scope {
    if (baggage.byteLength === 0) return scope
    const ms = this.#type().read(baggage)?.ms
    return ms === undefined ? scope : this.within(scope, ms)
  }

  /** A deadline in `ms` from now, unless there is a nearer one. What is no number says nothing. */
  within(scope: Scope, ms: number): Scope {
    if (!(ms <= DEADLINE_MS_MAX)) return scope
    this.#areUsed = true
    const untilMs = performance.now() + Math.max(0, ms)
    const known = lifetimeOf(scope)
    if (known !== undefined && known.untilMs <= untilMs) return scope
    return withScopeValue(scope, LIFETIME, new Lifetime(untilMs, this.#detached))
  }

  /** The current execution, from here on. Without one nothing happens: nobody's time can be over. */
  set(ms: number): void {
    const frame = currentFrame()
    if (frame === undefined) return
    const scope = this.within(frame.scope, ms)
    if (scope !== frame.scope) enter(frameOf(frame.baggage, scope))
  }

  /** What travels with a request that leaves now, or in `delayMs`. */
  departing(scope: Scope, baggage: Baggage, delayMs = 0): Baggage {
    if (!this.#areUsed) return baggage
    const left = remainingMs(scope)
    if (left < Number.POSITIVE_INFINITY)
      return this.#type().write(baggage, { ms: Math.max(0, Math.floor(left - delayMs)) })
    // What a callee's answer brought is about its own time.
    const isStale = baggage.byteLength > 0 && this.#type().read(baggage) !== undefined
    return isStale ? this.#type().drop(baggage) : baggage
  }

  #type(): BagType<DeadlineValue> {
    this.#bag ??= loadBdl(SCHEMA)['Deadline'] as BagType<DeadlineValue> | undefined
    if (this.#bag === undefined) throw new Error('the schema declares Deadline')
    return this.#bag
  }
}
