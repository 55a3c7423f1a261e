// Features of traces that were stored before: which traces are next, and how far it is. The evaluation
// is that of
// live traces; a backfill only names traces.
//
//   range of trace starts -> hours; in an hour trace ids in order (neighbours lie together in `spans`)
//   next() -> a page of ids; several pages are under way, the cursor follows the first that is not durable
//
// A page that is evaluated twice writes the same rows: after a restart it goes on at the last cursor told.

import type { BackfillState, BackfillView } from '#protocol'
import type { Store } from '#store'
import { text } from '../read-rows.ts'
import { BACKFILL_PAGE } from './limits.ts'

/** As it is kept, and told to the worker. */
export type BackfillJob = BackfillView & {
  readonly id: string
  readonly fromNs: string
  readonly toNs: string
  /** Where to go on; undefined = at the begin. */
  readonly cursor?: BackfillCursor
}
export type BackfillCursor = { readonly hour: number; readonly traceId: string }

export type BackfillPage = {
  readonly ids: readonly string[]
  /** When all rows of it are durable. */
  done(rows: number): void
}

const HOUR_NS = 3_600_000_000_000n
const IDS = `SELECT DISTINCT lower(hex(trace_id)) AS id FROM traces FINAL
  WHERE start_ns >= {from:UInt64} AND start_ns < {to:UInt64} AND is_deleted = 0`

type Page = { readonly end: BackfillCursor; readonly count: number; isDone: boolean }

export class Backfill {
  readonly id: string
  readonly dataset: string
  readonly #store: Store
  readonly #fromNs: bigint
  readonly #toNs: bigint
  #job: BackfillJob
  #next: BackfillCursor
  #isAtEnd = false
  readonly #pages: Page[] = []
  readonly #tell: (job: BackfillJob) => void

  constructor(store: Store, job: BackfillJob, tell: (job: BackfillJob) => void) {
    this.id = job.id
    this.dataset = job.dataset
    this.#store = store
    this.#job = job
    this.#fromNs = BigInt(job.fromNs)
    this.#toNs = BigInt(job.toNs)
    this.#next = job.cursor ?? { hour: Number(this.#fromNs / HOUR_NS), traceId: '' }
    this.#tell = tell
  }

  get isOver(): boolean {
    return this.#job.state !== 'running' && this.#job.state !== 'waiting'
  }

  /** Whether `next` may still give a page. */
  get hasMore(): boolean {
    return !this.isOver && !this.#isAtEnd
  }

  get pagesUnderWay(): number {
    return this.#pages.length
  }

  get job(): BackfillJob {
    return this.#job
  }

  /** The next traces; undefined = no more, or it is over. Errors: those of the store. */
  async next(): Promise<BackfillPage | undefined> {
    if (this.isOver || this.#isAtEnd) return undefined
    if (this.#job.state === 'waiting') await this.#begin()
    for (;;) {
      const ids = await this.#idsAfter(this.#next)
      if (ids.length > 0) return this.#page(ids)
      const hour = await this.#hourAfter(this.#next.hour)
      if (hour === undefined) {
        this.#isAtEnd = true
        this.#advance()
        return undefined
      }
      this.#next = { hour, traceId: '' }
    }
  }

  end(state: Exclude<BackfillState, 'waiting' | 'running'>, error?: string): void {
    if (this.isOver) return
    this.#job = { ...this.#job, state, ...(error === undefined ? {} : { error }) }
    this.#tell(this.#job)
  }

  async #begin(): Promise<void> {
    const [row] = await this.#store.query(`SELECT toFloat64(count()) AS n FROM (${IDS})`, {
      params: { from: this.#fromNs, to: this.#toNs },
    })
    this.#job = { ...this.#job, state: 'running', tracesTotal: Number(row?.['n'] ?? 0) }
    this.#tell(this.#job)
  }

  #page(ids: readonly string[]): BackfillPage {
    this.#next = { hour: this.#next.hour, traceId: ids.at(-1)! }
    const page: Page = { end: this.#next, count: ids.length, isDone: false }
    this.#pages.push(page)
    return {
      ids,
      done: (rows) => {
        page.isDone = true
        this.#job = {
          ...this.#job,
          tracesDone: this.#job.tracesDone + page.count,
          rows: this.#job.rows + rows,
        }
        this.#advance()
      },
    }
  }

  /** The cursor is behind what is durable, in order. */
  #advance(): void {
    while (this.#pages[0]?.isDone === true) {
      const { end } = this.#pages.shift()!
      this.#job = { ...this.#job, cursor: end }
    }
    if (this.#isAtEnd && this.#pages.length === 0) return this.end('done')
    if (!this.isOver) this.#tell(this.#job)
  }

  async #idsAfter({ hour, traceId }: BackfillCursor): Promise<string[]> {
    const from = BigInt(hour) * HOUR_NS
    const to = from + HOUR_NS
    const rows = await this.#store.query(
      `SELECT id FROM (${IDS}) WHERE id > {after:String} ORDER BY id LIMIT {most:UInt32}`,
      {
        params: {
          from: from > this.#fromNs ? from : this.#fromNs,
          to: to < this.#toNs ? to : this.#toNs,
          after: traceId,
          most: BACKFILL_PAGE,
        },
      },
    )
    return rows.map((row) => text(row['id']))
  }

  async #hourAfter(hour: number): Promise<number | undefined> {
    const from = BigInt(hour + 1) * HOUR_NS
    if (from >= this.#toNs) return undefined
    const [row] = await this.#store.query(
      `SELECT min(start_ns) AS first, count() AS n FROM traces
      WHERE start_ns >= {from:UInt64} AND start_ns < {to:UInt64} AND is_deleted = 0`,
      { params: { from, to: this.#toNs } },
    )
    return Number(row?.['n'] ?? 0) === 0 ? undefined : Number(BigInt(text(row?.['first'])) / HOUR_NS)
  }
}
