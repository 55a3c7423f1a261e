// Traces of a shop over half an hour, sent as a user's collector would: a third of its pages is slow with
// version v2.

import { randomBytes } from 'node:crypto'

/** Divisible by routes and versions. */
export const TRACES = 600
export const SLOW_MS = 300
export const HOSTILE_ROUTE = '/<img src=x onerror="window.__pwned=1">'
const ROUTES = ['/home', '/search', HOSTILE_ROUTE]
const SPREAD_MS = 30 * 60_000
const BATCH = 100

/** Every combination of route, version and country equally often. */
export async function sendShop(otlpUrl: string): Promise<void> {
  const begin = Date.now() - SPREAD_MS - 60_000
  for (let first = 0; first < TRACES; first += BATCH) {
    const spans = Array.from({ length: BATCH }, (_, i) => spansOf(first + i, begin)).flat()
    await post(otlpUrl, 'shop', spans)
  }
}

/** A trace of its own, of now. */
export const sendOne = (otlpUrl: string, service: string): Promise<void> =>
  post(otlpUrl, service, spansOf(0, Date.now() - 1_000))

async function post(otlpUrl: string, service: string, spans: readonly object[]): Promise<void> {
  const attributes = [attribute('service.name', service)]
  const answer = await fetch(`${otlpUrl}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ resourceSpans: [{ resource: { attributes }, scopeSpans: [{ spans }] }] }),
  })
  if (!answer.ok) throw new Error(`the spans were refused: ${answer.status} ${await answer.text()}`)
  await answer.arrayBuffer()
}

const attribute = (key: string, value: string) => ({ key, value: { stringValue: value } })

function spansOf(i: number, beginMs: number) {
  const route = ROUTES[i % 3]!
  const version = Math.floor(i / 3) % 2 === 0 ? 'v1' : 'v2'
  const country = ['DE', 'US', 'BR', 'IN'][Math.floor(i / 6) % 4]!
  const ms = 20 + ((i * 7) % 40) + (route === '/search' && version === 'v2' ? SLOW_MS : 0)
  const startNs = BigInt(Math.round(beginMs + (i * SPREAD_MS) / TRACES)) * 1_000_000n
  const traceId = randomBytes(16).toString('hex')
  const span = (id: string, name: string, kind: number, ofMs: number) => ({
    traceId,
    spanId: id,
    name,
    kind,
    startTimeUnixNano: String(startNs),
    endTimeUnixNano: String(startNs + BigInt(ofMs) * 1_000_000n),
  })
  return [
    {
      ...span('00000000000000a1', `GET ${route}`, 2, ms),
      attributes: [
        attribute('shop.route', route),
        attribute('shop.version', version),
        attribute('shop.country', country),
      ],
    },
    { ...span('00000000000000a2', 'query', 3, ms - 5), parentSpanId: '00000000000000a1', attributes: [] },
  ]
}
