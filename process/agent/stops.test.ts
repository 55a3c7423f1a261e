// Tools that stop requests of running processes: what arrives is held, what leaves is held, delayed, failed
// or sent elsewhere, by node:http, fetch and undici. Deployed as signed data, and gone with the tool.

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import https from 'node:https'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import type { Act, Instruction, ToolPackage } from '#protocol'
import { cert, key } from '../carriers/testing-certificate.ts'
import { HELD_MAX } from './points/limits.ts'
import { startControlPlane, type ControlPlane } from './testing/control-server.ts'
import { closed, listen, NODES, startCollector, startService, until, type Service } from './testing/rig.ts'

const ARRIVAL = 'http.server.request.start'
const DEPARTURE = 'http.client.request.start'
const WAYS = ['http', 'listed', 'fetch', 'undici', 'pool']
const HOUR_MS = 3_600_000

type Does = Extract<Act, { slot: string }>['act']

/** At calls, but for those of the agent itself, which no advice sees. */
const tool = (name: string, act: Does, value: number | string, at = DEPARTURE): ToolPackage => ({
  name,
  version: 1,
  schema: '',
  parameters: {},
  advice: [
    {
      tracepoint: at,
      instructions: [{ op: 'let', slot: 'value', value }, { op: 'act', act, slot: 'value' } as Instruction],
    },
  ],
})

type Upstream = {
  readonly url: string
  readonly authority: string
  readonly requests: IncomingMessage[]
  connections: number
  close(): Promise<void>
}

async function startUpstream(text: string): Promise<Upstream> {
  const server = createServer((request, response) => {
    upstream.requests.push(request)
    request.resume().on('end', () => response.end(text))
  })
  server.on('connection', () => (upstream.connections += 1))
  const url = await listen(server)
  const authority = new URL(url).host
  const upstream: Upstream = { url, authority, requests: [], connections: 0, close: () => closed(server) }
  return upstream
}

