// Jaeger's query API and Tempo's search API on a running server: what Grafana's data sources ask, with spans
// that came by OTLP/gRPC from OpenTelemetry's own exporter and by OTLP/HTTP. Shapes are those that their
// clients decode: members and types as literals, checked member by member.

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { SpanKind, SpanStatusCode, trace, context } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-grpc'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BasicTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import protobuf from 'protobufjs'
import { OTLP_DESCRIPTOR } from '#traces'
import { Crosscut, until } from './running.ts'

const NOW_S = Math.floor(Date.now() / 1000)
const ns = (ms: number): string => `${BigInt(NOW_S) * 1_000_000_000n + BigInt(ms) * 1_000_000n}`
const TRACE_ID = '00000000000000005b8efff798038103'
const ORPHANS = '5b8efff798038103d269b633813fc60d'

const value = (of: string | number | boolean): object =>
  typeof of === 'string'
    ? { stringValue: of }
    : typeof of === 'boolean'
      ? { boolValue: of }
      : { intValue: String(of) }
const attributes = (of: { readonly [key: string]: string | number | boolean }): object[] =>
  Object.entries(of).map(([key, one]) => ({ key, value: value(one) }))

function resourceSpans(service: string, spans: readonly object[]): object {
  return {
    resource: { attributes: attributes({ 'service.name': service, 'host.name': `host of ${service}` }) },
    scopeSpans: [{ scope: { name: 'by hand', version: '1' }, spans }],
  }
}

/** checkout: gateway -> shop -> db (fails);  and two children of a span that never came. */
const REQUEST = {
  resourceSpans: [
    resourceSpans('gateway', [
      {
        traceId: TRACE_ID,
        spanId: '00000000000000a1',
        name: 'POST /checkout',
        kind: 2,
        startTimeUnixNano: ns(0),
        endTimeUnixNano: ns(250),
        attributes: attributes({ 'http.status_code': 500, retry: true }),
      },
    ]),
    resourceSpans('shop', [
      {
        traceId: TRACE_ID,
        spanId: '00000000000000a2',
        parentSpanId: '00000000000000a1',
        name: 'charge',
        kind: 2,
        startTimeUnixNano: ns(10),
        endTimeUnixNano: ns(200),
        attributes: attributes({ cart: '3 "items"', route: '/a/b' }),
        events: [{ timeUnixNano: ns(20), name: 'retry', attributes: attributes({ n: 2 }) }],
        links: [{ traceId: ORPHANS, spanId: '00000000000000b1' }],
      },
    ]),
    resourceSpans('db', [
      {
        traceId: TRACE_ID,
        spanId: '00000000000000a3',
        parentSpanId: '00000000000000a2',
        name: 'SELECT',
        kind: 3,
        startTimeUnixNano: ns(30),
        endTimeUnixNano: ns(130),
        status: { code: 2, message: 'deadlock' },
        attributes: attributes({ 'db.system': 'postgres' }),
      },
    ]),
    resourceSpans('worker', [
      ...['00000000000000b1', '00000000000000b2'].map((spanId, i) => ({
        traceId: ORPHANS,
        spanId,
        parentSpanId: '00000000000000bb',
        name: `job ${i}`,
        kind: 5,
        startTimeUnixNano: ns(300 + i),
        endTimeUnixNano: ns(320 + i),
        attributes: attributes({ n: i }),
      })),
    ]),
  ],
}

type Shape = string | { readonly [member: string]: Shape } | readonly [Shape]

/** Every member of the value is one of the shape, of its type; `?` at the end = may be missing. */
function assertShape(given: unknown, shape: Shape, where = 'answer'): void {
  if (typeof shape === 'string') {
    const types = shape.split('|')
    assert.ok(types.includes(given === null ? 'null' : typeof given), `${where} is ${JSON.stringify(given)}`)
    return
  }
  if (Array.isArray(shape)) {
    assert.ok(Array.isArray(given), `${where} is no list`)
    for (const [i, one] of given.entries()) assertShape(one, shape[0], `${where}[${i}]`)
    return
  }
  assert.ok(typeof given === 'object' && given !== null && !Array.isArray(given), `${where} is no object`)
  const members = shape as { readonly [member: string]: Shape }
  const known = new Map(Object.entries(members).map(([name, one]) => [name.replace(/\?$/, ''), one]))
  if (!known.has('*'))
    for (const name of Object.keys(given)) assert.ok(known.has(name), `${where}.${name} is not of the shape`)
  for (const [name, one] of Object.entries(members)) {
    if (name === '*')
      for (const [key, each] of Object.entries(given)) assertShape(each, one, `${where}.${key}`)
    else if (Object.hasOwn(given, name.replace(/\?$/, '')))
      assertShape(Reflect.get(given, name.replace(/\?$/, '')), one, `${where}.${name}`)
    else assert.ok(name.endsWith('?'), `${where}.${name} is missing`)
  }
}

