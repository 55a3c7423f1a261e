// Holds traces against the demo's ground truth. Pure: TraceViews and truth reports in, verdict out.
//
// What must hold, for every trace that begins at a tenant's client:
//   one rid in all URLs of the trace                                             else foreign
//   server span -> parent is a client span with the same path and query          else wrong
//   client span -> parent is a server span of the same service, or a tenant's own named work
//   internal span -> it is the root, in a tenant's client or the worker's chore
//   over all traces, server spans by (rid, service, operation) = truth     else lost (or doubled: foreign)

import type { SpanView, TraceView } from '#protocol'

export type TruthReport = {
  readonly process: string
  readonly counts: { readonly [op: string]: number }
  readonly recent: readonly { readonly rid: string; readonly op: string }[]
}

export type Verdict = {
  readonly traces: number
  readonly spans: number
  readonly wrong: string[]
  readonly lost: string[]
  readonly foreign: string[]
}

/** Route of a server span -> the operation that its process counts. */
const OPERATIONS: readonly (readonly [pattern: RegExp, op: string])[] = [
  [/^GET gateway\S* \/rows\//, 'gateway.get'],
  [/^GET gateway\S* \/objects\//, 'gateway.read'],
  [/^PUT gateway\S* \/objects\//, 'gateway.write'],
  [/^GET gateway\S* \/scan\//, 'gateway.scan'],
  [/^GET gateway\S* \/list/, 'gateway.list'],
  [/^POST gateway\S* \/rename/, 'gateway.rename'],
  [/^POST gateway\S* \/jobs/, 'gateway.job'],
  [/^POST worker\S* \/jobs/, 'worker.sort'],
  [/^GET namenode\S* \/blocks/, 'namenode.blocks'],
  [/^POST namenode\S* \/allocate/, 'namenode.allocate'],
  [/^GET namenode\S* \/list/, 'namenode.list'],
  [/^POST namenode\S* \/rename/, 'namenode.rename'],
  [/^GET datanode\S* \/blocks\//, 'datanode.read'],
  [/^PUT datanode\S* \/blocks\//, 'datanode.write'],
]

/** Only requests whose rid passes `concerns` count on both sides. */
export function judge(
  traces: readonly TraceView[],
  truth: readonly TruthReport[],
  concerns: (rid: string) => boolean,
): Verdict {
  const verdict: Verdict = { traces: traces.length, spans: 0, wrong: [], lost: [], foreign: [] }
  const seen = new Map<string, number>()
  let spans = 0
  for (const trace of traces) {
    spans += trace.spans.length
    judgeTrace(trace, verdict, concerns, (key) => seen.set(key, (seen.get(key) ?? 0) + 1))
  }
  compareCounts(seen, expectedCounts(truth, concerns), verdict)
  return { ...verdict, spans }
}

function judgeTrace(
  trace: TraceView,
  verdict: Verdict,
  concerns: (rid: string) => boolean,
  count: (key: string) => void,
): void {
  const byId = new Map(trace.spans.map((span) => [span.spanId, span]))
  const rids = new Set(trace.spans.map((span) => ridOf(span)).filter((rid) => rid !== ''))
  if (![...rids].some(concerns)) return
  if (rids.size > 1) verdict.foreign.push(`${trace.traceId} mixes ${[...rids].join(', ')}`)
  for (const span of trace.spans) {
    if (span.kind === 'server') count(`${ridOf(span)} ${operationOf(span)}`)
    const complaint = judgeParent(
      span,
      span.parentSpanId === undefined ? undefined : byId.get(span.parentSpanId),
    )
    if (complaint !== undefined) verdict.wrong.push(`${trace.traceId} ${describe(span)}: ${complaint}`)
  }
}

function judgeParent(span: SpanView, parent: SpanView | undefined): string | undefined {
  if (span.kind === 'server') {
    if (parent === undefined) return 'no parent'
    if (parent.kind !== 'client') return `its parent is ${describe(parent)}, not a call`
    return targetOf(parent) === targetOf(span) ? undefined : `its parent is another call: ${describe(parent)}`
  }
  const isTenant = span.service.startsWith('client-')
  if (span.kind === 'internal') return parent === undefined ? undefined : `its parent is ${describe(parent)}`
  if (span.kind !== 'client') return undefined
  if (parent === undefined) return 'a call without a parent'
  if (parent.service !== span.service) return `its parent is in ${parent.service}`
  return parent.kind === (isTenant ? 'internal' : 'server') ? undefined : `its parent is ${describe(parent)}`
}

function expectedCounts(
  truth: readonly TruthReport[],
  concerns: (rid: string) => boolean,
): Map<string, number> {
  const expected = new Map<string, number>()
  for (const { recent } of truth) {
    for (const { rid, op } of recent) {
      if (!concerns(rid) || op.startsWith('client.')) continue
      expected.set(`${rid} ${op}`, (expected.get(`${rid} ${op}`) ?? 0) + 1)
    }
  }
  return expected
}

function compareCounts(
  seen: ReadonlyMap<string, number>,
  expected: ReadonlyMap<string, number>,
  verdict: Verdict,
): void {
  for (const [key, count] of expected) {
    const found = seen.get(key) ?? 0
    if (found < count) verdict.lost.push(`${key}: ${found} of ${count}`)
  }
  for (const [key, found] of seen) {
    if (found > (expected.get(key) ?? 0)) {
      verdict.foreign.push(`${key}: ${found} spans, ${expected.get(key) ?? 0} calls`)
    }
  }
}

function operationOf(span: SpanView): string {
  const text = `${String(span.attributes['http.request.method'])} ${span.service} ${targetOf(span)}`
  return OPERATIONS.find(([pattern]) => pattern.test(text))?.[1] ?? text
}

/** Path and query, by which a call and its handling can be told to be one. */
export function targetOf(span: SpanView): string {
  const full = span.attributes['url.full']
  if (typeof full === 'string') {
    const url = new URL(full)
    return `${url.pathname}${url.search}`
  }
  const query = span.attributes['url.query']
  const search = typeof query === 'string' && query !== '' ? `?${query}` : ''
  return `${String(span.attributes['url.path'])}${search}`
}

function ridOf(span: SpanView): string {
  return new URLSearchParams(targetOf(span).split('?')[1] ?? '').get('rid') ?? ''
}

function describe(span: SpanView): string {
  return `${span.kind} ${span.name} of ${span.service} (${targetOf(span)})`
}
