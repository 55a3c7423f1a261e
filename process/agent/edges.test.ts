// Arrows between spans that are no parents: joins of several branches, and barriers between two requests
// that share a promise.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import http from 'node:http'
import { block, measure, point, tags, tenant } from '../api/index.ts'
import { readSettings } from './settings.ts'
import { startAgent, type Agent } from './start.ts'
import type { ReadSpan } from './testing/otlp-oracle.ts'
import { closed, listen, startCollector, type Collector } from './testing/rig.ts'

let collector: Collector
let agent: Agent

before(async () => {
  collector = await startCollector()
  agent = startAgent(readSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }))
})
after(async () => {
  agent.stop()
  await collector.close()
})

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

async function recorded(): Promise<readonly ReadSpan[]> {
  await agent.flush(300)
  // The collector lives in this very process, so that what it serves is traced too.
  return collector.spans.splice(0).filter((span) => span.attributes['url.path'] !== '/v1/traces')
}

/** Serves `handler` for as long as `ask` runs; what it throws answers 500. */
async function serving(
  handler: (path: string) => Promise<string>,
  ask: (url: string) => Promise<void>,
): Promise<void> {
  const server = http.createServer((request, response) => {
    handler(request.url ?? '/').then(
      (text) => response.end(text),
      (error: unknown) => response.writeHead(500).end(String(error)),
    )
  })
  const url = await listen(server)
  try {
    await ask(url)
  } finally {
    await closed(server)
  }
}

const text = async (url: string): Promise<string> => (await fetch(url)).text()

test('a promise shared by two requests leaves a barrier edge, and no tenant crosses it', async () => {
  await recorded()
  let shared: Promise<string> | undefined
  const load = async (): Promise<string> => {
    await sleep(30)
    return 'loaded'
  }
  await serving(
    async (path) => {
      tenant(path.slice(1))
      if (path === '/second') await sleep(5)
      return block('work', () => (shared ??= load()))
    },
    async (url) => {
      assert.deepEqual(await Promise.all([text(`${url}/first`), text(`${url}/second`)]), ['loaded', 'loaded'])
    },
  )
  const spans = await recorded()
  const tenantOf = (span: ReadSpan | undefined) => span?.attributes['crosscut.tenant']
  const servers = spans.filter((span) => span.kind === 2)
  assert.deepEqual(servers.map(tenantOf).sort(), ['first', 'second'])
  const edges = spans.flatMap((span) =>
    span.links
      .filter((link) => link.attributes['crosscut.edge'] === 'barrier')
      .map((link) => [span, link] as const),
  )
  assert.equal(edges.length > 0, true)
  for (const [span, link] of edges) {
    const source = spans.find((one) => one.spanId === link.spanId)
    assert.ok(source)
    assert.notEqual(source.traceId, span.traceId)
    assert.equal(typeof link.attributes['crosscut.edge.to_ns'], 'string')
  }
})

test('a loop of awaits that begin spans only after their first await keeps the links of each few', async () => {
  await recorded()
  await serving(
    async () => {
      for (let i = 0; i < 300; i += 1) {
        await (async () => {
          await null
          block(`step ${i}`).end()
        })()
      }
      return 'done'
    },
    async (url) => void (await text(url)),
  )
  const spans = await recorded()
  const steps = spans.filter((span) => span.name.startsWith('step'))
  assert.equal(steps.length, 300)
  assert.ok(Math.max(...steps.map((span) => span.links.length)) <= 1)
})

test('points and measures are events of the active span, tags and tenant its attributes', async () => {
  await recorded()
  await serving(
    async () => {
      tenant('acme')
      tags.set('plan', 'gold')
      point('seen', { n: 3 })
      await measure('slept', () => sleep(1))
      return tags.get('plan') ?? ''
    },
    async (url) => assert.equal(await text(url), 'gold'),
  )
  const [server] = (await recorded()).filter((span) => span.kind === 2)
  assert.deepEqual(
    server?.events.map((event) => event.name),
    ['seen', 'slept'],
  )
  assert.equal(server?.events[0]?.attributes['n'], 3)
  assert.deepEqual(
    [server?.attributes['crosscut.tenant'], server?.attributes['crosscut.tag.plan']],
    ['acme', 'gold'],
  )
})

test("failures are told on the spans: status, error type, and the host's error as it was", async () => {
  await recorded()
  await serving(
    async () =>
      block('fails', async () => {
        await sleep(1)
        throw new TypeError('broken')
      }),
    async (url) => assert.match(await text(url), /broken/),
  )
  const spans = await recorded()
  const find = (test: (span: ReadSpan) => boolean) => spans.find(test)
  assert.deepEqual(find((span) => span.name === 'fails')?.status, { code: 2, message: 'broken' })
  assert.equal(find((span) => span.name === 'fails')?.attributes['error.type'], 'TypeError')
  assert.equal(find((span) => span.kind === 2)?.attributes['error.type'], '500')
  assert.equal(find((span) => span.kind === 3)?.status.code, 2)
})