const KEY_VALUE: Shape = { key: 'string', type: 'string', value: 'string|number|boolean' }
const JAEGER_ENVELOPE = { total: 'number', limit: 'number', offset: 'number', errors: 'null' }
const JAEGER_TRACES: Shape = {
  ...JAEGER_ENVELOPE,
  data: [
    {
      traceID: 'string',
      warnings: 'null',
      processes: { '*': { serviceName: 'string', tags: [KEY_VALUE] } },
      spans: [
        {
          traceID: 'string',
          spanID: 'string',
          flags: 'number',
          operationName: 'string',
          references: [{ refType: 'string', traceID: 'string', spanID: 'string' }],
          startTime: 'number',
          duration: 'number',
          tags: [KEY_VALUE],
          logs: [{ timestamp: 'number', fields: [KEY_VALUE] }],
          processID: 'string',
          warnings: 'null|object',
        },
      ],
    },
  ],
}
const ANY_VALUE: Shape = {
  'stringValue?': 'string',
  'intValue?': 'string',
  'doubleValue?': 'number',
  'boolValue?': 'boolean',
}
const ATTRIBUTES: Shape = [{ key: 'string', value: ANY_VALUE }]
const SPANSET = {
  matched: 'number',
  'attributes?': ATTRIBUTES,
  spans: [
    {
      spanID: 'string',
      name: 'string',
      startTimeUnixNano: 'string',
      durationNanos: 'string',
      attributes: ATTRIBUTES,
    },
  ],
} as const satisfies Shape
const TEMPO_SEARCH: Shape = {
  traces: [
    {
      traceID: 'string',
      rootServiceName: 'string',
      rootTraceName: 'string',
      startTimeUnixNano: 'string',
      durationMs: 'number',
      'spanSet?': SPANSET,
      'spanSets?': [SPANSET],
      'serviceStats?': { '*': { spanCount: 'number', errorCount: 'number' } },
    },
  ],
  metrics: {
    inspectedTraces: 'number',
    inspectedSpans: 'string',
    inspectedBytes: 'string',
    totalBlocks: 'number',
    completedJobs: 'number',
    totalJobs: 'number',
  },
}

