// The names by which our finer events travel inside plain OTLP, so that any OTLP pipe can carry them.
//
// A link of ours says "this span could not start (or go on) before that point of the other span". Its kind
// is the attribute crosscut.edge; a link without it is an ordinary OpenTelemetry link. Counters, sets,
// labels and stacks may stand on spans (blocks), span events (points) and links (edges) alike. docs/formats/
// describes each in full.

export const TRACE_ATTRIBUTES = {
  /** On a link: which causal edge it is. Values: EdgeKind. */
  edge: 'crosscut.edge',
  /**
   * On a link: when the edge leaves its source, ns since the epoch, decimal string. Absent = the source
   * span's end.
   */
  edgeFromNs: 'crosscut.edge.from_ns',
  /** On a link: it leaves at the source's first event of this name; for a reader of another clock. */
  edgeFromEvent: 'crosscut.edge.from_event',
  /**
   * On a link: when the edge arrives in the span that holds the link, ns, decimal string. Absent = this
   * span's start.
   */
  edgeToNs: 'crosscut.edge.to_ns',
  /** On a link or span: which lock, queue or resource. */
  edgeName: 'crosscut.edge.name',
  /**
   * Prefix; the rest is the counter's name: a number. On a point absolute, on a block or an edge what it
   * added.
   */
  counter: 'crosscut.counter.',
  /**
   * Prefix; the rest is the counter's name: its unit by UCUM ('By', 'ms'). Absent = COUNTER_UNITS, else a
   * plain count.
   */
  unit: 'crosscut.unit.',
  /** Prefix; the rest is the set's name: a list of strings without doubles. */
  set: 'crosscut.set.',
  /** A list of strings. */
  labels: 'crosscut.labels',
  /** OpenTelemetry's name for a stack, the innermost call first. */
  stack: 'code.stacktrace',
  /** On a span or a resource: the name of the execution unit it runs in (a thread, a page's client side). */
  unitName: 'crosscut.unit_name',
  /** On an event: how long what it names took, ms; it ended at the event's time. */
  durationMs: 'crosscut.duration_ms',
} as const

/** The event of a server's span at which the head of its answer left, where a page needs to know. */
export const RESPONSE_HEAD_EVENT = 'http.response.head'

/** Units of counters that we write ourselves; a span need not say them. */
export const COUNTER_UNITS: { readonly [counter: string]: string } = {
  bytes: 'By',
  bytes_in: 'By',
  bytes_out: 'By',
  decoded_bytes: 'By',
  event_loop_delay: 'ms',
  cpu_time: 'ms',
}

/**
 * join: a branch that this execution awaited before it went on (happened-before inside one trace).
 * barrier: a promise shared with another execution; causality without flow of baggage (DESIGN decision 4).
 * queue: handed over through a queue, a timer or an emitter. lock: from a lock's release to its next holder.
 * async: any other hand-over that the application told of. resource: what a page waited for from the network.
 * link: any other OpenTelemetry link.
 */
export type EdgeKind = 'join' | 'barrier' | 'queue' | 'lock' | 'async' | 'resource' | 'link'

const TOLD: ReadonlySet<string> = new Set(['join', 'barrier', 'queue', 'lock', 'async', 'resource'])

/** What the attribute crosscut.edge of a link says; what is not known is an ordinary link. */
export function edgeKindOf(told: unknown): EdgeKind {
  return isTold(told) ? told : 'link'
}

const isTold = (told: unknown): told is EdgeKind => typeof told === 'string' && TOLD.has(told)
