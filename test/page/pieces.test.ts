// The demo's page of pieces in a real Chromium, through the whole system: page, gateway and datanodes are one
// trace, held against what the page and the gateway counted by themselves; and what each fault of the page
// does to the critical path until the top of it is displayed (Canopy 5.4, cases 1 and 2).

import assert from 'node:assert/strict'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Browser } from 'playwright-core'
import { buildTrace, compileFeatures, criticalPath, type Block, type PointRef, type Trace } from '#model'
import { ROOT } from '../../scripts/toolchain.mjs'
import { Crosscut, until, type Program } from '../system/running.ts'
import type { TruthReport } from '../demo/judge.ts'
import { startChromium } from './browser.ts'

const TRACES_MS_MAX = 40_000
const PIECES = ['UserInput', 'Feed', 'Photos', 'Suggestions']

type Visit = {
  readonly trace: Trace
  readonly shown: { readonly [piece: string]: { readonly at: number; readonly until: number } }
  readonly originMs: number
  readonly truth: TruthReport & {
    readonly tallies: { readonly [of: string]: { readonly [rid: string]: number } }
  }
  readonly rid: string
}

const crosscut = new Crosscut()
let browser: Browser
before(async () => {
  browser = await startChromium()
  await crosscut.start()
})
after(async () => {
  await browser.close()
  await crosscut.close()
})

/** One visit of the page of a demo that runs with this fault. */
async function visit(flags: readonly string[], rid: string): Promise<Visit> {
  const all = ['--datanodes', '1', '--tenants', 'none', ...flags]
  const demo: Program = await crosscut.run(
    [path.join(ROOT, 'demo', 'main.ts'), ...all],
    { CROSSCUT_PAGES: '1' },
    /^shelf ready/m,
  )
  try {
    const gateway = /^shelf ready (\S+)$/m.exec(demo.output())?.[1] ?? ''
    for (const name of ['table-0', 'objects-0', 'objects-1']) {
      const headers = { 'content-type': 'application/octet-stream' }
      await fetch(`${gateway}/objects/${name}?rid=fill`, { method: 'PUT', headers, body: 'b'.repeat(20_000) })
    }
    // The first answer of a process takes long for reasons of its own.
    await (await fetch(`${gateway}/page?rid=warm`)).text()
    const page = await browser.newPage()
    const complaints: string[] = []
    page.on('console', (message) => void complaints.push(message.text()))
    page.on('pageerror', (error) => void complaints.push(error.message))
    await page.goto(`${gateway}/page?rid=${rid}`)
    await page.waitForFunction('performance.getEntriesByName("all_shown").length > 0')
    const [shown, traceparent, originMs] = await page.evaluate<[Visit['shown'], string, number]>(
      '[shown, traceparent, performance.timeOrigin]',
    )
    await page.waitForTimeout(1600)
    await page.close()
    assert.deepEqual(complaints, [])
    const truth = (await (await fetch(`${gateway}/truth`)).json()) as Visit['truth']
    const traceId = traceparent.split('-')[1] ?? ''
    return { trace: await traceOf(traceId), shown, originMs, truth, rid }
  } finally {
    await demo.stop()
  }
}

/** As the server has it, once page and gateway have both told. */
async function traceOf(traceId: string): Promise<Trace> {
  let trace: Trace | undefined
  await until(
    async () => {
      const view = await crosscut.trace(traceId).catch(() => undefined)
      if (view === undefined) return false
      trace = buildTrace(
        view.spans.map((span) => ({
          traceId,
          ...span,
          startTimeUnixNano: BigInt(span.startNs) - BigInt(span.shiftNs),
          endTimeUnixNano: BigInt(span.endNs) - BigInt(span.shiftNs),
          events: span.events.map((event) => ({
            ...event,
            timeUnixNano: BigInt(event.timeNs) - BigInt(span.shiftNs),
          })),
          resource: { attributes: span.resource },
        })),
      )
      const services = new Set(trace.blocks.map(({ service }) => service))
      return trace.blocks[trace.root]?.name === 'page /page' && services.has('gateway') && services.size >= 4
    },
    () =>
      `${traceId} is not whole: ${trace?.blocks.map(({ service, name }) => `${service} ${name}`).join(', ')}`,
    TRACES_MS_MAX,
  )
  assert.ok(trace)
  return trace
}

