// What the next request of a flow will cost, learnt from those that ended (2DFQ section 5.1).
//
//   pessimistic   L = max(alpha L, T)             jumps up at once, forgets slowly: an underestimate blocks
//                                                 everybody, an overestimate only delays its own flow
//   average       L = alpha L + (1 - alpha) T     for the baselines, as in the paper
//
// A caller may give a measure of his own with a request (bytes, rows). Then what is learnt is the cost of one
// unit of it; calls with and without a measure are learnt apart. A flow that nothing is known of is taken for
// the mean of all: with nothing at all it costs 1, so that flows take turns.

import type { Request } from './flow.ts'

export type EstimateKind = 'pessimistic' | 'average'

export class Estimator {
  readonly #kind: EstimateKind
  readonly #alpha: number
  #perRequest = new Mean()
  #perUnit = new Mean()

  constructor(kind: EstimateKind, alpha: number) {
    this.#kind = kind
    this.#alpha = alpha
  }

  estimate(request: Request): number {
    const { flow, cost } = request
    if (cost === undefined) return known(flow.perRequest, this.#perRequest.value)
    return cost * known(flow.perUnit, this.#perUnit.value)
  }

  /** Learns from a request that ended. */
  learn(request: Request, used: number): void {
    const { flow, cost } = request
    if (cost === undefined) {
      flow.perRequest = this.#blend(flow.perRequest, used)
      this.#perRequest.add(used)
    } else if (cost > 0) {
      flow.perUnit = this.#blend(flow.perUnit, used / cost)
      this.#perUnit.add(used / cost)
    }
  }

  #blend(before: number, used: number): number {
    if (Number.isNaN(before)) return used
    if (this.#kind === 'pessimistic') return Math.max(this.#alpha * before, used)
    return this.#alpha * before + (1 - this.#alpha) * used
  }
}

const known = (own: number, others: number): number => (Number.isNaN(own) ? others : own)

/** Of the first hundred a true mean, then one that forgets. */
class Mean {
  value = 1
  #count = 0

  add(sample: number): void {
    this.#count = Math.min(this.#count + 1, 100)
    this.value += (sample - this.value) / this.#count
  }
}
