// Ground truth: what this process did, counted by itself, owing nothing to tracing. Served as JSON at /truth.
//
// counts are totals by operation; recent holds the last operations with the id of the request they were done
// for, so that a test can say which calls a trace must contain, no more and no less.

export type TruthEntry = { readonly rid: string; readonly op: string }
export type TruthReport = {
  readonly process: string
  readonly counts: { readonly [op: string]: number }
  readonly recent: readonly TruthEntry[]
}

/** Enough for a test of minutes; about 3 MB. */
const RECENT_MAX = 50_000

export class Truth {
  readonly #process: string
  readonly #counts = new Map<string, number>()
  readonly #recent: TruthEntry[] = []

  constructor(process: string) {
    this.#process = process
  }

  count(op: string, rid: string, by = 1): void {
    this.#counts.set(op, (this.#counts.get(op) ?? 0) + by)
    if (this.#recent.length === RECENT_MAX) this.#recent.splice(0, RECENT_MAX / 2)
    this.#recent.push({ rid, op })
  }

  report(): TruthReport {
    return { process: this.#process, counts: Object.fromEntries(this.#counts), recent: this.#recent }
  }
}
