// The recorder in a real browser: what a page measured, against what the page and its server did.

import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { Browser, Page } from 'playwright-core'
import { buildTrace, criticalPath, type LooseOtlpSpan, type Trace } from '#model'
import { bundledRecorder, startChromium } from './browser.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const KEPT = '00f067aa0ba902b7'
const SIZE_MAX = 6 * 1024

let code: string
let browser: Browser
let server: Server
let url: string
/** What the pages sent, in order. */
const bodies: string[] = []
let head: (response: ServerResponse) => void = () => {}
let html = ''

before(async () => {
  code = await bundledRecorder()
  browser = await startChromium()
  server = createServer((request, response) => void answer(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
})
after(async () => {
  await browser.close()
  server.closeAllConnections()
  server.close()
})

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = (request.url ?? '').split('?')[0]
  if (request.method === 'POST') {
    let text = ''
    for await (const chunk of request) text += String(chunk)
    bodies.push(text)
    return void response.end('{}')
  }
  if (path === '/recorder.js') return send(response, 'text/javascript', code)
  if (path === '/site.css') return send(response, 'text/css', `b{color:red}/*${'x'.repeat(5000)}*/`, 60)
  if (path === '/app.js') return send(response, 'text/javascript', 'globalThis.app = 1')
  if (path !== '/page') return void response.writeHead(404).end()
  head(response)
  send(response, 'text/html', html)
}

function send(response: ServerResponse, type: string, text: string, delayMs = 0): void {
  setTimeout(() => {
    response.writeHead(200, { 'content-type': type, 'cache-control': 'max-age=60' }).end(text)
  }, delayMs)
}

const SCRIPT = (options: string, rest = '') =>
  `<script type="module">import { recordPage } from '/recorder.js'
   const page = recordPage({ to: '/v1/traces', service: 'shop-web', ${options} }); ${rest}</script>`

/** Opens the page and gives all spans it sent, also those it sends when it goes. */
async function visit(text: string, during: (page: Page) => Promise<unknown> = async () => {}) {
  bodies.length = 0
  html = text
  const context = await browser.newContext({ locale: 'de-DE' })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => void complaints.push(error.message))
  await page.goto(`${url}/page?secret=1#x`)
  await page.waitForFunction('document.readyState === "complete"')
  await during(page)
  await page.goto('about:blank')
  await context.close()
  assert.deepEqual(complaints, [])
  return spansIn(bodies)
}

type Sent = {
  readonly spans: readonly Span[]
  readonly resource: Record<string, unknown>
  readonly trace: Trace
}
type Span = LooseOtlpSpan & { readonly name: string; readonly parentSpanId: string }

function spansIn(texts: readonly string[]): Sent {
  const groups = texts.flatMap((text) => JSON.parse(text).resourceSpans)
  const spans: Span[] = groups.flatMap((group) =>
    group.scopeSpans[0].spans.map((span: object) => ({ ...span, resource: group.resource })),
  )
  const resource = Object.fromEntries(
    (groups[0]?.resource.attributes ?? []).map(({ key, value }: { key: string; value: object }) => [
      key,
      Object.values(value)[0],
    ]),
  )
  return { spans, resource, trace: buildTrace(spans) }
}

const settled = (page: Page) => page.waitForTimeout(1600)
const blockOf = ({ trace }: Sent, name: string) => {
  const found = trace.blocks.find((block) => block.name === name)
  assert.ok(found, `no block ${name} among ${trace.blocks.map((block) => block.name).join(', ')}`)
  return found
}
const CSS = '<link rel="stylesheet" href="/site.css">'

test('the recorder is within its budget of 6 kB', () => {
  assert.ok(gzipSync(code).length <= SIZE_MAX, `${gzipSync(code).length} bytes`)
})

