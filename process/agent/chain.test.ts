// Three real processes in a chain, under concurrent load: every span has the right parent, none is foreign,
// none is lost.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ReadSpan } from './testing/otlp-oracle.ts'
import { NODES, startCollector, startService, until } from './testing/rig.ts'

const REQUESTS = 40

// A request at the front makes: front server 1; to the middle 3 client + 3 server; each of those 3 + 3 to
// the leaf; 'sum up' 1 + 3.
const SPANS_EACH = 1 + 3 + 3 + 9 + 9 + 1 + 3

for (const { name: node, path } of NODES) {
  for (const file of ['./app.mjs', './app.cjs']) {
    test(`on Node ${node}, ${file}: ${REQUESTS} concurrent requests give ${SPANS_EACH} spans each, all below the right parent`, async () => {
      const collector = await startCollector()
      const env = {
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_BSP_SCHEDULE_DELAY: '50',
        OTEL_BSP_MAX_QUEUE_SIZE: '100000',
      }
      const start = (service: string, next?: string) =>
        startService({
          file,
          node: path,
          env: { ...env, OTEL_SERVICE_NAME: service, ...(next ? { NEXT: next } : {}) },
        })
      const leaf = await start('leaf')
      const middle = await start('middle', leaf.url)
      const front = await start('front', middle.url)
      try {
        const answers = await Promise.all(
          Array.from({ length: REQUESTS }, async (_, i) => (await fetch(`${front.url}/r${i}`)).text()),
        )
        assert.ok(
          answers.every((answer) => answer.split('+').length === 9),
          'the services work as without us',
        )
        await until(
          `${REQUESTS * SPANS_EACH} spans, ${collector.spans.length} came`,
          () => collector.spans.length >= REQUESTS * SPANS_EACH,
        )
        assertChains(collector.spans)
      } finally {
        for (const service of [front, middle, leaf]) assert.equal((await service.stop()).signal, 'SIGTERM')
        await collector.close()
      }
    })
  }
}

function assertChains(spans: readonly ReadSpan[]): void {
  const traces = Map.groupBy(spans, (span) => span.traceId)
  assert.equal(traces.size, REQUESTS)
  const byId = new Map(spans.map((span) => [span.spanId, span]))
  assert.equal(byId.size, spans.length, 'no id twice')
  for (const trace of traces.values()) assert.equal(trace.length, SPANS_EACH)
  for (const span of spans) {
    const parent = byId.get(span.parentSpanId)
    if (span.parentSpanId === '') assert.equal(span.resource['service.name'], 'front')
    else assert.ok(parent, `the parent of ${span.name} was recorded`)
    if (parent !== undefined) assertBelow(span, parent)
    for (const link of span.links) {
      assert.equal(link.traceId, span.traceId, 'no link leads to another request')
      assert.equal(byId.get(link.spanId)?.parentSpanId !== undefined, true, 'a link leads to a span')
    }
  }
  for (const span of spans.filter((one) => one.kind === 3 && pathOf(one)?.endsWith('/last'))) {
    const links = joinsOf(span, byId)
    assert.deepEqual(links, ['left', 'right'], `${pathOf(span)} began after both of the two before it`)
  }
}

/** Which siblings a span, or the block it is in, was linked to. */
function joinsOf(span: ReadSpan, byId: ReadonlyMap<string, ReadSpan>): readonly (string | undefined)[] {
  const holder = span.links.length > 0 ? span : byId.get(span.parentSpanId)
  const joins = holder?.links.filter((link) => link.attributes['crosscut.edge'] === 'join') ?? []
  return joins.map((link) => pathOf(byId.get(link.spanId))?.split('/').at(-1)).sort()
}

/** The path of a request tells where it must hang: `/r7/left/last` hangs below `/r7/left`. */
function assertBelow(span: ReadSpan, parent: ReadSpan): void {
  assert.equal(span.traceId, parent.traceId)
  // Two processes have two clocks.
  const isOfSame = span.resource['service.name'] === parent.resource['service.name']
  assert.ok(!isOfSame || span.startNs >= parent.startNs, `${span.name} begins in its parent`)
  const path = pathOf(span)
  const parentPath = pathOf(parent)
  if (span.kind === 2) {
    assert.equal(parent.kind, 3, 'a server hangs below the client that called it')
    assert.equal(path, parentPath)
  } else if (path !== undefined && parentPath !== undefined)
    assert.equal(path.slice(0, path.lastIndexOf('/')), parentPath)
}

function pathOf(span: ReadSpan | undefined): string | undefined {
  const full = span?.attributes['url.full']
  const path = span?.attributes['url.path']
  return typeof full === 'string' ? new URL(full).pathname : typeof path === 'string' ? path : undefined
}