function blockOf(trace: Trace, service: string, name: string): Block {
  const found = trace.blocks.filter((block) => block.service === service && block.name === name)
  assert.equal(found.length, 1, `${found.length} blocks ${service} ${name}`)
  const [block] = found
  assert.ok(block)
  return block
}

/** From the navigation to the mark that the page set when its top was on the screen. */
function pathToDisplay(trace: Trace): readonly string[] {
  const { spanId } = blockOf(trace, 'browser', 'page /page')
  return pathTo(trace, { spanId, at: { event: 'display_done' } })
}

function pathTo(trace: Trace, to: PointRef): readonly string[] {
  const { spanId } = blockOf(trace, 'browser', 'page /page')
  const sections = criticalPath(trace, { from: { spanId }, to })
  assert.ok(sections.length > 0)
  for (const [i, section] of sections.slice(1).entries()) assert.equal(section.startNs, sections[i]?.endNs)
  return sections.map(
    ({ service, name, waitedFor }) => `${service} ${name}${waitedFor === undefined ? '' : ` (${waitedFor})`}`,
  )
}

/** As Canopy's paper prints it (3.5 and 4.4). */
const PAPER = `
Begin = ExecUnits | Filter(name="Client") | Points | First
DisplayDone = ExecUnits | Filter(name="Client") | Points | Filter(marker="display_done") | First
DisplayDone | Timestamp | Subtract(Begin | Timestamp) | RecordAs("display_done")
ResourceEdges = CriticalPath(Begin->DisplayDone) | Edges | Filter(type="resource")
ResourceEdges | Duration | Sum | RecordAs("res_load")
ResourceEdges | Filter(resource="css") | Counter(bytes) | Sum | RecordAs("css_bytes")
`

function featuresOf(trace: Trace): { readonly [column: string]: unknown } {
  const { program, diagnostics } = compileFeatures(PAPER)
  assert.deepEqual(diagnostics, [])
  assert.ok(program)
  const [row] = program.evaluate(trace)
  return Object.fromEntries(program.columns.map(({ name }, i) => [name, row?.values[i]]))
}

const linksOf = (block: Block, kind: string) =>
  block.span.links.filter((link) => link.attributes['crosscut.edge'] === kind)

