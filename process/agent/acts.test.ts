// Acts of tools on running processes: deployed as signed data, done where they are asked for and nowhere
// else, counted, and gone with the tool.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import type { Advice, Instruction, ToolPackage } from '#protocol'
import { startControlPlane } from './testing/control-server.ts'
import type { ReadSpan } from './testing/otlp-oracle.ts'
import { NODES, startCollector, startService, until } from './testing/rig.ts'

const tool = (name: string, advice: readonly Advice[], version = 1): ToolPackage => ({
  name,
  version,
  schema: '',
  parameters: {},
  advice,
})
const constant = (slot: string, value: number | string): Instruction => ({ op: 'let', slot, value })
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

const ARRIVAL = 'http.server.request.start'

/** The oldest and the newest: in between nothing is done otherwise. */
for (const node of NODES.filter((_, i) => i === 0 || i === NODES.length - 1))
  test(`on Node ${node.name}: reject answers before the handler, delay holds until its time or the tool is over`, async () => {
    const plane = await startControlPlane()
    const env = {
      OTEL_SERVICE_NAME: 'one',
      OTEL_TRACES_EXPORTER: 'none',
      CROSSCUT_SERVER: plane.url,
      CROSSCUT_TOKEN: plane.token,
    }
    const service = await startService({ file: './relay.mjs', node: node.path, env })
    const ask = async (headers: Record<string, string>, init: RequestInit = {}) => {
      const answer = await fetch(service.url, { ...init, headers })
      return { status: answer.status, text: await answer.text() }
    }
    const served = { status: 200, text: 'default' }
    const drops = () => plane.reports.get('one')?.drops ?? {}
    const become = async (packages: readonly ToolPackage[]) => {
      plane.tell({ packages })
      await until('it has them', () => plane.reports.get('one')?.packages.length === packages.length)
    }
    const SLOW = tool('slow', [
      {
        tracepoint: ARRIVAL,
        instructions: [...isAsked('header.x-slow'), { op: 'act', act: 'delay', slot: 'header.x-slow' }],
      },
    ])
    const BROKEN = tool('broken', [
      {
        tracepoint: ARRIVAL,
        instructions: [...isAsked('header.x-broken'), { op: 'act', act: 'reject', slot: 'header.x-broken' }],
      },
    ])
    try {
      await until('it says hello', () => plane.reports.has('one'))
      await become([SLOW, BROKEN])
      const [status, code] = await ask({ 'x-broken': '503' }).then(({ status, text }) => [
        status,
        JSON.parse(text).error,
      ])
      assert.deepEqual(
        [status, code],
        [503, { code: 'E_REJECTED', message: 'the tool broken refuses this request' }],
      )
      assert.deepEqual(await ask({}), served)
      assert.deepEqual(await ask({ 'x-slow': '5' }), served)
      assert.equal((await ask({ 'x-slow': '5', 'x-broken': '599' })).status, 599)
      // The last that is none, on either side; and no number.
      const misread: readonly [string, string][] = [
        ['x-broken', '399'],
        ['x-broken', '600'],
        ['x-slow', '-1'],
        ['x-slow', 'x'],
      ]
      for (const [header, value] of misread) assert.deepEqual(await ask({ [header]: value }), served)

      const HOUR = { 'x-slow': String(3_600_000) }
      const gone = new AbortController()
      const given = ask(HOUR, { signal: gone.signal })
      let isAnswered = false
      const held = ask(HOUR, { method: 'POST', body: 'x'.repeat(200_000) }).finally(() => (isAnswered = true))
      for (let i = 0; i < 20; i++) assert.deepEqual(await ask({ 'x-slow': '1' }), served)
      gone.abort()
      await assert.rejects(given)
      assert.equal(isAnswered, false)
      await become([BROKEN])
      assert.deepEqual(await held, served)
      assert.deepEqual(await ask(HOUR), served)
      await until('what was misread is told', () => drops()['delay-misread'] === 2)
      assert.equal(drops()['reject-misread'], 2)
      assert.equal(drops()['internal-error'], undefined)

      await become([])
      assert.deepEqual(await ask({ 'x-broken': '503' }), served)
    } finally {
      const { stderr } = await service.stop()
      await plane.close()
      assert.equal(stderr, '')
    }
  })

