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

/** Every error of the HTTP API. */
export type ApiError = {
  readonly error: { readonly code: string; readonly message: string; readonly hint: string }
}
