// The names by which our finer events travel inside plain OTLP, so that any OTLP pipe can carry them.
//
// A link of ours says "this span could not start (or go on) before that point of the other span". Its kind is
// the attribute crosscut.edge; a link without it is an ordinary OpenTelemetry link. docs/formats/ describes
// each in full.

export const TRACE_ATTRIBUTES = {
  /** On a link: which causal edge it is. Values: EdgeKind. */
  edge: 'crosscut.edge',
  /**
   * On a link: when the edge leaves its source, ns since the epoch, decimal string. Absent = the source
   * span's end.
   */
  edgeFromNs: 'crosscut.edge.from_ns',
  /**
   * On a link: when the edge arrives in the span that holds the link, ns, decimal string. Absent = this
   * span's start.
   */
  edgeToNs: 'crosscut.edge.to_ns',
} as const

/**
 * join: a branch that this execution awaited before it went on (happened-before inside one trace).
 * barrier: a promise shared with another execution; causality without flow of baggage (DESIGN decision 4).
 * queue: handed over through a queue, a timer or an emitter. link: any other OpenTelemetry link.
 */
export type EdgeKind = 'join' | 'barrier' | 'queue' | 'link'
