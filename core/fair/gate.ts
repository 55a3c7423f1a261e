// A queue in front of a resource that serves at most `slots` at a time: whoever has a slot uses the resource,
// the others wait here, where they can be put in order, and not inside it, where they cannot.
//
//   run(flow, fn) --> a slot free? --yes--> fn
//                        | no                ^ slot from hand to hand, to whom the scheduler names
//                     [ waiting ] -----------/
//                        \-> aborted, expired: leaves; full: refused
//
// Cost is the time a slot is held. It is not known before, so the scheduler is an estimating one; running
// calls are measured when a decision is made, if 10 ms have passed (2DFQ's refresh without a timer: between
// decisions nobody could see the difference).
//
// Owns its flows: one is made for each name that comes, and of those that have nothing to do the ones idle
// for longest are forgotten beyond a limit.

import { createScheduler } from './create-scheduler.ts'
import { FairError } from './error.ts'
import { Flow, Request } from './flow.ts'
import { heapNode, MinHeap } from './heap.ts'
import {
  GATE_IDLE_FLOWS_MAX,
  GATE_WAITING_MAX,
  REFRESH_SECONDS,
  SLOTS_MAX,
  WEIGHT_MAX,
  WEIGHT_MIN,
} from './limits.ts'
import type { Algorithm, Scheduler } from './scheduler.ts'

export type GateOptions = {
  readonly name: string
  readonly slots: number
  /** Of those that need no costs beforehand; default 2dfqE. */
  readonly algorithm?: Extract<Algorithm, 'fifo' | 'rr' | 'wfqE' | 'wf2qE' | '2dfqE'>
  /** In ms, of any origin. */
  readonly nowMs: () => number
  readonly waitingMax?: number
  readonly idleFlowsMax?: number
  /** Told of every call that left, for meters; must not throw. */
  readonly onLeft?: (left: LeftGate) => void
}

export type LeftGate = {
  readonly flow: string
  /** served: it held a slot, however its function ended. */
  readonly outcome: 'served' | 'aborted' | 'expired'
  readonly waitMs: number
  readonly holdMs: number
}

export type GateCall = {
  /** For whom: the tenant's name. */
  readonly flow: string
  /**
   * How much work it is, in any measure of the caller's own; the gate learns what a unit takes. Without:
   * calls of one flow are taken to be alike.
   */
  readonly cost?: number
  readonly signal?: AbortSignal
  /** On the gate's clock: not begun after it. */
  readonly expiresAtMs?: number
}

const NO_WEIGHTS: ReadonlyMap<string, number> = new Map()

type GateFlow = { readonly name: string; readonly flow: Flow; calls: number }

class GateRequest extends Request {
  readonly owner: GateFlow
  readonly expiresAtMs: number
  readonly enteredAtMs: number
  slot = -1
  begunAtMs = 0
  grant: (() => void) | undefined = undefined
  refuse: ((error: unknown) => void) | undefined = undefined

  constructor(owner: GateFlow, call: GateCall, nowMs: number) {
    super(owner.flow, call.cost)
    this.owner = owner
    this.expiresAtMs = call.expiresAtMs ?? Number.POSITIVE_INFINITY
    this.enteredAtMs = nowMs
  }
}

export class Gate {
  readonly name: string
  readonly slots: number
  readonly #options: GateOptions
  readonly #waitingMax: number
  readonly #idleMax: number
  readonly #scheduler: Scheduler
  /** The lowest free slot is given away first: the highest are for short calls. */
  #free = new MinHeap<number>()
  readonly #slotNodes
  #running = new Set<GateRequest>()
  #flows = new Map<string, GateFlow>()
  /** Flows without calls, the one idle for longest first. */
  #idle = new Set<GateFlow>()
  #weights = new Map<string, number>()
  /** By somebody else, for a while; they multiply. */
  #ordered: ReadonlyMap<string, number> = NO_WEIGHTS
  #flowsMade = 0
  #nowMs = Number.NEGATIVE_INFINITY
  #measuredAtMs = Number.NEGATIVE_INFINITY

