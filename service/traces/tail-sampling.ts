// The decision after the fact: which assembled traces are kept, and what a kept one stands for.
//
//   summary ──► asked for by a policy? failed? slow? rare? ──yes──► kept, weight 1
//                  │ no
//                  ▼
//               R >= T(p x head's p) ──yes──► kept, weight 1/p       (R, head's p: the root's tracestate)
//                  │ no
//                  ▼
//               dropped: no summary; after DROP_AFTER_MS its spans are deleted
//
// The threshold is that of both decisions together, so p holds given that the head kept it, and whoever
// samples the same trace by the same R keeps it too. Why a trace is kept depends on it and on traces before
// it, never on R: so each stratum is estimated right, the kept ones of the last by 1/p.
//
// What was written is never taken back, and what was dropped may still be kept when later spans make it
// failed or slow, until its spans are deleted. A restart in between forgets what was to be deleted: those
// spans live until retention, unfound. Nothing here is asked while there is no rule. Source: OpenTelemetry,
// "TraceState: probability sampling" (proportional downstream sampler); Canopy 4.1.

import {
  probabilityOf,
  randomnessOf,
  readTraceState,
  thresholdOf,
  type TailReason,
  type TailRule,
} from '#protocol'
import { OPERATION_SEPARATOR, type Summary } from './assembler.ts'
import { DROP_AFTER_MS, DROPPED_WAITING_MAX, FINISHED_IDS_MAX } from './assembly-limits.ts'
import { DurationTails } from './duration-tails.ts'
import type { SummaryRow } from './summary-table.ts'

type Verdict = { readonly weight: number; readonly reason: TailReason } | 'dropped'

export type TailStats = {
  readonly tailKept: { readonly [reason in TailReason]: number }
  readonly tailDropped: number
  readonly tailDeleted: number
}

export class TailSampling {
  #rule: TailRule | undefined
  readonly #tails = new DurationTails()
  /** Dropped and not deleted yet, in the order of their last drop. */
  readonly #waiting = new Map<string, number>()
  /** Weights of those that were kept, for when more of their spans come. */
  readonly #weights = new Map<string, number>()
  #counts = { dropped: 0, deleted: 0 }
  readonly #kept = { policy: 0, failed: 0, slow: 0, rare: 0, chance: 0, late: 0 }

  /** In force for traces that are decided from now on; what waits to be deleted goes all the same. */
  become(rule: TailRule | undefined): void {
    this.#rule = rule
  }

  /** There is nothing to decide, and nothing that was. */
  get isIdle(): boolean {
    return this.#rule === undefined && this.#waiting.size === 0 && this.#weights.size === 0
  }

  /** The rows of traces that are kept, with their weights. The same rows again are decided alike. */
  keep(rows: readonly SummaryRow[], nowMs: number): SummaryRow[] {
    const weights = new Map<string, number>()
    for (const row of rows) {
      const weight = row.isDeleted ? undefined : this.#weightOf(row, nowMs)
      if (weight !== undefined) weights.set(row.summary.traceId, weight)
    }
    return rows.flatMap((row) => {
      const weight = weights.get(row.summary.traceId)
      return weight === undefined ? [] : { ...row, weight }
    })
  }

  /** undefined = it is dropped. */
  #weightOf({ summary, weight, isAgain }: SummaryRow, nowMs: number): number | undefined {
    const { traceId } = summary
    const known = isAgain ? weight : this.#weights.get(traceId)
    if (known !== undefined) return this.#remember(traceId, known)
    const rule = this.#rule
    if (rule === undefined && !this.#waiting.has(traceId)) return 1
    const wasDropped = this.#waiting.delete(traceId)
    const verdict = rule === undefined ? UNRULED : this.#verdictOf(summary, rule, nowMs)
    if (!wasDropped) this.#tails.add(operationOf(summary), Number(summary.durationNs), nowMs)
    if (verdict === 'dropped') {
      if (!wasDropped) this.#counts.dropped += 1
      this.#waiting.set(traceId, nowMs)
      return undefined
    }
    if (wasDropped) this.#counts.dropped -= 1
    this.#kept[verdict.reason] += 1
    return this.#remember(traceId, verdict.weight)
  }

  #remember(traceId: string, weight: number): number {
    this.#weights.delete(traceId)
    this.#weights.set(traceId, weight)
    if (this.#weights.size > FINISHED_IDS_MAX) forgetTenth(this.#weights)
    return weight
  }

  /** Of traces whose summaries were decided: those that were not dropped, and what each stands for. */
  kept<T extends { readonly traceId: string }>(
    traces: readonly T[],
  ): (T & { readonly tailWeight: number })[] {
    return traces
      .filter(({ traceId }) => !this.#waiting.has(traceId))
      .map((trace) => ({ ...trace, tailWeight: this.#weights.get(trace.traceId) ?? 1 }))
  }

  /** Traces whose spans may go now; call `deleted` when they are gone. */
  due(nowMs: number, countMax: number): readonly string[] {
    const due: string[] = []
    const isFull = this.#waiting.size > DROPPED_WAITING_MAX
    for (const [traceId, droppedMs] of this.#waiting) {
      if (due.length >= countMax || (!isFull && nowMs - droppedMs < DROP_AFTER_MS)) break
      due.push(traceId)
    }
    return due
  }

  deleted(traceIds: readonly string[]): void {
    for (const traceId of traceIds) if (this.#waiting.delete(traceId)) this.#counts.deleted += 1
  }

  stats(): TailStats {
    return {
      tailKept: { ...this.#kept },
      tailDropped: this.#counts.dropped,
      tailDeleted: this.#counts.deleted,
    }
  }

  #verdictOf(summary: Summary, rule: TailRule, nowMs: number): Verdict {
    const operation = operationOf(summary)
    const head = readTraceState(summary.rootTraceState)
    if (head.isWanted) return { weight: 1, reason: 'policy' }
    if (rule.failed && summary.errorCount > 0) return { weight: 1, reason: 'failed' }
    if (rule.slow && Number(summary.durationNs) > this.#tails.p99Ns(operation, nowMs))
      return { weight: 1, reason: 'slow' }
    if (this.#tails.seen(operation, nowMs) < rule.rareBelow) return { weight: 1, reason: 'rare' }
    const randomness = randomnessOf(summary.traceId, head)
    const isMeant = head.threshold !== undefined && randomness >= head.threshold
    const headProbability = isMeant ? probabilityOf(head.threshold) : 1
    const isKept = randomness >= thresholdOf(rule.probability * headProbability)
    return isKept ? { weight: 1 / rule.probability, reason: 'chance' } : 'dropped'
  }
}

/** A trace that was dropped by a rule that is gone, and gets more spans while it has the others. */
const UNRULED: Verdict = { weight: 1, reason: 'late' }

/** The oldest, not one by one: a Map finds its first key behind all that was deleted at its front. */
function forgetTenth(map: Map<string, unknown>): void {
  const left = 0.9 * map.size
  for (const oldest of map.keys()) {
    map.delete(oldest)
    if (map.size <= left) return
  }
}

const operationOf = ({ rootService, rootName }: Summary): string =>
  rootService + OPERATION_SEPARATOR + rootName
