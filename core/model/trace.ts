// The modelled trace: execution units, blocks, points and edges (Canopy, SOSP'17, section 3.4), made from
// OTLP spans.
//
//   Unit    one stay of the request in one process: the blocks of that process that hang together
//   Block   a segment of computation inside a unit: one span
//   Point   an instant inside a block: its begin, its end, an event
//   Edge    a causal relation between two points that nesting does not say
//
// Everything here is frozen data after buildTrace; nothing is recursive, so a trace of a million blocks is
// fine.

import type { Attributes, EdgeKind, SpanKind } from '#protocol'
import type { OtlpSpan } from './otlp-span.ts'

export type Unit = {
  readonly index: number
  readonly service: string
  /** What it calls itself (crosscut.unit_name), else its service. */
  readonly name: string
  /** The clock that its times were read from. */
  readonly host: string
  /** Its first block (the way into the process). */
  readonly entry: number
  readonly blockCount: number
}

export type Block = {
  /** Position in Trace.blocks: depth first, children by start. A parent's index is below its children's. */
  readonly index: number
  readonly spanId: string
  /** Index of the parent block; -1 = a root. */
  readonly parent: number
  readonly depth: number
  readonly unit: number
  readonly service: string
  readonly name: string
  readonly kind: SpanKind
  /** Aligned and repaired; raw = startNs - shiftNs as long as no time repair names this block. */
  readonly startNs: bigint
  readonly endNs: bigint
  readonly shiftNs: bigint
  readonly span: OtlpSpan
}

export type Point = {
  readonly block: number
  readonly timeNs: bigint
  readonly name: string
  readonly event: number
}

export type Edge = {
  readonly kind: EdgeKind
  /** Absent = the source is not in this trace (see foreign). */
  readonly from?: { readonly block: number; readonly timeNs: bigint }
  readonly foreign?: { readonly traceId: string; readonly spanId: string; readonly timeNs?: bigint }
  readonly to: { readonly block: number; readonly timeNs: bigint }
  /** Those of its link: an edge carries labels and counters of its own (annotations.ts). */
  readonly attributes: Attributes
}

export type RepairKind =
  | 'duplicate-span'
  | 'conflicting-span'
  | 'missing-parent'
  | 'self-parent'
  | 'parent-cycle'
  | 'end-before-start'
  | 'zero-time'
  | 'time-out-of-range'
  | 'child-before-parent'
  | 'clock-infeasible'
  | 'clock-by-requests'
  | 'edge-against-time'
  | 'edge-without-source'
  | 'foreign-span'
  | 'not-all-read'

/** What was changed or could not be; a repair is never mistaken for an observation. */
export type Repair = { readonly kind: RepairKind; readonly spanId?: string; readonly message: string }

export type Clock = { readonly host: string; readonly offsetNs: bigint }

export type Trace = {
  readonly traceId: string
  readonly units: readonly Unit[]
  readonly blocks: readonly Block[]
  /** Events only: begin and end of a block are its startNs and endNs. */
  readonly points: readonly Point[]
  readonly edges: readonly Edge[]
  /**
   * The main root: a block without parent in the data, earliest; else the earliest orphan; -1 = empty trace.
   */
  readonly root: number
  /** Whether a span without a parent id was seen. */
  readonly hasRoot: boolean
  /** At most REPAIRS_MAX; repairCount says how many there were. */
  readonly repairs: readonly Repair[]
  readonly repairCount: number
  readonly clocks: readonly Clock[]
}

/**
 * A point by name: default `at` is 'begin' for `from` and 'end' for `to`; { event } = the first event of that
 * name.
 */
export type PointRef = {
  readonly spanId: string
  readonly at?: 'begin' | 'end' | bigint | { readonly event: string }
}

export type CriticalSection = {
  readonly spanId: string
  readonly service: string
  readonly name: string
  readonly startNs: bigint
  readonly endNs: bigint
  /** Present where the span was not running but waited for this kind of edge to arrive (time in a queue). */
  readonly waitedFor?: EdgeKind
}
