// RR and DRR: flows that wait stand in a ring and take turns.
//
//   rr    a turn is one request, whatever it costs; weights do not count
//   drr   a turn is a quantum of cost by weight; what is not spent is kept, unless the flow has nothing left
//
// The quantum is the dearest request so far, so that with weights of 1 and more every turn serves somebody
// (Shreedhar and Varghese 1996: O(1) then). With smaller weights whole rounds may pass in which nobody can
// pay: they are counted at once instead of walked through.

import type { Flow, Request } from './flow.ts'
import type { Scheduler } from './scheduler.ts'

export class RoundRobin implements Scheduler {
  readonly #ring = new Ring()
  readonly #isByCost: boolean
  #queued = 0
  #quantum = 0
  /** The first of the ring has had its quantum for this turn. */
  #isPaid = false

  constructor(options: { readonly isByCost: boolean }) {
    this.#isByCost = options.isByCost
  }

  get queued(): number {
    return this.#queued
  }

  enqueue(request: Request): void {
    this.#quantum = Math.max(this.#quantum, request.cost ?? 1)
    request.flow.append(request)
    this.#queued += 1
    this.#ring.join(request.flow)
  }

  dequeue(): Request | undefined {
    return this.#isByCost ? this.#nextByCost() : this.#nextByTurn()
  }

  remove(request: Request): void {
    request.flow.unlink(request)
    this.#queued -= 1
  }

  measure(): void {}

  complete(request: Request): void {
    request.flow.running -= 1
  }

  setWeight(flow: Flow, weight: number): void {
    flow.weight = weight
  }

  #nextByTurn(): Request | undefined {
    const flow = this.#firstWaiting()
    if (flow?.head === undefined) return undefined
    const request = this.#begin(flow, flow.head)
    this.#endTurn(flow)
    return request
  }

  #nextByCost(): Request | undefined {
    let unpaid = 0
    for (let flow = this.#firstWaiting(); flow?.head !== undefined; flow = this.#firstWaiting()) {
      if (!this.#isPaid) flow.deficit += this.#quantum * flow.weight
      this.#isPaid = true
      const { head } = flow
      const cost = head.cost ?? 1
      if (flow.deficit >= cost) {
        flow.deficit -= cost
        return this.#begin(flow, head)
      }
      this.#endTurn(flow)
      unpaid += 1
      if (unpaid === this.#ring.size) this.#skipRounds()
    }
    return undefined
  }

  /** All rounds but the last before somebody can pay. */
  #skipRounds(): void {
    let rounds = Number.POSITIVE_INFINITY
    for (const flow of this.#ring.flows())
      rounds = Math.min(rounds, ((flow.head?.cost ?? 1) - flow.deficit) / (this.#quantum * flow.weight))
    const skipped = Math.max(0, Math.ceil(rounds) - 1)
    for (const flow of this.#ring.flows()) flow.deficit += skipped * this.#quantum * flow.weight
  }

  #firstWaiting(): Flow | undefined {
    for (let flow = this.#ring.first; flow !== undefined; flow = this.#ring.first) {
      if (flow.head !== undefined) return flow
      this.#endTurn(flow)
    }
    return undefined
  }

  #begin(flow: Flow, request: Request): Request {
    flow.unlink(request)
    flow.running += 1
    this.#queued -= 1
    return request
  }

  /** To the end of the ring, or out of it: an idle flow saves nothing. */
  #endTurn(flow: Flow): void {
    this.#ring.leave()
    this.#isPaid = false
    if (flow.head === undefined) flow.deficit = 0
    else this.#ring.join(flow)
  }
}

class Ring {
  first: Flow | undefined = undefined
  size = 0
  #last: Flow | undefined = undefined

  join(flow: Flow): void {
    if (flow.isInRing) return
    flow.isInRing = true
    flow.nextInRing = undefined
    if (this.#last === undefined) this.first = flow
    else this.#last.nextInRing = flow
    this.#last = flow
    this.size += 1
  }

  /** The first leaves. */
  leave(): void {
    const flow = this.first
    if (flow === undefined) return
    this.first = flow.nextInRing
    if (this.first === undefined) this.#last = undefined
    flow.isInRing = false
    this.size -= 1
  }

  *flows(): Generator<Flow> {
    for (let flow = this.first; flow !== undefined; flow = flow.nextInRing) yield flow
  }
}
