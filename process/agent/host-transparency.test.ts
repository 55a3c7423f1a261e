// What the host does at its end is the same with and without us, whatever the collector does.

import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { test } from 'node:test'
import { EXIT_FLUSH_MS_MAX } from './limits.ts'
import { startControlPlane } from './testing/control-server.ts'
import { closed, ended, launch, listen, startCollector, startService, until } from './testing/rig.ts'

const WAYS = ['return', 'exit-3', 'throw', 'reject', 'code-4'] as const

/** Stack traces name our loader's frames no more than without us; paths and ids differ between runs. */
const message = (stderr: string): string =>
  stderr
    .split('\n')
    .filter((line) => /Error|Unhandled/.test(line))
    .join('\n')

for (const way of WAYS) {
  test(`'${way}' ends alike with a collector, with none, and without the agent`, async () => {
    const collector = await startCollector()
    const run = (agent: boolean, endpoint: string) =>
      ended(
        launch({ file: './ends.mjs', args: [way], agent, env: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint } }),
      )
    try {
      const [plain, watched, deserted] = await Promise.all([
        run(false, ''),
        run(true, collector.url),
        run(true, 'http://127.0.0.1:9'),
      ])
      for (const one of [watched, deserted]) {
        assert.deepEqual(
          [one.code, one.signal, one.stdout, message(one.stderr)],
          [plain.code, plain.signal, plain.stdout, message(plain.stderr)],
        )
      }
      if (way === 'return' || way === 'code-4')
        assert.equal(collector.spans.length, 2, 'what waited was sent before the end')
    } finally {
      await collector.close()
    }
  })
}

const SILENT: readonly (readonly [who: string, settings: (url: string) => NodeJS.ProcessEnv])[] = [
  ['a collector', (url) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: url })],
  [
    'a collector and a control plane',
    (url) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: url, CROSSCUT_SERVER: url, CROSSCUT_TOKEN: 'a.b' }),
  ],
]
/** Three ends, the shortest counts: the machine is shared. */
const TRIES = 3
/** A timer that ends it runs late, and the loop turns once more. */
const LATE_MS_MAX = 100

for (const [who, settings] of SILENT) {
  test(`${who} that takes requests and never answers holds the end for ${EXIT_FLUSH_MS_MAX} ms at most`, async () => {
    const asked = new Set<string | undefined>()
    const server = createServer((request) => asked.add(request.url))
    const env: NodeJS.ProcessEnv = { ...settings(await listen(server)), OTEL_EXPORTER_OTLP_TIMEOUT: '600000' }
    try {
      const held: number[] = []
      for (let i = 0; i < TRIES; i++) {
        const end = await ended(launch({ file: './ends.mjs', args: ['timed'], env }))
        assert.equal(end.code, 0)
        held.push(Number(/^held (\S+)$/m.exec(end.stdout)?.[1]))
      }
      assert.ok(Math.min(...held) <= EXIT_FLUSH_MS_MAX + LATE_MS_MAX, held.join())
      assert.ok(asked.has('/v1/traces'), [...asked].join())
      assert.equal(asked.size > 1, env.CROSSCUT_SERVER !== undefined, [...asked].join())
    } finally {
      await closed(server)
    }
  })
}

test('SIGTERM ends a host without a handler by that signal, after the spans are sent', async () => {
  const collector = await startCollector()
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: '60000' }
  const service = await startService({ file: './ends.mjs', args: ['wait-for-signal'], env })
  const end = await service.stop()
  assert.equal(end.signal, 'SIGTERM')
  assert.equal(collector.spans.length, 2)
  await collector.close()
})

test('a host that handles SIGTERM decides how it ends', async () => {
  const collector = await startCollector()
  const service = await startService({
    file: './ends.mjs',
    args: ['handle-signal'],
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url },
  })
  await until('the spans of the first batch', () => collector.spans.length === 2)
  const end = await service.stop()
  assert.deepEqual([end.code, end.signal], [7, null])
  await collector.close()
})

for (const [name, env] of [
  ['CROSSCUT_DISABLED', { CROSSCUT_DISABLED: '1' }],
  ['OTEL_SDK_DISABLED', { OTEL_SDK_DISABLED: 'true' }],
] as const) {
  test(`with ${name} nothing is recorded and nothing is sent`, async () => {
    const collector = await startCollector()
    const end = await ended(
      launch({
        file: './ends.mjs',
        args: ['return'],
        env: { ...env, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url },
      }),
    )
    assert.equal(end.code, 0)
    assert.equal(collector.requests.length, 0)
    await collector.close()
  })
}

test('a program of a moment is not gone unheard: its last report counts the spans it sent', async () => {
  const [collector, plane] = await Promise.all([startCollector(), startControlPlane()])
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_SERVICE_NAME: 'moment',
    CROSSCUT_SERVER: plane.url,
    CROSSCUT_TOKEN: plane.token,
  }
  try {
    assert.equal((await ended(launch({ file: './ends.mjs', args: ['return'], env }))).code, 0)
    const { emitted, sent } = plane.reports.get('moment')?.spans ?? {}
    assert.deepEqual([emitted, sent], [2, 2])
  } finally {
    await Promise.all([collector.close(), plane.close()])
  }
})

test('who patches node:http meets neither our spans nor our token', async () => {
  const collector = await startCollector()
  const plane = await startControlPlane()
  const service = await startService({
    file: './patched-http.mjs',
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_BSP_SCHEDULE_DELAY: '50',
      CROSSCUT_SERVER: plane.url,
      CROSSCUT_TOKEN: plane.token,
    },
  })
  const isReported = (): boolean => [...plane.reports.values()].some(({ spans }) => spans.sent === 2)
  await until('its spans are sent, and reported', isReported)
  const { stdout } = await service.stop()
  assert.match(stdout, /^saw \/own$/m)
  await plane.close()
  await collector.close()
})
