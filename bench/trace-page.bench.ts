// Does a trace of 100,000 spans open within a second, and does it scroll smoothly? As a user has it: spans
// sent over OTLP, the whole server with its store, the built page in a headless Chromium.
//
//   open       from the start of the navigation until the waterfall has its first rows on the screen (a mark
//              that the page sets when it has drawn them); nothing is cached: each opening is of another copy
//   whole      until all spans are there
//   scroll     600 steps of wheel through the trace, some with zoom, selection and j/k, from a trace of the
//              browser's main thread, in its CPU time (a busy machine stretches the clock, not the work): its
//              longest task, and the work of a frame (all tasks from one commit to the next), 95 in
//              100
//
// Promise: open <= 1 s, no task > 50 ms while scrolling, frame work p95 <= 10 ms.
// CROSSCUT_BENCH_SHORT=1: two openings of 20,000 spans.

import { setTimeout as sleep } from 'node:timers/promises'
import { chromium, type Page } from 'playwright-core'
import { ensureWebBuilt } from '../scripts/web-build.ts'
import { Crosscut, until } from '../test/system/running.ts'
import { CHROMIUM_ARGS } from '../test/web/browser.ts'
import { median, runDirectly, type BenchRow } from './measure.ts'
import { largeTrace } from './trace-page/large-trace.ts'

const IS_SHORT = process.env['CROSSCUT_BENCH_SHORT'] === '1'
const SPANS = IS_SHORT ? 20_000 : 100_000
const OPENINGS = IS_SHORT ? 2 : 3

export async function bench(): Promise<BenchRow[]> {
  await ensureWebBuilt()
  const server = await new Crosscut().start()
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: CHROMIUM_ARGS })
  try {
    const ids = Array.from({ length: OPENINGS }, (_, at) => String(at + 1).padStart(32, 'b'))
    for (const [at, traceId] of ids.entries()) await send(server, traceId, at)
    const { url } = await server.api<{ url: string }>('/login-links', { method: 'POST', body: '{}' })
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
    const page = await context.newPage()
    await page.goto(url)
    const openings: Opening[] = []
    for (const traceId of ids) openings.push(await open(page, `${server.url}/traces/${traceId}`))
    const scrolls = await scroll(page)
    return [
      row(
        'open',
        'first rows',
        openings.map(({ firstMs }) => firstMs),
      ),
      row(
        'open',
        'whole',
        openings.map(({ wholeMs }) => wholeMs),
      ),
      row('scroll', 'frame work p95', [quantile(scrolls.frames, 0.95)]),
      row('scroll', 'frame work max', [quantile(scrolls.frames, 1)]),
      row('scroll', 'longest task', [scrolls.longestTaskMs]),
    ]
  } finally {
    await browser.close()
    await server.close()
  }
}

function row(metric: string, subject: string, values: readonly number[]): BenchRow {
  return {
    bench: 'trace-page',
    metric,
    subject: `${subject}, ${SPANS} spans`,
    value: median(values),
    unit: 'ms',
    peer: null,
    peerValue: null,
    ratio: null,
    runs: values.length,
    spread: [Math.min(...values), Math.max(...values)],
  }
}

