// A page of one origin sends to the ingest of another, by the whole server and a real browser: preflight,
// post, and what goes when the page goes; and pages of no listed origin do not.

import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import { after, before, test } from 'node:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Browser } from 'playwright-core'
import type { TraceSearchResult, TraceView } from '#protocol'
import { startServer } from '#server'
import { until } from '../system/running.ts'
import { bundledRecorder, startChromium } from './browser.ts'

const TRACES_MS_MAX = 30_000

let browser: Browser
const pages: { readonly url: string; readonly server: Server }[] = []
const dataDir = mkdtempSync(path.join(tmpdir(), 'crosscut-page-'))
let server: Awaited<ReturnType<typeof startServer>>
let script = ''

before(async () => {
  const code = await bundledRecorder()
  browser = await startChromium()
  // Two origins with the same page; one of them will be listed.
  for (let i = 0; i < 2; i++) {
    const pageServer = createServer((request, response) => {
      const isCode = request.url === '/recorder.js'
      response.writeHead(200, { 'content-type': isCode ? 'text/javascript' : 'text/html' })
      response.end(isCode ? code : `<!doctype html><b>page</b><script type="module">${script}</script>`)
    })
    await new Promise<void>((resolve) => pageServer.listen(0, '127.0.0.1', resolve))
    const address = pageServer.address()
    const port = typeof address === 'object' ? address?.port : 0
    pages.push({ url: `http://127.0.0.1:${port}`, server: pageServer })
  }
  server = await startServer({
    dataDir,
    port: 0,
    otlpPort: 0,
    otlpOrigins: [pages[0]?.url ?? ''],
    // In place of the proxy that a test has not: a header of two letters that the browser sends by itself.
    countryHeader: 'accept-language',
  })
})
after(async () => {
  await browser.close()
  for (const page of pages) {
    page.server.closeAllConnections()
    page.server.close()
  }
  await server.close()
  rmSync(dataDir, { recursive: true, force: true })
})

async function api<T>(place: string): Promise<T> {
  const answer = await fetch(`${server.url}/api/v1${place}`, {
    headers: { authorization: `Bearer ${server.adminToken}` },
  })
  if (!answer.ok) throw new Error(`${place}: ${answer.status}`)
  return (await answer.json()) as T
}

/** Opens the page of this origin and gives its traceparent, and what the console complained of. */
async function open(
  origin: string,
  service: string,
): Promise<{ traceId: string; complaints: readonly string[] }> {
  script = `import { recordPage } from '/recorder.js'
    const to = '${server.otlpUrl}/v1/traces'
    globalThis.page = recordPage({ to, service: '${service}', key: '${server.pageKey}' })`
  const context = await browser.newContext({ locale: 'nl' })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => void complaints.push(message.text()))
  await page.goto(origin)
  await page.waitForFunction('globalThis.page !== undefined')
  const traceparent = await page.evaluate('globalThis.page.traceparent')
  await page.waitForTimeout(1600)
  await page.evaluate('globalThis.page.block("late").end()')
  await page.goto('about:blank')
  await page.waitForTimeout(500)
  await context.close()
  return { traceId: String(traceparent).split('-')[1] ?? '', complaints }
}

test('a listed origin: what the page sent, and when it went, is a trace with its origin', async () => {
  const { traceId, complaints } = await open(pages[0]?.url ?? '', 'listed')
  assert.deepEqual(complaints, [])
  let trace: TraceView | undefined
  await until(
    async () => {
      trace = await api<TraceView>(`/traces/${traceId}`).catch(() => undefined)
      return trace?.spans.some((span) => span.name === 'late') === true
    },
    () => `the trace ${traceId} did not become whole: ${JSON.stringify(trace?.summary)}`,
    TRACES_MS_MAX,
  )
  const names = trace?.spans.map((span) => span.name) ?? []
  for (const name of ['page /', 'document', 'render', 'load js']) assert.ok(names.includes(name), name)
  const resource = trace?.spans[0]?.resource ?? {}
  assert.equal(resource['crosscut.page.origin'], pages[0]?.url)
  assert.equal(resource['geo.country.iso_code'], 'NL')
})

test('another origin: the browser keeps its spans back, and the page goes on', async () => {
  const { complaints } = await open(pages[1]?.url ?? '', 'unlisted')
  assert.ok(
    complaints.some((text) => /CORS|ERR_FAILED|blocked/.test(text)),
    complaints.join(),
  )
  const { traces } = await api<TraceSearchResult>('/traces?service=unlisted')
  assert.deepEqual(traces, [])
})

test('an origin that no browser sends is refused at the start, with how to write it', async () => {
  for (const origin of ['https://app.example/', 'app.example', '*']) {
    await assert.rejects(
      startServer({ dataDir: `${dataDir}-none`, port: 0, otlpPort: 0, otlpOrigins: [origin] }, {}),
      (error: Error) => 'code' in error && error.code === 'E_CONFIG' && error.message.includes('write'),
    )
  }
})