test('a page is one unit: document, render, resources with bytes, marks, measures', async () => {
  const sent = await visit(
    `<!doctype html>${CSS}<script src="/app.js"></script><b>text</b>${SCRIPT(
      "attributes: { 'service.version': '7' }",
      `performance.mark('display_done', { detail: { phase: 'top' } })
       performance.measure('hydrate', { start: 10, end: 30 }); page.point('seen', { n: 2 })`,
    )}`,
    settled,
  )
  const root = blockOf(sent, 'page /page')
  assert.equal(sent.trace.root, root.index)
  assert.equal(sent.trace.units.length, 1)
  assert.deepEqual(sent.trace.repairs, [])
  for (const name of ['document', 'render', 'load css', 'load js', 'hydrate'])
    assert.equal(blockOf(sent, name).parent, root.index, name)
  assert.equal(blockOf(sent, 'hydrate').endNs - blockOf(sent, 'hydrate').startNs, 20_000_000n)
  const css = blockOf(sent, 'load css').span.attributes
  assert.deepEqual(
    [css['url.full'], css['resource'], css['crosscut.counter.decoded_bytes'], css['cached']],
    [`${url}/site.css`, 'css', 5016, false],
  )
  assert.ok(Number(css['crosscut.counter.bytes']) > 5016)
  const points = sent.trace.points.filter((point) => point.block === root.index)
  assert.equal(points[0]?.name, 'navigation')
  const marked = points.find((point) => point.name === 'display_done')
  assert.deepEqual(
    { ...root.span.events[marked?.event ?? -1]?.attributes },
    {
      marker: 'display_done',
      phase: 'top',
    },
  )
  for (const name of ['load', 'dom_interactive', 'seen', 'first-contentful-paint'])
    assert.ok(
      points.some((point) => point.name === name),
      name,
    )
  assert.equal(root.span.attributes['url.full'], `${url}/page`)
  assert.deepEqual(
    [sent.resource['service.name'], sent.resource['service.version'], sent.resource['browser.language']],
    ['shop-web', '7', 'de-DE'],
  )
  assert.equal(sent.resource['device.type'], 'desktop')
  assert.doesNotMatch(bodies.join(), /secret/)
})

test('what render waited for is a resource edge with its bytes, and lies on the critical path', async () => {
  const sent = await visit(`<!doctype html>${SCRIPT('')}${CSS}<b>text</b>`, settled)
  const render = blockOf(sent, 'render')
  const links = render.span.links.filter((link) => link.attributes['resource'] === 'css')
  assert.equal(links.length, 1)
  assert.equal(links[0]?.attributes['crosscut.edge'], 'resource')
  assert.ok(Number(links[0]?.attributes['crosscut.counter.bytes']) > 5000)
  const path = criticalPath(sent.trace, { from: { spanId: render.spanId }, to: { spanId: render.spanId } })
  assert.ok(path.some((section) => section.waitedFor === 'resource'))
})

test('a page that comes from the cache says so', async () => {
  const sent = await visit(`<!doctype html>${CSS}${SCRIPT('')}`, async (page) => {
    await settled(page)
    bodies.length = 0
    await page.reload()
    await settled(page)
  })
  const all = sent.spans.filter((span) => span.name === 'load css')
  const [again] = buildTrace(all).blocks
  assert.equal(again?.span.attributes['cached'], true)
})

test('the id that the server kept free is the fetch of the document: one tree from page to server', async () => {
  const server = 'b7ad6b7169203331'
  head = (response) =>
    void response.appendHeader('Server-Timing', `crosscut;desc="00-${TRACE}-${KEPT}-01-${server}"`)
  const sent = await visit(`<!doctype html>${SCRIPT('')}`, settled)
  head = () => {}
  assert.deepEqual([...new Set(sent.spans.map((span) => span.traceId))], [TRACE])
  const fetched = blockOf(sent, 'document')
  assert.equal(fetched.spanId, KEPT)
  // The server answers while the page waits for its first byte, and its head leaves before that.
  const render = sent.spans.find((span) => span.name === 'render')
  const firstNs = BigInt(String(render?.['startTimeUnixNano']))
  const serverSpan = {
    traceId: TRACE,
    spanId: server,
    parentSpanId: KEPT,
    name: 'GET',
    kind: 2,
    startTimeUnixNano: firstNs - 2000n,
    endTimeUnixNano: fetched.endNs,
    events: [{ name: 'http.response.head', timeUnixNano: firstNs - 1000n }],
  }
  const trace = buildTrace([...sent.spans, serverSpan])
  assert.deepEqual(trace.repairs, [])
  const path = criticalPath(trace)
  assert.deepEqual(
    path.filter(({ name }) => name === 'GET').map(({ startNs, endNs }) => [startNs, endNs]),
    [[firstNs - 2000n, firstNs - 1000n]],
  )
})

for (const [where, text, start] of [
  [
    'Server-Timing',
    '',
    (r: ServerResponse) => void r.setHeader('Server-Timing', `traceparent;desc="00-${TRACE}-${KEPT}-01"`),
  ],
  ['a meta tag', `<meta name="traceparent" content="00-${TRACE}-${KEPT}-01">`, () => {}],
] as const) {
  test(`the server's own span in ${where} is where the document came from`, async () => {
    head = start
    const sent = await visit(`<!doctype html>${text}${SCRIPT('')}`, settled)
    head = () => {}
    assert.notEqual(blockOf(sent, 'document').spanId, KEPT)
    const link = blockOf(sent, 'document').span.links.find((one) => one.spanId === KEPT)
    assert.deepEqual([link?.traceId, link?.attributes['crosscut.edge']], [TRACE, 'async'])
  })
}