describe('the page as it should be', () => {
  let here: Visit
  before(async () => {
    here = await visit([], 'visit-1')
  })

  test('page, document and gateway are one tree, and the page is one unit', () => {
    const { trace } = here
    const page = blockOf(trace, 'browser', 'page /page')
    assert.equal(page.index, trace.root)
    const fetched = blockOf(trace, 'browser', 'document')
    const served = trace.blocks.find((block) => block.service === 'gateway' && block.kind === 'server')
    assert.deepEqual([fetched.parent, served?.parent], [page.index, fetched.index])
    assert.equal(
      new Set(trace.blocks.filter((one) => one.service === 'browser').map((one) => one.unit)).size,
      1,
    )
  })

  test('each piece was made once by the gateway and shown once by the page, when they say so', () => {
    const { trace, truth, shown, originMs, rid } = here
    const made = truth.recent.filter((entry) => entry.rid === rid && entry.op.startsWith('gateway.piece.'))
    assert.deepEqual(made.map(({ op }) => op.split('.').at(-1)).sort(), [...PIECES].sort())
    for (const piece of PIECES) {
      blockOf(trace, 'gateway', `piece ${piece}`)
      const { span } = blockOf(trace, 'browser', `piece ${piece}`)
      const told = shown[piece]
      assert.ok(told)
      const [startMs, endMs] = [span.startTimeUnixNano, span.endTimeUnixNano].map(
        (ns) => Number(ns) / 1e6 - originMs,
      )
      assert.ok(Math.abs((startMs ?? 0) - told.at) < 1, `${piece}: ${startMs} against ${told.at}`)
      assert.ok((endMs ?? 0) <= told.until + 1 && (endMs ?? 0) > told.at)
    }
  })

  test('what a piece shows came from its phase on the server, by an edge', () => {
    const { trace } = here
    for (const [piece, phase] of [
      ['UserInput', 'top'],
      ['Feed', 'top'],
      ['Photos', 'rest'],
      ['Suggestions', 'rest'],
    ] as const) {
      const edges = linksOf(blockOf(trace, 'browser', `piece ${piece}`), 'async')
      assert.deepEqual(
        edges.map((edge) => edge.spanId),
        [blockOf(trace, 'gateway', `phase ${phase}`).spanId],
      )
    }
  })

  test('style sheets were foretold: under way before their piece came, and their bytes are all there', () => {
    const { trace, truth, rid } = here
    const sheets = trace.blocks.filter((block) => block.name === 'load css')
    const bytes = sheets.map((block) => Number(block.span.attributes['crosscut.counter.decoded_bytes']))
    assert.equal(
      bytes.reduce((sum, one) => sum + one, 0),
      truth.tallies['gateway.style.bytes']?.[rid],
    )
    const piece = blockOf(trace, 'browser', 'piece UserInput')
    const own = sheets.find((block) => String(block.span.attributes['url.full']).endsWith('/UserInput.css'))
    assert.ok(own && own.startNs < piece.startNs)
  })

  test('the critical path to the display goes through page and gateway, and not through Suggestions', () => {
    const steps = pathToDisplay(here.trace)
    assert.ok(
      steps.some((step) => step.startsWith('browser')),
      steps.join(', '),
    )
    assert.ok(!steps.some((step) => step.includes('Suggestions')), steps.join(', '))
  })
})

test('--fault early-flush: the style sheet of UserInput is found late, has grown, and is what the display waits for', async () => {
  const { trace } = await visit(['--fault', 'early-flush'], 'visit-2')
  const piece = blockOf(trace, 'browser', 'piece UserInput')
  const own = trace.blocks.find((block) =>
    String(block.span.attributes['url.full']).endsWith('/UserInput.css'),
  )
  assert.ok(own && own.startNs >= piece.startNs)
  const [edge] = linksOf(piece, 'resource')
  assert.equal(edge?.attributes['resource'], 'css')
  assert.equal(edge?.attributes['crosscut.counter.decoded_bytes'], 16_000)
  const steps = pathTo(trace, { spanId: piece.spanId })
  assert.ok(steps.includes('browser piece UserInput (resource)'), steps.join(', '))
  const features = featuresOf(trace)
  assert.ok(Number(features['display_done']) > 0, JSON.stringify(features))
  // On a machine that is busy with others the other piece of the top may come last.
  if (piece.endNs < blockOf(trace, 'browser', 'piece Feed').endNs) return
  assert.ok(Number(features['display_done']) > Number(features['res_load']), JSON.stringify(features))
  assert.ok(
    Number(features['res_load']) > 0 && Number(features['css_bytes']) > 16_000,
    JSON.stringify(features),
  )
})

test('--fault causal-order: the top of the page waits for what is shown at its end', async () => {
  const { trace } = await visit(['--fault', 'causal-order'], 'visit-3')
  const awaited = trace.blocks.filter((block) => block.name === 'AwaitSuggestions')
  assert.deepEqual(awaited.map((block) => trace.blocks[block.parent]?.name).sort(), [
    'phase rest',
    'phase top',
  ])
  const late = blockOf(trace, 'gateway', 'piece Suggestions')
  assert.ok(blockOf(trace, 'gateway', 'phase top').endNs > late.endNs)
  // What the piece was sent for; its style sheets are another matter.
  const steps = pathTo(trace, { spanId: blockOf(trace, 'browser', 'piece UserInput').spanId, at: 'begin' })
  const others = ['UserInput', 'Feed'].map((piece) => blockOf(trace, 'gateway', `piece ${piece}`))
  if (others.every((piece) => piece.endNs < late.endNs))
    assert.ok(
      steps.some((step) => step.includes('Suggestions')),
      steps.join(', '),
    )
})
