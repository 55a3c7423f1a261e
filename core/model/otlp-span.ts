// A span as plain data, by the field names of OTLP, with the resource and scope it came with.
//
// Whoever reads spans from the store makes these; the model only reads them. Times are bigint ns since the
// epoch as the process wrote them (unaligned, unrepaired). Spans of one process should share one resource
// object: the model keys its caches by identity. buildTrace also takes the looser form of OTLP/JSON
// (LooseOtlpSpan): see loose-span.ts.
// Source: opentelemetry-proto trace.proto 1.9.

import type { Attributes } from '#protocol'

/** OTLP numbers: 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
export type OtlpSpanKind = 0 | 1 | 2 | 3 | 4 | 5

export type OtlpResource = { readonly attributes: Attributes; readonly droppedAttributesCount?: number }

export type OtlpScope = { readonly name: string; readonly version?: string; readonly attributes?: Attributes }

export type OtlpEvent = {
  readonly timeUnixNano: bigint
  readonly name: string
  readonly attributes: Attributes
  readonly droppedAttributesCount?: number
}

export type OtlpLink = {
  /** 32 lower-case hex digits. */
  readonly traceId: string
  readonly spanId: string
  readonly traceState?: string
  readonly flags?: number
  readonly attributes: Attributes
  readonly droppedAttributesCount?: number
}

export type OtlpSpan = {
  /** 32 lower-case hex digits. */
  readonly traceId: string
  /** 16 lower-case hex digits. */
  readonly spanId: string
  /** Absent or '' = no parent. */
  readonly parentSpanId?: string
  readonly traceState?: string
  readonly flags?: number
  readonly name: string
  readonly kind: OtlpSpanKind
  readonly startTimeUnixNano: bigint
  readonly endTimeUnixNano: bigint
  /** 0 unset, 1 ok, 2 error. */
  readonly status: { readonly code: 0 | 1 | 2; readonly message?: string }
  readonly attributes: Attributes
  readonly events: readonly OtlpEvent[]
  readonly links: readonly OtlpLink[]
  readonly resource: OtlpResource
  readonly scope: OtlpScope
  readonly droppedAttributesCount?: number
  readonly droppedEventsCount?: number
  readonly droppedLinksCount?: number
}
