// Seeded, realistic traces for the browser tests: a shop with a cache, a database and a broker; joins,
// barrier edges, a queue, errors, a skewed clock; hostile text; and one trace of as many spans as wanted.
//
// The same seed gives the same bytes: screenshots and assertions stay still.

import type {
  AttributeValue,
  Attributes,
  EdgeView,
  RepairView,
  SpanKind,
  SpanView,
  TraceSummary,
  TraceView,
} from '#protocol'

/** xorshift32: four lines, and every run is the same run. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0 || 1
  return () => {
    state ^= state << 13
    state >>>= 0
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state / 2 ** 32
  }
}

type Draft = {
  readonly name: string
  readonly service: string
  readonly kind: SpanKind
  readonly startUs: number
  readonly endUs: number
  readonly attributes?: Attributes
  readonly error?: string
  readonly events?: readonly {
    readonly atUs: number
    readonly name: string
    readonly attributes?: Attributes
  }[]
  readonly parent?: number
}

const HOSTS: { readonly [service: string]: string } = {
  web: 'host-a',
  gateway: 'host-a',
  cart: 'host-b',
  pricing: 'host-c',
  inventory: 'host-c',
  payments: 'host-d',
  postgres: 'host-e',
  redis: 'host-e',
  mailer: 'host-f',
}

/** Builds a trace from drafts; times are µs after the start. */
class TraceBuilder {
  readonly traceId: string
  readonly #random: () => number
  readonly #startNs: bigint
  readonly #drafts: Draft[] = []
  readonly #edges: { kind: EdgeView['kind']; from: number; fromUs?: number; to: number; toUs: number }[] = []
  readonly repairs: RepairView[] = []
  shiftedService: string | undefined
  shiftNs = 0n

  constructor(options: { readonly seed: number; readonly startNs: bigint }) {
    this.#random = seeded(options.seed)
    this.#startNs = options.startNs
    this.traceId = hex(this.#random, 32)
  }

  random(): number {
    return this.#random()
  }

  /** A number between low and high, skewed to low as latencies are. */
  between(low: number, high: number): number {
    return Math.round(low + (high - low) * this.#random() ** 2)
  }

  add(draft: Draft): number {
    return this.#drafts.push(draft) - 1
  }

  edge(kind: EdgeView['kind'], from: number, to: number, toUs: number, fromUs?: number): void {
    this.#edges.push({ kind, from, to, toUs, ...(fromUs === undefined ? {} : { fromUs }) })
  }

  build(): TraceView {
    const ids = this.#drafts.map(() => hex(this.#random, 16))
    const at = (us: number): string => String(this.#startNs + BigInt(Math.round(us * 1000)))
    const spans = this.#drafts.map((draft, index): SpanView => ({
      spanId: ids[index]!,
      ...(draft.parent === undefined ? {} : { parentSpanId: ids[draft.parent]! }),
      service: draft.service,
      name: draft.name,
      kind: draft.kind,
      startNs: at(draft.startUs),
      endNs: at(draft.endUs),
      shiftNs: draft.service === this.shiftedService ? String(this.shiftNs) : '0',
      status: draft.error === undefined ? { code: 'unset' } : { code: 'error', message: draft.error },
      attributes: draft.attributes ?? {},
      resource: {
        'service.name': draft.service,
        'service.version': '1.14.2',
        'host.name': HOSTS[draft.service] ?? 'host-z',
        'process.pid': 4000 + draft.service.length,
        'process.runtime.name': 'nodejs',
        'telemetry.sdk.language': 'nodejs',
      },
      scope: { name: 'crosscut/agent', version: '0.1.0' },
      events: (draft.events ?? []).map((event) => ({
        timeNs: at(event.atUs),
        name: event.name,
        attributes: event.attributes ?? {},
      })),
      links: this.#edges
        .filter((edge) => edge.to === index)
        .map((edge) => ({
          traceId: this.traceId,
          spanId: ids[edge.from]!,
          attributes: { 'crosscut.edge': edge.kind },
        })),
      droppedCount: 0,
      depth: this.#depth(index),
    }))
    const edges = this.#edges.map((edge): EdgeView => ({
      kind: edge.kind,
      from: { spanId: ids[edge.from]!, ...(edge.fromUs === undefined ? {} : { timeNs: at(edge.fromUs) }) },
      to: { spanId: ids[edge.to]!, timeNs: at(edge.toUs) },
    }))
    const clocks =
      this.shiftedService === undefined
        ? []
        : [{ host: HOSTS[this.shiftedService] ?? 'host-z', offsetNs: String(this.shiftNs) }]
    return {
      traceId: this.traceId,
      summary: summarize(this.traceId, spans),
      spans,
      totalSpans: spans.length,
      edges,
      repairs: this.repairs,
      clocks,
    }
  }

  #depth(index: number): number {
    let depth = 0
    for (let at = this.#drafts[index]?.parent; at !== undefined; at = this.#drafts[at]?.parent) depth++
    return depth
  }
}

