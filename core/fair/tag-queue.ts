// The schedulers that stamp requests with virtual times: WFQ, WF2Q, MSF2Q, SFQ, 2DFQ, and WFQ^E, WF2Q^E,
// 2DFQ^E for costs that nobody knows before the request has ended. What tells them apart is the table of
// rules; everything else is one algorithm.
//
//   head of flow f:   S = start tag     l = cost / weight     F = S + l
//
//   rule      next is the least   among those with             time
//   wfq       F                   all                          fluid
//   sfq       S                   all                          start tag of what was begun last
//   wf2q      F                   S <= v                       fluid
//   msf2q     F                   service had <= service due   fluid
//   2dfq      F                   S - (slot/slots) l <= v      fluid
//   ...E      the same, with l estimated                       active flows
//
// Where nobody is eligible the least key of all is taken: no slot idles while somebody waits.
//
// E variants (2DFQ figure 7): S advances by the estimate when a request is begun; while it runs, what it uses
// beyond that is charged (refresh); when it ends, the difference is charged or given back (retroactive).
//
//   begin     credit = estimate; S += estimate / weight
//   measure   fresh use first eats the credit, the rest is charged: S += rest / weight
//   complete  the same, and unused credit is given back: S -= credit / weight
//
// Sources: Demers et al. 1989 (WFQ), Bennett and Zhang 1996 (WF2Q), Goyal et al. 1997 (SFQ), Blanquer and
// Ozden 2001 (MSF2Q), Mace et al. SIGCOMM 2016 (2DFQ).

import { Estimator, type EstimateKind } from './estimate.ts'
import type { Flow, Request } from './flow.ts'
import { ESTIMATE_DECAY } from './limits.ts'
import type { Algorithm, Scheduler } from './scheduler.ts'
import { limitOf, StepQueue } from './step-queue.ts'
import { ActiveClock, FluidClock, StartClock, type VirtualClock } from './virtual-clock.ts'

type Rule = {
  readonly key: 'finish' | 'start'
  readonly eligible: 'always' | 'started' | 'staggered' | 'served'
  readonly clock: 'fluid' | 'active' | 'start'
  readonly estimate?: EstimateKind
}

export type TagAlgorithm = Exclude<Algorithm, 'fifo' | 'rr' | 'drr'>

const RULES: Readonly<Record<TagAlgorithm, Rule>> = {
  wfq: { key: 'finish', eligible: 'always', clock: 'fluid' },
  sfq: { key: 'start', eligible: 'always', clock: 'start' },
  wf2q: { key: 'finish', eligible: 'started', clock: 'fluid' },
  msf2q: { key: 'finish', eligible: 'served', clock: 'fluid' },
  '2dfq': { key: 'finish', eligible: 'staggered', clock: 'fluid' },
  wfqE: { key: 'finish', eligible: 'always', clock: 'active', estimate: 'average' },
  wf2qE: { key: 'finish', eligible: 'started', clock: 'active', estimate: 'average' },
  '2dfqE': { key: 'finish', eligible: 'staggered', clock: 'active', estimate: 'pessimistic' },
}

export type TagOptions = {
  readonly slots: number
  readonly slotRate: number
  readonly alpha?: number
  /** Instead of the one of the algorithm: to compare them. */
  readonly estimate?: EstimateKind
}

export class TagQueue implements Scheduler {
  readonly #rule: Rule
  readonly #slotRate: number
  readonly #clock: VirtualClock
  readonly #queue: StepQueue
  readonly #estimator: Estimator | undefined
  /** Of msf2q only: what runs, since when. */
  #begun = new Map<Request, number>()
  #queued = 0

  constructor(algorithm: TagAlgorithm, options: TagOptions) {
    this.#rule = RULES[algorithm]
    this.#slotRate = options.slotRate
    this.#clock = clockOf(this.#rule, options.slots * options.slotRate)
    this.#queue = new StepQueue(levelsOf(this.#rule, options.slots))
    const { estimate } = this.#rule
    if (estimate !== undefined)
      this.#estimator = new Estimator(options.estimate ?? estimate, options.alpha ?? ESTIMATE_DECAY)
  }

  get queued(): number {
    return this.#queued
  }

