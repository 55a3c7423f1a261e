// One trace on the terminal: a line a span with its bar, then what waited for what, in words.
//
//   shop GET /buy           ############################   12.3 ms *
//     db SELECT orders          ####                       1.20 ms *
//   * critical path
//   Waited for
//     +3.20 ms  db SELECT items   after  db SELECT orders, cache GET /price

import { spanHint } from '#model'
import type { CriticalPathView, EdgeView, SpanView, TraceSummary, TraceView } from '#protocol'
import { asTyped } from '../install.ts'
import { clip, duration, paint, plain, table } from '../text.ts'
import type { Io } from '../verb.ts'

const SPANS_SHOWN_MAX = 2_000
const EDGES_SHOWN_MAX = 200
/** Columns of a terminal that does not say how many it has: a pipe, a log. */
const WIDTH = 110
const NAME_WIDTH_MIN = 24
const NAME_WIDTH_MAX = 70
/** What stands right of the bar: duration and marks. */
const RIGHT_WIDTH = 20

export function showTree(io: Io, view: TraceView, path: CriticalPathView): void {
  const critical = new Set(path.sections.map(({ spanId }) => spanId))
  const shown = view.spans.slice(0, SPANS_SHOWN_MAX)
  const names = namesOf(shown)
  const width = io.columns ?? WIDTH
  const longest = Math.max(NAME_WIDTH_MIN, ...names.map(({ length }) => length))
  const nameWidth = Math.min(longest, NAME_WIDTH_MAX, Math.max(NAME_WIDTH_MIN, Math.floor(width * 0.5)))
  io.out(headOf(io, view))
  for (const [at, span] of shown.entries()) {
    const isError = span.status.code === 'error'
    const isCritical = critical.has(span.spanId)
    const name = clip(names[at] ?? '', nameWidth).padEnd(nameWidth)
    const bar = barOf(io, span, view.summary, Math.max(10, width - nameWidth - RIGHT_WIDTH))
    const long = duration(BigInt(span.endNs) - BigInt(span.startNs)).padStart(9)
    const mark = `${isCritical ? '*' : ' '}${isError ? paint(io, 'red', ' error') : ''}`
    const cells = [isError ? paint(io, 'red', name) : name, paint(io, isCritical ? 'yellow' : 'cyan', bar)]
    io.out(`${cells.join(' ')} ${long} ${mark}`.trimEnd() + '\n')
  }
  const hidden = view.totalSpans - shown.length
  if (hidden > 0) io.say(`${hidden} more spans; --json has them all\n`)
  if (critical.size > 0) io.say('* on the critical path\n')
  showEdges(io, view)
  for (const { message, spanId } of view.repairs)
    io.say(`note${spanId === undefined ? '' : ` on span ${plain(spanId)}`}: ${plain(message)}\n`)
}

function headOf(io: Io, { traceId, summary, totalSpans }: TraceView): string {
  const counts = [
    duration(BigInt(summary.durationNs)),
    counted(totalSpans, 'span'),
    counted(summary.services.length, 'service'),
    ...(summary.errorCount === 0 ? [] : [counted(summary.errorCount, 'error')]),
  ]
  const start = new Date(Number(BigInt(summary.startNs) / 1_000_000n)).toISOString()
  return `${paint(io, 'bold', traceId)}  ${start}  ${counts.join(', ')}\n`
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}

/** Indented; the service stands only where it is another one than the caller's. */
function namesOf(spans: readonly SpanView[]): string[] {
  const services = new Map(spans.map(({ spanId, service }) => [spanId, service]))
  return spans.map((span) => {
    const isSame = span.parentSpanId !== undefined && services.get(span.parentSpanId) === span.service
    return `${'  '.repeat(Math.min(span.depth, 30))}${isSame ? titleOf(span) : fullNameOf(span)}`
  })
}

/** The name, and the path of an HTTP request whose name is only its method. */
function titleOf(span: SpanView): string {
  return plain(`${span.name} ${spanHint(span)}`.trimEnd())
}

function fullNameOf(span: SpanView): string {
  return `${plain(span.service)} ${titleOf(span)}`
}

/** Cuts where a terminal shows the text, letters where it is piped to who knows what. */
function barOf(io: Io, span: SpanView, summary: TraceSummary, width: number): string {
  const total = Math.max(1, Number(BigInt(summary.durationNs)))
  const from = Math.floor((Number(BigInt(span.startNs) - BigInt(summary.startNs)) / total) * width)
  const long = Math.max(1, Math.round((Number(BigInt(span.endNs) - BigInt(span.startNs)) / total) * width))
  const start = Math.min(Math.max(0, from), width - 1)
  const ink = io.columns === undefined ? '#' : '\u2586'
  return `${' '.repeat(start)}${ink.repeat(Math.min(long, width - start))}`.padEnd(width)
}

const TITLES: { readonly [kind in EdgeView['kind']]: readonly [title: string, word: string] } = {
  join: ['Waited for (join)', 'after'],
  barrier: ['Shared a result (barrier)', 'from'],
  queue: ['Handed over (queue)', 'by'],
  lock: ['Waited for a lock', 'held by'],
  async: ['Handed over (async)', 'by'],
  resource: ['Loaded from the network', 'by'],
  link: ['Linked', 'from'],
}

/** By kind, one line for each span that an arrow leads to. */
function showEdges(io: Io, view: TraceView): void {
  const spans = new Map(view.spans.map((span) => [span.spanId, span]))
  for (const kind of ['join', 'barrier', 'queue', 'lock', 'async', 'resource', 'link'] as const) {
    const bySpan = Map.groupBy(
      view.edges.slice(0, EDGES_SHOWN_MAX).filter((edge) => edge.kind === kind),
      (edge) => edge.to.spanId,
    )
    if (bySpan.size === 0) continue
    const [title, word] = TITLES[kind]
    const rows = [...bySpan].map(([spanId, edges]) => {
      const target = spans.get(spanId)
      const at = target === undefined ? '' : duration(BigInt(target.startNs) - BigInt(view.summary.startNs))
      const sources = edges.map(({ from }) => sourceOf(spans.get(from.spanId), from))
      return [`  +${at}`, target === undefined ? spanId : fullNameOf(target), word, sources.join(', ')]
    })
    io.out(`${paint(io, 'bold', title)}\n${rowsOf(io, rows)}`)
  }
  const hidden = view.edges.length - EDGES_SHOWN_MAX
  if (hidden > 0) io.say(`${hidden} more arrows; --json has them all\n`)
}

function sourceOf(span: SpanView | undefined, from: EdgeView['from']): string {
  if (span !== undefined) return fullNameOf(span)
  return from.traceId === undefined ? `span ${from.spanId}` : `${asTyped()} trace ${from.traceId}`
}

/** A table without its head. */
function rowsOf(io: Io, rows: readonly (readonly string[])[]): string {
  const text = table(io, ['', '', '', ''], rows)
  return text.slice(text.indexOf('\n') + 1)
}
