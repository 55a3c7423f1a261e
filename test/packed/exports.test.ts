// Every export of the package, used as a stranger would: from ESM, from CommonJS, from TypeScript.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { ROOT } from '../../scripts/toolchain.mjs'
import { installCrosscut, type Installed } from './installed.ts'

let app: Installed

before(async () => {
  app = await installCrosscut()
})
after(() => app.remove())

async function printed(name: string, text: string): Promise<string> {
  const outcome = await app.run([app.write(name, text)])
  assert.equal(outcome.code, 0, outcome.stderr)
  return outcome.stdout.trim()
}

test('baggage: a bag of a schema loaded at run time survives the wire', async () => {
  const program = `
    import { Baggage, loadBdl } from 'crosscut/baggage'
    const { Zipkin } = loadBdl('bag Zipkin = 2 { fixed64 traceId = 0; set<string> tags = 1; }')
    const b = Zipkin.write(Baggage.empty, { traceId: 234n, tags: new Set(['x']) })
    console.log(Zipkin.read(Baggage.decode(b.encode())).traceId, [...Zipkin.read(b).tags].join())`
  assert.equal(await printed('baggage.mjs', program), '234n x')
})

test('context: what an awaited child packed is there after the await, and not before', async () => {
  const program = `
    import { Baggage } from 'crosscut/baggage'
    import { context } from 'crosscut/context'
    const one = Baggage.of([new Uint8Array([0xf8, 0x07]), new Uint8Array([0x00, 0x01])])
    context.start()
    const seen = await context.run(Baggage.empty, async () => {
      const child = (async () => { await null; context.set(one) })()
      const before = context.current().byteLength
      await child
      return [before, context.current().equals(one)]
    })
    context.stop()
    console.log(seen.join())`
  assert.equal(await printed('context.mjs', program), '0,true')
})

test('the entry crosscut works without an agent, from CommonJS too', async () => {
  const program = `
    const { tracepoint, tenant, block, FairGate, Mutex } = require('crosscut')
    tracepoint('checkout', { items: 3 }); tenant('t1')
    const gate = new FairGate({ name: 'g', slots: 1 })
    const blocked = block('work', async () => 'blocked')
    const held = new Mutex({ name: 'm' }).run(async () => 'held')
    Promise.all([blocked, gate.run(async () => 'gated'), held]).then((all) => console.log(all.join()))`
  assert.equal(await printed('entry.cjs', program), 'blocked,gated,held')
})

test('traces: the critical path of a trace is a partition of its root', async () => {
  const program = `
    import { buildTrace, criticalPath } from 'crosscut/traces'
    const span = (spanId, parentSpanId, startMs, endMs) => ({
      traceId: '0af7651916cd43dd8448eb211c80319c', spanId, parentSpanId, name: spanId, kind: 1,
      startTimeUnixNano: startMs + '000000', endTimeUnixNano: endMs + '000000', attributes: [],
    })
    const spans = [
      span('00000000000000aa', '', 100, 200),
      span('00000000000000bb', '00000000000000aa', 110, 150),
      span('00000000000000cc', '00000000000000aa', 140, 180),
    ]
    const sections = criticalPath(buildTrace(spans))
    const gaps = sections.slice(1).filter((section, i) => section.startNs !== sections[i].endNs)
    const length = sections.reduce((sum, section) => sum + section.endNs - section.startNs, 0n)
    console.log(gaps.length, length)`
  assert.equal(await printed('traces.mjs', program), '0 100000000n')
})

test('control: a published schedule, and shares', async () => {
  const program = `
    import { dominantShares, maxMinShare, simulateSchedule } from 'crosscut/control'
    const requests = (cost) => Array.from({ length: 9 }, () => ({ cost, arrival: 0 }))
    const costs = { A: 1, B: 1, C: 4, D: 4 }
    const tenants = Object.keys(costs).map((id) => ({ id, requests: requests(costs[id]) }))
    const schedule = simulateSchedule({ algorithm: '2dfq', slots: 2, slotRate: 1, tenants, until: 9 })
    const slot = (n) => schedule.filter((one) => one.slot === n).map((one) => one.tenant).join('')
    const fair = maxMinShare(10, { a: 2, b: 8, c: 8 })
    const granted = dominantShares({ a: { cpu: 4 }, b: { cpu: 4 } }, { cpu: 4 })
    console.log(slot(0), slot(1), JSON.stringify(fair), JSON.stringify(granted))`
  const expected = 'ACD BABABABAB {"a":2,"b":4,"c":4} {"a":0.5,"b":0.5}'
  assert.equal(await printed('control.mjs', program), expected)
})

test('browser: one ES module of at most 6 kB (gzip) that imports nothing, and does nothing outside a page', async () => {
  const code = readFileSync(path.join(app.folder, 'node_modules', 'crosscut', 'browser.js'))
  assert.ok(gzipSync(code).length <= 6 * 1024, `${gzipSync(code).length} bytes`)
  assert.doesNotMatch(String(code), /\bimport\b|\brequire\(/)
  const program = `
    import { recordPage } from 'crosscut/browser'
    const page = recordPage({ to: '/v1/traces' })
    page.point('p'); page.block('b').end(); page.flush(); page.stop()
    console.log(page.traceparent)`
  assert.equal(await printed('browser.mjs', program), 'undefined')
})

test('types resolve for a strict TypeScript user of every export', () => {
  app.write(
    'user.ts',
    `
    import { tracepoint, FairGate, Queue, block, counters, labels, type Block } from 'crosscut'
    import { recordPage, type RecordedPage } from 'crosscut/browser'
    import { Baggage, loadBdl, type BagType } from 'crosscut/baggage'
    import { context } from 'crosscut/context'
    import { buildTrace, criticalPath } from 'crosscut/traces'
    import { maxMinShare, type ControllerApi, type Policy } from 'crosscut/control'
    const halve: Policy<null> = {
      name: 'halve',
      step(api: ControllerApi, params, state) {
        for (const w of api.workflows())
          api.setRate('door', w, api.getRate('door', w) * (params['by'] ?? 0.5))
        return state
      },
    }
    const bag: BagType | undefined = loadBdl('bag A { bool b = 0; }', { ids: { A: 70 } })['A']
    const joined: Baggage = Baggage.join(Baggage.empty, context.current())
    const calls = [tracepoint, FairGate, buildTrace, criticalPath, maxMinShare] as const
    const values = [bag, joined, halve] as const
    const page: RecordedPage = recordPage({ to: '/v1/traces', attributes: { 'service.version': '1' } })
    const work: Block = block('b', { ...counters({ a: { b: 1 } }), ...labels('x') })
    const more = [page, work, Queue] as const
    export const all = [...calls, ...values, ...more] as const
  `,
  )
  app.write(
    'tsconfig.json',
    JSON.stringify({
      compilerOptions: {
        strict: true,
        noEmit: true,
        module: 'nodenext',
        target: 'es2024',
        types: [],
        lib: ['es2024', 'dom', 'esnext.disposable'],
      },
      files: ['user.ts'],
    }),
  )
  const tsc = path.join(ROOT, 'node_modules/typescript/bin/tsc')
  const done = spawnSync(process.execPath, [tsc, '-p', app.folder], { encoding: 'utf8' })
  assert.equal(done.status, 0, done.stdout)
})