  enqueue(request: Request, now: number): void {
    const { flow } = request
    this.#clock.advance(now)
    const v = this.#clock.value
    const wasActive = flow.isActive
    // A flow with known costs that lags is not caught up beyond its arrivals (WFQ); with estimates it is
    // never idle while it is active (figure 7).
    if (this.#estimator !== undefined) request.arrival = Number.NEGATIVE_INFINITY
    else request.arrival = v
    if (this.#estimator !== undefined && !wasActive) flow.tag = Math.max(flow.tag, v)
    flow.append(request)
    this.#queued += 1
    this.#clock.arrived(flow, request.cost ?? 0, wasActive)
    if (flow.head === request) this.#place(flow)
  }

  dequeue(slot: number, now: number): Request | undefined {
    this.#clock.advance(now)
    const flow = this.#choose(slot, now)
    const request = flow?.head
    if (flow === undefined || request === undefined) return undefined
    flow.unlink(request)
    flow.running += 1
    this.#queued -= 1
    flow.tag = flow.headStart + flow.headLength
    request.weight = flow.weight
    request.credit = flow.headLength * flow.weight
    if (this.#rule.eligible === 'served') this.#begun.set(request, now)
    this.#clock.began(flow.headStart, flow.tag)
    this.#place(flow)
    return request
  }

  remove(request: Request, now: number): void {
    const { flow } = request
    this.#clock.advance(now)
    const wasHead = flow.head === request
    flow.unlink(request)
    this.#queued -= 1
    this.#clock.left(flow)
    if (wasHead) this.#place(flow)
  }

  measure(request: Request, used: number): void {
    if (this.#estimator === undefined) return
    const fresh = used - request.measured
    request.measured = used
    const excess = fresh - request.credit
    request.credit = Math.max(0, -excess)
    if (excess > 0) this.#charge(request, excess)
  }

  complete(request: Request, used: number, now: number): void {
    const { flow } = request
    this.#clock.advance(now)
    flow.running -= 1
    this.#begun.delete(request)
    if (this.#estimator !== undefined) {
      // What was given up before it used anything says nothing about costs.
      if (used > 0) this.#estimator.learn(request, used)
      this.#charge(request, used - request.measured - request.credit)
    }
    this.#clock.left(flow)
  }

  setWeight(flow: Flow, weight: number, now: number): void {
    this.#clock.advance(now)
    const before = flow.weight
    flow.weight = weight
    this.#clock.weightChanged(flow, before)
    this.#place(flow)
  }

  /** Moves the flow's tag, forward or (what was charged too much) back. */
  #charge(request: Request, cost: number): void {
    request.flow.tag += cost / request.weight
    this.#place(request.flow)
  }

  /** Where the flow stands now: after anything that its head's tags depend on has changed. */
  #place(flow: Flow): void {
    const { head } = flow
    if (head === undefined) return this.#queue.remove(flow)
    const start = Math.max(head.arrival, flow.tag)
    const length = (this.#estimator?.estimate(head) ?? head.cost ?? 0) / flow.weight
    const key = this.#rule.key === 'finish' ? start + length : start
    this.#queue.place(flow, { start, length, key }, this.#clock.value)
  }

  #choose(slot: number, now: number): Flow | undefined {
    const v = this.#clock.value
    const first = this.#queue.first(slot, v)
    if (this.#rule.eligible !== 'served') return first ?? this.#queue.firstOfAll()
    return this.#earlier(first, this.#firstServedLess(now)) ?? this.#queue.firstOfAll()
  }

  /**
   * MSF2Q: a flow may begin one more while the service it has had, running requests up to now, is not ahead
   * of the fluid system. Only flows that run something can differ from `S <= v`. Cost: O(slots).
   */
  #firstServedLess(now: number): Flow | undefined {
    const owed = new Map<Flow, number>()
    for (const [request, begun] of this.#begun) {
      const left = (request.cost ?? 0) - (now - begun) * this.#slotRate
      owed.set(request.flow, (owed.get(request.flow) ?? 0) + Math.max(0, left))
    }
    const limit = limitOf(this.#clock.value)
    let best: Flow | undefined
    for (const [flow, left] of owed) {
      if (flow.head !== undefined && flow.headStart - left / flow.weight <= limit)
        best = this.#earlier(best, flow)
    }
    return best
  }

  #earlier(a: Flow | undefined, b: Flow | undefined): Flow | undefined {
    if (a === undefined || b === undefined) return a ?? b
    if (a.byFinish.key !== b.byFinish.key) return a.byFinish.key < b.byFinish.key ? a : b
    return a.order <= b.order ? a : b
  }
}

function clockOf(rule: Rule, capacity: number): VirtualClock {
  if (rule.clock === 'start') return new StartClock()
  return rule.clock === 'fluid' ? new FluidClock(capacity) : new ActiveClock(capacity)
}

function levelsOf(rule: Rule, slots: number): number {
  if (rule.eligible === 'always') return 0
  return rule.eligible === 'staggered' ? slots : 1
}
