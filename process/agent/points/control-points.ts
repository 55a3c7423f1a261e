// Where tenants may be held in this process, and who is held there: orders in, waits out.
//
//   order --judged--> settings by point { limiter by workflow, weights by workflow }      empty: nobody asks
//                           |
//   arrival --> actionFor --+--> goes (counted)     waits for its limiter     is refused      is dropped
//
// Without an order a passage is counted and that is all. An order is a lease: when it ends without another,
// everybody goes on as if nothing had ever been ordered. Who holds something that others wait for is never
// stopped, but pays: what it passes is missing to its tenant later.

import { actionFor, RateLimiter, WEIGHT_MAX, WEIGHT_MIN } from '#fair'
import type { ControlOrder } from '#protocol'
import {
  HOLD_MS_MAX,
  LEASE_MS_MAX,
  LIMIT_MS_MIN,
  ORDER_SETTINGS_MAX,
  POINT_RATE_MAX,
  POINT_RATE_MIN,
  POINT_WAITING_MAX,
  SETTLE_MS,
} from './limits.ts'
import { OrderBook, type Judgement } from './order-book.ts'

/** The meter: what passes is measured by workflow, of which it keeps only so many apart. */
export type PassMeter = {
  nameOf(tenant: string): string
  passed(point: string, tenant: string): void
  refused(point: string, tenant: string): void
}

type Parts = {
  readonly meter: PassMeter
  readonly detached: <R>(fn: () => R) => R
  readonly count: (reason: string) => void
  /** What is ordered changed: requests must be looked at from now on, or no longer. */
  readonly onChange?: () => void
  readonly settleMs?: number
}

export type PointArrival = {
  readonly point: string
  readonly tenant: string
  readonly remainingMs: number
  readonly waitMsMax: number
  readonly canRefuse: boolean
  /** It holds something that others wait for. */
  readonly isHolding: boolean
  /** Could it be inside a lock or a slot without our knowing? */
  readonly mayHold: boolean
  /** Its turn has come. Called from a timer; must not throw. */
  readonly go: () => void
  /** Its turn has come, and its time is over: it does not pass. */
  readonly drop: () => void
}

export type Entry =
  | { readonly kind: 'go' }
  | { readonly kind: 'wait'; readonly ms: number; readonly leave: () => void }
  | { readonly kind: 'refuse'; readonly retryAfterSeconds: number }
  | { readonly kind: 'drop' }

type Ordered = {
  readonly limiters: Map<string, RateLimiter>
  readonly weights: Map<string, number>
  readonly limitsMs: Map<string, number>
}

const GO: Entry = Object.freeze({ kind: 'go' })

export class ControlPoints {
  readonly #parts: Parts
  readonly #book = new OrderBook()
  #points = new Map<string, Ordered>()
  #lease: NodeJS.Timeout | undefined
  #settledAtMs = 0

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Nothing is ordered: nobody need ask. */
  get isIdle(): boolean {
    return this.#points.size === 0
  }

  /** `sentMs` of the last order obeyed. */
  get obeyed(): number {
    return this.#book.last
  }

  has(point: string): boolean {
    return this.#points.has(point)
  }

