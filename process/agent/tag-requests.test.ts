// A tool, end to end: deployed to running processes as data, felt across them, by late starters too, and
// gone when removed.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { tagRequests } from '../../tools/tag-requests/tag-requests.ts'
import { startControlPlane, type ControlPlane } from './testing/control-server.ts'
import { startCollector, startService, until } from './testing/rig.ts'

const SCHEMA = readFileSync(new URL('../../tools/tag-requests/schema.bdl', import.meta.url), 'utf8')
const tool = (level: 'debug' | 'trace', version: number) =>
  tagRequests(SCHEMA, { header: 'x-debug', value: '1', tag: 'suspect', level }, version)

const hasTool = (plane: ControlPlane, service: string, version: number | undefined): boolean =>
  plane.reports.get(service)?.packages.find(({ name }) => name === 'tag-requests')?.version === version

/** One service that is connected, or about to be. */
async function startOne() {
  const collector = await startCollector()
  const plane = await startControlPlane()
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    CROSSCUT_SERVER: plane.url,
    CROSSCUT_TOKEN: plane.token,
    OTEL_BSP_SCHEDULE_DELAY: '20',
    OTEL_SERVICE_NAME: 'one',
  }
  const service = await startService({ file: './relay.mjs', env })
  const close = async (): Promise<void> => {
    await service.stop()
    await plane.close()
    await collector.close()
  }
  return { collector, plane, service, close }
}

test('tagged requests carry their tag and log level to every process, also to one that starts after the tool', async () => {
  const collector = await startCollector()
  const plane = await startControlPlane()
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    CROSSCUT_SERVER: plane.url,
    CROSSCUT_TOKEN: plane.token,
    OTEL_BSP_SCHEDULE_DELAY: '50',
  }
  const front = await startService({ file: './relay.mjs', env: { ...env, OTEL_SERVICE_NAME: 'front' } })
  const ask = async (next: string, header: Record<string, string>) =>
    (await fetch(`${front.url}/`, { headers: { ...header, 'x-next': next } })).text()
  try {
    await until('the front says hello', () => plane.reports.has('front'))
    plane.tell({ packages: [tool('debug', 1)] })
    await until('the front has the tool', () => hasTool(plane, 'front', 1))
    const late = await startService({ file: './relay.mjs', env: { ...env, OTEL_SERVICE_NAME: 'late' } })
    await until('the late starter has the tool', () => hasTool(plane, 'late', 1))

    assert.equal(await ask(late.url, { 'x-debug': '1' }), 'debug,debug')
    assert.equal(await ask(late.url, { 'x-debug': '0' }), 'default,default')
    assert.equal(await ask(late.url, {}), 'default,default')
    await until('spans of both', () => collector.spans.filter((span) => span.kind === 2).length === 6)
    assert.deepEqual(
      collector.spans
        .filter((span) => span.attributes['crosscut.tag'] === 'suspect')
        .map((span) => [span.resource['service.name'], span.kind])
        .sort(),
      [
        ['front', 2],
        ['late', 2],
      ],
    )

    plane.tell({ packages: [tool('trace', 2)] })
    await until('both have the changed tool', () => hasTool(plane, 'front', 2) && hasTool(plane, 'late', 2))
    assert.equal(await ask(late.url, { 'x-debug': '1' }), 'trace,trace')

    plane.dropStreams()
    await until(
      'both said hello again',
      () => plane.hellos.filter(({ service }) => service === 'late').length >= 2,
    )
    plane.tell({ packages: [] })
    await until(
      'the tool is gone',
      () => hasTool(plane, 'front', undefined) && hasTool(plane, 'late', undefined),
    )
    assert.equal(await ask(late.url, { 'x-debug': '1' }), 'default,default')
    assert.ok((plane.reports.get('late')?.budget.adviceRuns ?? 0) > 0)
    await late.stop()
  } finally {
    await front.stop()
    await plane.close()
    await collector.close()
  }
})

test('a package that cannot be understood is refused with its reason, beside one that runs', async () => {
  const { plane, service, close } = await startOne()
  try {
    await until('it says hello', () => plane.reports.has('one'))
    const observe = { op: 'observe', vars: ['path'] } as const
    const hold = { op: 'act', act: 'hold', slot: 'path' } as const
    const advice = [{ tracepoint: 'http.server.request.end', instructions: [observe, hold] }]
    plane.tell({
      packages: [
        tool('debug', 1),
        { ...tool('debug', 1), name: 'broken', schema: 'bag {' },
        { ...tool('debug', 1), name: 'slow', schema: '', advice },
      ],
    })
    const refused = (name: string): string =>
      plane.reports.get('one')?.packages.find((one) => one.name === name)?.error ?? ''
    await until('the refusal', () => refused('broken').startsWith('E_ADVICE_SCHEMA'))
    assert.match(refused('slow'), /^E_ADVICE_ACT.*hold: .*put it at http\.server\.request\.start/)
    assert.ok(hasTool(plane, 'one', 1))
    assert.equal(await (await fetch(service.url, { headers: { 'x-debug': '1' } })).text(), 'debug')
  } finally {
    await close()
  }
})

test('a state is a lease: when nobody renews it, its tools are gone', async () => {
  const { plane, service, close } = await startOne()
  const level = async () => await (await fetch(service.url, { headers: { 'x-debug': '1' } })).text()
  try {
    await until('it says hello', () => plane.reports.has('one'))
    plane.tell({ packages: [tool('debug', 1)] })
    await until('the tool is there', () => hasTool(plane, 'one', 1))
    assert.equal(await level(), 'debug')
    const lease = {
      format: 1,
      fleet: 'test',
      version: 3,
      disabled: false,
      packages: [tool('debug', 1)],
    } as const
    plane.tellRaw(plane.signer.sign({ ...lease, expiresMs: Date.now() + 2000 }))
    await until('it believes the lease', () => plane.reports.get('one')?.stateVersion === 3)
    for (const endMs = Date.now() + 30_000; (await level()) !== 'default';) assert.ok(Date.now() < endMs)
  } finally {
    await close()
  }
})

test('the kill switch makes a no-op of the agent, and lifts again; a forged state changes nothing', async () => {
  const { collector, plane, service, close } = await startOne()
  const isAt = (version: number) => plane.reports.get('one')?.stateVersion === version
  try {
    await until('it says hello', () => plane.reports.has('one'))
    plane.tell({ disabled: true })
    await until('it is disabled', () => isAt(2))
    await (await fetch(service.url)).text()
    plane.tellRaw({
      ...plane.signer.sign({
        format: 1,
        fleet: 'test',
        version: 9,
        expiresMs: Date.now() + 9e4,
        disabled: false,
        packages: [],
      }),
      signature: 'AAAA',
    })
    await until('the forgery is reported', () => plane.reports.get('one')?.drops['state-refused'] === 1)
    assert.ok(isAt(2))
    plane.tell({ disabled: false })
    await until('it is enabled', () => isAt(3))
    assert.equal(collector.spans.length, 0)
    await (await fetch(service.url)).text()
    await until('it records again', () => collector.spans.length > 0)
    const { spans } = plane.reports.get('one') ?? { spans: undefined }
    assert.equal(spans?.emitted, (spans?.sent ?? 0) + (spans?.dropped ?? 0) + (spans?.queued ?? 0))
  } finally {
    await close()
  }
})
