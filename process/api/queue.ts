// A queue of the application's own, as the trace shall see it: who put in, how long it lay there, who worked
// on it, and who waited for that.
//
//   enqueuer  ──[send jobs]───────────────────────► await item.finished() ──►
//                    \ queue edge: the time in the queue       ^ queue edge: the work is over
//   worker            [process jobs ═════════════════════════]
//
// This is no queue: items lie wherever the application keeps them. The work runs in the context of who
// enqueued: its tenant, its tags, its trace. Each tenant's time in the queue and at work is measured; of a
// batch they pay equal parts. Source: Canopy 3.4 (enqueue, dequeue, complete).

import type { HostQueued } from '#protocol'
import { annotationsOf, NO_ANNOTATIONS, type Annotations } from './annotations.ts'
import { host } from './host.ts'
import { PendingUse } from './pending-use.ts'

export class Queue {
  readonly name: string

  constructor(name: string) {
    this.name = name
  }

  /** Something is put in, now and by this execution; keep what this gives beside it. */
  enqueue(annotations: Annotations = NO_ANNOTATIONS): QueueItem {
    const agent = host()
    if (agent === undefined) return new QueueItem()
    const use = new PendingUse({ name: this.name, kind: 'queue' })
    return new QueueItem({ queued: agent.enqueue(this.name, annotationsOf(annotations)), use })
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
  readonly #use: PendingUse | undefined
  readonly #over = Promise.withResolvers<void>()

  constructor(seen?: { readonly queued: HostQueued; readonly use: PendingUse }) {
    this.#queued = seen?.queued
    this.#use = seen?.use
  }

  /** It is taken out: runs fn as the work on it, and gives what fn gives. */
  process<R>(fn: () => R, others?: readonly QueueItem[]): R
  process(fn: () => unknown, others: readonly QueueItem[] = []): unknown {
    const all = [this, ...others]
    for (const item of all) item.#use?.begun()
    const over = () => {
      for (const item of all) {
        item.#use?.over({ share: 1 / all.length })
        item.#over.resolve()
      }
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
