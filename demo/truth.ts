// Ground truth: what this process did, counted by itself, owing nothing to tracing. Served as JSON at /truth.
//
// counts are totals by operation; tallies are numbers of something by the id of the request they were for
// (bytes read, statements run); recent holds the last operations with the id of the request they were done
// for, so that a test can say which calls a trace must contain, no more and no less.

export type TruthEntry = { readonly rid: string; readonly op: string }
export type TruthReport = {
  readonly process: string
  readonly counts: { readonly [op: string]: number }
  readonly tallies: { readonly [of: string]: { readonly [rid: string]: number } }
  readonly recent: readonly TruthEntry[]
}

/** Enough for a test of minutes; about 3 MB. */
const RECENT_MAX = 50_000
/** Requests of one tally; what comes later is not counted, a demo may run for days. */
const TALLIED_MAX = 50_000

export class Truth {
  readonly #process: string
  readonly #counts = new Map<string, number>()
  readonly #tallies = new Map<string, Map<string, number>>()
  readonly #recent: TruthEntry[] = []

  constructor(process: string) {
    this.#process = process
  }

  count(op: string, rid: string, by = 1): void {
    this.#counts.set(op, (this.#counts.get(op) ?? 0) + by)
    if (this.#recent.length === RECENT_MAX) this.#recent.splice(0, RECENT_MAX / 2)
    this.#recent.push({ rid, op })
  }

  tally(of: string, rid: string, by = 1): void {
    const tally = this.#tallies.get(of) ?? new Map<string, number>()
    this.#tallies.set(of, tally)
    if (tally.size < TALLIED_MAX || tally.has(rid)) tally.set(rid, (tally.get(rid) ?? 0) + by)
  }

  report(): TruthReport {
    const tallies = [...this.#tallies].map(([of, tally]) => [of, Object.fromEntries(tally)])
    return {
      process: this.#process,
      counts: Object.fromEntries(this.#counts),
      tallies: Object.fromEntries(tallies),
      recent: this.#recent,
    }
  }
}