async function send(server: Crosscut, traceId: string, seed: number): Promise<void> {
  const startMs = Date.now() - 120_000
  for (const body of largeTrace({ seed: seed + 1, traceId, spans: SPANS, startMs })) {
    const answer = await fetch(`${server.otlpUrl}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    })
    if (answer.status !== 200) throw new Error(`OTLP answered ${answer.status}: ${await answer.text()}`)
  }
  await until(
    async () => (await server.traces()).some((one) => one.traceId === traceId && one.spanCount === SPANS),
    () => `the trace ${traceId} is not whole`,
  )
}

type Opening = { readonly firstMs: number; readonly wholeMs: number }

async function open(page: Page, url: string): Promise<Opening> {
  await page.goto('about:blank')
  await page.goto(url, { waitUntil: 'commit' })
  // The page's policy forbids what waitForFunction does.
  const markAt = async (name: string): Promise<number> => {
    for (const endMs = performance.now() + 60_000; performance.now() < endMs; await sleep(20)) {
      const at = await page.evaluate<number | undefined>(
        `performance.getEntriesByName('${name}')[0]?.startTime`,
      )
      if (typeof at === 'number') return at
    }
    throw new Error(`the page never said ${name}`)
  }
  const firstMs = await markAt('crosscut:trace-drawn')
  const wholeMs = await markAt('crosscut:trace-whole')
  return { firstMs, wholeMs }
}

type Scrolls = { readonly frames: readonly number[]; readonly longestTaskMs: number }

async function scroll(page: Page): Promise<Scrolls> {
  await sleep(1_500) // the table beside the canvas, fonts
  const events: TraceEvent[] = []
  const devtools = await page.context().newCDPSession(page)
  devtools.on('Tracing.dataCollected', ({ value }) => {
    // The protocol types an event as any object.
    events.push(...(value as unknown as readonly TraceEvent[]))
  })
  await devtools.send('Tracing.start', { categories: TRACED, transferMode: 'ReportEvents' })
  await page.mouse.move(900, 500)
  for (let step = 0; step < (IS_SHORT ? 100 : 600); step++) {
    const isZoom = step % 40 > 34
    if (isZoom) await page.keyboard.down('Control')
    await page.mouse.wheel(0, isZoom ? (step % 80 > 40 ? -60 : 60) : 240 + (step % 7) * 300)
    if (isZoom) await page.keyboard.up('Control')
    if (step % 25 === 0) await page.keyboard.press('j')
    if (step % 120 === 60) await page.mouse.click(200, 500)
  }
  await sleep(300)
  const done = new Promise((resolve) => devtools.once('Tracing.tracingComplete', resolve))
  await devtools.send('Tracing.end')
  await done
  return readScrolls(events)
}

const TRACED = 'toplevel,devtools.timeline,disabled-by-default-devtools.timeline'

/** ts, dur and tdur (CPU time of the thread) in us. */
type TraceEvent = {
  readonly name: string
  readonly ph: string
  readonly pid: number
  readonly tid: number
  readonly ts: number
  readonly dur?: number
  readonly tdur?: number
  readonly args?: { readonly name?: string }
}

function readScrolls(events: readonly TraceEvent[]): Scrolls {
  const cpuMs = ({ dur = 0, tdur = dur }: TraceEvent): number => tdur / 1000
  const placeOf = ({ pid, tid }: TraceEvent): string => `${pid} ${tid}`
  const isNamed = ({ name, args }: TraceEvent): boolean =>
    name === 'thread_name' && args?.name === 'CrRendererMain'
  const pages = new Set(events.filter(isNamed).map(placeOf))
  const tasks = events.filter((one) => one.name === 'RunTask' && pages.has(placeOf(one)))
  // Of the pages' threads ours is the one that works.
  const work = new Map<string, number>()
  for (const task of tasks) work.set(placeOf(task), (work.get(placeOf(task)) ?? 0) + cpuMs(task))
  const [main = ''] = [...work].sort((a, b) => b[1] - a[1])[0] ?? []
  const own = tasks.filter((task) => placeOf(task) === main)
  const commits = events.filter((one) => one.name === 'Commit' && placeOf(one) === main).map(({ ts }) => ts)
  commits.sort((a, b) => a - b)
  const frames = new Array<number>(commits.length).fill(0)
  for (const task of own) {
    // What is done until a commit is for its frame.
    const at = commits.findIndex((commit) => commit >= task.ts)
    if (at >= 0) frames[at]! += cpuMs(task)
  }
  if (frames.length === 0) throw new Error('the trace of the browser has no frame')
  return { frames, longestTaskMs: Math.max(0, ...own.map(cpuMs)) }
}

function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0
}

await runDirectly(import.meta.url, bench)
