// What do features cost from the socket to the row, and how soon is a trace a row under load?
//
//   spans/s per core      as in ingest.bench.ts: client process -> ingest (fdatasync before each answer) ->
//                         trace worker -> store child; with datasets also feature worker -> rows. Spans
//                         divided by CPU-seconds of the server process and the store child together, until
//                         the last row is durable. Subjects: the datasets that come with the server, one of
//                         60 features, one of 300; peer: none, in turns. Measured once the server is warm
//   features' share       CPU of a trace with features less CPU of one without
//   root seen to row      20,000 spans/s, the datasets of the server and one of 60 features: from the answer
//                         to the request that had the root until a reader of the dataset finds the row. Of
//                         every tenth request one trace; the reader asks four times a second. And once more
//                         beside one trace of a million spans that come at the same pace
//   rss at 20,000 spans/s the highest of that run, and the second half of it against the first
//
// Generator: otlp-generator.ts, 512 spans a request, 27 spans a trace. Requests of the first part come at a
// pace that lets features keep up: what comes faster waits in the delayed queue and is read from the store.
// CROSSCUT_BENCH_SHORT=1: fewer rounds, a minute of load.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { DatasetDefinition } from '#protocol'
import { BUILT_IN_DATASETS, BUILT_IN_OWNER } from '#traces'
import { featuresText } from './feature-texts.ts'
import { IngestServer, type Rss } from './ingest-client.ts'
import { median, runDirectly, summarize, type BenchRow } from './measure.ts'
import { OPERATIONS, otlpRequests, SERVICES, SPANS_PER_REQUEST } from './otlp-generator.ts'

const IS_SHORT = process.env['CROSSCUT_BENCH_SHORT'] === '1'
const RUNS = IS_SHORT ? 3 : 5
/** Threads load their code and compile what is hot before anything is measured. */
const WARM_REQUESTS = 150
const REQUESTS = 400
/** Summaries and rows of what came before are written. */
const QUIET_MS = 3_000
const PACE_SPANS_PER_SECOND = 40_000
const LOAD_SPANS_PER_SECOND = 20_000
const LOAD_SECONDS = IS_SHORT ? 60 : 120
const RUNAWAY_SPANS = IS_SHORT ? 300_000 : 1_000_000
const SAMPLE_EVERY = 10
const ASK_EVERY_MS = 250

const builtIn: readonly DatasetDefinition[] = Object.values(BUILT_IN_DATASETS).map((dataset) => ({
  ...dataset,
  owner: BUILT_IN_OWNER,
}))

function asked(count: number): DatasetDefinition {
  const features = featuresText(count, { services: SERVICES, operations: OPERATIONS })
  return { owner: 'bench', filter: '', features, rowPer: 'trace' }
}

const SUBJECTS: Readonly<Record<string, readonly DatasetDefinition[]>> = {
  'no features': [],
  'the datasets of the server': builtIn,
  '60 features': [asked(60)],
  '300 features': [asked(300)],
}

export async function bench(): Promise<BenchRow[]> {
  return [...(await costRows()), ...(await loadRows())]
}

// --- what features cost

type Cost = { readonly usPerSpan: number; readonly fromMemory: number }

async function costRows(): Promise<BenchRow[]> {
  const costs = new Map(Object.keys(SUBJECTS).map((subject) => [subject, [] as Cost[]]))
  for (let run = 0; run < RUNS; run++)
    for (const [subject, datasets] of Object.entries(SUBJECTS))
      costs.get(subject)!.push(await cost(100 + run, datasets))
  const of = (subject: string, read: (one: Cost) => number): number[] => costs.get(subject)!.map(read)
  const rate = (subject: string): number[] => of(subject, ({ usPerSpan }) => 1e6 / usPerSpan)
  const share = (subject: string): number[] => {
    const without = of('no features', ({ usPerSpan }) => usPerSpan)
    return of(subject, ({ usPerSpan }) => usPerSpan).map((us, run) => us - without[run]!)
  }
  const [, ...subjects] = Object.keys(SUBJECTS)
  return [
    row({
      metric: 'spans/s per core',
      subject: 'no features',
      unit: 'spans/CPU-s',
      values: rate('no features'),
    }),
    ...subjects.map((subject) =>
      row({
        metric: 'spans/s per core',
        subject,
        unit: 'spans/CPU-s',
        values: rate(subject),
        peer: 'no features',
        peerValues: rate('no features'),
      }),
    ),
    row({
      metric: "features' share",
      subject: '300 features',
      unit: 'us/span',
      values: share('300 features'),
      peer: '60 features',
      peerValues: share('60 features'),
    }),
    row({
      metric: 'traces from memory',
      subject: 'all with features',
      unit: '',
      values: subjects.flatMap((subject) => of(subject, ({ fromMemory }) => fromMemory)),
    }),
  ]
}

async function cost(seed: number, datasets: readonly DatasetDefinition[]): Promise<Cost> {
  return await withServer(datasets, async (server) => {
    const generator = otlpRequests(seed, { startMs: Date.now() })
    const bodies = Array.from({ length: WARM_REQUESTS + REQUESTS }, () => generator.next())
    const send = (at: number): Promise<void> => server.send([bodies[at]!])
    await paced(WARM_REQUESTS, PACE_SPANS_PER_SECOND, send)
    await server.drain(WARM_REQUESTS * SPANS_PER_REQUEST)
    await sleep(QUIET_MS)
    const before = await server.drain(WARM_REQUESTS * SPANS_PER_REQUEST)
    await paced(REQUESTS, PACE_SPANS_PER_SECOND, (at) => send(WARM_REQUESTS + at))
    await server.drain(bodies.length * SPANS_PER_REQUEST)
    const { cpuSeconds, tracesBuilt, tracesFromMemory } = await server.close()
    return {
      usPerSpan: (1e6 * (cpuSeconds - before.cpuSeconds)) / (REQUESTS * SPANS_PER_REQUEST),
      fromMemory: tracesFromMemory / Math.max(1, tracesBuilt),
    }
  })
}

