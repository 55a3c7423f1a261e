// What does baggage cost a request? Joins, forwarding without reading, and one whole hop (text header in, one
// bag of four fields read and written, text header out) beside OpenTelemetry's W3CBaggagePropagator carrying
// the same four values.
//
// Both hops start from the header as received (a flat string, as the HTTP parser gives it) and end with the
// header as sent; both read all four values and write all four, two of them changed (span and parent change
// places), so that no shortcut for "nothing new" can help.

import {
  context as otelContext,
  defaultTextMapGetter,
  defaultTextMapSetter,
  propagation,
  ROOT_CONTEXT,
} from '@opentelemetry/api'
import { W3CBaggagePropagator } from '@opentelemetry/core'
import { decodeBase64Url, encodeBase64Url } from '#base'
import { Baggage, loadBdl } from '#baggage'
import { measurePair, runDirectly, type BenchRow, type PairOptions } from './measure.ts'

const { Zipkin } = loadBdl(`bag Zipkin = 2 {
  fixed64 traceId = 0;
  fixed64 spanId = 1;
  fixed64 parentSpanId = 2;
  flag sampled = 3;
}`)

const IDS = { traceId: 0xfd7a880000000001n, spanId: 0xdac5c70000000002n, parentSpanId: 0x4555b60000000003n }

export async function bench(): Promise<BenchRow[]> {
  return [
    row('join', 'two 10-atom baggages, 6 atoms shared', { subject: joinTurn() }),
    row('join', 'two 10-atom baggages, none shared', { subject: joinDistinctTurn() }),
    row('join', 'equal', { subject: joinEqualTurn() }),
    row('decode+encode', '200 bytes, not read', { subject: forwardTurn() }),
    row('inject+extract', 'crosscut', { subject: ourHop, peer: peerHop }, '@opentelemetry/core'),
    row('empty', 'a request without baggage', { subject: emptyTurn }),
    allocationRow(),
  ]
}

function row(metric: string, subject: string, turns: PairOptions, peer: string | null = null): BenchRow {
  return { bench: 'baggage', metric, subject, unit: 'ns', peer, ...measurePair(turns) }
}

/** Headers alternating with values, as tools write them; the branches share six of ten atoms. */
function tenAtoms(values: readonly number[]): Baggage {
  const atoms = values.flatMap((value, i) => [
    Uint8Array.of(0xf0, i),
    Uint8Array.of(0, value, 1, 2, 3, 4, 5, 6, 7),
  ])
  return Baggage.of(atoms)
}

function joinTurn() {
  const a = tenAtoms([1, 2, 3, 4, 5])
  const b = tenAtoms([1, 12, 13, 14, 15])
  return (count: number): unknown => {
    let joined = Baggage.empty
    for (let i = 0; i < count; i++) joined = a.join(b)
    return joined
  }
}

/** The worst case: every atom differs from every other, and they alternate. */
function joinDistinctTurn() {
  const atoms = (first: number) =>
    Array.from({ length: 10 }, (_, i) => Uint8Array.of(0, first + 2 * i, 1, 2, 3, 4, 5, 6, 7))
  const a = Baggage.of(atoms(0))
  const b = Baggage.of(atoms(1))
  return (count: number): unknown => {
    let joined = Baggage.empty
    for (let i = 0; i < count; i++) joined = a.join(b)
    return joined
  }
}

function joinEqualTurn() {
  const a = tenAtoms([1, 2, 3, 4, 5])
  const b = tenAtoms([1, 2, 3, 4, 5])
  return (count: number): unknown => {
    let joined = Baggage.empty
    for (let i = 0; i < count; i++) joined = a.join(b)
    return joined
  }
}

function forwardTurn() {
  const bytes = Baggage.of(
    Array.from({ length: 20 }, (_, i) => Uint8Array.of(0, i, 1, 2, 3, 4, 5, 6, 7)),
  ).encode()
  if (bytes.length !== 200) throw new Error('the payload of this bench has 200 bytes')
  return (count: number): unknown => {
    let length = 0
    for (let i = 0; i < count; i++) length += Baggage.decode(bytes).encode().length
    return length
  }
}

/** As it comes off the wire: one flat string, not a rope of what it was put together from. */
const received = (header: string): string => Buffer.from(header, 'latin1').toString('latin1')

const OUR_HEADER = received(
  `cc=${encodeBase64Url(Zipkin.write(Baggage.empty, { ...IDS, sampled: true }).encode())}`,
)

function ourHop(count: number): unknown {
  let sent = 0
  for (let i = 0; i < count; i++) {
    const incoming: Record<string, string> = { baggage: OUR_HEADER }
    const bytes = decodeBase64Url(incoming.baggage, 3)
    const baggage = bytes === undefined ? Baggage.empty : Baggage.decode(bytes)
    const value = Zipkin.read(baggage)
    const changed = Zipkin.write(baggage, {
      traceId: value.traceId,
      spanId: value.parentSpanId,
      parentSpanId: value.spanId,
      sampled: value.sampled,
    })
    const outgoing: Record<string, string> = {}
    outgoing.baggage = `cc=${encodeBase64Url(changed.encode())}`
    sent += outgoing.baggage.length
  }
  return sent
}

const propagator = new W3CBaggagePropagator()
const PEER_HEADER = received(
  Object.entries({ ...IDS, sampled: 1n })
    .map(([name, id]) => `${name}=${id.toString(16)}`)
    .join(','),
)

function peerHop(count: number): unknown {
  let sent = 0
  for (let i = 0; i < count; i++) {
    const extracted = propagator.extract(ROOT_CONTEXT, { baggage: PEER_HEADER }, defaultTextMapGetter)
    const value = propagation.getBaggage(extracted)
    const changed = propagation.createBaggage({
      traceId: { value: value?.getEntry('traceId')?.value ?? '' },
      spanId: { value: value?.getEntry('parentSpanId')?.value ?? '' },
      parentSpanId: { value: value?.getEntry('spanId')?.value ?? '' },
      sampled: { value: value?.getEntry('sampled')?.value ?? '' },
    })
    const outgoing: Record<string, string> = {}
    propagator.inject(propagation.setBaggage(otelContext.active(), changed), outgoing, defaultTextMapSetter)
    sent += outgoing.baggage.length
  }
  return sent
}

const NO_BYTES = new Uint8Array(0)

/** Everything a request does with baggage when there is none. */
function emptyTurn(count: number): unknown {
  let seen = 0
  for (let i = 0; i < count; i++) {
    const baggage = Baggage.decode(NO_BYTES)
    const joined = baggage.branch().join(Baggage.empty).trim(3072)
    if (Zipkin.read(joined) === undefined) seen += joined.encode().length
  }
  return seen
}

/**
 * Bytes a request allocates when there is no baggage: growth of the young generation over a million requests.
 */
function allocationRow(): BenchRow {
  const requests = 1_000_000
  emptyTurn(requests)
  const values = Array.from({ length: 5 }, () => {
    const before = process.memoryUsage().heapUsed
    emptyTurn(requests)
    return Math.max(0, process.memoryUsage().heapUsed - before) / requests
  })
  const sorted = values.sort((a, b) => a - b)
  return {
    bench: 'baggage',
    metric: 'allocation when empty',
    subject: 'a request without baggage',
    value: sorted[2],
    unit: 'bytes',
    peer: null,
    peerValue: null,
    ratio: null,
    runs: values.length,
    spread: [sorted[0], sorted[4]],
  }
}

await runDirectly(import.meta.url, bench)
