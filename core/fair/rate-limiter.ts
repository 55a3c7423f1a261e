// So many a second, in order of arrival, with a bounded credit for silence: the generic cell rate algorithm
// (ATM Forum TM 4.0; a virtual clock that may lag behind now by at most the burst).
//
//   owed > 0    whoever comes waits owed / rate seconds           owed falls by rate a second,
//   owed <= 0   goes, and owes its cost                            down to -rate * burst
//
// Kept as permits that are owed and not as the time when the next may go, so that a change of rate acts at
// once on those who wait already: what was to take t seconds at the old rate takes t * old / new. A rate of
// 0 holds everybody; Infinity holds nobody.
//
// Nobody waits for ever: who has waited as long as is allowed goes on, whatever the rate says, and pays
// nothing.
//
// A rate may be a lease: when it ends without a new one the rate is what was agreed for that case, so that a
// controller that died holds nobody for ever.

import { assert, type Clock } from '#base'
import { FairError } from './error.ts'
import { LIMITER_WAITING_MAX } from './limits.ts'

export type RateLimiterOptions = {
  readonly clock: Pick<Clock, 'monotonicMs' | 'setTimer'>
  /** Permits a second. */
  readonly rate: number
  /** Silence of this long is credited: default 1 s, as in Retro. */
  readonly burstSeconds?: number
  readonly waitingMax?: number
  /** Who has waited so long goes on. Default: nobody does before his turn. */
  readonly waitMsMax?: number
  /** For the ends of leases; default: the clock's. A process may end while one runs. */
  readonly setLeaseTimer?: Clock['setTimer']
}

export type RateLease = {
  readonly forMs: number
  /** What holds afterwards; Infinity fails open. */
  readonly thenRate: number
}

/** False = it did not go after all, and owes nothing. */
type Go = () => unknown

type Waiter = { readonly cost: number; readonly sinceMs: number; readonly go: Go }

/** Less than this of a permit is a rounding error of the clock. */
const PERMIT_EPSILON = 1e-9

export class RateLimiter {
  readonly #clock: RateLimiterOptions['clock']
  readonly #burstSeconds: number
  readonly #waitingMax: number
  readonly #waitMsMax: number
  readonly #setLeaseTimer: Clock['setTimer']
  #rate: number
  #owed = 0
  #asOfMs: number
  /** In order of arrival; a Set, so that whoever gives up leaves in O(1). */
  #line = new Set<Waiter>()
  /** Of those in line. */
  #lineCost = 0
  #timer: { cancel(): void } | undefined
  #lease: { cancel(): void } | undefined

  /** Errors: FairError E_FAIR_OPTIONS. */
  constructor(options: RateLimiterOptions) {
    const { clock, rate, burstSeconds = 1, waitingMax = LIMITER_WAITING_MAX } = options
    if (!(burstSeconds >= 0 && Number.isFinite(burstSeconds)))
      throw new FairError('E_FAIR_OPTIONS', `burstSeconds must be 0 or more, got ${burstSeconds}`)
    this.#clock = clock
    this.#rate = checkedRate(rate)
    this.#burstSeconds = burstSeconds
    this.#waitingMax = waitingMax
    this.#waitMsMax = options.waitMsMax ?? Number.POSITIVE_INFINITY
    this.#setLeaseTimer = options.setLeaseTimer ?? ((ms, fn) => clock.setTimer(ms, fn))
    this.#asOfMs = clock.monotonicMs()
  }

  get rate(): number {
    return this.#rate
  }

  /** How many wait. */
  get waiting(): number {
    return this.#line.size
  }

