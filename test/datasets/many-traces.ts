// Many small traces of one seed, as a user's collector would send them: trees with gaps and mistakes, calls
// between four services, errors, joins, events with counters, sampled ones; of some the last span comes late.

import { seededRandom } from '#base'

export type ManyTraces = {
  /** Bodies of POST /v1/traces, in order. */
  bodies(): Generator<string>
  /** What comes after everything else. */
  lateBodies(): Generator<string>
  readonly spans: number
}

const SERVICES = ['web', 'cart', 'price', 'user']
const NAMES = ['GET /cart', 'price of', 'SELECT', 'render']
const SPREAD_MS = 3 * 3_600_000
const TRACES_PER_BODY = 200
const MS = 1_000_000n

type Attribute = { readonly key: string; readonly value: object }
type Sent = { readonly service: string; readonly isLate: boolean; readonly span: object }

/** All of them begin within the three hours before `nowMs`. */
export function manyTraces(count: number, seed: number, nowMs: number): ManyTraces {
  const random = seededRandom(seed)
  const below = (n: number): number => random.uint32() % n
  const hex = (digits: number): string =>
    Array.from({ length: digits / 8 }, () => random.uint32().toString(16).padStart(8, '0')).join('')
  const traceOf = (): Sent[] => {
    const traceId = hex(32)
    const begin = BigInt(Math.round(nowMs - SPREAD_MS + below(SPREAD_MS - 60_000))) * MS
    const isLate = below(20) === 0
    const ids = Array.from({ length: 2 + below(9) }, () => hex(16))
    return ids.map((spanId, i) => {
      const start = begin + BigInt(i === 0 ? 0 : below(80)) * MS + BigInt(below(1_000_000))
      const end = start + BigInt(i === 0 ? 100 : below(60)) * MS
      // One parent in thirty was lost on the way.
      const parent = below(30) === 0 ? hex(16) : ids[below(i)]
      const join = i > 1 && below(4) === 0 ? ids[below(i)] : undefined
      return {
        service: SERVICES[i === 0 ? 0 : below(SERVICES.length)] ?? '',
        isLate: isLate && i === ids.length - 1,
        span: {
          traceId,
          spanId,
          ...(i === 0 ? {} : { parentSpanId: parent }),
          name: NAMES[i === 0 ? 0 : below(NAMES.length)],
          kind: i === 0 ? 2 : 1 + below(3),
          traceState: i === 0 && below(3) === 0 ? 'ot=th:8;rv:dbcdef01234567' : '',
          startTimeUnixNano: String(start),
          endTimeUnixNano: String(end),
          status: below(12) === 0 ? { code: 2, message: 'no stock' } : {},
          attributes: [text('db.system', below(3) === 0 ? 'postgresql' : 'redis'), number('rows', below(50))],
          events: below(3) === 0 ? [eventAt(start, below(1_000))] : [],
          links: join === undefined ? [] : [joinOf(traceId, join, start)],
        },
      }
    })
  }
  const traces = Array.from({ length: count }, traceOf)
  const all = traces.flat()
  return {
    spans: all.length,
    *bodies() {
      for (let i = 0; i < count; i += TRACES_PER_BODY)
        yield bodyOf(
          traces
            .slice(i, i + TRACES_PER_BODY)
            .flat()
            .filter(({ isLate }) => !isLate),
        )
    },
    *lateBodies() {
      yield bodyOf(all.filter(({ isLate }) => isLate))
    },
  }
}

function bodyOf(sent: readonly Sent[]): string {
  const resourceSpans = SERVICES.map((service) => ({
    resource: { attributes: [text('service.name', service), text('host.name', `host-${service}`)] },
    scopeSpans: [{ spans: sent.filter((one) => one.service === service).map(({ span }) => span) }],
  }))
  return JSON.stringify({ resourceSpans })
}

const text = (key: string, value: string): Attribute => ({ key, value: { stringValue: value } })
const number = (key: string, value: number): Attribute => ({ key, value: { intValue: String(value) } })
const eventAt = (at: bigint, heap: number): object => ({
  name: 'cache miss',
  timeUnixNano: String(at),
  attributes: [number('crosscut.counter.heap', heap), text('crosscut.unit.heap', 'By')],
})
const joinOf = (traceId: string, spanId: string, at: bigint): object => ({
  traceId,
  spanId,
  attributes: [text('crosscut.edge', 'join'), text('crosscut.edge.to_ns', String(at))],
})
