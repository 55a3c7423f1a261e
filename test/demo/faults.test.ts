// What each fault of the demo does to its traces: without the fault the other tests of this folder hold the
// opposite.

import assert from 'node:assert/strict'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { TraceSummary, TraceView } from '#protocol'
import { ROOT } from '../../scripts/toolchain.mjs'
import { Crosscut, until } from '../system/running.ts'

const TRACES_MS_MAX = 40_000

/** The smallest demo: two datanodes, one tenant process that sorts. */
async function runDemo(crosscut: Crosscut, fault: string): Promise<void> {
  await crosscut.start()
  const flags = ['--datanodes', '2', '--tenants', 'batch', '--load', '4', '--fault', fault]
  await crosscut.run([path.join(ROOT, 'demo', 'main.ts'), ...flags], {}, /^shelf ready/m)
}

/** The first trace, whole enough to judge, that holds such a span. */
async function traceWith(
  crosscut: Crosscut,
  query: Record<string, string>,
  spans: number,
): Promise<TraceView> {
  let id: string | undefined
  await until(
    async () => {
      id = (await crosscut.traces(query)).find((found) => found.spanCount >= spans && found.hasRoot)?.traceId
      return id !== undefined
    },
    () => `no trace for ${JSON.stringify(query)}`,
    TRACES_MS_MAX,
  )
  return await crosscut.trace(id ?? '')
}

describe('--fault replica-selection', () => {
  const crosscut = new Crosscut()
  before(() => runDemo(crosscut, 'replica-selection'))
  after(() => crosscut.close())

  test('every read goes to the first host of the order, although the other has the block too', async () => {
    const wanted = 8
    let readers: string[] = []
    await until(
      async () => {
        const sorts = await crosscut.traces({ name: 'sort table' })
        const whole = sorts.filter(({ spanCount, hasRoot }) => hasRoot && spanCount >= 12)
        const traces = await Promise.all(whole.map(({ traceId }) => crosscut.trace(traceId)))
        const reads = traces
          .flatMap(({ spans }) => spans)
          .filter(
            ({ name, kind, service }) =>
              kind === 'server' && name === 'GET' && service.startsWith('datanode'),
          )
        readers = reads.map(({ service }) => service)
        return readers.length >= wanted
      },
      () => `only ${readers.length} reads`,
      TRACES_MS_MAX,
    )
    // Drawn at random, eight of them would agree once in 128 runs.
    assert.deepEqual([...new Set(readers)], ['datanode-A'])
  })
})

describe('--fault clock-skew', () => {
  const crosscut = new Crosscut()
  before(() => runDemo(crosscut, 'clock-skew'))
  after(() => crosscut.close())

  test('the hosts are 140 ms and more apart; the trace says so and shows them aligned', async () => {
    const trace = await traceWith(crosscut, { name: 'sort table' }, 12)
    const moved = trace.clocks.map(({ offsetNs }) => Math.abs(Number(offsetNs)) / 1e6)
    assert.ok(Math.max(...moved) > 130, `clocks moved by ${moved.join(', ')} ms`)
    const spans = new Map(trace.spans.map((span) => [span.spanId, span]))
    for (const span of trace.spans) {
      const parent = spans.get(span.parentSpanId ?? '')
      if (parent !== undefined) assert.ok(BigInt(span.startNs) >= BigInt(parent.startNs), span.name)
    }
  })
})

describe('--fault lost-context', () => {
  const crosscut = new Crosscut()
  before(() => runDemo(crosscut, 'lost-context'))
  after(() => crosscut.close())

  test('a job no longer reaches what the worker does for it', async () => {
    const { spans } = await traceWith(crosscut, { name: 'sort table' }, 4)
    const jobs = spans.filter((span) => span.service === 'worker')
    assert.deepEqual(
      jobs.map(({ kind }) => kind),
      ['server'],
      'the worker took the job, and nothing after it belongs to it',
    )
  })

  test('its calls begin traces of their own', async () => {
    const isOwn = (found: TraceSummary): boolean =>
      found.rootService === 'worker' && found.rootName !== 're-replicate'
    await until(
      async () => (await crosscut.traces({ service: 'worker' })).some(isOwn),
      () => 'no trace begins in the worker',
      TRACES_MS_MAX,
    )
  })
})