// --- how soon

type Load = {
  readonly lags: readonly number[]
  readonly rssMax: Rss
  readonly rssGrowth: { readonly early: Rss; readonly late: Rss }
}

async function loadRows(): Promise<BenchRow[]> {
  const { lags, rssMax, rssGrowth } = await load(LOAD_SECONDS, 0)
  const beside = await load(RUNAWAY_SPANS / LOAD_SPANS_PER_SECOND, RUNAWAY_SPANS)
  const lag = { metric: 'root seen to row', unit: 's' }
  const rss = { metric: 'rss at 20,000 spans/s', unit: 'MiB' }
  const both = ({ own, store }: Rss): number => own + store
  const [early, late] = [both(rssGrowth.early), both(rssGrowth.late)]
  const runaway = `${RUNAWAY_SPANS / 1e6} M spans of one trace beside`
  return [
    row({ ...lag, subject: 'median', values: [median(lags)], runs: lags.length }),
    row({ ...lag, subject: 'p99', values: [p99(lags)], runs: lags.length }),
    row({ ...lag, subject: 'slowest', values: [Math.max(...lags)], runs: lags.length }),
    row({ ...lag, subject: `p99, ${runaway}`, values: [p99(beside.lags)], runs: beside.lags.length }),
    row({ ...rss, subject: 'server process', values: [rssMax.own] }),
    row({ ...rss, subject: 'store child', values: [rssMax.store] }),
    row({ ...rss, subject: 'both, second half', values: [late], peer: 'first half', peerValues: [early] }),
    row({ ...rss, subject: `both, ${runaway}`, values: [both(beside.rssMax)] }),
  ]
}

async function load(seconds: number, runawaySpans: number): Promise<Load> {
  return await withServer([asked(60), ...builtIn], async (server) => {
    const reader = new RowReader(server)
    const usual = otlpRequests(1, { startMs: Date.now() })
    const runaway = otlpRequests(2, { startMs: Date.now(), spansPerTrace: Infinity })
    const count = Math.round((seconds * LOAD_SPANS_PER_SECOND) / SPANS_PER_REQUEST)
    const runawayCount = Math.round(runawaySpans / SPANS_PER_REQUEST)
    await Promise.all([
      paced(count, LOAD_SPANS_PER_SECOND, async (at) => {
        const body = usual.next()
        const [root] = usual.roots
        await server.send([body])
        if (at % SAMPLE_EVERY === 0 && root !== undefined) reader.expect(root)
      }),
      paced(runawayCount, LOAD_SPANS_PER_SECOND, () => server.send([runaway.next()])),
    ])
    const { rssMax, rssGrowth } = await server.drain((count + runawayCount) * SPANS_PER_REQUEST)
    const lags = await reader.all()
    await server.close()
    return { lags, rssMax, rssGrowth }
  })
}

/** Asks for the rows of traces until it has found them all. */
class RowReader {
  readonly #server: IngestServer
  readonly #sinceMs = new Map<string, number>()
  readonly #lags: number[] = []
  readonly #looking: Promise<void>
  #isOver = false

  constructor(server: IngestServer) {
    this.#server = server
    this.#looking = this.#look()
  }

  /** From now on. */
  expect(traceId: string): void {
    this.#sinceMs.set(traceId, performance.now())
  }

  /** Seconds. */
  async all(): Promise<readonly number[]> {
    this.#isOver = true
    await this.#looking
    return this.#lags
  }

  async #look(): Promise<void> {
    while (!this.#isOver || this.#sinceMs.size > 0) {
      const ids = [...this.#sinceMs.keys()]
      for (const id of ids.length === 0 ? [] : await this.#server.rows(ids)) {
        this.#lags.push((performance.now() - this.#sinceMs.get(id)!) / 1000)
        this.#sinceMs.delete(id)
      }
      await sleep(ASK_EVERY_MS)
    }
  }
}

// --- both

/** One request after the other, at that pace; one that is late is followed at once. */
async function paced(
  count: number,
  spansPerSecond: number,
  send: (at: number) => Promise<void>,
): Promise<void> {
  const everyMs = (1000 * SPANS_PER_REQUEST) / spansPerSecond
  const beganMs = performance.now()
  const underWay: Promise<void>[] = []
  for (let at = 0; at < count; at++) {
    const waitMs = beganMs + at * everyMs - performance.now()
    if (waitMs > 1) await sleep(waitMs)
    underWay.push(send(at))
  }
  await Promise.all(underWay)
}

async function withServer<T>(
  datasets: readonly DatasetDefinition[],
  use: (server: IngestServer) => Promise<T>,
): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'crosscut-bench-'))
  const server = await IngestServer.start(dir, datasets)
  try {
    return await use(server)
  } finally {
    await server.kill()
    await rm(dir, { recursive: true, force: true })
  }
}

const p99 = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(0.99 * (values.length - 1))] ?? Number.NaN

type Measured = Pick<BenchRow, 'metric' | 'subject' | 'unit'> & {
  readonly values: readonly number[]
  readonly peer?: string
  readonly peerValues?: readonly number[]
  /** How many there were, where `values` is a figure of them all. */
  readonly runs?: number
}

function row({ metric, subject, unit, values, peer, peerValues, runs }: Measured): BenchRow {
  const measured = summarize(values, peerValues)
  const named = { bench: 'pipeline', metric, subject, unit, peer: peer ?? null }
  return { ...named, ...measured, runs: runs ?? measured.runs }
}

await runDirectly(import.meta.url, bench)
