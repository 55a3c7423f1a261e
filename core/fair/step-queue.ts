// Which flow is next for a slot: the smallest key among those that are eligible there, in O(log flows).
//
// With n levels a flow whose head has start tag S and length l becomes eligible
//
//        at level n-1   when  v >= S - (n-1)/n l        earliest: short requests wait at most a little there
//        at level i     when  v >= S -    i /n l
//        at level 0     when  v >= S                    latest: here long ones may begin
//
// so as v grows a flow walks down a stair. Each step has a heap by key; one more heap holds all flows by the
// time of their next step down. A slot of level i looks at the tops of the steps 0 .. i.
//
//     step  n   not eligible anywhere         F: 9  12        | by next step
//     step n-1  eligible at level n-1         F: 4  7         v
//     ...
//     step  0   eligible at every level       F: 5
//
// n = slots is 2DFQ, n = 1 is WF2Q, n = 0 (everybody eligible, one heap) is WFQ and SFQ.
// Cost: O(log flows) a move, at most n + 1 moves a request and no more than it passes; choosing looks at n
// tops. Rejected: one pair of heaps a slot (n pushes a request, always), a scan (what the paper does).

import type { Flow } from './flow.ts'
import { isBefore, MinHeap, type HeapNode } from './heap.ts'
import { TAG_EPSILON } from './limits.ts'

export class StepQueue {
  readonly #levels: number
  readonly #steps: MinHeap<Flow>[]
  #waiting = new MinHeap<Flow>()

  constructor(levels: number) {
    this.#levels = levels
    this.#steps = Array.from({ length: levels + 1 }, () => new MinHeap<Flow>())
  }

  /** Puts in, or moves, a flow with its head's start tag and length, as seen at virtual time v. */
  place(
    flow: Flow,
    head: { readonly start: number; readonly length: number; readonly key: number },
    v: number,
  ) {
    this.remove(flow)
    flow.headStart = head.start
    flow.headLength = head.length
    this.#stand(flow, head.key, this.#stepAt(flow, limitOf(v)))
  }

  remove(flow: Flow): void {
    if (flow.byFinish.position < 0) return
    this.#steps[flow.step]?.remove(flow.byFinish)
    if (flow.byStep.position >= 0) this.#waiting.remove(flow.byStep)
  }

  /** The first of those eligible at this level at virtual time v. */
  first(level: number, v: number): Flow | undefined {
    this.#walk(limitOf(v))
    return this.#least(Math.min(level, this.#levels - 1))
  }

  /** The first of all, eligible or not: a slot never idles while somebody waits. */
  firstOfAll(): Flow | undefined {
    return this.#least(this.#levels)
  }

  #least(lastStep: number): Flow | undefined {
    let best: HeapNode<Flow> | undefined
    for (let step = 0; step <= Math.max(0, lastStep); step++) {
      const top = this.#steps[step]?.peek()
      if (top !== undefined && (best === undefined || isBefore(top, best))) best = top
    }
    return best?.owner
  }

  /** Everybody whose time has come goes down, over several steps at once if v jumped. */
  #walk(limit: number): void {
    for (let next = this.#waiting.peek(); next !== undefined; next = this.#waiting.peek()) {
      if (next.key > limit) return
      const flow = next.owner
      this.#waiting.remove(next)
      this.#steps[flow.step]?.remove(flow.byFinish)
      this.#stand(flow, flow.byFinish.key, this.#stepAt(flow, limit))
    }
  }

  #stand(flow: Flow, key: number, step: number): void {
    flow.step = step
    this.#steps[step]?.push(flow.byFinish, key)
    if (step > 0) this.#waiting.push(flow.byStep, this.#eligibleAt(flow, step - 1))
  }

  #eligibleAt(flow: Flow, level: number): number {
    return flow.headStart - (level / this.#levels) * flow.headLength
  }

  /** The lowest level at which the head is eligible; rounding is set right by asking again. */
  #stepAt(flow: Flow, limit: number): number {
    if (this.#levels === 0 || flow.headStart <= limit) return 0
    const exact = (this.#levels * (flow.headStart - limit)) / flow.headLength
    let step = Number.isFinite(exact) ? Math.min(this.#levels, Math.max(1, Math.ceil(exact))) : this.#levels
    while (step > 1 && this.#eligibleAt(flow, step - 1) <= limit) step -= 1
    while (step < this.#levels && this.#eligibleAt(flow, step) > limit) step += 1
    return step
  }
}

/** Up to where a tag counts as reached: `<=` and not `<`, or the published schedules cannot arise. */
export function limitOf(v: number): number {
  return v + TAG_EPSILON * Math.max(1, Math.abs(v))
}
