// The last hour of the pipeline, for people: every few seconds one sample of what /metrics tells, in a ring
// of fixed size. A page that is opened after the trouble still shows it.
//
//   metrics of all parts, drops of agents ──sample──► ring ──view(minutes)──► PIPELINE_POINTS_MAX steps
//
// Counters of a part that restarted begin at 0 again; what is added up here does not.
// Owner: the server; with a hundred servers each tells of itself.

import { assert, Ring } from '#base'
import type { AgentView, PipelineLoss, PipelineOwner, PipelineView } from '#protocol'
import { datasetLimits } from '#traces'
import {
  PIPELINE_CAUSES_MAX,
  PIPELINE_MINUTES_MAX,
  PIPELINE_OWNERS_MAX,
  PIPELINE_POINTS_MAX,
  PIPELINE_SAMPLE_MS,
} from './limits.ts'
import type { Metric } from './metrics.ts'
import type { PartStatus } from './supervisor.ts'
import { lossesIn, type Counted } from './pipeline-losses.ts'

const GAUGES = {
  tracesLagMs: 'crosscut_traces_lag_ms',
  rowsLagMs: 'crosscut_features_lag_ms',
  segmentsWaiting: 'crosscut_traces_segments_waiting',
  featuresWaiting: 'crosscut_features_incoming_waiting',
  delayed: 'crosscut_features_delayed_waiting',
  tracesInMemory: 'crosscut_traces_traces_in_memory',
} as const
const RATES = {
  spansAccepted: 'crosscut_ingest_accepted_spans_total',
  spansStored: 'crosscut_traces_spans_inserted_total',
  tracesDue: 'crosscut_features_traces_due_total',
  tracesDelayed: 'crosscut_features_traces_delayed_total',
  tracesWorkedOff: 'crosscut_features_traces_worked_off_total',
  rowsWritten: 'crosscut_features_rows_written_total',
} as const

type Sample = {
  readonly atMs: number
  readonly gauges: ReadonlyMap<string, number>
  /** Since the sample before. */
  readonly grown: ReadonlyMap<string, number>
  readonly lost: ReadonlyMap<string, number>
  readonly waiting: ReadonlyMap<string, number>
}
type Total = { last: number; sum: number; readonly of: Omit<Counted, 'total'> }

const SAMPLES_MAX = (PIPELINE_MINUTES_MAX * 60_000) / PIPELINE_SAMPLE_MS
assert(Number.isInteger(SAMPLES_MAX), 'an hour is a whole number of samples')

export type PipelineSource = {
  metrics(): Promise<readonly Metric[]>
  agents(): readonly AgentView[]
  parts(): readonly PartStatus[]
  nowMs(): number
}

export class PipelineHistory {
  readonly #source: PipelineSource
  readonly #samples = new Ring<Sample>(SAMPLES_MAX)
  readonly #counters = new Map<string, number>()
  readonly #totals = new Map<string, Total>()
  #owners: readonly PipelineOwner[] = []
  #timer: NodeJS.Timeout | undefined
  #taking: Promise<void> | undefined

  constructor(source: PipelineSource) {
    this.#source = source
  }

  start(): void {
    this.#timer = setInterval(() => void this.take(), PIPELINE_SAMPLE_MS)
    this.#timer.unref()
    void this.take()
  }

  close(): void {
    clearInterval(this.#timer)
  }

  /** One at a time: a part that answers late delays the next sample. Never rejects. */
  take(): Promise<void> {
    return (this.#taking ??= this.#take()
      .catch(() => undefined)
      .finally(() => {
        this.#taking = undefined
      }))
  }

  async #take(): Promise<void> {
    const metrics = await this.#source.metrics()
    const values = new Map(
      metrics.flatMap(({ name, samples }) => samples.slice(0, 1).map(({ value }) => [name, value] as const)),
    )
    this.#owners = ownersIn(metrics)
    const isFirst = this.#samples.length === 0
    const lost = this.#add(lossesIn(metrics, this.#source.agents()))
    this.#samples.push({
      atMs: this.#source.nowMs(),
      gauges: present(GAUGES, values),
      // What came before the first look has no time.
      grown: isFirst ? (this.#grown(values), new Map()) : this.#grown(values),
      lost: isFirst ? new Map() : lost,
      waiting: new Map(this.#owners.map(({ owner, waiting }) => [owner, waiting])),
    })
  }

