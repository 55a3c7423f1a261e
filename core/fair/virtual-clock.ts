// Virtual time: how much service a backlogged flow of weight 1 would have had by now, if all capacity flowed
// like water (GPS). It runs at capacity / (sum of the weights of backlogged flows): four flows on one slot of
// 100 units/s make it 25/s, on two slots 50/s.
//
//   FluidClock   whose backlog? the fluid system's own. Known costs only: it is simulated beside the real
//                one, and a flow leaves when time reaches the tag of its last arrival. The bounds are of
// this.
//   ActiveClock  whose backlog? the real one: flows that wait or run (2DFQ figure 7, set A), for costs that
//                are not known; and those served ahead of the fluid system, until it has come to their tag.
//   StartClock   no fluid at all: the start tag of what was begun last (SFQ).
//
// Figure 7 lets a flow leave A when its queue is empty. Then v runs faster than tags are handed out, and all
// tags fall behind it: README.md, "Virtual time must not run away".

import type { Flow } from './flow.ts'
import { MinHeap } from './heap.ts'

export interface VirtualClock {
  /** Virtual time after the last `advance`. */
  readonly value: number
  advance(now: number): void
  /** After the request was put into the line; the flow may have been inactive before. */
  arrived(flow: Flow, cost: number, wasActive: boolean): void
  /** A request of the flow was begun at this start tag. */
  began(startTag: number, finishTag: number): void
  /** A request ended or gave up; the flow may have become inactive. */
  left(flow: Flow): void
  weightChanged(flow: Flow, before: number): void
}

/** Sum of weights that is exactly 0 when nobody is left, whatever was rounded on the way. */
class WeightSum {
  value = 0
  #count = 0

  add(weight: number): void {
    this.#count += 1
    this.value += weight
  }

  remove(weight: number): void {
    this.#count -= 1
    this.value = this.#count === 0 ? 0 : this.value - weight
  }
}

export class FluidClock implements VirtualClock {
  value = 0
  readonly #capacity: number
  #now = Number.NEGATIVE_INFINITY
  #weights = new WeightSum()
  /** Backlogged flows by the tag at which they will be empty. */
  #backlogged = new MinHeap<Flow>()

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  advance(now: number): void {
    let leftOver = this.#elapsed(now)
    for (let first = this.#backlogged.peek(); first !== undefined; first = this.#backlogged.peek()) {
      const needed = ((first.key - this.value) * this.#weights.value) / this.#capacity
      if (needed > leftOver) {
        this.value += (leftOver * this.#capacity) / this.#weights.value
        return
      }
      leftOver -= Math.max(0, needed)
      this.value = Math.max(this.value, first.key)
      this.#backlogged.pop()
      this.#weights.remove(first.owner.weight)
    }
  }

  arrived(flow: Flow, cost: number): void {
    flow.fluidFinish = Math.max(this.value, flow.fluidFinish) + cost / flow.weight
    if (flow.byFluid.position < 0) this.#weights.add(flow.weight)
    else this.#backlogged.remove(flow.byFluid)
    this.#backlogged.push(flow.byFluid, flow.fluidFinish)
  }

  began(): void {}
  left(): void {}

  weightChanged(flow: Flow, before: number): void {
    if (flow.byFluid.position < 0) return
    this.#weights.remove(before)
    this.#weights.add(flow.weight)
    flow.fluidFinish = this.value + ((flow.fluidFinish - this.value) * before) / flow.weight
    this.#backlogged.remove(flow.byFluid)
    this.#backlogged.push(flow.byFluid, flow.fluidFinish)
  }

  #elapsed(now: number): number {
    const elapsed = now - this.#now
    this.#now = Math.max(now, this.#now)
    return Number.isFinite(elapsed) ? Math.max(0, elapsed) : 0
  }
}

export class ActiveClock implements VirtualClock {
  value = 0
  readonly #capacity: number
  #now = Number.NEGATIVE_INFINITY
  #weights = new WeightSum()
  /** Flows that have nothing left to do, but were served ahead of time: by the tag they have got to. */
  #ahead = new MinHeap<Flow>()

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  advance(now: number): void {
    let leftOver = Number.isFinite(this.#now) ? Math.max(0, now - this.#now) : 0
    this.#now = Math.max(now, this.#now)
    for (let first = this.#ahead.peek(); first !== undefined; first = this.#ahead.peek()) {
      const needed = ((first.key - this.value) * this.#weights.value) / this.#capacity
      if (needed > leftOver) break
      leftOver -= Math.max(0, needed)
      this.value = Math.max(this.value, first.key)
      this.#ahead.pop()
      this.#weights.remove(first.owner.weight)
    }
    if (this.#weights.value > 0) this.value += (leftOver * this.#capacity) / this.#weights.value
  }

  arrived(flow: Flow, _cost: number, wasActive: boolean): void {
    if (wasActive) return
    if (flow.byFluid.position < 0) this.#weights.add(flow.weight)
    else this.#ahead.remove(flow.byFluid)
  }

  began(): void {}

  left(flow: Flow): void {
    if (flow.isActive) return
    if (flow.tag > this.value) this.#ahead.push(flow.byFluid, flow.tag)
    else this.#weights.remove(flow.weight)
  }

  weightChanged(flow: Flow, before: number): void {
    if (!flow.isActive && flow.byFluid.position < 0) return
    this.#weights.remove(before)
    this.#weights.add(flow.weight)
  }
}

export class StartClock implements VirtualClock {
  value = 0
  #finishMax = 0
  #active = 0

  advance(): void {}

  arrived(_flow: Flow, _cost: number, wasActive: boolean): void {
    if (!wasActive) this.#active += 1
  }

  began(startTag: number, finishTag: number): void {
    this.value = Math.max(this.value, startTag)
    this.#finishMax = Math.max(this.#finishMax, finishTag)
  }

  /** After a busy period time is where the last of it ended (Goyal et al. 1997, rule 2). */
  left(flow: Flow): void {
    if (flow.isActive) return
    this.#active -= 1
    if (this.#active === 0) this.value = Math.max(this.value, this.#finishMax)
  }

  weightChanged(): void {}
}