/** Not below this folder: what is loaded into a process for us is never woven. */
const STORE = `import http from 'node:http'
class Store {
  #taken = 0
  take(title) {
    this.#taken += 1
    return 'took ' + this.#taken
  }
  async load(title) {
    await null
    return 'loaded ' + title
  }
  *list(title) { yield 'listed ' + title }
}
class Book extends Object {
  constructor(title) { super(); this.title = title }
}
const store = new Store()
const ways = {
  take: (title) => store.take(title),
  // An async function never throws: it rejects.
  load: (title) => store.load(title).catch((error) => Promise.reject(error)),
  list: (title) => [...store.list(title)].join(),
  book: (title) => new Book(title).title,
}
const server = http.createServer(async (request, response) => {
  const [way, title] = request.url.slice(1).split('/')
  try {
    response.end(await ways[way](title))
  } catch (error) {
    response.writeHead(500).end([error.name, error.code, error.tool, error.message].join(' '))
  }
})
server.listen(0, '127.0.0.1', () => console.log('port ' + server.address().port))
`

test('fault throws where a function begins, into every kind of it; others see it leave, and nothing stays behind', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'acts-'))
  const file = path.join(folder, 'store.mjs')
  writeFileSync(file, STORE)
  writeFileSync(path.join(folder, 'package.json'), '{}')
  const plane = await startControlPlane()
  const service = await startService({
    file: pathToFileURL(file).href,
    env: {
      OTEL_SERVICE_NAME: 'store',
      OTEL_TRACES_EXPORTER: 'none',
      CROSSCUT_SERVER: plane.url,
      CROSSCUT_TOKEN: plane.token,
    },
  })
  const ask = async (place: string) => await (await fetch(`${service.url}/${place}`)).text()
  const become = async (packages: readonly ToolPackage[]) => {
    plane.tell({ packages })
    await until('it has them', () => plane.reports.get('store')?.packages.length === packages.length)
  }
  const functions = ['Store.take', 'Store.load', 'Store.list', 'Book.constructor']
  const broken = tool('broken', [
    {
      tracepoint: functions.map((name) => `store.mjs:${name}`).join(),
      instructions: [
        { op: 'observe', vars: ['title'] },
        { op: 'filter', where: { call: 'eq', args: [{ slot: 'title' }, 'gone'] } },
        constant('text', 'no room'),
        { op: 'act', act: 'fault', slot: 'text' },
      ],
    },
  ])
  const watch = tool('watch', [
    {
      tracepoint: 'store.mjs:Store.*@throw',
      instructions: [
        { op: 'observe', vars: ['error'] },
        {
          op: 'emit',
          result: 'thrown',
          keys: [{ slot: 'error' }],
          folds: [{ fn: 'count', value: true }],
        },
      ],
    },
    {
      tracepoint: 'store.mjs:Store.take@5',
      instructions: [
        { op: 'observe', vars: ['this.#taken'] },
        {
          op: 'emit',
          result: 'lines',
          keys: [{ slot: 'this.#taken' }],
          folds: [{ fn: 'count', value: true }],
        },
      ],
    },
  ])
  const groups = (result: string) =>
    plane.reports.get('store')?.results?.find((one) => one.result === result)?.groups ?? []
  const fault = 'FaultError E_FAULT broken no room'
  try {
    await until('it says hello', () => plane.reports.has('store'))
    await become([broken])
    for (const way of ['take', 'load', 'list', 'book']) assert.equal(await ask(`${way}/gone`), fault)
    assert.equal(await ask('take/a'), 'took 1')
    await become([broken, watch])
    for (const way of ['take', 'load', 'list']) assert.equal(await ask(`${way}/gone`), fault)
    assert.equal(await ask('take/a'), 'took 2')
    assert.equal(await ask('load/a'), 'loaded a')
    const isTold = () => JSON.stringify(groups('thrown')).includes('3') && groups('lines').length > 0
    await until('who watches has seen three faults and the line', isTold)
    assert.deepEqual(groups('thrown'), [[['no room'], [3]]])
    assert.deepEqual(groups('lines'), [[[1], [1]]])
    assert.equal(plane.reports.get('store')?.drops['internal-error'], undefined)

    await become([])
    for (const [place, answer] of [
      ['take/gone', 'took 3'],
      ['load/gone', 'loaded gone'],
      ['list/gone', 'listed gone'],
      ['book/gone', 'gone'],
    ])
      assert.equal(await ask(place ?? ''), answer)

    const act = { op: 'act', act: 'fault', slot: 'n' } as const
    const elsewhere = ['store.mjs:Store.take@return', 'store.mjs:Store.take@5', 'channel:a:b', 'retried']
    await become(
      elsewhere.map((tracepoint) =>
        tool(tracepoint, [{ tracepoint, instructions: [constant('n', 1), act] }]),
      ),
    )
    for (const { error } of plane.reports.get('store')?.packages ?? [])
      assert.match(error ?? '', /^E_ADVICE_ACT .*fault: .*file\.ts:function/)
  } finally {
    const { stderr } = await service.stop()
    await plane.close()
    rmSync(folder, { recursive: true })
    assert.equal(stderr, '')
  }
})
