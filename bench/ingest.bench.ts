// What a span costs from the socket to the store, and how fast its protobuf is decoded.
//
//   decode            protobuf -> columns, each attribute in its cell and dictionary; peer protobufjs
//   (reflection codegen), same bodies, one
//                     process, turns interleaved, CPU time. The second subject also makes a JavaScript string
//                     of every distinct text.
//   spans/s per core  client process -> ingest (fdatasync before each answer) -> trace worker -> store child
//   (fsynced inserts); spans
//                     divided by CPU-seconds of the server process and the store child together, summaries
//                     included
//   bytes per span    the store's parts on disk after the run, nothing optimised by hand
//
// Generator: otlp-generator.ts, 512 spans a request, 11 attributes and about 490 B a span, every request
// distinct.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import protobuf from 'protobufjs'
import { decodeOtlpProtobuf, OTLP_DESCRIPTOR, SpanBatchBuilder } from '#traces'
import { IngestServer } from './ingest-client.ts'
import { runDirectly, summarize } from './measure.ts'
import type { BenchRow } from './measure.ts'
import { otlpRequests, SPANS_PER_REQUEST } from './otlp-generator.ts'

const DECODE_RUNS = 31
const BODIES = 20
const END_TO_END_RUNS = 3
const REQUESTS = 300

export async function bench(): Promise<BenchRow[]> {
  return [...decodeRows(), ...(await endToEndRows())]
}

// --- decode

const SINK = { value: 0 }

function decodeRows(): BenchRow[] {
  const generator = otlpRequests(1)
  const bodies = Array.from({ length: BODIES }, () => generator.next())
  const builder = new SpanBatchBuilder(0x5eed)
  const type = protobuf.Root.fromJSON(OTLP_DESCRIPTOR).lookupType('ExportTraceServiceRequest')
  const columns = (body: Uint8Array): void => {
    builder.reset()
    for (const decoding = decodeOtlpProtobuf(body, builder); decoding.next().done !== true;);
    SINK.value += builder.finish(0n).spanCount
  }
  const texts = (body: Uint8Array): void => {
    columns(body)
    const { strings } = builder.finish(0n)
    for (let i = 0; i < strings.count; i++) SINK.value += strings.text(i).length
  }
  const oracle = (body: Uint8Array): void => {
    SINK.value += Object.keys(type.decode(body)).length
  }
  const turns = [columns, texts, oracle].map((decode) => ({ decode, rates: [] as number[] }))
  for (let run = -10; run < DECODE_RUNS; run++) {
    for (const { decode, rates } of turns) {
      const rate = spansPerCpuSecond(decode, bodies)
      if (run >= 0) rates.push(rate)
    }
  }
  const [ours, withTexts, peer] = turns.map(({ rates }) => rates)
  const row = (subject: string, rates: readonly number[]): BenchRow => {
    const { value, peerValue, ratio, runs, spread } = summarize(rates, peer!)
    return {
      bench: 'ingest',
      metric: 'decode',
      subject,
      value,
      unit: 'spans/CPU-s',
      peer: 'protobufjs',
      peerValue,
      ratio,
      runs,
      spread,
    }
  }
  return [row('columns', ours!), row('columns and text', withTexts!)]
}

function spansPerCpuSecond(decode: (body: Uint8Array) => void, bodies: readonly Uint8Array[]): number {
  const start = process.cpuUsage()
  for (const body of bodies) decode(body)
  const { user, system } = process.cpuUsage(start)
  return (bodies.length * SPANS_PER_REQUEST * 1e6) / (user + system)
}

// --- end to end

type RunResult = {
  readonly spansPerCpuSecond: number
  readonly spansPerSecond: number
  readonly bytesPerSpan: number
  readonly ownRssMiB: number
  readonly storeRssMiB: number
}

async function endToEndRows(): Promise<BenchRow[]> {
  const results: RunResult[] = []
  for (let run = 0; run < END_TO_END_RUNS; run++) results.push(await endToEnd(run))
  const row = (metric: string, subject: string, unit: string, values: readonly number[]): BenchRow => {
    const { value, runs, spread } = summarize(values)
    return {
      bench: 'ingest',
      metric,
      subject,
      value,
      unit,
      peer: null,
      peerValue: null,
      ratio: null,
      runs,
      spread,
    }
  }
  return [
    row(
      'spans/s per core',
      'durable, stored, summarised',
      'spans/CPU-s',
      results.map((result) => result.spansPerCpuSecond),
    ),
    row(
      'spans/s',
      'acked, with the client on the same machine',
      'spans/s',
      results.map((result) => result.spansPerSecond),
    ),
    row(
      'bytes per span',
      'parts of the store',
      'bytes',
      results.map((result) => result.bytesPerSpan),
    ),
    row(
      'rss',
      'server process, highest',
      'MiB',
      results.map((result) => result.ownRssMiB),
    ),
    row(
      'rss',
      'store child, highest',
      'MiB',
      results.map((result) => result.storeRssMiB),
    ),
  ]
}

async function endToEnd(run: number): Promise<RunResult> {
  const dir = await mkdtemp(join(tmpdir(), 'crosscut-bench-'))
  const generator = otlpRequests(100 + run, { startMs: Date.now() })
  const bodies = Array.from({ length: REQUESTS }, () => generator.next())
  const server = await IngestServer.start(dir)
  try {
    const startMs = performance.now()
    await server.send(bodies)
    const seconds = (performance.now() - startMs) / 1000
    const spans = REQUESTS * SPANS_PER_REQUEST
    const { rssMax } = await server.drain(spans)
    const { cpuSeconds, bytes } = await server.close()
    return {
      spansPerCpuSecond: spans / cpuSeconds,
      spansPerSecond: spans / seconds,
      bytesPerSpan: bytes / spans,
      ownRssMiB: rssMax.own,
      storeRssMiB: rssMax.store,
    }
  } finally {
    await server.kill()
    await rm(dir, { recursive: true, force: true })
  }
}

await runDirectly(import.meta.url, bench)