function hex(random: () => number, length: number): string {
  let text = ''
  while (text.length < length)
    text += Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0')
  return text.slice(0, length)
}

export function summarize(traceId: string, spans: readonly SpanView[]): TraceSummary {
  const counts = new Map<string, number>()
  let start = BigInt(spans[0]?.startNs ?? 0)
  let end = start
  for (const span of spans) {
    counts.set(span.service, (counts.get(span.service) ?? 0) + 1)
    if (BigInt(span.startNs) < start) start = BigInt(span.startNs)
    if (BigInt(span.endNs) > end) end = BigInt(span.endNs)
  }
  return {
    traceId,
    rootService: spans[0]?.service ?? '',
    rootName: spans[0]?.name ?? '',
    startNs: String(start),
    durationNs: String(end - start),
    spanCount: spans.length,
    errorCount: spans.filter((span) => span.status.code === 'error').length,
    services: [...counts]
      .map(([name, spanCount]) => ({ name, spanCount }))
      .sort((a, b) => b.spanCount - a.spanCount),
    hasRoot: true,
  }
}

export type ShopOptions = {
  readonly seed: number
  readonly startNs: bigint
  readonly isFailing?: boolean
  readonly isSkewed?: boolean
}

/**
 * A checkout: gateway asks cart, pricing and inventory in parallel, waits for all, pays, sends a mail through
 * a queue.
 */
