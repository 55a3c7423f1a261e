// Policies of sampling, end to end: deployed to two running processes as data, decided where a trace
// begins, felt in both, told in reports, and gone when removed.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SamplingPolicy, SamplingState } from '#protocol'
import { startControlPlane } from './testing/control-server.ts'
import type { ReadSpan } from './testing/otlp-oracle.ts'
import { startCollector, startService, until, type Service } from './testing/rig.ts'

const policy = (name: string, probability: number, more: Partial<SamplingPolicy>): SamplingPolicy => ({
  name,
  owner: 'test',
  strategy: { kind: 'probability', probability },
  restraints: [],
  levelOfDetail: 'normal',
  ...more,
})
const POLICIES = [
  policy('none', 0, {}),
  policy('wanted', 1, {
    restraints: [{ attribute: 'http.route', test: 'glob', value: '/wanted*' }],
    levelOfDetail: 'coarse',
  }),
  policy('retries', 1, { restraints: [{ attribute: 'mark', test: 'equals', value: 'retried' }] }),
]
const state = (policies: readonly SamplingPolicy[]): SamplingState => ({
  policies,
  shares: {},
  share: 1,
  perSecond: 1000,
  perSecondOfTenant: 5,
})
const KINDS = ['', 'internal', 'server', 'client']
const seen = (spans: readonly ReadSpan[]): string[] =>
  spans.map((span) => `${String(span.resource['service.name'])} ${KINDS[span.kind]}`).sort()

test('a policy decides at the root for both processes, with its level of detail, also when its mark is reached', async () => {
  const collector = await startCollector()
  const plane = await startControlPlane()
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_BSP_SCHEDULE_DELAY: '20',
    CROSSCUT_SERVER: plane.url,
    CROSSCUT_TOKEN: plane.token,
  }
  const start = (name: string): Promise<Service> =>
    startService({ file: './sampled.mjs', env: { ...env, OTEL_SERVICE_NAME: name } })
  const [front, back] = await Promise.all([start('front'), start('back')])
  const ask = async (path: string): Promise<void> => {
    await (await fetch(`${front.url}${path}`, { headers: { 'x-next': `${back.url}/` } })).text()
  }
  const known = (service: string): number => plane.reports.get(service)?.sampling?.length ?? 0
  try {
    await until('both said hello', () => plane.reports.has('front') && plane.reports.has('back'))
    plane.tell({ sampling: state(POLICIES) })
    await until('both have the policies', () => known('front') === 3 && known('back') === 3)
    await ask('/plain')
    await ask('/wanted/1?x=1')
    await until('the coarse trace', () => collector.spans.length >= 3)
    const coarse = collector.spans.splice(0)
    assert.deepEqual(seen(coarse), ['back server', 'front client', 'front server'])
    for (const span of coarse) assert.equal(span.traceState, 'ot=th:0,crosscut=d:c;k:1')
    const [root] = coarse.filter((span) => span.parentSpanId === '')
    const [client] = coarse.filter((span) => span.kind === 3)
    assert.equal(client?.parentSpanId, root?.spanId)

    await ask('/retry')
    await until('the trace of the retry', () => collector.spans.length >= 5)
    const retried = collector.spans.splice(0)
    assert.deepEqual(seen(retried), [
      'back internal',
      'back server',
      'front client',
      'front internal',
      'front server',
    ])
    const [start_] = retried.filter((span) => span.parentSpanId === '')
    assert.equal(start_?.attributes['url.path'], '/retry')
    assert.equal(start_?.traceState, 'ot=th:0,crosscut=k:1')
    await until('it is told', () => plane.reports.get('front')?.sampling?.[0]?.seen === 3)
    const use = plane.reports.get('front')?.sampling
    assert.deepEqual(use, [
      { policy: 'none', seen: 3, kept: 0, refused: 0 },
      { policy: 'wanted', seen: 1, kept: 1, refused: 0 },
      { policy: 'retries', seen: 1, kept: 1, refused: 0 },
    ])

    plane.tell({ sampling: state([]) })
    await until('the policies are gone', () => known('front') === 0 && known('back') === 0)
    await ask('/plain')
    await until('all spans again', () => collector.spans.length >= 5)
    assert.deepEqual([...new Set(collector.spans.map((span) => span.traceState))], [''])
  } finally {
    await front.stop()
    await back.stop()
    await plane.close()
    await collector.close()
  }
})
