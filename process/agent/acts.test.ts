// Acts of tools on running processes: deployed as signed data, done where they are asked for and nowhere
// else, counted, and gone with the tool.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Advice, Instruction, ToolPackage } from '#protocol'
import { startControlPlane } from './testing/control-server.ts'
import type { ReadSpan } from './testing/otlp-oracle.ts'
import { startCollector, startService, until } from './testing/rig.ts'

const tool = (name: string, advice: readonly Advice[], version = 1): ToolPackage => ({
  name,
  version,
  schema: '',
  parameters: {},
  advice,
})
const TRUE = { op: 'let', slot: 'yes', value: true } as const
const SAMPLE = { op: 'act', act: 'sample', slot: 'yes' } as const
const isAsked = (name: string): readonly Instruction[] => [
  { op: 'observe', vars: [name] },
  { op: 'filter', where: { call: 'ne', args: [{ slot: name }, null] } },
]

const KINDS = ['', 'internal', 'server', 'client']
const seen = (spans: readonly ReadSpan[]): string[] =>
  spans.map((span) => `${String(span.resource['service.name'])} ${KINDS[span.kind]}`).sort()

test('sample records the trace of a request where it begins, from there on, in every process it reaches', async () => {
  const collector = await startCollector()
  const plane = await startControlPlane()
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_TRACES_SAMPLER: 'parentbased_always_off',
    OTEL_BSP_SCHEDULE_DELAY: '20',
    CROSSCUT_SERVER: plane.url,
    CROSSCUT_TOKEN: plane.token,
  }
  const start = (name: string) =>
    startService({ file: './sampled.mjs', env: { ...env, OTEL_SERVICE_NAME: name } })
  const [front, back] = await Promise.all([start('front'), start('back')])
  const ask = async (path: string, headers: Record<string, string> = {}): Promise<void> => {
    await (await fetch(`${front.url}${path}`, { headers: { 'x-next': `${back.url}/`, ...headers } })).text()
  }
  const hasTool = (service: string, count: number) => plane.reports.get(service)?.packages.length === count
  try {
    await until('both said hello', () => plane.reports.has('front') && plane.reports.has('back'))
    const tag = { op: 'act', act: 'tag', key: 'why', slot: 'header.x-keep' } as const
    plane.tell({
      packages: [
        tool('keep', [
          {
            tracepoint: 'http.server.request.start',
            instructions: [...isAsked('header.x-keep'), TRUE, SAMPLE, tag],
          },
          { tracepoint: 'retried', instructions: [TRUE, SAMPLE] },
        ]),
      ],
    })
    await until('both have the tool', () => hasTool('front', 1) && hasTool('back', 1))
    await ask('/plain')
    await ask('/kept', { 'x-keep': 'asked for' })
    await until('the chosen trace', () => collector.spans.length >= 5)
    const whole = ['back internal', 'back server', 'front client', 'front internal', 'front server']
    const chosen = collector.spans.splice(0)
    assert.deepEqual(seen(chosen), whole)
    const [root] = chosen.filter((span) => span.parentSpanId === '')
    assert.deepEqual([root?.attributes['url.path'], root?.attributes['why']], ['/kept', 'asked for'])
    assert.equal(root?.traceState, 'ot=th:0,crosscut=k:1')

    await ask('/retry')
    await until('the trace of the retry', () => collector.spans.length >= 5)
    assert.deepEqual(seen(collector.spans.splice(0)), whole)

    assert.equal(plane.reports.get('back')?.drops['sample-not-at-root'], undefined)
    const traceparent = `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-00`
    await ask('/elsewhere', { traceparent, 'x-keep': 'too late' })
    await until(
      'a trace that began elsewhere is left alone, and counted',
      () => plane.reports.get('front')?.drops['sample-not-at-root'] === 1,
    )

    plane.tell({ packages: [] })
    await until('the tool is gone', () => hasTool('front', 0) && hasTool('back', 0))
    await ask('/kept', { 'x-keep': 'asked for' })
    await front.stop()
    assert.deepEqual(seen(collector.spans), [])
  } finally {
    await Promise.all([front.stop(), back.stop()])
    await plane.close()
    await collector.close()
  }
})
