// The execution barrier: causality without flow.
//
// A promise shared by two requests (a cache, a pool, a batch, a lazily opened connection) makes the second
// wait for the first. That is happened-before, but the first one's tenant must not become the second one's.
// So nothing is joined across executions; instead whoever listens here is told of the edge, with both sides,
// and can draw it in a trace or charge a batch to all its submitters.
import type { Frame } from './frame.ts'

export type BarrierEdge = {
  /**
   * How the two met: an awaited promise, or an event listener that belongs to another execution than the
   * emitter.
   */
  readonly via: 'promise' | 'listener'
  /** Where the edge leaves: the settling or emitting side. */
  readonly from: Frame
  /** Where it arrives: the awaiting or listening side. */
  readonly to: Frame
}

export type BarrierListener = (edge: BarrierEdge) => void

export class Barrier {
  readonly #listeners = new Set<BarrierListener>()
  readonly #fault: () => void

  constructor(fault: () => void) {
    this.#fault = fault
  }

  listen(listener: BarrierListener): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  report(via: BarrierEdge['via'], from: Frame, to: Frame): void {
    if (this.#listeners.size === 0) return
    const edge: BarrierEdge = { via, from, to }
    for (const listener of this.#listeners) {
      try {
        listener(edge)
      } catch {
        this.#fault()
      }
    }
  }
}