describe('APIs that Grafana asks', () => {
  const crosscut = new Crosscut()
  let ofGrpc = ''

  before(async () => {
    await crosscut.start()
    const { otlpGrpcUrl } = await crosscut.api<{ otlpGrpcUrl: string }>('/connection')
    ofGrpc = await exported(otlpGrpcUrl)
    const posted = await fetch(`${crosscut.otlpUrl}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(REQUEST),
    })
    assert.equal(posted.status, 200)
    await until(
      async () => (await crosscut.traces()).length === 3,
      () => 'the traces did not come',
    )
  })
  after(() => crosscut.close())

  /** Spans by the SDK and its gRPC exporter; the id of their trace. */
  async function exported(url: string): Promise<string> {
    const provider = new BasicTracerProvider({
      resource: resourceFromAttributes({ 'service.name': 'sdk' }),
      spanProcessors: [new SimpleSpanProcessor(new OTLPTraceExporter({ url }))],
    })
    const tracer = provider.getTracer('test')
    const startTime = NOW_S * 1000 + 400
    const root = tracer.startSpan('root', { startTime, kind: SpanKind.SERVER, attributes: { 'sdk.n': 7 } })
    const child = tracer.startSpan('child', { startTime }, trace.setSpan(context.active(), root))
    child.setStatus({ code: SpanStatusCode.ERROR, message: 'no' })
    child.end(startTime + 5)
    root.end(startTime + 10)
    await provider.forceFlush()
    await provider.shutdown()
    return root.spanContext().traceId
  }

  async function get(place: string, headers: { readonly [name: string]: string } = {}): Promise<Response> {
    return await fetch(`${crosscut.url}${place}`, {
      headers: { authorization: `Bearer ${crosscut.token}`, ...headers },
    })
  }
  async function json(place: string): Promise<any> {
    const answer = await get(place)
    const text = await answer.text()
    assert.equal(answer.status, 200, `${place}: ${text}`)
    return JSON.parse(text)
  }
  const search = (parameters: { readonly [name: string]: string }): string =>
    String(new URLSearchParams(parameters))

  describe("Jaeger's", () => {
    it('lists services and operations', async () => {
      const services = await json('/jaeger/api/services')
      assertShape(services, { ...JAEGER_ENVELOPE, data: ['string'] })
      assert.deepEqual(services.data, ['db', 'gateway', 'sdk', 'shop', 'worker'])
      assert.equal(services.total, 5)
      assert.deepEqual((await json('/jaeger/api/services/worker/operations')).data, ['job 0', 'job 1'])
      const operations = await json('/jaeger/api/operations?service=db')
      assertShape(operations, { ...JAEGER_ENVELOPE, data: [{ name: 'string', spanKind: 'string' }] })
      assert.deepEqual(operations.data, [{ name: 'SELECT', spanKind: 'client' }])
      assert.deepEqual((await json('/jaeger/api/operations?service=db&spanKind=server')).data, [])
    })

    it('gives one trace whole, by its id with or without leading zeros', async () => {
      for (const id of [TRACE_ID, TRACE_ID.replace(/^0+/, ''), TRACE_ID.toUpperCase()]) {
        const answer = await json(`/jaeger/api/traces/${id}`)
        assertShape(answer, JAEGER_TRACES)
        const [only] = answer.data
        assert.equal(only.traceID, TRACE_ID)
        assert.deepEqual(
          only.spans.map((span: { operationName: string }) => span.operationName),
          ['POST /checkout', 'charge', 'SELECT'],
        )
        const charge = only.spans[1]
        assert.deepEqual(charge.references, [
          { refType: 'CHILD_OF', traceID: TRACE_ID, spanID: '00000000000000a1' },
          { refType: 'FOLLOWS_FROM', traceID: ORPHANS, spanID: '00000000000000b1' },
        ])
        assert.deepEqual([charge.startTime, charge.duration], [NOW_S * 1e6 + 10_000, 190_000])
        assert.equal(only.processes[charge.processID].serviceName, 'shop')
        assert.deepEqual(charge.logs[0].fields, [
          { key: 'event', type: 'string', value: 'retry' },
          { key: 'n', type: 'int64', value: 2 },
        ])
        const tags = Object.fromEntries(
          only.spans[2].tags.map(({ key, value: of }: { key: string; value: unknown }) => [key, of]),
        )
        assert.deepEqual(tags, {
          'db.system': 'postgres',
          'span.kind': 'client',
          'otel.status_code': 'ERROR',
          'otel.status_description': 'deadlock',
          error: true,
          'otel.scope.name': 'by hand',
          'otel.scope.version': '1',
        })
      }
    })

    const FOUND: readonly (readonly [
      parameters: { readonly [name: string]: string },
      ids: readonly string[],
    ])[] = [
      [{ service: 'shop' }, [TRACE_ID]],
      [{ service: 'shop', operation: 'charge' }, [TRACE_ID]],
      [{ service: 'shop', operation: 'SELECT' }, []],
      [{ service: 'db', tags: '{"error":"true"}' }, [TRACE_ID]],
      [{ service: 'gateway', tags: '{"error":"true"}' }, []],
      [{ service: 'gateway', tags: '{"http.status_code":"500","retry":"true"}' }, [TRACE_ID]],
      [{ service: 'shop', tags: '{"cart":"3 \\"items\\""}' }, [TRACE_ID]],
      [{ service: 'shop', tag: 'host.name:host of shop' }, [TRACE_ID]],
      [{ service: 'db', tag: 'span.kind:client', minDuration: '90ms', maxDuration: '0.11s' }, [TRACE_ID]],
      [{ service: 'db', minDuration: '101ms' }, []],
      [{ service: 'worker', limit: '1', lookback: '1h' }, [ORPHANS]],
      [{ service: 'worker', start: String((NOW_S - 60) * 1e6), end: String((NOW_S + 60) * 1e6) }, [ORPHANS]],
      [{ service: 'worker', end: String((NOW_S - 60) * 1e6) }, []],
      [{ traceID: ORPHANS }, [ORPHANS]],
    ]
    for (const [parameters, ids] of FOUND) {
      it(`finds ${ids.length} by ${JSON.stringify(parameters)}`, async () => {
        const answer = await json(`/jaeger/api/traces?${search(parameters)}`)
        assertShape(answer, JAEGER_TRACES)
        assert.deepEqual(
          answer.data.map(({ traceID }: { traceID: string }) => traceID),
          ids,
        )
      })
    }

    it('answers the search of Grafana 12.1, which leaves the path of its URL out', async () => {
      assert.equal((await json('/api/traces?service=shop&limit=20')).data[0].traceID, TRACE_ID)
    })

    it('tells who calls whom', async () => {
      const answer = await json(`/jaeger/api/dependencies?endTs=${(NOW_S + 60) * 1000}&lookback=3600000`)
      assertShape(answer, {
        ...JAEGER_ENVELOPE,
        data: [{ parent: 'string', child: 'string', callCount: 'number' }],
      })
      assert.deepEqual(answer.data, [
        { parent: 'gateway', child: 'shop', callCount: 1 },
        { parent: 'shop', child: 'db', callCount: 1 },
      ])
    })

    const REFUSED: readonly (readonly [place: string, status: number, message: RegExp])[] = [
      ['/jaeger/api/traces/1234567890abcdef', 404, /trace not found/],
      ['/jaeger/api/traces/xyz', 400, /trace id/],
      ['/jaeger/api/traces', 400, /'service' is missing/],
      ['/jaeger/api/operations', 400, /'service' is missing/],
      ['/jaeger/api/traces?service=a&minDuration=5', 400, /must be a duration/],
      ['/jaeger/api/traces?service=a&tags=error', 400, /object of JSON/],
      ['/jaeger/api/traces?service=a&start=yesterday', 400, /whole number/],
      ['/jaeger/api/traces?service=a&limit=-1', 400, /'limit'/],
    ]
    for (const [place, status, message] of REFUSED) {
      it(`answers ${place} with ${status} in its own envelope`, async () => {
        const answer = await get(place)
        const body: any = await answer.json()
        assert.deepEqual([answer.status, body.data, body.errors[0].code], [status, null, status])
        assert.match(body.errors[0].msg, message)
      })
    }
  })

  describe("Tempo's", () => {
    it('says echo, and which version it is like', async () => {
      assert.equal(await (await get('/tempo/api/echo')).text(), 'echo')
      assertShape(await json('/tempo/api/status/buildinfo'), {
        version: 'string',
        revision: 'string',
        branch: 'string',
        buildUser: 'string',
        buildDate: 'string',
        goVersion: 'string',
      })
    })

    it('gives a trace as OTLP/JSON, in both versions', async () => {
      const { batches } = await json(`/tempo/api/traces/${TRACE_ID}`)
      const { trace: whole } = await json(`/tempo/api/v2/traces/${TRACE_ID.replace(/^0+/, '')}`)
      assert.deepEqual(whole.resourceSpans, batches)
      const names = batches.flatMap(({ scopeSpans }: any) => scopeSpans[0].spans.map(({ name }: any) => name))
      assert.deepEqual(names.toSorted(), ['POST /checkout', 'SELECT', 'charge'])
      const [shop] = batches.filter(({ scopeSpans }: any) => scopeSpans[0].spans[0].name === 'charge')
      const { attributes: given, events } =
        REQUEST.resourceSpans[1]!['scopeSpans' as never]![0]!['spans' as never]![0]!
      assert.deepEqual(shop.scopeSpans[0].spans[0].attributes, given)
      assert.deepEqual(shop.scopeSpans[0].spans[0].events, events)
    })

    it('gives a trace as protobuf, as its data source decodes it', async () => {
      const root = protobuf.Root.fromJSON({
        nested: {
          ...OTLP_DESCRIPTOR.nested,
          TraceByIDResponse: {
            fields: {
              trace: { type: 'ExportTraceServiceRequest', id: 1 },
              status: { type: 'int32', id: 3 },
              message: { type: 'string', id: 4 },
            },
          },
        },
      })
      const accept = { accept: 'application/protobuf' }
      const v1 = await get(`/tempo/api/traces/${TRACE_ID}`, accept)
      assert.equal(v1.headers.get('content-type'), 'application/protobuf')
      const trace1 = root.lookupType('ExportTraceServiceRequest').decode(Buffer.from(await v1.arrayBuffer()))
      const v2 = await get(`/tempo/api/v2/traces/${TRACE_ID}`, accept)
      const trace2 = root.lookupType('TraceByIDResponse').decode(Buffer.from(await v2.arrayBuffer()))
      assert.deepEqual(trace2.toJSON()['trace'], trace1.toJSON())
      // protobufjs writes bytes as base64 and enums as numbers; the rest is what JSON says.
      const { batches } = await json(`/tempo/api/traces/${TRACE_ID}`)
      const plain = JSON.parse(JSON.stringify({ resourceSpans: batches }), (key, one) =>
        /^(traceId|spanId|parentSpanId)$/.test(key)
          ? Buffer.from(String(one), 'hex').toString('base64')
          : (key === 'events' || key === 'links') && one.length === 0
            ? undefined
            : key === 'code' && one === 0
              ? undefined
              : key === 'attributes' && one.length === 0
                ? undefined
                : one,
      )
      assert.deepEqual(trace1.toJSON(), plain)
    })

    const FOUND: readonly (readonly [
      parameters: { readonly [name: string]: string },
      spans: { readonly [traceId: string]: readonly string[] },
    ])[] = [
      [{ q: '{ status = error && resource.service.name = "db" }' }, { [TRACE_ID]: ['SELECT'] }],
      [{ q: '{ resource.service.name = "gateway" } >> { status = error }' }, { [TRACE_ID]: ['SELECT'] }],
      [{ q: '{ name = "charge" } > { kind = client }' }, { [TRACE_ID]: ['SELECT'] }],
      [{ q: '{ name = "job 0" } ~ { }' }, { [ORPHANS]: ['job 1'] }],
      [{ q: '{ } !< { resource.service.name =~ "shop|db" }' }, { [TRACE_ID]: ['SELECT'] }],
      [{ q: '{ rootName = nil } | count() > 1' }, { [ORPHANS]: ['job 0', 'job 1'] }],
      [{ q: '{ .n >= 0 } | avg(.n) > 0.4 | select(span.n)', spss: '1' }, { [ORPHANS]: ['job 0'] }],
      [{ q: '{ trace:duration > 200ms && span:status = error }' }, { [TRACE_ID]: ['SELECT'] }],
      [{ q: '{ .cart = "3 \\"items\\"" }' }, { [TRACE_ID]: ['charge'] }],
      [
        {
          q: '{ nestedSetParent<0 && true } | select(status, resource.service.name)',
          start: '1',
          end: String(NOW_S + 1),
          minDuration: '100ms',
        },
        { [TRACE_ID]: ['POST /checkout'] },
      ],
    ]
    for (const [parameters, spans] of FOUND) {
      it(`finds ${Object.values(spans).flat().join(', ')} by ${JSON.stringify(parameters)}`, async () => {
        const answer = await json(`/tempo/api/search?${search(parameters)}`)
        assertShape(answer, TEMPO_SEARCH)
        const found = answer.traces.map(({ traceID, spanSets }: any) => [
          traceID,
          spanSets.flatMap((set: any) => set.spans.map(({ name }: any) => name)),
        ])
        assert.deepEqual(Object.fromEntries(found), spans)
      })
    }

    it('shows what the query names, counts what it does not show, and says what it looked at', async () => {
      const answer = await json(
        `/tempo/api/search?${search({ q: '{ resource.service.name = "worker" } | select(span.n) | by(span.n)', spss: '5' })}`,
      )
      const [found] = answer.traces
      assert.deepEqual(found.spanSets[1], {
        spans: [
          {
            spanID: '00000000000000b2',
            name: 'job 1',
            startTimeUnixNano: ns(301),
            durationNanos: '20000000',
            attributes: [
              { key: 'service.name', value: { stringValue: 'worker' } },
              { key: 'n', value: { intValue: '1' } },
            ],
          },
        ],
        matched: 1,
        attributes: [{ key: 'by(span.n)', value: { intValue: '1' } }],
      })
      assert.deepEqual(
        [found.rootServiceName, found.durationMs, found.serviceStats],
        ['<root span not yet received>', 21, { worker: { spanCount: 2, errorCount: 0 } }],
      )
      assert.equal(answer.metrics.inspectedTraces, 1)
    })

    const BY_TAGS: readonly (readonly [
      parameters: { readonly [name: string]: string },
      ids: readonly string[],
    ])[] = [
      [{ tags: 'service.name=SHOP' }, [TRACE_ID]],
      [{ tags: 'service.name=shop cart="3 \\"it"' }, [TRACE_ID]],
      [{ tags: 'http.status_code=500 name=check' }, [TRACE_ID]],
      [{ tags: 'name=nothing' }, []],
      [{ tags: 'service.name=worker', maxDuration: '100ms' }, [ORPHANS]],
      [{ minDuration: '200ms' }, [TRACE_ID]],
      [{ tags: 'status.code=error service.name=db' }, [TRACE_ID]],
    ]
    for (const [parameters, ids] of BY_TAGS) {
      it(`finds ${ids.length} by ${JSON.stringify(parameters)}`, async () => {
        const answer = await json(`/tempo/api/search?${search(parameters)}`)
        assertShape(answer, TEMPO_SEARCH)
        assert.deepEqual(
          answer.traces.map(({ traceID }: { traceID: string }) => traceID),
          ids,
        )
      })
    }

    it('finds what came by gRPC', async () => {
      const { traces } = await json(
        `/tempo/api/search?${search({ q: '{ .sdk.n = 7 } > { status = error }' })}`,
      )
      assert.deepEqual([traces.length, traces[0].traceID], [1, ofGrpc])
    })

    it('lists tags by scope, and their values with types', async () => {
      const tags = await json('/tempo/api/v2/search/tags?limit=5000')
      assertShape(tags, { scopes: [{ name: 'string', tags: ['string'] }], metrics: {} })
      const of = (scope: string): string[] => tags.scopes.find(({ name }: any) => name === scope)?.tags ?? []
      assert.ok(['db.system', 'route', 'http.status_code'].every((tag) => of('span').includes(tag)))
      assert.ok(of('resource').includes('host.name') && !of('span').includes('host.name'))
      assert.deepEqual(of('event'), ['n'])
      assert.ok(of('intrinsic').includes('rootName'))
      const only = await json('/tempo/api/v2/search/tags?scope=resource')
      assert.deepEqual(
        only.scopes.map(({ name }: any) => name),
        ['resource'],
      )
      const old = await json('/tempo/api/search/tags')
      assertShape(old, { tagNames: ['string'], metrics: {} })
      assert.ok(old.tagNames.includes('service.name') && old.tagNames.includes('db.system'))
    })

    const VALUES: readonly (readonly [tag: string, values: readonly string[]])[] = [
      [
        'resource.service.name',
        ['string db', 'string gateway', 'string sdk', 'string shop', 'string worker'],
      ],
      ['.db.system', ['string postgres']],
      ['span.http.status_code', ['int 500']],
      ['span.retry', ['bool true']],
      [
        'resource.host.name',
        ['string host of db', 'string host of gateway', 'string host of shop', 'string host of worker'],
      ],
      ['status', ['keyword error', 'keyword ok', 'keyword unset']],
      ['rootServiceName', ['string gateway', 'string sdk']],
      ['span.nothing', []],
      ['event.n', ['int 2']],
    ]
    for (const [tag, values] of VALUES) {
      it(`lists the values of ${tag}`, async () => {
        // As Grafana writes it: encoded twice.
        const place = `/tempo/api/v2/search/tag/${encodeURIComponent(encodeURIComponent(tag))}/values`
        const answer = await json(place)
        assertShape(answer, { tagValues: [{ type: 'string', value: 'string' }], metrics: {} })
        assert.deepEqual(
          answer.tagValues.map(({ type, value: of }: any) => `${type} ${of}`).toSorted(),
          values,
        )
      })
    }

    it('lists values on spans that a selector finds, and all while it is half typed', async () => {
      const values = async (q: string): Promise<string[]> =>
        (await json(`/tempo/api/v2/search/tag/name/values?${search({ q })}`)).tagValues.map(
          ({ value: of }: any) => of,
        )
      assert.deepEqual(await values('{ resource.service.name = "db" }'), ['SELECT'])
      assert.equal((await values('{ resource.service.name = }')).length, 7)
      assert.deepEqual((await json('/tempo/api/search/tag/service.name/values')).tagValues.toSorted(), [
        'db',
        'gateway',
        'sdk',
        'shop',
        'worker',
      ])
    })

    const REFUSED: readonly (readonly [place: string, status: number, message: RegExp])[] = [
      ['/tempo/api/traces/1234', 404, /trace not found/],
      ['/tempo/api/v2/traces/1234', 404, /trace not found/],
      ['/tempo/api/traces/xyz', 400, /trace id/],
      [`/tempo/api/search?${search({ q: '{ nme = 1 }' })}`, 400, /E_TRACEQL/],
      [`/tempo/api/search?${search({ q: '{ } | rate()' })}`, 400, /time series/],
      ['/tempo/api/search?minDuration=5', 400, /must be a duration/],
      ['/tempo/api/search?tags=a', 400, /key=value/],
      ['/tempo/api/search?start=yesterday', 400, /whole number/],
      ['/tempo/api/v2/search/tag/nothing/values', 400, /field of TraceQL/],
    ]
    for (const [place, status, message] of REFUSED) {
      it(`answers ${place} with ${status} and a sentence`, async () => {
        const answer = await get(place)
        assert.match(await answer.text(), message)
        assert.deepEqual(
          [answer.status, answer.headers.get('content-type')],
          [status, 'text/plain; charset=utf-8'],
        )
      })
    }
  })

  it('needs a token that may read', async () => {
    for (const place of [
      '/jaeger/api/services',
      '/tempo/api/search',
      '/tempo/api/echo',
      '/api/traces?service=a',
    ]) {
      assert.equal((await fetch(`${crosscut.url}${place}`)).status, 401, place)
    }
    const { secret } = await crosscut.api<{ secret: string }>('/tokens', {
      method: 'POST',
      body: JSON.stringify({ name: 'grafana', may: ['read'] }),
    })
    const answer = await fetch(`${crosscut.url}/jaeger/api/services`, {
      headers: { authorization: `Bearer ${secret}` },
    })
    assert.equal(answer.status, 200)
  })

  it('has no pages below them, and no other methods', async () => {
    assert.equal((await get('/tempo/api/metrics/query_range')).status, 404)
    assert.equal((await get('/jaeger/search')).status, 404)
    const posted = await fetch(`${crosscut.url}/tempo/api/search`, {
      method: 'POST',
      headers: { authorization: `Bearer ${crosscut.token}` },
    })
    assert.equal(posted.status, 405)
  })

  it('answers as Jaeger what import reads again, whole', async () => {
    const answer = await get(`/jaeger/api/traces/${TRACE_ID}`)
    const counts = await crosscut.api<object>('/import?format=jaeger', {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body: await answer.text(),
    })
    assert.deepEqual(counts, {
      format: 'jaeger',
      acceptedSpans: 3,
      rejectedSpans: 0,
      message: '',
      isDuplicate: false,
    })
  })

  it('searches by TraceQL in its own API too, and refuses what is none', async () => {
    const found = await crosscut.traces({
      q: '{ name = "POST /checkout" } >> { status = error }',
      minMs: '200',
    })
    assert.deepEqual(
      found.map(({ traceId }) => traceId),
      [TRACE_ID],
    )
    const refused = await get(`/api/v1/traces?${search({ q: '{ name = }' })}`)
    assert.deepEqual([refused.status, ((await refused.json()) as any).error.code], [400, 'E_TRACEQL'])
  })
})