for (const node of NODES)
  describe(`on Node ${node.name}`, () => {
    let plane: ControlPlane
    let collector: Awaited<ReturnType<typeof startCollector>>
    let service: Service
    let first: Upstream
    let second: Upstream

    before(async () => {
      plane = await startControlPlane()
      collector = await startCollector()
      first = await startUpstream('first')
      second = await startUpstream('second')
      const env = {
        UPSTREAM: first.url,
        OTEL_SERVICE_NAME: 'shop',
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_BSP_SCHEDULE_DELAY: '20',
        CROSSCUT_SERVER: plane.url,
        CROSSCUT_TOKEN: plane.token,
      }
      service = await startService({ file: './points.mjs', node: node.path, env })
      await until('it says hello', () => plane.reports.has('shop'))
    })
    after(async () => {
      const { stderr } = await service.stop()
      for (const one of [plane, collector, first, second]) await one.close()
      assert.equal(stderr, '')
    })
    beforeEach(async () => {
      await become([])
      for (const one of [first, second]) one.requests.length = 0
      collector.spans.length = 0
    })

    const ask = async (way: string, init: RequestInit = {}) =>
      await (await fetch(`${service.url}/${way}`, init)).text()
    const status = (name: string) => plane.reports.get('shop')?.packages.find((one) => one.name === name)
    const drops = () => plane.reports.get('shop')?.drops ?? {}
    const become = async (packages: readonly ToolPackage[]) => {
      plane.tell({ packages })
      const names = packages.map(({ name }) => name).join()
      await until(
        `it has ${names}`,
        () =>
          plane.reports
            .get('shop')
            ?.packages.map(({ name }) => name)
            .join() === names,
      )
    }
    /** A state is answered with a report at once. */
    const holds = async (name: string, count: number) => {
      const asking = setInterval(() => plane.tell({}), 50)
      await until(`${count} are held`, () => (status(name)?.held ?? 0) === count).finally(() =>
        clearInterval(asking),
      )
    }
    const counted = async (reason: string, count: number) => {
      const asking = setInterval(() => plane.tell({}), 50)
      await until(`${count} times ${reason}`, () => drops()[reason] === count).finally(() =>
        clearInterval(asking),
      )
    }
    const clientSpans = () => collector.spans.filter(({ kind }) => kind === 3)

    test('fault: a call fails with our error, nothing is sent; the tool gone, calls go out', async () => {
      const before = first.connections
      await become([tool('broken', 'fault', 'no way')])
      for (const way of WAYS) assert.equal(await ask(way), 'E_FAULT', way)
      assert.deepEqual([first.connections - before, first.requests.length], [0, 0])
      await until('a span for each', () => clientSpans().length === WAYS.length)
      for (const { attributes } of clientSpans()) assert.equal(attributes['error.type'], 'E_FAULT')
      await become([])
      for (const way of WAYS) await ask(way)
      assert.equal(first.requests.length, WAYS.length)
    })

    for (const [name, act] of [
      ['slow', 'delay'],
      ['parked', 'hold'],
    ] as const)
      test(`${act}: a call waits before it has a connection, for its time or until the tool is gone`, async () => {
        await become([tool('brief', act, 5)])
        for (const way of WAYS) await ask(way)
        assert.equal(first.requests.length, WAYS.length)
        await become([tool(name, act, HOUR_MS)])
        const before = first.connections
        let answers = 0
        const calls = WAYS.map((way) => ask(way).finally(() => (answers += 1)))
        await holds(name, act === 'hold' ? WAYS.length : 0)
        for (let i = 0; i < 20; i++) await ask('hello')
        assert.equal(await ask('abandoned'), 'ECONNRESET close')
        assert.match(await ask('signalled'), /^(TimeoutError|ABORT_ERR|23|The operation was aborted.*)$/)
        assert.deepEqual([answers, first.requests.length, first.connections], [0, WAYS.length, before])
        await become([])
        await Promise.all(calls)
        assert.equal(first.requests.length, 2 * WAYS.length, 'who gave it up is not sent')
      })

    test('hold: what is held goes on when the tool is released, what comes after is held anew', async () => {
      const door = tool('door', 'hold', HOUR_MS, ARRIVAL)
      const exit = tool('exit', 'hold', HOUR_MS)
      await become([door, exit])
      const asked = ask('fetch', { method: 'POST', body: 'x'.repeat(200_000) })
      await holds('door', 1)
      await become([{ ...door, release: 1 }, exit])
      await holds('exit', 1)
      await holds('door', 0)
      const gone = new AbortController()
      const given = ask('hello', { signal: gone.signal })
      await holds('door', 1)
      gone.abort()
      await assert.rejects(given)
      await holds('door', 0)
      assert.equal(first.requests.length, 0)
      const released = [door, exit].map((one) => ({ ...one, release: 1 }))
      await become(released)
      assert.equal(await asked, 'first')
      const again = ask('hello')
      await holds('door', 1)
      await become(released.toReversed())
      await holds('door', 1)
      await become([])
      assert.equal(await again, 'hello for ever')
    })

    test('hold: who finds no room goes on and is counted, so does whose time is over', async () => {
      await become([tool('parked', 'hold', HOUR_MS, ARRIVAL)])
      const held = Array.from({ length: HELD_MAX }, () => ask('hello'))
      await holds('parked', HELD_MAX)
      assert.equal(await ask('hello'), 'hello for ever')
      await counted('hold-full', 1)
      await become([])
      assert.deepEqual(new Set(await Promise.all(held)), new Set(['hello for ever']))
      const before = drops()['hold-over'] ?? 0
      await become([tool('brief', 'hold', 5, ARRIVAL)])
      assert.equal(await ask('hello'), 'hello for ever')
      await counted('hold-over', before + 1)
    })

    test('route: the call goes elsewhere with the head it had, and its span says where it went', async () => {
      await become([tool('moved', 'route', second.authority)])
      for (const way of WAYS.filter((one) => one !== 'pool'))
        assert.match(await ask(way), /second|answered/, way)
      assert.deepEqual([first.requests.length, second.requests.length], [0, WAYS.length - 1])
      for (const { headers } of second.requests) {
        assert.equal(headers.host, first.authority)
        assert.match(headers.traceparent as string, /^00-/)
      }
      await until('a span for each', () => clientSpans().length === WAYS.length - 1)
      const { hostname, port } = new URL(second.url)
      for (const { attributes } of clientSpans()) {
        const told = ['server.address', 'server.port', 'url.full', 'crosscut.routed.from'].map((one) =>
          String(attributes[one]),
        )
        assert.deepEqual(told, [hostname, port, `${second.url}/`, first.authority])
      }
      const before = drops()['route-refused'] ?? 0
      assert.equal(await ask('pool'), 'first', 'a pool has its one host')
      await counted('route-refused', before + 1)
    })

    test('route: where egress does not allow the host, or it is none, the call goes where it would', async () => {
      const before = drops()['route-refused'] ?? 0
      await become([tool('out', 'route', 'example.com:80')])
      for (const way of WAYS) assert.match(await ask(way), /first|answered/)
      await counted('route-refused', before + WAYS.length)
      const misread = [
        '',
        'nowhere',
        ':80',
        '127.0.0.1',
        '127.0.0.1:0',
        '127.0.0.1:65536',
        'a b:80',
        '::1:80',
        'u@h:80',
      ]
      await become(misread.map((value, i) => tool(`wrong-${i}`, 'route', value)))
      assert.equal(await ask('fetch'), 'first')
      await counted('route-misread', misread.length)
    })

    test('route: a server of TLS proves the name that the application called', async () => {
      const folder = mkdtempSync(path.join(tmpdir(), 'stops-'))
      const ca = path.join(folder, 'ca.pem')
      writeFileSync(ca, cert)
      const names: unknown[] = []
      const secure = https.createServer({ key, cert }, (request, response) => {
        names.push([Reflect.get(request.socket, 'servername'), request.headers.host])
        response.end('secure')
      })
      const url = new URL(await listen(secure as never))
      const env = {
        // Nobody listens there.
        UPSTREAM: 'https://localhost:2',
        NODE_EXTRA_CA_CERTS: ca,
        OTEL_SERVICE_NAME: 'secure',
        OTEL_TRACES_EXPORTER: 'none',
        CROSSCUT_SERVER: plane.url,
        CROSSCUT_TOKEN: plane.token,
      }
      const caller = await startService({ file: './points.mjs', node: node.path, env })
      try {
        await until('it says hello', () => plane.reports.has('secure'))
        plane.tell({ packages: [tool('moved', 'route', url.host)] })
        await until('it has the tool', () => plane.reports.get('secure')?.packages.length === 1)
        for (const way of ['http', 'fetch', 'undici'])
          assert.equal(await (await fetch(`${caller.url}/${way}`)).text(), 'secure', way)
        assert.deepEqual(
          names,
          Array.from({ length: 3 }, () => ['localhost', 'localhost:2']),
        )
      } finally {
        await caller.stop()
        await closed(secure as never)
        rmSync(folder, { recursive: true })
      }
    })
  })

