// How the way of traces fares, from the processes to the rows of datasets: /api/v1/pipeline. Behind by how
// much, what waits where, and all that was lost or left out, with its cause. The same numbers as /metrics,
// with their last hour.

export type PipelineStage = 'agents' | 'ingest' | 'traces' | 'features' | 'store'

export type PipelineLoss = {
  readonly stage: PipelineStage
  /** Names it in `past.losses`. */
  readonly cause: string
  /** In words. */
  readonly what: string
  /** What is counted: requests, spans, traces, rows, ... */
  readonly unit: string
  /** Somebody wanted it so (sampling, a repeat that was known); else it is a loss. */
  readonly isIntentional: boolean
  /** Since the server started, restarts of parts included. */
  readonly count: number
}

export type PipelineOwner = {
  readonly owner: string
  /** Traces in its queue, of at most queueMax; what does not fit is delayed, not lost. */
  readonly waiting: number
  readonly queueMax: number
  readonly cpuMs: number
  readonly overBudget: number
  readonly refused: number
  readonly quarantines: number
  /** Its features rest until then, for they cost too much too often. */
  readonly restsUntilMs?: number
}

export type PipelineView = {
  readonly nowMs: number
  readonly parts: readonly {
    readonly name: string
    readonly state: string
    readonly restarts: number
    readonly lastError?: string
  }[]
  readonly losses: readonly PipelineLoss[]
  readonly owners: readonly PipelineOwner[]
  /** Columns beside timesMs, the begin of each step, oldest first; null = nothing was heard then. */
  readonly past: {
    readonly stepMs: number
    readonly timesMs: readonly number[]
    /** The highest of a step: lags in ms, what waits. */
    readonly gauges: { readonly [name: string]: readonly (number | null)[] }
    /** A second. */
    readonly rates: { readonly [name: string]: readonly (number | null)[] }
    /** How many in a step; only causes with some. */
    readonly losses: { readonly [cause: string]: readonly number[] }
    readonly ownersWaiting: { readonly [owner: string]: readonly (number | null)[] }
  }
}