test('what is not sampled, by the server or by choice, sends nothing', async () => {
  head = (response) => void response.setHeader('Server-Timing', `crosscut;desc="00-${TRACE}-${KEPT}-00"`)
  assert.deepEqual((await visit(`<!doctype html>${SCRIPT('')}`, settled)).spans, [])
  head = () => {}
  assert.deepEqual((await visit(`<!doctype html>${SCRIPT('sample: 0')}`, settled)).spans, [])
})

test('a page that goes before it settled sends all the same, by beacon', async () => {
  const sent = await visit(`<!doctype html>${CSS}${SCRIPT('', "page.block('never ends')")}`)
  for (const name of ['page /page', 'document', 'render', 'load css']) blockOf(sent, name)
})

test('a block waits for what it needs, comes after its block of the server, and holds the page open', async () => {
  head = (response) => void response.setHeader('Server-Timing', `crosscut;desc="00-${TRACE}-${KEPT}-01"`)
  const sent = await visit(
    `<!doctype html><body>${SCRIPT(
      '',
      `const block = page.block('piece Cart', { after: '00-${TRACE}-00f067aa0ba90abc-01', needs: ['/site.css?v=1', '/app.js'], attributes: { piece: 'Cart' } })
       const link = document.createElement('link'); link.rel = 'stylesheet'; link.href = '/site.css?v=1'
       link.onload = () => block.end({ 'crosscut.counter.items': 3 }); document.head.append(link)`,
    )}`,
    settled,
  )
  head = () => {}
  const piece = blockOf(sent, 'piece Cart')
  assert.deepEqual(
    [piece.span.attributes['piece'], piece.span.attributes['crosscut.counter.items']],
    ['Cart', 3],
  )
  const edges = piece.span.links.map((link) => [
    link.attributes['crosscut.edge'],
    link.attributes['resource'],
  ])
  assert.deepEqual(edges, [
    ['async', undefined],
    ['resource', 'css'],
  ])
  assert.equal(piece.span.links[0]?.spanId, '00f067aa0ba90abc')
  const path = criticalPath(sent.trace, {
    from: { spanId: blockOf(sent, 'page /page').spanId },
    to: { spanId: piece.spanId },
  })
  assert.ok(path.some((one) => one.name === 'piece Cart' && one.waitedFor === 'resource'))
})

test('a block comes after another one of the page, and after several', async () => {
  const sent = await visit(
    `<!doctype html>${SCRIPT(
      '',
      `const first = page.block('first'); const second = page.block('second'); first.end(); second.end()
       page.block('one', { after: first.traceparent }).end()
       page.block('both', { after: [first.traceparent, undefined, second.traceparent] }).end()`,
    )}`,
    settled,
  )
  const [first, second] = ['first', 'second'].map((name) => blockOf(sent, name).spanId)
  const sources = (name: string) => blockOf(sent, name).span.links.map((link) => link.spanId)
  assert.deepEqual([sources('one'), sources('both')], [[first], [first, second]])
})

test('long tasks are blocks, and a flood is bounded and counted', async () => {
  const sent = await visit(
    `<!doctype html>${SCRIPT(
      '',
      `for (const since = performance.now(); performance.now() - since < 120;);
       for (let i = 0; i < 2000; i++) { page.point('p' + i); page.block('b' + i).end() }`,
    )}`,
    settled,
  )
  blockOf(sent, 'long task')
  assert.ok(sent.spans.length <= 510, String(sent.spans.length))
  assert.ok(Number(blockOf(sent, 'page /page').span.attributes['crosscut.counter.dropped']) > 3000)
  assert.ok(Math.max(...bodies.map((body) => body.length)) < 64 * 1024)
})

test('hostile names and values, a broken browser and a dead collector harm nobody', async () => {
  const sent = await visit(
    `<!doctype html><script>delete window.PerformanceObserver; navigator.sendBeacon = () => { throw new Error('no') }
     performance.mark('x'.repeat(10000), { detail: { f: { deep: 1 } } })</script>${SCRIPT(
       '',
       `page.point('<img src=x onerror=alert(1)>', { a: null, b: undefined, c: 'y'.repeat(100000) })
        page.block('b', null).end(null); page.block(undefined, { needs: 5 }).end()`,
     )}`,
    settled,
  )
  assert.ok(sent.spans.length > 0)
  assert.ok(Math.max(...bodies.map((body) => body.length)) < 64 * 1024)
})
