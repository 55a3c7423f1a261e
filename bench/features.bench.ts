// What do features cost, beside building the model that they are asked of?
//
//   traces   200 of 27 spans in the shape of a small web system: 8 services, 11 attributes a span, an event
//            on one in four, an edge on one in nine
//   subject  60 and 300 features a trace, all different, over prepared traces; and reading one text of 60
//   peer     buildTrace of the same spans (repairs, clocks, order): the least that a trace costs before
//            anything is asked of it
//
// The features are those of feature-texts.ts. What they cost from the socket to the row: pipeline.bench.ts.

import { seededRandom } from '#base'
import { buildTrace, compileFeatures, prepareTrace, type FeatureProgram, type OtlpSpan } from '#model'
import { featuresText } from './feature-texts.ts'
import { measurePair, runDirectly, type BenchRow, type PairResult, type Turn } from './measure.ts'

const SEED = 20_261_128
const TRACES = 200
const SPANS = 27
const SERVICES = [
  'gateway',
  'namenode',
  'datanode-1',
  'datanode-2',
  'datanode-3',
  'worker',
  'billing',
  'cache',
]
const NAMES = ['GET /files/:name', 'SELECT blocks', 'read block', 'lock', 'POST /jobs', 'verify']
const EPOCH = 1_790_000_000_000_000_000n

export async function bench(): Promise<BenchRow[]> {
  const seeded = seededRandom(SEED)
  const random = (): number => seeded.uint32() / 2 ** 32
  const spans = Array.from({ length: TRACES }, (_, at) => spansOf(random, at))
  const traces = spans.map((of) => buildTrace(of))
  const build = eachOf(spans, (of) => buildTrace(of))
  const asked = (program: FeatureProgram): Turn =>
    eachOf(traces, (trace) => program.evaluate(prepareTrace(trace)))
  const asks = { services: SERVICES, operations: NAMES }
  const text = featuresText(60, asks)
  return [60, 300]
    .map((count) =>
      row('features per trace', `${count} features`, TRACES, {
        ...measurePair({
          subject: asked(programOf(featuresText(count, asks), count)),
          peer: build,
          turnMs: 100,
        }),
        peer: 'buildTrace',
      }),
    )
    .concat(
      row('compile', '60 features', 1, {
        ...measurePair({ subject: (n) => times(n, () => compileFeatures(text)) }),
      }),
    )
}

/** µs for one of `per` things that a call does. */
function row(metric: string, subject: string, per: number, result: PairResult & { peer?: string }): BenchRow {
  const us = (ns: number): number => ns / per / 1000
  const { value, peerValue, ratio, runs, spread, peer = null } = result
  return {
    bench: 'features',
    metric,
    subject,
    value: us(value),
    unit: 'us',
    peer,
    peerValue: peerValue === null ? null : us(peerValue),
    ratio,
    runs,
    spread: peer === null ? [us(spread[0]), us(spread[1])] : spread,
  }
}

const times = (count: number, work: () => unknown): unknown => {
  let last: unknown
  for (let round = 0; round < count; round++) last = work()
  return last
}

const eachOf =
  <T>(all: readonly T[], ask: (one: T) => unknown): Turn =>
  (count) =>
    times(count, () => {
      let last: unknown
      for (const one of all) last = ask(one)
      return last
    })

function programOf(text: string, count: number): FeatureProgram {
  const { program, diagnostics } = compileFeatures(text)
  if (program?.columns.length !== count) throw new Error(JSON.stringify(diagnostics.slice(0, 3)))
  return program
}

function spansOf(random: () => number, trace: number): OtlpSpan[] {
  const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0')
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!
  const resources = SERVICES.map((service) => ({
    attributes: { 'service.name': service, 'host.name': service },
  }))
  const made: { at: number; to: number }[] = []
  return Array.from({ length: SPANS }, (_, index): OtlpSpan => {
    const up = index === 0 ? undefined : Math.floor(random() * index)
    const above = up === undefined ? { at: 0, to: 50_000_000 } : made[up]!
    const at = above.at + Math.floor((above.to - above.at) * random() * 0.6)
    const to = at + Math.floor((above.to - at) * (0.3 + 0.6 * random()))
    made.push({ at, to })
    const startTimeUnixNano = EPOCH + BigInt(at)
    const traceId = hex(trace + 1, 32)
    return {
      traceId,
      spanId: hex(index + 1, 16),
      parentSpanId: up === undefined ? '' : hex(up + 1, 16),
      name: pick(NAMES),
      kind: pick([1, 2, 3] as const),
      startTimeUnixNano,
      endTimeUnixNano: EPOCH + BigInt(to),
      status: { code: random() < 0.03 ? 2 : 0 },
      attributes: {
        'http.request.method': 'GET',
        'http.route': '/files/:name',
        'http.response.status_code': random() < 0.05 ? 503 : 200,
        'url.path': `/files/${Math.floor(random() * 1e6)}`,
        'network.peer.address': '10.0.0.7',
        'network.peer.port': 4000,
        'user_agent.original': 'node',
        'server.address': 'gateway',
        tenant: `t${Math.floor(random() * 20)}`,
        'thread.id': 1,
        'crosscut.counter.bytes': Math.floor(random() * 1e5),
      },
      events:
        random() < 0.25
          ? [{ timeUnixNano: startTimeUnixNano + 1000n, name: 'cache miss', attributes: {} }]
          : [],
      links:
        index > 0 && random() < 0.11
          ? [
              {
                traceId,
                spanId: hex(1 + Math.floor(random() * index), 16),
                attributes: { 'crosscut.edge': 'join' },
              },
            ]
          : [],
      resource: pick(resources),
      scope: { name: 'bench' },
    }
  })
}

await runDirectly(import.meta.url, bench)
