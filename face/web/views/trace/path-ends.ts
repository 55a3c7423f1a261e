// Between which two instants the critical path is asked for: from=, to= in the URL, as the API takes them.
//
//   from=<span id>@begin    the begin of a span; @end its end
//   from=<span id>@<ns>     an instant in it, ns since the epoch: a point, where an edge leaves or arrives
//
// Absent = the begin, the end of the root. An end is of a span, because the walk begins in one (Canopy 4.4,
// CriticalPath(a -> b)): the same instant in another span has another way behind it.

import type { TraceColumns } from './columns.ts'

/** bigint = ns since the epoch. */
export type Instant = 'begin' | 'end' | bigint
export type PathEnd = {
  readonly span: number
  readonly at: Instant
  readonly ns: bigint
  /** As it stands in the URL and goes to the server. */
  readonly text: string
}
export type PathEnds = { readonly from?: PathEnd; readonly to?: PathEnd }
export type PathSide = keyof PathEnds
/** none: the server was asked, and no way leads from one to the other. */
export type PathState = 'asked' | 'found' | 'none' | 'failed'

/** What stands at both ends in the picture. */
export const END_LETTERS = { from: 'a', to: 'b' } as const satisfies { readonly [side in PathSide]: string }

const END = /^([0-9a-f]{16})@(begin|end|\d{1,19})$/

/** What names no span of this trace is none. */
export function readEnds(query: URLSearchParams, columns: TraceColumns): PathEnds {
  const from = readEnd(query.get('from'), columns)
  const to = readEnd(query.get('to'), columns)
  return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }
}

function readEnd(text: string | null, columns: TraceColumns): PathEnd | undefined {
  const [, spanId = '', at = ''] = END.exec(text ?? '') ?? []
  const span = columns.indexOf.get(spanId)
  if (span === undefined) return undefined
  return pathEnd(columns, span, at === 'begin' || at === 'end' ? at : BigInt(at))
}

export function pathEnd(columns: TraceColumns, span: number, at: Instant): PathEnd {
  const ns = at === 'begin' ? columns.startNs[span]! : at === 'end' ? columns.endNs[span]! : at
  return { span, at, ns, text: `${columns.spanIds[span]}@${at}` }
}

/** The begin, the end or the point of a span that is nearest to an instant; of equals the first of these. */
export function nearestEnd(columns: TraceColumns, span: number, ns: bigint): PathEnd {
  const places: Instant[] = ['begin', 'end']
  for (let at = columns.firstPoint[span]!; at < columns.firstPoint[span + 1]!; at++)
    places.push(columns.points[at]!.atNs)
  const away = (end: PathEnd): bigint => (end.ns < ns ? ns - end.ns : end.ns - ns)
  return places
    .map((at) => pathEnd(columns, span, at))
    .reduce((best, end) => (away(end) < away(best) ? end : best))
}

/** The end that the next click sets: first where the path begins, then where it ends. */
export function nextSide({ from, to }: PathEnds): PathSide {
  return from === undefined || to !== undefined ? 'from' : 'to'
}

/** The point's name, or which side of its span it is. */
export function instantName(columns: TraceColumns, { span, at, ns }: PathEnd): string {
  if (typeof at === 'string') return at
  for (let point = columns.firstPoint[span]!; point < columns.firstPoint[span + 1]!; point++)
    if (columns.points[point]!.atNs === ns) return columns.points[point]!.name
  return 'inside'
}
