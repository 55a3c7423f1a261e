// What the trace routes of /api/v1 answer; the web app and the CLI read exactly these.
//
// Times are decimal strings of ns since the epoch, already on the trace's aligned timeline; shiftNs says by
// how much a span was moved, so that the raw time is always recoverable (startNs - shiftNs). Untrusted text
// stays text: no member here is ever markup.

import type { EdgeKind } from './trace-attributes.ts'

/** One row of the trace list: GET /api/v1/traces. */
export type TraceSummary = {
  readonly traceId: string
  readonly rootService: string
  readonly rootName: string
  /** Start of the earliest span. */
  readonly startNs: string
  /** Last end minus first start. */
  readonly durationNs: string
  readonly spanCount: number
  readonly errorCount: number
  /** By number of spans, most first. */
  readonly services: readonly { readonly name: string; readonly spanCount: number }[]
  /** False while no span without a parent was seen: the root is missing or still on its way. */
  readonly hasRoot: boolean
  /** How many traces it stands for, as sampling left it; absent = 1. */
  readonly weight?: number
}

export type TraceSearchResult = {
  readonly traces: readonly TraceSummary[]
  /** Pass back as ?cursor= for the next page; absent on the last. */
  readonly nextCursor?: string
}

/**
 * An OTLP AnyValue as JSON: 64-bit integers beyond 2^53 and bytes are strings, tagged by their key's type in
 * `types`.
 */
export type AttributeValue =
  | string
  | number
  | boolean
  | null
  | readonly AttributeValue[]
  | { readonly [key: string]: AttributeValue }
export type Attributes = { readonly [key: string]: AttributeValue }

export type SpanKind = 'unspecified' | 'internal' | 'server' | 'client' | 'producer' | 'consumer'

export type SpanView = {
  readonly spanId: string
  readonly parentSpanId?: string
  readonly service: string
  readonly name: string
  readonly kind: SpanKind
  readonly startNs: string
  readonly endNs: string
  /** What clock alignment and repair added to both times; '0' when untouched. */
  readonly shiftNs: string
  readonly status: { readonly code: 'unset' | 'ok' | 'error'; readonly message?: string }
  readonly attributes: Attributes
  readonly resource: Attributes
  readonly scope: { readonly name: string; readonly version?: string }
  readonly events: readonly {
    readonly timeNs: string
    readonly name: string
    readonly attributes: Attributes
  }[]
  /** As exported; those inside this trace also stand in TraceView.edges. */
  readonly links: readonly {
    readonly traceId: string
    readonly spanId: string
    readonly attributes: Attributes
  }[]
  /** Sum over attributes, events and links that a limit left out. */
  readonly droppedCount: number
  /** Nesting below the root, 0 = root; for drawing without rebuilding the tree. */
  readonly depth: number
}

/**
 * A causal arrow other than parent -> child. Ends of other traces have traceId set and no span in this view.
 */
export type EdgeView = {
  readonly kind: EdgeKind
  readonly from: { readonly spanId: string; readonly traceId?: string; readonly timeNs?: string }
  readonly to: { readonly spanId: string; readonly timeNs: string }
  /** Its labels and counters, and what else its link says; absent = nothing. */
  readonly attributes?: Attributes
}

/** What the model changed, so that nobody mistakes a repair for an observation. */
export type RepairView = { readonly kind: string; readonly spanId?: string; readonly message: string }

/** GET /api/v1/traces/{traceId}. Spans come depth first, children by start. */
export type TraceView = {
  readonly traceId: string
  readonly summary: TraceSummary
  readonly spans: readonly SpanView[]
  /**
   * All spans of the trace; more than spans.length when the answer was cut (read on with .../spans?offset=).
   */
  readonly totalSpans: number
  readonly edges: readonly EdgeView[]
  readonly repairs: readonly RepairView[]
  readonly clocks: readonly { readonly host: string; readonly offsetNs: string }[]
}

export type CriticalPathView = {
  readonly sections: readonly {
    readonly spanId: string
    readonly service: string
    readonly name: string
    readonly startNs: string
    readonly endNs: string
  }[]
  /** Key "service name"; ns as decimal strings. */
  readonly exclusiveNs: { readonly [serviceAndName: string]: string }
}

/**
 * A distribution of ns, one bucket for each quarter of a power of two (19 % wide), lowest first, each with a
 * trace to look at. ns is the lower bound.
 */
export type DistributionView = readonly {
  readonly ns: string
  readonly count: number
  readonly traceId: string
  /** Where in the trace; absent for whole traces. */
  readonly spanId?: string
}[]

/**
 * Time on critical paths, over all traces that were looked at. A sampled one counts for what it stands for,
 * in sums, counts and quantiles.
 */
export type PathShareView = {
  readonly ns: string
  /** Part of it that was not work: in a queue, on the way along an edge. */
  readonly waitNs: string
  /** Traces on whose critical path it lies; the distribution and its quantiles are over these. */
  readonly traces: number
  readonly p50Ns: string
  readonly p95Ns: string
  readonly distribution: DistributionView
}

