// What a document tells the page that opens it, as a browser would ask for it.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import http from 'node:http'
import { readSettings } from './settings.ts'
import { startAgent } from './start.ts'
import { closed, listen, startCollector } from './testing/rig.ts'

const NAVIGATION = { 'sec-fetch-dest': 'document', 'sec-fetch-mode': 'navigate' }
const TOLD = /^crosscut;desc="00-([0-9a-f]{32})-([0-9a-f]{16})-(0[01])(?:-([0-9a-f]{16}))?"$/

/** Answers of a server whose handler sets headers as applications do. */
async function ask(env: Record<string, string>, asked: readonly Record<string, string>[]) {
  const collector = await startCollector()
  const agent = startAgent(readSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, ...env }))
  const server = http.createServer((request, response) => {
    if (request.url === '/own') response.setHeader('Server-Timing', 'db;dur=5')
    if (request.url === '/head') response.writeHead(200, { 'x-a': '1' })
    response.end('ok')
  })
  try {
    const url = await listen(server)
    const answers = []
    for (const { path = '/', ...headers } of asked) {
      const answer = await new Promise<http.IncomingMessage>((resolve, reject) =>
        http.get(`${url}${path}`, { headers }, resolve).on('error', reject),
      )
      answer.resume()
      answers.push(answer.headers['server-timing'])
    }
    await closed(server)
    await agent.flush(300)
    return {
      answers,
      spans: collector.spans.filter(
        (span) => span.kind === 2 && span.attributes['url.path'] !== '/v1/traces',
      ),
    }
  } finally {
    agent.stop()
    await collector.close()
  }
}

/** http.get here is traced too, and would bring a traceparent of its own. */
const NO_PARENT = { CROSSCUT_PAGES: '1', OTEL_PROPAGATORS: 'baggage' }

test('a document is told the id that its fetch shall have, and the server is below it', async () => {
  const { answers, spans } = await ask(NO_PARENT, [NAVIGATION, { ...NAVIGATION, path: '/head' }])
  assert.equal(answers.length, 2)
  for (const [i, answer] of answers.entries()) {
    const [, traceId, id, flags, own] = TOLD.exec(String(answer)) ?? []
    const span = spans[i]
    assert.deepEqual([span?.traceId, span?.parentSpanId, span?.spanId, flags], [traceId, id, own, '01'])
    const [head] = span?.events ?? []
    assert.equal(head?.name, 'http.response.head')
    assert.ok(span && head && head.timeNs >= span.startNs && head.timeNs <= span.endNs)
  }
})

test('what the application says in Server-Timing stays', async () => {
  const { answers } = await ask(NO_PARENT, [{ ...NAVIGATION, path: '/own' }])
  assert.match(String(answers[0]), /^db;dur=5, crosscut;desc="00-/)
})

test('nothing is told to what opens no page, and to nobody where it is not asked for', async () => {
  const others: Record<string, string>[] = [
    {},
    { 'sec-fetch-dest': 'empty' },
    { ...NAVIGATION, 'sec-purpose': 'prefetch' },
  ]
  assert.deepEqual((await ask(NO_PARENT, others)).answers, [undefined, undefined, undefined])
  assert.deepEqual((await ask({ OTEL_PROPAGATORS: 'baggage' }, [NAVIGATION])).answers, [undefined])
})

test('a trace that is not sampled says so, and the server records nothing', async () => {
  const { answers, spans } = await ask({ ...NO_PARENT, OTEL_TRACES_SAMPLER: 'always_off' }, [NAVIGATION])
  assert.equal(TOLD.exec(String(answers[0]))?.[3], '00')
  assert.deepEqual(spans, [])
})

test('who brings a traceparent keeps it', async () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  const { answers, spans } = await ask({ CROSSCUT_PAGES: '1' }, [{ ...NAVIGATION, traceparent }])
  assert.equal(answers[0], undefined)
  assert.equal(spans.length, 1)
})