  hasAny(prefix: string): boolean {
    for (const point of this.#points.keys()) if (point.startsWith(prefix)) return true
    return false
  }

  /** Shares of workflows in a line at this point. undefined = nothing is ordered, all have the same. */
  weightsAt(point: string): ReadonlyMap<string, number> | undefined {
    const weights = this.#points.get(point)?.weights
    return weights === undefined || weights.size === 0 ? undefined : weights
  }

  /** Who passes has so many ms from then on; undefined = nothing is ordered. */
  limitMsAt(point: string, tenant: string): number | undefined {
    const limits = this.#points.get(point)?.limitsMs
    return limits === undefined || limits.size === 0
      ? undefined
      : limits.get(this.#parts.meter.nameOf(tenant))
  }

  arrive(arrival: PointArrival): Entry {
    const { point, tenant, canRefuse } = arrival
    const { meter } = this.#parts
    const limiter = this.#limiterAt(point, tenant)
    const isUnsettled = arrival.mayHold && performance.now() < this.#settledAtMs
    const isHolding = arrival.isHolding || isUnsettled
    const action = actionFor({ ...arrival, waitMs: limiter?.waitMs ?? 0, isHolding })
    if (action.kind === 'refuse' || action.kind === 'drop') {
      meter.refused(point, tenant)
      return action
    }
    if (limiter === undefined || action.kind === 'go') {
      limiter?.force()
      meter.passed(point, tenant)
      return GO
    }
    if (limiter.waiting >= POINT_WAITING_MAX) {
      this.#parts.count('point-full')
      if (canRefuse) {
        meter.refused(point, tenant)
        return { kind: 'refuse', retryAfterSeconds: 1 }
      }
      meter.passed(point, tenant)
      return GO
    }
    return this.#wait(limiter, arrival, action.ms)
  }

  /** For an explicit point. undefined = go on at once. Rejects with the signal's reason, if one is given. */
  pass(
    point: string,
    tenant: string,
    execution: { readonly isHolding: boolean; readonly signal?: AbortSignal | undefined },
  ): Promise<void> | undefined {
    if (this.isIdle) {
      this.#parts.meter.passed(point, tenant)
      return undefined
    }
    const { signal, ...rest } = execution
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const giveUp = () => {
      if (entry.kind === 'wait') entry.leave()
      reject(signal?.reason)
    }
    const go = () => {
      signal?.removeEventListener('abort', giveUp)
      resolve()
    }
    // Late as it may be, it goes on: only the signal may stop it.
    const explicit = { waitMsMax: HOLD_MS_MAX, canRefuse: false, mayHold: true, go, drop: go }
    const entry = this.arrive({ ...rest, ...explicit, point, tenant, remainingMs: Number.POSITIVE_INFINITY })
    if (entry.kind !== 'wait') return undefined
    if (signal?.aborted === true) giveUp()
    else signal?.addEventListener('abort', giveUp, { once: true })
    return promise
  }

  /** Passes if it may do so now; else gives the ms until it may, as things stand. */
  tryPass(point: string, tenant: string): number {
    const limiter = this.#limiterAt(point, tenant)
    if (limiter === undefined || limiter.tryTake()) {
      this.#parts.meter.passed(point, tenant)
      return 0
    }
    return Math.max(1, Math.ceil(limiter.waitMs))
  }

  streamBegan(): void {
    this.#book.streamBegan()
  }

  /** All of it at once: what is not said again is held no longer. */
  obey(order: ControlOrder): Judgement {
    const judgement = this.#book.judge(order, performance.now())
    if (judgement !== 'taken') return judgement
    const wasIdle = this.isIdle
    const before = this.#points
    this.#points = new Map()
    for (const setting of order.settings.slice(0, ORDER_SETTINGS_MAX)) this.#set(setting, before)
    for (const { limiters } of before.values()) for (const limiter of limiters.values()) limiter.close()
    if (wasIdle) this.#settledAtMs = performance.now() + (this.#parts.settleMs ?? SETTLE_MS)
    clearTimeout(this.#lease)
    if (!this.isIdle) this.#lease = this.#endAfter(Math.min(order.forMs, LEASE_MS_MAX))
    this.#parts.onChange?.()
    return 'taken'
  }

  /** Everybody goes on. */
  release(): void {
    clearTimeout(this.#lease)
    const before = this.#points
    this.#points = new Map()
    for (const { limiters } of before.values()) for (const limiter of limiters.values()) limiter.close()
    if (before.size > 0) this.#parts.onChange?.()
  }

  #wait(limiter: RateLimiter, arrival: PointArrival, ms: number): Entry {
    const { point, tenant, remainingMs } = arrival
    const { meter } = this.#parts
    const untilMs = performance.now() + remainingMs
    const leave = limiter.whenFree(() => {
      if (!(performance.now() > untilMs)) {
        meter.passed(point, tenant)
        arrival.go()
        return true
      }
      // Its turn may be had by the next one.
      meter.refused(point, tenant)
      arrival.drop()
      return false
    })
    return { kind: 'wait', ms, leave: () => leave?.() }
  }

  #limiterAt(point: string, tenant: string): RateLimiter | undefined {
    const limiters = this.#points.get(point)?.limiters
    return limiters === undefined || limiters.size === 0
      ? undefined
      : limiters.get(this.#parts.meter.nameOf(tenant))
  }

  /** A limiter that goes on is moved over from before, with who waits there. */
  #set(setting: ControlOrder['settings'][number], before: Map<string, Ordered>): void {
    const { point, workflow, rate, weight, limitMs } = setting
    const ordered = this.#points.get(point) ?? {
      limiters: new Map(),
      weights: new Map(),
      limitsMs: new Map(),
    }
    this.#points.set(point, ordered)
    if (weight !== 1) ordered.weights.set(workflow, Math.min(WEIGHT_MAX, Math.max(WEIGHT_MIN, weight)))
    if (limitMs !== undefined) ordered.limitsMs.set(workflow, Math.max(LIMIT_MS_MIN, limitMs))
    if (rate === undefined || rate >= POINT_RATE_MAX) return
    const known = before.get(point)?.limiters
    const limiter = ordered.limiters.get(workflow) ?? known?.get(workflow) ?? this.#newLimiter()
    known?.delete(workflow)
    ordered.limiters.set(workflow, limiter)
    limiter.setRate(Math.max(POINT_RATE_MIN, rate))
  }

  #newLimiter(): RateLimiter {
    return new RateLimiter({
      clock: this.#clock,
      rate: Number.POSITIVE_INFINITY,
      burstSeconds: 0.1,
      waitMsMax: HOLD_MS_MAX,
    })
  }

  #endAfter(ms: number): NodeJS.Timeout {
    return this.#parts.detached(() => setTimeout(() => this.release(), ms).unref())
  }

  /** Whoever waits is waited for: a process does not end before its turn has come. */
  #clock = {
    monotonicMs: (): number => performance.now(),
    setTimer: (ms: number, fn: () => void) => {
      const timer = this.#parts.detached(() => setTimeout(fn, ms))
      return { cancel: () => clearTimeout(timer) }
    },
  }
}