test('an act where nothing could carry it out is refused with where to put it; the one of the docs is taken', async () => {
  const plane = await startControlPlane()
  const service = await startService({
    file: './relay.mjs',
    env: { OTEL_SERVICE_NAME: 'one', CROSSCUT_SERVER: plane.url, CROSSCUT_TOKEN: plane.token },
  })
  try {
    await until('it says hello', () => plane.reports.has('one'))
    const refused: readonly [Does, string, RegExp][] = [
      ['delay', 'relay.mjs:serve', /put it at http\.server\.request\.start or http\.client\.request\.start/],
      ['hold', 'http.client.*', /put it at http\.server\.request\.start or http\.client\.request\.start/],
      ['reject', `${ARRIVAL},http.server.response`, /put it at http\.server\.request\.start/],
      ['reject', DEPARTURE, /a call fails by fault/],
      ['fault', ARRIVAL, /put it at file\.ts:function or http\.client\.request\.start/],
      ['route', ARRIVAL, /put it at http\.client\.request\.start/],
    ]
    plane.tell({ packages: refused.map(([act, at], i) => tool(`${i}`, act, 500, at)) })
    await until('it has judged', () => plane.reports.get('one')?.packages.length === refused.length)
    plane.reports.get('one')?.packages.forEach(({ error = '' }, i) => {
      assert.match(error, /^E_ADVICE_ACT /)
      assert.match(error, refused[i][2])
    })
    const page = readFileSync(new URL('../../docs/reference/agent.md', import.meta.url), 'utf8')
    const shown = JSON.parse(/```json\n(.*?)```/s.exec(page)?.[1] ?? '')
    plane.tell({ packages: [{ version: 1, schema: '', parameters: {}, ...shown }] })
    await until('it has the tool that is documented', () => {
      const [only, ...more] = plane.reports.get('one')?.packages ?? []
      return more.length === 0 && only?.name === 'breakpoint' && only.error === undefined
    })
    assert.equal(await (await fetch(service.url)).text(), 'default')
    assert.equal((await fetch(service.url)).status, 200)
  } finally {
    await service.stop()
    await plane.close()
  }
})