  /** How long who comes now would wait, as things stand. Infinity at a rate of 0. */
  get waitMs(): number {
    this.#advance()
    if (this.#line.size === 0 && this.#mayGo()) return 0
    return Math.min(this.#waitMsMax, (1000 * Math.max(0, this.#owed + this.#lineCost)) / this.#rate)
  }

  /** Takes it in any case: who comes later waits the longer. Errors: FairError E_FAIR_OPTIONS. */
  force(cost = 1): void {
    checkedCost(cost)
    this.#advance()
    this.#pay(cost)
  }

  /** Takes it now, or not at all. */
  tryTake(cost = 1): boolean {
    checkedCost(cost)
    this.#advance()
    if (this.#line.size > 0 || !this.#mayGo()) return false
    this.#pay(cost)
    return true
  }

  /**
   * Waits for its turn; undefined = it had not to wait.
   * Errors: the signal's reason; FairError E_GATE_FULL when too many wait, E_FAIR_OPTIONS on a bad cost.
   */
  take(cost = 1, signal?: AbortSignal): Promise<void> | undefined {
    signal?.throwIfAborted()
    if (this.tryTake(cost)) return undefined
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        leave()
        reject(signal?.reason)
      }
      const leave = this.#join(cost, () => {
        signal?.removeEventListener('abort', giveUp)
        resolve()
      })
      signal?.addEventListener('abort', giveUp, { once: true })
    })
  }

  /**
   * Calls `go` when it is its turn: now, or from a timer; gives the way out of the line while it waits. What
   * `go` gives false for was not used, and costs nothing. For callers without promises. Errors: as take.
   */
  whenFree(go: Go, cost = 1): (() => void) | undefined {
    if (!this.tryTake(cost)) return this.#join(cost, go)
    if (go() === false) this.#pay(-cost)
    return undefined
  }

  /** Acts on those who wait already. Errors: FairError E_FAIR_OPTIONS. */
  setRate(rate: number, lease?: RateLease): void {
    checkedRate(rate)
    if (lease !== undefined) checkedRate(lease.thenRate)
    this.#advance()
    this.#rate = rate
    this.#advance()
    this.#lease?.cancel()
    this.#lease =
      lease === undefined ? undefined : this.#setLeaseTimer(lease.forMs, () => this.setRate(lease.thenRate))
    this.#serve()
  }

  /** Lets everybody go and stops its timers: the limiter is not used any more. */
  close(): void {
    this.setRate(Number.POSITIVE_INFINITY)
    this.#timer?.cancel()
  }

  /** Gives the way out of the line. */
  #join(cost: number, go: Go): () => void {
    if (this.#line.size >= this.#waitingMax) {
      const hint = 'raise the rate, or answer "try later"'
      throw new FairError('E_GATE_FULL', `${this.#line.size} wait already; ${hint}`)
    }
    const waiter: Waiter = { cost, sinceMs: this.#asOfMs, go }
    this.#line.add(waiter)
    this.#lineCost += cost
    this.#arm()
    return () => {
      this.#drop(waiter)
      this.#serve()
    }
  }

  /** What has been earned since the last look. */
  #advance(): void {
    const now = Math.max(this.#asOfMs, this.#clock.monotonicMs())
    const seconds = (now - this.#asOfMs) / 1000
    this.#asOfMs = now
    if (this.#rate === Number.POSITIVE_INFINITY) this.#owed = 0
    else this.#owed = Math.max(this.#owed - this.#rate * seconds, -this.#rate * this.#burstSeconds)
  }

  #mayGo(): boolean {
    return this.#rate > 0 && this.#owed <= PERMIT_EPSILON
  }

  #pay(cost: number): void {
    if (this.#rate !== Number.POSITIVE_INFINITY) this.#owed += cost
  }

  #serve(): void {
    this.#advance()
    for (const waiter of this.#line) {
      const isOverdue = this.#asOfMs - waiter.sinceMs >= this.#waitMsMax
      if (!isOverdue && !this.#mayGo()) break
      this.#drop(waiter)
      const cost = isOverdue ? 0 : waiter.cost
      this.#pay(cost)
      if (waiter.go() === false) this.#pay(-cost)
    }
    this.#arm()
  }

  #drop(waiter: Waiter): void {
    if (!this.#line.delete(waiter)) return
    // Sums of costs that are no whole numbers do not come back to exactly 0 by themselves.
    this.#lineCost = this.#line.size === 0 ? 0 : this.#lineCost - waiter.cost
  }

  /** One timer, for the first in line. */
  #arm(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    const [first] = this.#line
    if (first === undefined) return
    const turnMs = this.#rate === 0 ? Number.POSITIVE_INFINITY : (this.#owed / this.#rate) * 1000
    const overdueMs = first.sinceMs + this.#waitMsMax - this.#asOfMs
    const ms = Math.max(0, Math.min(turnMs, overdueMs))
    assert(ms >= 0, 'who waits goes after some time, not at none')
    if (ms === Number.POSITIVE_INFINITY) return
    this.#timer = this.#clock.setTimer(Math.min(ms, TIMER_MS_MAX), () => this.#serve())
  }
}

/** Node's timers hold 2^31 - 1 ms; a longer wait is looked at again then. */
const TIMER_MS_MAX = 2 ** 31 - 1

function checkedRate(rate: number): number {
  if (rate >= 0) return rate
  throw new FairError('E_FAIR_OPTIONS', `a rate must be 0 or more, got ${rate}`)
}

function checkedCost(cost: number): void {
  if (!(cost >= 0 && Number.isFinite(cost)))
    throw new FairError('E_FAIR_OPTIONS', `a cost must be 0 or more, got ${cost}`)
}
