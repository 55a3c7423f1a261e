// The past of the pipeline: what is told of counters that grow, restart and go; bounded; and the route.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import type { AgentView, PipelineView } from '#protocol'
import { PIPELINE_CAUSES_MAX, PIPELINE_POINTS_MAX, PIPELINE_SAMPLE_MS } from './limits.ts'
import { memoryPipeline } from './memory-pipeline.fixture.ts'
import type { Metric } from './metrics.ts'
import { PipelineHistory } from './pipeline-history.ts'
import { startServer } from './start-server.ts'

const counter = (name: string, value: number, labels?: Metric['samples'][number]['labels']): Metric => ({
  name,
  help: '',
  type: 'counter',
  samples: [labels === undefined ? { value } : { labels, value }],
})
const agentWith = (drops: { readonly [reason: string]: number }): AgentView =>
  ({ report: { drops } }) as unknown as AgentView

/** A history whose source says what the test sets, a step each time. */
function world() {
  const says = { metrics: [] as Metric[], agents: [] as AgentView[] }
  let nowMs = 1_000_000
  const history = new PipelineHistory({
    metrics: async () => says.metrics,
    agents: () => says.agents,
    parts: () => [],
    nowMs: () => nowMs,
  })
  const step = async (metrics: Metric[], agents: AgentView[] = []): Promise<void> => {
    Object.assign(says, { metrics, agents })
    nowMs += PIPELINE_SAMPLE_MS
    await history.take()
  }
  return { history, step }
}

test('losses are told with their causes, and what came before the first look has no time', async () => {
  const { history, step } = world()
  const refused = (count: number) => counter('crosscut_ingest_refused_total', count, { reason: '413' })
  const dropped = (count: number) => counter('crosscut_traces_tail_dropped_total', count)
  await step([refused(7), dropped(0)], [agentWith({ 'queue full': 2 })])
  await step([refused(7), dropped(40)], [agentWith({ 'queue full': 5 }), agentWith({ 'queue full': 1 })])
  const { losses, past } = history.view(5)
  assert.deepEqual(
    losses.map(({ stage, cause, count, isIntentional }) => [stage, cause, count, isIntentional]),
    [
      ['agents', 'agents queue full', 6, false],
      ['ingest', 'ingest_refused 413', 7, false],
      ['traces', 'traces_tail_dropped', 40, true],
    ],
  )
  assert.deepEqual(past.losses, { 'agents queue full': [0, 4], traces_tail_dropped: [0, 40] })
})

test('a part that restarts loses no count, an agent that is forgotten adds none', async () => {
  const totals = fc.array(fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 5 }), {
    minLength: 1,
    maxLength: 4,
  })
  await fc.assert(
    fc.asyncProperty(totals, async (lives) => {
      const { history, step } = world()
      let lost = 0
      for (const grown of lives) {
        let total = 0
        // A restart shows when the new total is below the old one: its first step is the smallest.
        await step([counter('crosscut_features_traces_gone_total', 0)])
        for (const more of grown) {
          total += more
          lost += more
          await step([counter('crosscut_features_traces_gone_total', total)])
        }
      }
      assert.equal(history.view(60).losses[0]?.count ?? 0, lost)
    }),
    { numRuns: 100 },
  )
  const { history, step } = world()
  await step([], [agentWith({ old: 9 }), agentWith({ old: 1 })])
  await step([], [agentWith({ old: 1 })])
  await step([], [agentWith({ old: 3 })])
  assert.equal(history.view(60).losses[0]?.count, 12)
})

test('an hour is a bounded number of steps, and causes are bounded', async () => {
  const { history, step } = world()
  const many = Array.from({ length: PIPELINE_CAUSES_MAX + 20 }, (_, i) => [`reason ${i}`, 1 + i] as const)
  for (let i = 0; i < 800; i++)
    await step(
      [counter('crosscut_ingest_accepted_spans_total', 100 * i)],
      [agentWith(Object.fromEntries(many))],
    )
  const { past, losses } = history.view(60)
  assert.ok(past.timesMs.length <= PIPELINE_POINTS_MAX + 1)
  assert.deepEqual(
    past.rates['spansAccepted'],
    past.timesMs.map(() => 100 / (PIPELINE_SAMPLE_MS / 1_000)),
  )
  assert.equal(losses.length, PIPELINE_CAUSES_MAX)
  assert.ok(history.view(5).past.timesMs.length <= 60)
})

test('owners have their queue, and until when they rest', async () => {
  const { history, step } = world()
  const of = (what: string, values: { readonly [owner: string]: number }): Metric => ({
    name: `crosscut_features_owner_${what}`,
    help: '',
    type: 'gauge',
    samples: Object.entries(values).map(([owner, value]) => ({ labels: { owner }, value })),
  })
  await step([
    of('cpu_ms_total', { calm: 10, greedy: 900 }),
    of('waiting', { calm: 0, greedy: 16 }),
    of('quarantines_total', { calm: 0, greedy: 1 }),
    of('rests_until_ms', { calm: 0, greedy: 5_000_000 }),
  ])
  const { owners, past } = history.view(5)
  assert.deepEqual(
    owners.map(({ owner, waiting, queueMax, quarantines, restsUntilMs }) => ({
      ...{ owner, waiting, queueMax, quarantines },
      restsUntilMs,
    })),
    [
      { owner: 'greedy', waiting: 16, queueMax: 16, quarantines: 1, restsUntilMs: 5_000_000 },
      { owner: 'calm', waiting: 0, queueMax: 16, quarantines: 0, restsUntilMs: undefined },
    ],
  )
  assert.deepEqual(past.ownersWaiting, { greedy: [16], calm: [0] })
})

test('the route tells it, as far back as it is asked', async () => {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'crosscut-pipeline-'))
  const { parts } = memoryPipeline([])
  const server = await startServer({ dataDir, port: 0, otlpPort: 0 }, {}, parts)
  try {
    const ask = async (query: string): Promise<Response> =>
      fetch(`${server.url}/api/v1/pipeline${query}`, {
        headers: { authorization: `Bearer ${server.adminToken}` },
      })
    const view = (await (await ask('?minutes=60')).json()) as PipelineView
    assert.deepEqual(view.parts, [{ name: 'store', state: 'running', restarts: 0 }])
    assert.equal((await ask('?minutes=61')).status, 400)
    assert.equal((await ask('?minutes=0')).status, 400)
  } finally {
    await server.close()
    rmSync(dataDir, { recursive: true, force: true })
  }
})
