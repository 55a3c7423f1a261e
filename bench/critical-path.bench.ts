// How many spans a second of one core does the critical path look at, and what do the questions on top of it
// cost: adding up call paths, replaying the trace with an operation faster?
//
//   traces   240 of 20 to 400 spans, 3 edges in 100 spans, calls in turn and side by side; and one of 100,000
//   subject  the path over the modelled trace (buildTrace is ingest's work and not in it)
//   peer     Jaeger's algorithm, written down by hand from its description: children clipped into copies in a
//            map, then a recursive search for the child that finished last
//
// The peer knows no edges, and is not asked for the large trace: its search is quadratic in the children of
// one span.

import { seededRandom } from '#base'
import { buildTrace, criticalPath, PathProfile, scheduleOf, whatIf, type OtlpSpan, type Trace } from '#model'
import { lastResult, measurePair, runDirectly, type BenchRow, type PairResult } from './measure.ts'

const SEED = 20_261_128
const SERVICES = ['gateway', 'namenode', 'datanode-1', 'datanode-2', 'worker', 'billing']
const NAMES = ['GET /files/:name', 'SELECT blocks', 'read block', 'lock', 'POST /jobs', 'verify']
const EPOCH = 1_790_000_000_000_000_000n

export async function bench(): Promise<BenchRow[]> {
  const seeded = seededRandom(SEED)
  const random = (): number => seeded.uint32() / 2 ** 32
  const traces = Array.from({ length: 240 }, (_, at) =>
    buildTrace(spansOf(random, at, 20 + 380 * random() ** 3)),
  )
  const spanCount = traces.reduce((sum, { blocks }) => sum + blocks.length, 0)
  const large = buildTrace(spansOf(random, 999, 100_000))
  const turnOver = (asked: readonly Trace[], ask: (trace: Trace) => unknown) => (count: number) => {
    let last: unknown
    for (let round = 0; round < count; round++) for (const trace of asked) last = ask(trace)
    return last
  }
  const each = (ask: (trace: Trace) => unknown) => turnOver(traces, ask)
  const path = measurePair({ subject: each((trace) => criticalPath(trace)), peer: each(jaegersPath) })
  const rows = [
    perSecond('critical path', 'traces of 20 to 400 spans', spanCount, path, 'jaeger, by hand'),
    perSecond(
      'critical path',
      'one trace of 100,000 spans',
      large.blocks.length,
      measurePair({ subject: turnOver([large], (trace) => criticalPath(trace)), turnMs: 200 }),
    ),
    perSecond(
      'aggregate by call path, with drag',
      'traces of 20 to 400 spans',
      spanCount,
      measurePair({
        subject: each((trace) => {
          const profile = new PathProfile()
          profile.add(trace)
          return profile
        }),
      }),
    ),
    perSecond(
      'what if',
      'traces of 20 to 400 spans',
      spanCount,
      measurePair({ subject: each((trace) => whatIf(scheduleOf(trace), { name: 'lock', faster: 20 })) }),
    ),
  ]
  if (lastResult() === undefined) throw new Error('nothing was computed')
  return rows
}

/** Times of one pass become spans a second; the ratio turns round with them. */
function perSecond(
  metric: string,
  subject: string,
  spans: number,
  { value, peerValue, ratio, runs, spread }: PairResult,
  peer: string | null = null,
): BenchRow {
  const rate = (ns: number): number => Math.round((spans * 1e9) / ns)
  const [low, high] = peer === null ? spread.map(rate) : spread.map((one) => 1 / one)
  return {
    bench: 'critical-path',
    metric,
    subject,
    value: rate(value),
    unit: 'spans/s',
    peer,
    peerValue: peerValue === null ? null : rate(peerValue),
    ratio: ratio === null ? null : 1 / ratio,
    runs,
    spread: [high ?? 0, low ?? 0],
  }
}

