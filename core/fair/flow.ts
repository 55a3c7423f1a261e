// A flow is what is scheduled fairly (a tenant, a workflow); a request is one piece of its work. Both
// belong to one scheduler, which alone changes them.
//
//   flow  head -> request <-> request <-> request <- tail          waiting, first come first served
//         running: how many of its requests hold a slot
//
// The line is linked both ways, so that whoever gives up leaves in O(1).

import { heapNode, type HeapNode } from './heap.ts'

export class Flow {
  /** Decides ties; unique within its scheduler. */
  readonly order: number
  weight: number
  head: Request | undefined = undefined
  tail: Request | undefined = undefined
  running = 0

  /** Start tag of the next request, in units of cost by weight (S_f of 2DFQ figure 7). */
  tag = 0
  /** The step on which the head stands now: see step-queue.ts. */
  step = 0
  /** What a step is high, and where the head's tags are. */
  headStart = 0
  headLength = 0
  readonly byFinish: HeapNode<Flow>
  readonly byStep: HeapNode<Flow>

  /** Tag of the last arrival in the fluid system, which runs ahead of the real one. */
  fluidFinish = 0
  readonly byFluid: HeapNode<Flow>

  /** What its requests cost, as far as is known: see estimate.ts. NaN = nothing is. */
  perRequest = Number.NaN
  perUnit = Number.NaN

  /** Of round robin: what it may still spend, and its neighbour in the ring. */
  deficit = 0
  nextInRing: Flow | undefined = undefined
  isInRing = false

  constructor(order: number, weight: number) {
    this.order = order
    this.weight = weight
    this.byFinish = heapNode<Flow>(this, order)
    this.byStep = heapNode<Flow>(this, order)
    this.byFluid = heapNode<Flow>(this, order)
  }

  /** It waits for something or holds something. */
  get isActive(): boolean {
    return this.head !== undefined || this.running > 0
  }

  append(request: Request): void {
    request.previous = this.tail
    if (this.tail === undefined) this.head = request
    else this.tail.next = request
    this.tail = request
  }

  /** Takes a waiting request out of the line. */
  unlink(request: Request): void {
    if (request.previous === undefined) this.head = request.next
    else request.previous.next = request.next
    if (request.next === undefined) this.tail = request.previous
    else request.next.previous = request.previous
    request.next = undefined
    request.previous = undefined
  }
}

/** Made by the caller, who hangs his own data on it by extending it. */
export class Request {
  readonly flow: Flow
  /** In known-cost schedulers what it costs; in estimating ones the caller's own measure, if he gave one. */
  readonly cost: number | undefined
  next: Request | undefined = undefined
  previous: Request | undefined = undefined

  /** Virtual time of its arrival. */
  arrival = 0
  /** Sequence of arrival, over all flows. */
  sequence = 0

  /** Once it runs: what was charged and is not used up yet, what was measured, at which weight. */
  credit = 0
  measured = 0
  weight = 1

  constructor(flow: Flow, cost?: number) {
    this.flow = flow
    this.cost = cost
  }
}
