// What is done while live traces do not wait: the delayed queue first, then backfills.
//
//   fill -> delayed queue (a look every half second) --ids--.
//        -> a page of one backfill ------------------ids----+--> add(item): read from the store, patient
//
// One look and one page are under way at most; pages that wait to be durable are bounded by backfill.
// Owner: the feature pipeline.

import type { Clock } from '#base'
import { StoreError, type Store } from '#store'
import { Backfill, type BackfillJob, type BackfillPage } from './backfills.ts'
import type { DelayedQueue } from './delayed-queue.ts'
import { Hold } from './hold.ts'
import { BACKFILL_PAGES_UNDER_WAY_MAX, DELAYED_CHECK_MS } from './limits.ts'
import type { Item } from './trace-items.ts'

type Ports = {
  readonly store: Store
  readonly clock: Clock
  readonly delayed: DelayedQueue
  /** Owners whose traces stay in the delayed queue. */
  readonly resting: () => readonly string[]
  readonly add: (item: Item) => void
  readonly backfilled: (job: BackfillJob) => void
  /** Something was added, or may be asked again. */
  readonly onChange: () => void
}

export class IdleWork {
  readonly #ports: Ports
  readonly #backfills = new Map<string, Backfill>()
  #isTaking = false
  #isPaging = false
  #nextDelayedMs = 0

  constructor(ports: Ports) {
    this.#ports = ports
  }

  /** Begins or goes on. */
  backfill(job: BackfillJob): void {
    if (this.#backfills.has(job.id)) return
    this.#backfills.set(job.id, new Backfill(this.#ports.store, job, this.#ports.backfilled))
    this.#ports.onChange()
  }

  cancel(id: string): void {
    this.#backfills.get(id)?.end('cancelled')
  }

  /** Ends backfills of datasets that are no more. */
  keep(isLive: (dataset: string) => boolean): void {
    for (const backfill of this.#backfills.values())
      if (!isLive(backfill.dataset)) backfill.end('cancelled', 'the dataset was removed')
  }

  /** Never rejects. */
  fill(): void {
    this.#takeDelayed()
    if (this.#isPaging) return
    for (const [id, backfill] of this.#backfills) {
      if (backfill.isOver) this.#backfills.delete(id)
      else if (backfill.hasMore && backfill.pagesUnderWay < BACKFILL_PAGES_UNDER_WAY_MAX)
        return this.#page(backfill)
    }
  }

  #takeDelayed(): void {
    const { clock, delayed, resting, add, onChange } = this.#ports
    const nowMs = clock.monotonicMs()
    if (this.#isTaking || delayed.waiting === 0 || nowMs < this.#nextDelayedMs) return
    this.#isTaking = true
    this.#nextDelayedMs = nowMs + DELAYED_CHECK_MS
    const take = async (): Promise<void> => {
      for (const one of await delayed.take(resting())) {
        const hold = new Hold(() => delayed.done(one))
        add({ traceId: one.traceId, isAgain: true, hold, only: { owner: one.owner }, isPatient: true })
      }
    }
    void take()
      // The store is away: it is asked again.
      .catch(() => undefined)
      .finally(() => {
        this.#isTaking = false
        onChange()
      })
  }

  #page(backfill: Backfill): void {
    this.#isPaging = true
    const work = async (): Promise<void> => {
      const page = await backfill.next()
      if (page !== undefined) this.#addPage(backfill, page)
    }
    void work()
      .catch((error: unknown) => {
        const code = error instanceof StoreError ? error.code : 'E_STORE_QUERY'
        if (code === 'E_STORE_QUERY' || code === 'E_STORE_TIMEOUT') backfill.end('failed', String(error))
      })
      .finally(() => {
        this.#isPaging = false
        this.#ports.onChange()
      })
  }

  #addPage(backfill: Backfill, { ids, done }: BackfillPage): void {
    let rows = 0
    const onRows = (count: number): void => {
      rows += count
    }
    const hold = new Hold(() => done(rows))
    const only = { dataset: backfill.dataset }
    for (const traceId of ids)
      this.#ports.add({ traceId, isAgain: true, hold: hold.hold(), only, isPatient: true, onRows })
    hold.release()
  }
}
