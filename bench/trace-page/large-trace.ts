// One trace of many spans as OTLP/JSON requests: a job that scans parts of a table, each with reads on four
// datanodes below it, some failing, some joined by edges. Same seed, same bytes but for the time it starts.

import { seededRandom } from '#base'

export const SPANS_PER_REQUEST = 5_000
const DATANODES = ['datanode-1', 'datanode-2', 'datanode-3', 'datanode-4']
const READS_PER_PART = 40

type Span = { readonly [member: string]: unknown }
type Made = { readonly service: string; readonly span: Span }

/** Bodies of POST /v1/traces. Units: startMs since the epoch. */
export function* largeTrace(options: {
  readonly seed: number
  readonly traceId: string
  readonly spans: number
  readonly startMs: number
}): Generator<string> {
  let batch: Made[] = []
  for (const made of spansOf(options)) {
    batch.push(made)
    if (batch.length < SPANS_PER_REQUEST) continue
    yield request(batch)
    batch = []
  }
  if (batch.length > 0) yield request(batch)
}

function* spansOf({
  seed,
  traceId,
  spans,
  startMs,
}: {
  readonly seed: number
  readonly traceId: string
  readonly spans: number
  readonly startMs: number
}): Generator<Made> {
  const random = seededRandom(seed)
  const below = (most: number): number => random.uint32() % most
  const baseNs = BigInt(startMs) * 1_000_000n
  const partUs = 4_200
  const totalUs = Math.ceil(spans / (READS_PER_PART + 1)) * partUs
  let count = 0
  const add = (
    service: string,
    name: string,
    kind: number,
    [fromUs, toUs]: readonly [number, number],
    parent: number,
    more: Span = {},
  ): Made => {
    count += 1
    const attributes = [
      text('db.system', 'shelf'),
      text('block.id', `blk_${(seed * 7919 + count * 104_729).toString(36)}`),
      { key: 'block.bytes', value: { intValue: String(4_194_304 - below(4_096)) } },
      text('tenant', `tenant-${below(12)}`),
      text('url.full', `http://${service}.shelf.internal:8080/blocks/${count}?offset=${below(1 << 20)}`),
    ]
    const span = {
      traceId,
      spanId: idOf(count),
      ...(parent > 0 ? { parentSpanId: idOf(parent) } : {}),
      name,
      kind,
      startTimeUnixNano: String(baseNs + BigInt(Math.round(fromUs * 1000))),
      endTimeUnixNano: String(baseNs + BigInt(Math.round(toUs * 1000))),
      attributes,
      ...more,
    }
    return { service, span }
  }
  yield add('worker', 'job sort part-0000', 1, [0, totalUs], 0)
  for (let part = 0; count < spans; part++) {
    const fromUs = part * partUs + below(60)
    const partId = count + 1
    yield add('worker', `scan part-${part % 97}`, 1, [fromUs, fromUs + partUs - 100], 1)
    for (let read = 0; read < READS_PER_PART && count < spans; read++) {
      const atUs = fromUs + 20 + read * 98
      const isRemote = read % 7 === 0
      const service = isRemote ? 'worker' : (DATANODES[(part + read) % 4] ?? '')
      const toUs = Math.min(atUs + 20 + below(380), fromUs + partUs - 110)
      yield add(
        service,
        isRemote ? 'GET /blocks/:id' : 'read block',
        isRemote ? 3 : 1,
        [atUs, toUs],
        partId,
        {
          ...(below(500) === 0 ? { status: { code: 2, message: 'checksum mismatch' } } : {}),
          ...(below(40) === 0 ? { events: [event(baseNs, (atUs + toUs) / 2, 'first byte')] } : {}),
          ...(below(200) === 0 && count > 50 ? { links: [join(traceId, count - below(20))] } : {}),
        },
      )
    }
  }
}

function request(batch: readonly Made[]): string {
  const byService = new Map<string, Span[]>()
  for (const { service, span } of batch) {
    const spans = byService.get(service) ?? []
    byService.set(service, spans)
    spans.push(span)
  }
  return JSON.stringify({
    resourceSpans: [...byService].map(([service, spans]) => ({
      resource: { attributes: [text('service.name', service), text('host.name', `host-${service}`)] },
      scopeSpans: [{ scope: { name: 'shelf' }, spans }],
    })),
  })
}

function text(key: string, stringValue: string) {
  return { key, value: { stringValue } }
}

function event(baseNs: bigint, atUs: number, name: string) {
  return { timeUnixNano: String(baseNs + BigInt(Math.round(atUs * 1000))), name, attributes: [] }
}

function join(traceId: string, from: number) {
  return { traceId, spanId: idOf(from), attributes: [text('crosscut.edge', 'join')] }
}

function idOf(count: number): string {
  return count.toString(16).padStart(16, '0')
}