/** A tree whose spans call others in turn, or several side by side and wait for all of them. */
function spansOf(random: () => number, at: number, wanted: number): OtlpSpan[] {
  const traceId = String(at + 1).padStart(32, '0')
  const spans: OtlpSpan[] = []
  const open: { index: number; start: number; end: number }[] = []
  const add = (parent: number, start: number, end: number): void => {
    const index = spans.length
    const links =
      parent >= 0 && random() < 0.03
        ? [{ traceId, spanId: idOf(Math.floor(random() * index)), attributes: { 'crosscut.edge': 'join' } }]
        : []
    const service = SERVICES[Math.floor(random() * SERVICES.length)] ?? ''
    spans.push({
      traceId,
      spanId: idOf(index),
      ...(parent < 0 ? {} : { parentSpanId: idOf(parent) }),
      name: NAMES[Math.floor(random() * NAMES.length)] ?? '',
      kind: 1,
      startTimeUnixNano: EPOCH + BigInt(Math.round(start)),
      endTimeUnixNano: EPOCH + BigInt(Math.round(end)),
      attributes: {},
      events: [],
      links,
      status: { code: 0 },
      resource: { attributes: { 'service.name': service } },
      scope: { name: 'bench' },
    })
    open.push({ index, start, end })
  }
  add(-1, 0, 1e9)
  for (let next = open.shift(); next !== undefined && spans.length < wanted; next = open.shift()) {
    const room = next.end - next.start
    const calls = 1 + Math.floor(random() * 6)
    const isParallel = random() < 0.4
    for (let call = 0; call < calls && spans.length < wanted; call++) {
      const from = isParallel ? next.start + room * 0.05 * random() : next.start + (room * call) / calls
      const length = isParallel ? room * (0.3 + 0.6 * random()) : (room / calls) * (0.5 + 0.45 * random())
      add(next.index, from, Math.min(next.end, from + length))
    }
  }
  return spans
}

function idOf(index: number): string {
  return (index + 1).toString(16).padStart(16, '0')
}

type Ref = { readonly id: string; start: bigint; end: bigint; children: string[]; readonly parent?: string }
type Cut = { readonly id: string; readonly start: bigint; readonly end: bigint }

/** Jaeger's walk: from the end of the root back, into the child that finished last before here. */
function jaegersPath(trace: Trace): Cut[] {
  const spans = new Map<string, Ref>()
  for (const { spanId, startNs, endNs, parent } of trace.blocks)
    spans.set(spanId, {
      id: spanId,
      start: startNs,
      end: endNs,
      children: [],
      ...(parent < 0 ? {} : { parent: trace.blocks[parent]?.spanId }),
    })
  for (const ref of spans.values()) if (ref.parent !== undefined) spans.get(ref.parent)?.children.push(ref.id)
  const clipped = clip(spans)
  const root = trace.blocks[trace.root]
  const cuts: Cut[] = []
  const walk = (ref: Ref, returning?: bigint): void => {
    const until = returning ?? ref.end
    let last: Ref | undefined
    for (const id of ref.children) {
      const child = clipped.get(id)
      if (child === undefined || (returning !== undefined && child.end >= returning)) continue
      if (last === undefined || child.end > last.end) last = child
    }
    if (last === undefined) {
      if (until > ref.start) cuts.push({ id: ref.id, start: ref.start, end: until })
      const above = ref.parent === undefined ? undefined : clipped.get(ref.parent)
      if (above !== undefined) walk(above, ref.start)
      return
    }
    if (until > last.end) cuts.push({ id: ref.id, start: last.end, end: until })
    walk(last)
  }
  const start = root === undefined ? undefined : clipped.get(root.spanId)
  if (start !== undefined) walk(start)
  return cuts
}

/** Copies in which no child is outside its parent; those wholly outside are gone. */
function clip(spans: ReadonlyMap<string, Ref>): Map<string, Ref> {
  const kept = new Map<string, Ref>()
  for (const ref of spans.values()) {
    const above = ref.parent === undefined ? undefined : kept.get(ref.parent)
    if (ref.parent !== undefined && above === undefined) continue
    const start = above !== undefined && ref.start < above.start ? above.start : ref.start
    const end = above !== undefined && ref.end > above.end ? above.end : ref.end
    if (start < end || above === undefined) kept.set(ref.id, { ...ref, start, end })
  }
  return kept
}

await runDirectly(import.meta.url, bench)