  /** Errors: FairError E_FAIR_OPTIONS. */
  constructor(options: GateOptions) {
    const { name, slots, algorithm = '2dfqE' } = options
    if (!Number.isSafeInteger(slots) || slots < 1 || slots > SLOTS_MAX) {
      const range = `slots must be a whole number from 1 to ${SLOTS_MAX}`
      throw new FairError('E_FAIR_OPTIONS', `gate ${name}: ${range}, got ${slots}`)
    }
    this.name = name
    this.slots = slots
    this.#options = options
    this.#waitingMax = options.waitingMax ?? GATE_WAITING_MAX
    this.#idleMax = options.idleFlowsMax ?? GATE_IDLE_FLOWS_MAX
    this.#scheduler = createScheduler(algorithm, { slots, slotRate: 1 })
    this.#slotNodes = Array.from({ length: slots }, (_, slot) => heapNode(slot, slot))
    for (const node of this.#slotNodes) this.#free.push(node, node.owner)
  }

  /** How many wait. */
  get queued(): number {
    return this.#scheduler.queued
  }

  /** How many hold a slot. */
  get running(): number {
    return this.#running.size
  }

  /** Flows that are remembered. */
  get flows(): number {
    return this.#flows.size
  }

  /** Weights are kept for names that have not come yet. Errors: FairError E_FAIR_OPTIONS. */
  setWeight(name: string, weight: number): void {
    if (!(weight >= WEIGHT_MIN && weight <= WEIGHT_MAX)) {
      const range = `a weight must be from ${WEIGHT_MIN} to ${WEIGHT_MAX}`
      throw new FairError('E_FAIR_OPTIONS', `gate ${this.name}: ${range}, got ${weight}`)
    }
    if (weight === 1) this.#weights.delete(name)
    else this.#weights.set(name, weight)
    this.#weigh(name)
  }

  /**
   * Weights on top of those, all at once: who is not named has 1 again. The same object changes nothing.
   */
  setOrderedWeights(ordered: ReadonlyMap<string, number> = NO_WEIGHTS): void {
    if (ordered === this.#ordered) return
    const before = this.#ordered
    this.#ordered = ordered
    for (const name of new Set([...before.keys(), ...ordered.keys()]))
      if (before.get(name) !== ordered.get(name)) this.#weigh(name)
  }

  #weigh(name: string): void {
    const known = this.#flows.get(name)
    if (known !== undefined) this.#scheduler.setWeight(known.flow, this.#weightOf(name), this.#now())
  }

  #weightOf(name: string): number {
    const weight = (this.#weights.get(name) ?? 1) * (this.#ordered.get(name) ?? 1)
    return Math.min(WEIGHT_MAX, Math.max(WEIGHT_MIN, weight))
  }

  /**
   * Runs fn when a slot is free for this flow; the slot is given back however fn ends. With a free slot fn is
   * called at once.
   * Errors: fn's own; the signal's reason while waiting; FairError E_GATE_FULL, E_GATE_EXPIRED,
   * E_FAIR_OPTIONS.
   */
  async run<R>(call: GateCall, fn: () => R | Promise<R>): Promise<R> {
    call.signal?.throwIfAborted()
    const request = this.#enter(call)
    if (request.slot < 0) await this.#wait(request, call.signal)
    try {
      return await fn()
    } finally {
      this.#leave(request)
    }
  }

  /**
   * A slot, until it is given back: for work that is no one function. Giving back twice changes nothing.
   * Errors: as run.
   */
  async acquire(call: GateCall): Promise<() => void> {
    call.signal?.throwIfAborted()
    const request = this.#enter(call)
    if (request.slot < 0) await this.#wait(request, call.signal)
    let isHeld = true
    return () => {
      if (isHeld) this.#leave(request)
      isHeld = false
    }
  }

  #enter(call: GateCall): GateRequest {
    const { cost = 0 } = call
    if (!(cost >= 0 && Number.isFinite(cost)))
      throw new FairError('E_FAIR_OPTIONS', `gate ${this.name}: a cost must be 0 or more, got ${cost}`)
    if (this.queued >= this.#waitingMax && this.#free.size === 0) {
      const hint = 'raise waitingMax, or answer "try later"'
      throw new FairError('E_GATE_FULL', `gate ${this.name}: ${this.queued} wait already; ${hint}`)
    }
    const now = this.#now()
    const owner = this.#flowOf(call.flow)
    owner.calls += 1
    this.#idle.delete(owner)
    const request = new GateRequest(owner, call, now)
    this.#scheduler.enqueue(request, now)
    this.#admit(now)
    return request
  }