export function checkoutTrace(options: ShopOptions): TraceView {
  const t = new TraceBuilder(options)
  const slow = 1 + t.random() * 2.2
  const us = (base: number): number => Math.round(base * slow)
  const pay = us(38_000)
  const total = us(31_000) + pay + us(9_000)
  const http = (method: string, route: string, status: number): Attributes => ({
    'http.request.method': method,
    'http.route': route,
    'url.path': route,
    'url.full': `http://shop.internal${route}`,
    'http.response.status_code': status,
    'network.protocol.version': '1.1',
    'tenant.id': t.random() < 0.5 ? 'acme' : 'globex',
  })
  const failed = options.isFailing ? 'card declined by issuer' : undefined
  const root = t.add({
    name: 'POST /checkout',
    service: 'gateway',
    kind: 'server',
    startUs: 0,
    endUs: total,
    attributes: {
      ...http('POST', '/checkout', failed ? 502 : 201),
      'user_agent.original': 'Mozilla/5.0 (X11; Linux x86_64)',
    },
    ...(failed ? { error: 'payment failed' } : {}),
    events: [{ atUs: us(1_200), name: 'session.loaded', attributes: { 'session.age_s': 421 } }],
  })
  t.add({
    name: 'authenticate',
    service: 'gateway',
    kind: 'internal',
    startUs: us(200),
    endUs: us(1_200),
    parent: root,
  })
  const call = (
    service: string,
    route: string,
    from: number,
    to: number,
    parent: number,
    error?: string,
  ): [number, number] => {
    const client = t.add({
      name: `GET ${route}`,
      service: t.random() >= 0 ? 'gateway' : '',
      kind: 'client',
      startUs: from,
      endUs: to,
      parent,
      attributes: {
        ...http('GET', route, error ? 402 : 200),
        'server.address': `${service}.internal`,
        'server.port': 8080,
      },
      ...(error ? { error } : {}),
    })
    const lag = Math.max(150, Math.round((to - from) * 0.04))
    const server = t.add({
      name: `GET ${route}`,
      service,
      kind: 'server',
      startUs: from + lag,
      endUs: to - lag,
      parent: client,
      attributes: http('GET', route, error ? 402 : 200),
      ...(error ? { error } : {}),
    })
    return [client, server]
  }
  const [cart, cartServer] = call('cart', '/cart/:id', us(1_500), us(13_000), root)
  const lookup = t.add({
    name: 'GET cart:1182',
    service: 'redis',
    kind: 'client',
    startUs: us(2_400),
    endUs: us(3_100),
    parent: cartServer,
    attributes: { 'db.system': 'redis', 'db.operation.name': 'GET', 'cache.hit': false },
  })
  t.add({
    name: 'SELECT cart_items',
    service: 'postgres',
    kind: 'client',
    startUs: us(3_400),
    endUs: us(11_800),
    parent: cartServer,
    attributes: {
      'db.system': 'postgresql',
      'db.query.text': 'SELECT sku, qty FROM cart_items WHERE cart_id = $1 ORDER BY added_at',
      'db.rows': 7,
    },
  })
  const [pricing, pricingServer] = call('pricing', '/prices', us(1_600), us(28_500), root)
  for (let item = 0; item < 6; item++) {
    const from = us(3_000 + item * 3_900)
    t.add({
      name: 'quote',
      service: 'pricing',
      kind: 'internal',
      startUs: from,
      endUs: from + us(3_300),
      parent: pricingServer,
      attributes: { 'item.sku': `SKU-${1000 + item * 37}`, 'rule.count': 12 + item },
    })
  }
  const [inventory, inventoryServer] = call('inventory', '/reserve', us(1_700), us(17_200), root)
  const fill = t.add({
    name: 'load stock snapshot',
    service: 'inventory',
    kind: 'internal',
    startUs: us(4_200),
    endUs: us(15_500),
    parent: inventoryServer,
    events: [
      { atUs: us(8_000), name: 'snapshot.shared', attributes: { waiters: 3 } },
      { atUs: us(12_000), name: 'snapshot.parsed' },
    ],
  })
  t.edge('barrier', fill, pricingServer, us(16_000), us(15_500))
  t.edge('barrier', lookup, fill, us(5_000), us(3_100))
  const total1 = t.add({
    name: 'compute total',
    service: 'gateway',
    kind: 'internal',
    startUs: us(28_700),
    endUs: us(30_600),
    parent: root,
    attributes: {
      'order.total': 184.5,
      'order.currency': 'EUR',
      'order.items': 7,
      coupons: ['SPRING', 'VIP10'],
    },
  })
  for (const branch of [cart, pricing, inventory]) t.edge('join', branch, total1, us(28_700))
  const [, payServer] = call('payments', '/charge', us(31_000), us(31_000) + pay, root, failed)
  t.add({
    name: 'POST issuer.example',
    service: 'payments',
    kind: 'client',
    startUs: us(33_000),
    endUs: us(29_000) + pay,
    parent: payServer,
    attributes: {
      'url.full': 'https://issuer.example/v2/charges',
      'http.request.method': 'POST',
      'http.response.status_code': failed ? 402 : 200,
      'server.address': 'issuer.example',
      'retry.count': failed ? 2 : 0,
    },
    ...(failed
      ? {
          error: failed,
          events: [
            {
              atUs: us(29_000) + pay - 400,
              name: 'exception',
              attributes: {
                'exception.type': 'CardDeclinedError',
                'exception.message': failed,
                'exception.stacktrace':
                  'CardDeclinedError: card declined by issuer\n    at charge (file:///srv/payments/charge.js:88:13)\n    at async handler (file:///srv/payments/http.js:41:20)',
              },
            },
          ],
        }
      : {}),
  })
  const publish = t.add({
    name: 'publish order.placed',
    service: 'gateway',
    kind: 'producer',
    startUs: total - us(6_500),
    endUs: total - us(4_900),
    parent: root,
    attributes: {
      'messaging.system': 'nats',
      'messaging.destination.name': 'order.placed',
      'messaging.message.body.size': 1402,
    },
  })
  const consume = t.add({
    name: 'process order.placed',
    service: 'mailer',
    kind: 'consumer',
    startUs: total - us(1_000),
    endUs: total + us(14_000),
    parent: publish,
    attributes: {
      'messaging.system': 'nats',
      'messaging.destination.name': 'order.placed',
      'messaging.consumer.group.name': 'mail',
    },
  })
  t.edge('queue', publish, consume, total - us(1_000), total - us(4_900))
  t.add({
    name: 'render receipt',
    service: 'mailer',
    kind: 'internal',
    startUs: total,
    endUs: total + us(6_000),
    parent: consume,
  })
  t.add({
    name: 'SMTP send',
    service: 'mailer',
    kind: 'client',
    startUs: total + us(6_200),
    endUs: total + us(13_500),
    parent: consume,
  })
  if (options.isSkewed) {
    t.shiftedService = 'inventory'
    t.shiftNs = 12_480_000n
    t.repairs.push({
      kind: 'clock-aligned',
      message: 'the clock of host-c ran 12.48 ms behind; its spans were moved',
    })
  }
  return t.build()
}

