// A queue of the application's own, as the trace shall see it: who put in, how long it lay there, who worked
// on it, and who waited for that.
//
//   enqueuer  ──[send jobs]───────────────────────► await item.finished() ──►
//                    \ queue edge: the time in the queue       ^ queue edge: the work is over
//   worker            [process jobs ═════════════════════════]
//
// This is no queue: items lie wherever the application keeps them. The work runs in the context of who
// enqueued: its tenant, its tags, its trace. Source: Canopy 3.4 (enqueue, dequeue, complete).

import type { HostQueued } from '#protocol'
import { annotationsOf, NO_ANNOTATIONS, type Annotations } from './annotations.ts'
import { host } from './host.ts'

export class Queue {
  readonly name: string

  constructor(name: string) {
    this.name = name
  }

  /** Something is put in, now and by this execution; keep what this gives beside it. */
  enqueue(annotations: Annotations = NO_ANNOTATIONS): QueueItem {
    return new QueueItem(host()?.enqueue(this.name, annotationsOf(annotations)))
  }

  /**
   * Takes several out at once: fn runs in the context of who put in the first, its block has an edge from
   * each. Without items fn just runs.
   */
  processAll<R>(items: readonly QueueItem[], fn: () => R): R {
    const [first, ...others] = items
    return first === undefined ? fn() : first.process(fn, others)
  }
}

/** Made by `Queue.enqueue`. */
export class QueueItem {
  readonly #queued: HostQueued | undefined
  readonly #over = Promise.withResolvers<void>()

  constructor(queued: HostQueued | undefined) {
    this.#queued = queued
  }

  /** It is taken out: runs fn as the work on it, and gives what fn gives. */
  process<R>(fn: () => R, others?: readonly QueueItem[]): R
  process(fn: () => unknown, others: readonly QueueItem[] = []): unknown {
    const over = () => {
      for (const item of [this, ...others]) item.#over.resolve()
    }
    const siblings = others.flatMap((item) => (item.#queued === undefined ? [] : [item.#queued]))
    let result
    try {
      result = this.#queued === undefined ? fn() : this.#queued.dequeue(fn, siblings)
    } catch (error: unknown) {
      over()
      throw error
    }
    if (result instanceof Promise) return result.finally(over)
    over()
    return result
  }

  /** Settles when the work on it is over, however that ended; the execution that waits gets the edge. */
  async finished(): Promise<void> {
    await this.#over.promise
    this.#queued?.arrived()
  }
}