  #wait(request: GateRequest, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        const now = this.#now()
        this.#scheduler.remove(request, now)
        this.#settle(request, { outcome: 'aborted', holdMs: 0, now })
        reject(signal?.reason)
      }
      request.grant = () => {
        signal?.removeEventListener('abort', giveUp)
        resolve()
      }
      request.refuse = (error) => {
        signal?.removeEventListener('abort', giveUp)
        reject(error)
      }
      signal?.addEventListener('abort', giveUp, { once: true })
    })
  }

  #leave(request: GateRequest): void {
    const now = this.#now()
    const holdMs = now - request.begunAtMs
    this.#running.delete(request)
    this.#scheduler.complete(request, holdMs, now)
    this.#freeSlot(request.slot)
    this.#settle(request, { outcome: 'served', holdMs, now })
    this.#admit(now)
  }

  /** Free slots to those the scheduler names: nobody who comes between can take one. */
  #admit(now: number): void {
    while (this.#free.size > 0 && this.queued > 0) {
      this.#measure(now)
      const slot = this.#free.pop()?.owner ?? 0
      const request = this.#scheduler.dequeue(slot, now) as GateRequest | undefined
      if (request === undefined) return this.#freeSlot(slot)
      if (now > request.expiresAtMs) {
        this.#expire(request, slot, now)
        continue
      }
      request.slot = slot
      request.begunAtMs = now
      this.#running.add(request)
      request.grant?.()
    }
  }

  #expire(request: GateRequest, slot: number, now: number): void {
    this.#scheduler.complete(request, 0, now)
    this.#freeSlot(slot)
    this.#settle(request, { outcome: 'expired', holdMs: 0, now })
    const waited = Math.round(now - request.enteredAtMs)
    request.refuse?.(
      new FairError('E_GATE_EXPIRED', `gate ${this.name}: its deadline passed after ${waited} ms of waiting`),
    )
  }

  #freeSlot(slot: number): void {
    const node = this.#slotNodes[slot]
    if (node !== undefined) this.#free.push(node, slot)
  }

  #measure(now: number): void {
    if (now - this.#measuredAtMs < REFRESH_SECONDS * 1000) return
    this.#measuredAtMs = now
    for (const request of this.#running) this.#scheduler.measure(request, now - request.begunAtMs)
  }

  #settle(
    request: GateRequest,
    end: { readonly outcome: LeftGate['outcome']; readonly holdMs: number; readonly now: number },
  ): void {
    const { owner } = request
    owner.calls -= 1
    if (owner.calls === 0) this.#rest(owner)
    this.#options.onLeft?.({
      flow: owner.name,
      outcome: end.outcome,
      waitMs: Math.max(0, end.now - end.holdMs - request.enteredAtMs),
      holdMs: end.holdMs,
    })
  }

  #flowOf(name: string): GateFlow {
    const known = this.#flows.get(name)
    if (known !== undefined) return known
    const flow = new Flow(this.#flowsMade++, this.#weightOf(name))
    const made: GateFlow = { name, flow, calls: 0 }
    this.#flows.set(name, made)
    return made
  }

  #rest(owner: GateFlow): void {
    this.#idle.add(owner)
    if (this.#idle.size <= this.#idleMax) return
    const [longest] = this.#idle
    if (longest === undefined) return
    this.#idle.delete(longest)
    this.#flows.delete(longest.name)
  }

  /** Never goes back, whatever the clock does. */
  #now(): number {
    this.#nowMs = Math.max(this.#nowMs, this.#options.nowMs())
    return this.#nowMs
  }
}