/** A short read, most of the traffic. */
export function readTrace(options: ShopOptions): TraceView {
  const t = new TraceBuilder(options)
  const routes = ['/products/:id', '/search', '/cart/:id', '/healthz', '/recommendations']
  const route = routes[Math.floor(t.random() * routes.length)]!
  const total = route === '/healthz' ? t.between(300, 900) : t.between(2_200, 90_000)
  const root = t.add({
    name: `GET ${route}`,
    service: 'gateway',
    kind: 'server',
    startUs: 0,
    endUs: total,
    attributes: {
      'http.request.method': 'GET',
      'http.route': route,
      'http.response.status_code': options.isFailing ? 500 : 200,
    },
    ...(options.isFailing ? { error: 'upstream timed out' } : {}),
  })
  if (route !== '/healthz') {
    const service = route === '/search' ? 'inventory' : route === '/cart/:id' ? 'cart' : 'pricing'
    const client = t.add({
      name: `GET ${route}`,
      service: 'gateway',
      kind: 'client',
      startUs: total * 0.05,
      endUs: total * 0.95,
      parent: root,
    })
    const server = t.add({
      name: `GET ${route}`,
      service,
      kind: 'server',
      startUs: total * 0.1,
      endUs: total * 0.9,
      parent: client,
    })
    t.add({
      name: 'SELECT',
      service: 'postgres',
      kind: 'client',
      startUs: total * 0.2,
      endUs: total * 0.75,
      parent: server,
    })
  }
  return t.build()
}

/** One trace of many spans: a scan over parts, each with reads below it. */
export function bigTrace(options: {
  readonly seed: number
  readonly startNs: bigint
  readonly spans: number
}): TraceView {
  const t = new TraceBuilder(options)
  const services = ['worker', 'datanode-1', 'datanode-2', 'datanode-3', 'datanode-4', 'namenode']
  const totalUs = options.spans * 90
  const root = t.add({
    name: 'job sort part-0000',
    service: 'worker',
    kind: 'internal',
    startUs: 0,
    endUs: totalUs,
  })
  let count = 1
  for (let part = 0; count < options.spans; part++) {
    const from = (part * 41 * 90) % (totalUs * 0.93)
    const partSpan = t.add({
      name: `scan part-${part}`,
      service: 'worker',
      kind: 'internal',
      startUs: from,
      endUs: from + 4_000,
      parent: root,
    })
    count++
    for (let read = 0; read < 40 && count < options.spans; read++, count++) {
      const at = from + read * 95
      const service = services[1 + ((part + read) % 4)]!
      t.add({
        name: read % 7 === 0 ? 'read block (remote)' : 'read block',
        service,
        kind: read % 7 === 0 ? 'client' : 'internal',
        startUs: at,
        endUs: at + t.between(20, 400),
        parent: partSpan,
        attributes: { 'block.index': read, 'block.bytes': 4_194_304 },
        ...(t.random() < 0.002 ? { error: 'checksum mismatch' } : {}),
      })
    }
  }
  return t.build()
}

/** Row 21 of the bad inputs: what must stay text, wherever it stands. */
export const HOSTILE: readonly string[] = [
  '<img src=x onerror="window.__pwned=1">',
  'javascript:window.__pwned=1',
  '</script><script>window.__pwned=1</script>',
  '<svg onload="window.__pwned=1">',
  'data:image/svg+xml,<svg onload="window.__pwned=1"/>',
  '{{constructor.constructor("window.__pwned=1")()}}',
  '${window.__pwned=1}',
  '__proto__',
  'constructor',
  'right\u202Eto-left',
  'nul\u0000 esc\u001b[31m bell\u0007',
  '\ud800 lone',
  '<b>bold</b>',
]

export function hostileTrace(options: { readonly seed: number; readonly startNs: bigint }): TraceView {
  const t = new TraceBuilder(options)
  const all: { [key: string]: AttributeValue } = Object.create(null)
  HOSTILE.forEach((text, index) => {
    all[text] = HOSTILE[(index + 1) % HOSTILE.length]!
  })
  const root = t.add({
    name: HOSTILE[0]!,
    service: HOSTILE[3]!,
    kind: 'server',
    startUs: 0,
    endUs: 5_000,
    attributes: all,
    error: HOSTILE[2]!,
  })
  HOSTILE.forEach((text, index) => {
    t.add({
      name: text,
      service: HOSTILE[(index + 5) % HOSTILE.length]!,
      kind: 'internal',
      startUs: 100 + index * 300,
      endUs: 400 + index * 300,
      parent: root,
      attributes: { ...all, link: 'https://example.com/?q=<img>', nested: { [text]: [text] } },
      error: text,
      events: [{ atUs: 150 + index * 300, name: text, attributes: all }],
    })
  })
  t.repairs.push({ kind: HOSTILE[0]!, message: HOSTILE[2]! })
  return t.build()
}