  #grown(values: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
    const now = present(RATES, values)
    return new Map(
      [...now].map(([name, total]) => {
        const last = this.#counters.get(name) ?? 0
        this.#counters.set(name, total)
        return [name, total < last ? total : total - last]
      }),
    )
  }

  #add(losses: readonly Counted[]): ReadonlyMap<string, number> {
    const grown = new Map<string, number>()
    for (const { total, ...of } of losses) {
      const known = this.#totals.get(of.cause)
      if (known === undefined && (total === 0 || this.#totals.size >= PIPELINE_CAUSES_MAX)) continue
      const { last, sum } = known ?? { last: 0, sum: 0 }
      // An agent that is forgotten takes its total along; a part that restarted begins at 0.
      const more = total >= last ? total - last : of.stage === 'agents' ? 0 : total
      this.#totals.set(of.cause, { last: total, sum: sum + more, of })
      if (more > 0) grown.set(of.cause, more)
    }
    return grown
  }

  view(minutes: number): PipelineView {
    const nowMs = this.#source.nowMs()
    const samples = this.#samples.toArray().filter(({ atMs }) => atMs > nowMs - minutes * 60_000)
    const each = Math.max(1, Math.ceil((minutes * 60_000) / PIPELINE_SAMPLE_MS / PIPELINE_POINTS_MAX))
    const stepMs = each * PIPELINE_SAMPLE_MS
    // By the clock and not by place, so that what is drawn does not jump with each new sample.
    const byStep = Map.groupBy(samples, ({ atMs }) => Math.floor(atMs / stepMs))
    const steps = [...byStep.values()]
    return {
      nowMs,
      parts: this.#source.parts(),
      losses: [...this.#totals.values()].map(({ sum, of }): PipelineLoss => ({ ...of, count: sum })),
      owners: this.#owners,
      past: {
        stepMs,
        timesMs: [...byStep.keys()].map((step) => step * stepMs),
        gauges: columns(Object.keys(GAUGES), steps, (name, step) =>
          most(step.map((one) => one.gauges.get(name))),
        ),
        rates: columns(Object.keys(RATES), steps, (name, step) => {
          const counts = step.flatMap(({ grown }) => grown.get(name) ?? [])
          return counts.length === 0 ? null : sumOf(counts) / ((counts.length * PIPELINE_SAMPLE_MS) / 1_000)
        }),
        losses: columns([...new Set(samples.flatMap(({ lost }) => [...lost.keys()]))], steps, (cause, step) =>
          sumOf(step.map(({ lost }) => lost.get(cause) ?? 0)),
        ),
        ownersWaiting: columns(
          this.#owners.map(({ owner }) => owner),
          steps,
          (owner, step) => most(step.map(({ waiting }) => waiting.get(owner))),
        ),
      },
    }
  }
}

function present(
  names: { readonly [name: string]: string },
  values: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  return new Map(
    Object.entries(names).flatMap(([name, metric]) => {
      const value = values.get(metric)
      return value === undefined ? [] : [[name, value] as const]
    }),
  )
}

function columns<T>(
  names: readonly string[],
  steps: readonly (readonly Sample[])[],
  valueOf: (name: string, step: readonly Sample[]) => T,
): { readonly [name: string]: readonly T[] } {
  return Object.fromEntries(names.map((name) => [name, steps.map((step) => valueOf(name, step))]))
}

const sumOf = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0)

function most(values: readonly (number | undefined)[]): number | null {
  const known = values.filter((value) => value !== undefined)
  return known.length === 0 ? null : Math.max(...known)
}

const OWNER = /^crosscut_features_owner_(.+?)(?:_total)?$/

/** Those that take most come first. */
function ownersIn(metrics: readonly Metric[]): readonly PipelineOwner[] {
  const owners = new Map<string, Map<string, number>>()
  for (const { name, samples } of metrics) {
    const what = OWNER.exec(name)?.[1]
    if (what === undefined) continue
    for (const { labels, value } of samples) {
      const owner = labels?.['owner'] ?? ''
      const known = owners.get(owner) ?? new Map<string, number>()
      owners.set(owner, known.set(what, value))
    }
  }
  return [...owners]
    .map(([owner, values]): PipelineOwner => {
      const of = (what: string): number => values.get(what) ?? 0
      const restsUntilMs = of('rests_until_ms')
      return {
        owner,
        waiting: of('waiting'),
        queueMax: datasetLimits.OWNER_QUEUE_MAX,
        cpuMs: of('cpu_ms'),
        overBudget: of('over_budget'),
        refused: of('refused'),
        quarantines: of('quarantines'),
        ...(restsUntilMs === 0 ? {} : { restsUntilMs }),
      }
    })
    .sort((a, b) => b.cpuMs - a.cpuMs)
    .slice(0, PIPELINE_OWNERS_MAX)
}
