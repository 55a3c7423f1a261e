// What is done while live traces do not wait: the delayed queue first, then backfills.
//
//   fill -> few are unread? a look into the delayed queue --ids--.
//                           a page of the next backfill -----ids-+--> patient: read from the store
//
// The next ids are asked for while those before are read, and those while the rows of others are made. One
// look and one page are under way at most; backfills take turns, and pages that wait to be durable are
// bounded by backfill, traces by owner. Owner: the feature pipeline.

import type { Clock } from '#base'
import { StoreError, type Store } from '#store'
import { Backfill, type BackfillJob, type BackfillPage } from './backfills.ts'
import type { DelayedQueue } from './delayed-queue.ts'
import { Hold } from './hold.ts'
import type { LateTraces } from './late-traces.ts'
import { BACKFILL_PAGES_UNDER_WAY_MAX, DELAYED_CHECK_MS, PATIENT_UNREAD_MIN } from './limits.ts'

type Ports = {
  readonly store: Store
  readonly clock: Clock
  readonly delayed: DelayedQueue
  /** Owners whose traces stay in the delayed queue. */
  readonly resting: () => readonly string[]
  /** The owner of the dataset rests. */
  readonly isResting: (dataset: string) => boolean
  readonly patient: Pick<LateTraces, 'add' | 'unreadCount'>
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
    if (this.#ports.patient.unreadCount >= PATIENT_UNREAD_MIN) return
    this.#takeDelayed()
    if (!this.#isPaging) this.#nextPage()
  }

  /** Backfills take turns. */
  #nextPage(): void {
    for (const [id, backfill] of this.#backfills) {
      if (backfill.isOver) this.#backfills.delete(id)
      else if (this.#mayGoOn(backfill)) {
        this.#backfills.delete(id)
        this.#backfills.set(id, backfill)
        return this.#page(backfill)
      }
    }
  }

  #mayGoOn({ hasMore, pagesUnderWay, dataset }: Backfill): boolean {
    return hasMore && pagesUnderWay < BACKFILL_PAGES_UNDER_WAY_MAX && !this.#ports.isResting(dataset)
  }

  #takeDelayed(): void {
    const { clock, delayed, resting, patient, onChange } = this.#ports
    const nowMs = clock.monotonicMs()
    if (this.#isTaking || delayed.waiting === 0 || nowMs < this.#nextDelayedMs) return
    this.#isTaking = true
    this.#nextDelayedMs = nowMs + DELAYED_CHECK_MS
    const take = async (): Promise<void> => {
      const taken = await delayed.take(resting())
      if (taken.length > 0) this.#nextDelayedMs = nowMs
      for (const one of taken) {
        const hold = new Hold(() => delayed.done(one))
        patient.add({ traceId: one.traceId, isAgain: true, hold, only: { owner: one.owner } })
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
      this.#ports.patient.add({ traceId, isAgain: true, hold: hold.hold(), only, onRows })
    hold.release()
  }
}