/** POST /api/v1/traces/critical-path: where the time of many traces went. Sums of ns are exact. */
export type PathProfileView = {
  /** End-to-end times of the roots: all other shares partition this one. */
  readonly whole: PathShareView
  readonly services: readonly (PathShareView & { readonly service: string })[]
  /** Most time first. dragNs: what these traces would have been shorter, in all, without its work. */
  readonly operations: readonly (PathShareView & {
    readonly service: string
    readonly name: string
    readonly dragNs: string
  })[]
  /** Call paths as a tree: parent = index of a node before it, -1 = a root. ns is without the children's. */
  readonly nodes: readonly (PathShareView & {
    readonly parent: number
    readonly service: string
    readonly name: string
    readonly withChildrenNs: string
  })[]
  /** Call paths that are not in `nodes`: their time stands with the node above them. */
  readonly foldedNodes: number
  readonly whatIf?: WhatIfView & { readonly savedTraces: number }
}

/** End-to-end times as they were and as they would have been; of one trace, or of many in all. */
export type WhatIfView = {
  readonly service?: string
  readonly name?: string
  readonly faster: number
  readonly beforeNs: string
  readonly afterNs: string
  readonly p50BeforeNs: string
  readonly p50AfterNs: string
  readonly p95BeforeNs: string
  readonly p95AfterNs: string
}

/** What the route adds: which traces the profile is of. */
export type TracePathsView = PathProfileView & {
  /** Start of the oldest and the newest of them. */
  readonly fromNs?: string
  readonly toNs?: string
  /** Found but left out: too large for the budget of spans, or the time was over. */
  readonly skipped: number
  /** There are more traces than `limit`. */
  readonly hasMore: boolean
}

/** GET /api/v1/traces/{traceId}/impact?span=: of one span, by replaying the trace. */
export type ImpactView = {
  readonly spanId: string
  readonly workNs: string
  readonly pathNs: string
  /** Absent: nothing waits for the span. */
  readonly slackNs?: string
  readonly dragNs: string
}

/**
 * Traces by when they began and how long they took: GET /api/v1/traces/heat. A cell is a column of time and a
 * band of a quarter of a power of two, with one of its traces.
 */
export type TraceHeatView = {
  readonly fromNs: string
  readonly toNs: string
  readonly columns: number
  /** That are here and match. */
  readonly traces: number
  readonly cells: readonly {
    readonly column: number
    /** From 2 ** (band / 4) ns up. */
    readonly band: number
    /** Each trace counts for as many as it stands for: estimates of all, so not always whole. */
    readonly count: number
    readonly errors: number
    readonly traceId: string
  }[]
}

/**
 * Who calls whom: GET /api/v1/service-graph. Each span counts for as many as its trace stands for, in
 * counts, errors and quantiles: estimates of all, so counts are not always whole.
 */
export type ServiceGraphView = {
  readonly fromNs: string
  readonly toNs: string
  /** serverSpans: those by which work came in (of kind server and consumer, and roots); p95Ns of these. */
  readonly services: readonly {
    readonly name: string
    readonly serverSpans: number
    readonly errors: number
    readonly p50Ns: string
    readonly p95Ns: string
  }[]
  /**
   * call: a span's parent is of another service, or a call that no span answers says whom it called; `to` is
   * then not among the services. queue, join, ...: an edge that a link tells of.
   */
  readonly edges: readonly {
    readonly from: string
    readonly to: string
    readonly kind: 'call' | EdgeKind
    readonly count: number
    readonly errors: number
    /** Of the called spans, of the calls where there are none; absent for edges of links. */
    readonly p50Ns?: string
    readonly p95Ns?: string
  }[]
  /** Spans that were looked at, and whether there were more in the range. */
  readonly spans: number
  readonly isCut: boolean
}

/**
 * A trace in columns, for drawing many spans: GET /api/v1/traces/{traceId}/outline. Columns have one entry
 * a span. Times are ns relative to baseNs; exact below 2^53.
 */
export type TraceOutlineView = {
  readonly traceId: string
  readonly summary: TraceSummary
  readonly totalSpans: number
  /** false: parents and times are as they came, and edges, repairs and clocks are not known yet. */
  readonly isModelled: boolean
  readonly baseNs: string
  readonly origins: readonly { readonly service: string; readonly host: string }[]
  readonly names: readonly string[]
  /** 16 hex digits each. */
  readonly spanIds: string
  /** Index of the parent, -1 = a root. */
  readonly parent: readonly number[]
  readonly start: readonly number[]
  readonly length: readonly number[]
  readonly origin: readonly number[]
  readonly name: readonly number[]
  /** As OTLP numbers them. */
  readonly kind: readonly number[]
  /** Sum of 1 failed, 2 moved by clock alignment, 4 has links. */
  readonly flags: readonly number[]
  /** The critical path, once modelled: sections by index of the span, in order of time. */
  readonly path?: {
    readonly span: readonly number[]
    readonly start: readonly number[]
    readonly end: readonly number[]
  }
  /** [index of the span, ns, index of the name] */
  readonly points: readonly (readonly [span: number, atNs: number, name: number])[]
  readonly edges: readonly EdgeView[]
  readonly repairs: readonly RepairView[]
  readonly clocks: readonly { readonly host: string; readonly offsetNs: string }[]
}

/**
 * What .../outline answers: the whole view where the trace is small enough that its spans with all attributes
 * fit one answer.
 */
export type TraceOutlineAnswer =
  | { readonly kind: 'whole'; readonly view: TraceView }
  | { readonly kind: 'outline'; readonly outline: TraceOutlineView }

/** Every error of the HTTP API. */
export type ApiError = {
  readonly error: { readonly code: string; readonly message: string; readonly hint: string }
}
