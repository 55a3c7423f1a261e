// TypeScript feature files as a user has them: put into the server's folder, defined over API and CLI,
// evaluated as traces come. One that loops, throws, allocates or lies about its types harms its owner alone.

import assert from 'node:assert/strict'
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { newTraceId, RunningServer, until } from './running-server.fixture.ts'

const server = new RunningServer()
const folder = path.join(server.dataDir, 'features')

const GAPS = `import type { Trace } from 'crosscut/traces'

export const columns = { idle_ms: { type: 'number', unit: 'ms' }, calls: 'number', names: 'strings' } as const

/** Time of the root in which none of its calls was under way. */
export function features({ blocks, root }: Trace) {
  const { startNs, endNs } = blocks[root]!
  let busyUntil = startNs
  let idleNs = 0n
  const calls = blocks.filter(({ parent }) => parent === root)
  for (const call of calls) {
    if (call.startNs > busyUntil) idleNs += call.startNs - busyUntil
    if (call.endNs > busyUntil) busyUntil = call.endNs
  }
  if (endNs > busyUntil) idleNs += endNs - busyUntil
  return { idle_ms: Number(idleNs) / 1e6, calls: calls.length, names: calls.map(({ name }) => name) }
}
`
const badFile = (body: string): string => `export const columns = { n: 'number' } as const
export function features(trace: { blocks: readonly { name: string }[] }): unknown { ${body} }
`
const BAD = {
  loops: 'for (;;);',
  // At once: where a machine gives memory slowly, bit by bit takes a second of CPU before; some are so slow
  // that its time runs out meanwhile. That memory alone ends a file, file-hosts.test.ts shows.
  allocates: 'const all = new Array(2 ** 27).fill(1.5); return { n: all.concat(all).length }',
  throws: `throw new TypeError('no ' + trace.blocks.length)`,
  lies: `return { n: 'many' }`,
  infinite: 'return { n: 1 / 0 }',
} as const

type Owner = {
  readonly owner: string
  readonly quarantines: number
  readonly refused: number
  readonly restsUntilMs?: number
}

describe('feature files of a running server', () => {
  before(async () => {
    mkdirSync(folder)
    writeFileSync(path.join(folder, 'gaps.ts'), GAPS)
    for (const [name, body] of Object.entries(BAD))
      writeFileSync(path.join(folder, `${name}.ts`), badFile(body))
    await server.start()
  })
  after(() => server.remove())

  const put = (name: string, more: object = {}) =>
    server.call('PUT', `/datasets/${name}`, { owner: name, file: `${name}.ts`, ...more })
  const use = async (name: string) => (await server.call('GET', `/datasets/${name}`)).body.use
  const ownerNamed = async (name: string): Promise<Owner | undefined> =>
    (await server.call('GET', '/pipeline')).body.owners.find(({ owner }: Owner) => owner === name)

  test('a file is live at once: the next trace has its row, late spans correct it', async () => {
    const made = await put('gaps', { filter: 'service = "shop"' })
    assert.deepEqual(
      [made.status, made.body.columns],
      [
        201,
        [
          { name: 'idle_ms', type: 'number', unit: 'ms' },
          { name: 'calls', type: 'number' },
          { name: 'names', type: 'strings' },
        ],
      ],
    )
    assert.deepEqual([made.body.file, made.body.features], ['gaps.ts', GAPS])
    const traceId = newTraceId()
    await server.send(traceId, 'shop', [
      { id: 1, ms: 100 },
      { id: 2, ms: 40 },
    ])
    assert.deepEqual(await server.rowOf('gaps', traceId), {
      ...{ traceId, weight: 1, idle_ms: 60, calls: 1 },
      names: ['call 2'],
    })
    await server.send(traceId, 'shop', [{ id: 3, ms: 90 }])
    await server.rowOf('gaps', traceId, ({ idle_ms: idle, calls }) => idle === 10 && calls === 2)
  })

  test('it is tried on stored traces first: one that fails there is refused, with the trace', async () => {
    for (const [name, says] of [
      ['throws', /on the stored trace [0-9a-f]{32} it failed: throws\.ts:2:\d+ TypeError: no \d/],
      ['lies', /'n' is a number; features gave a string/],
      ['loops', /loops\.ts it took more than 1000 ms of CPU/],
      ['allocates', /allocates\.ts it (?:took more than 256 MB of memory|did not end within)/],
    ] as const) {
      const { status, body } = await put(name)
      assert.deepEqual([status, body.error.code], [422, 'E_DATASET_FILE'], JSON.stringify(body))
      assert.match(body.error.message, says)
    }
    assert.equal((await server.call('GET', '/datasets/loops')).status, 404)
  })

  test('forced in, each harms only its owner: reported, in quarantine, replaced; nobody else loses a row', async () => {
    for (const name of Object.keys(BAD)) assert.equal((await put(name, { force: true })).status, 201, name)
    const traces = Array.from({ length: 40 }, newTraceId)
    for (const traceId of traces) await server.send(traceId, 'shop', [{ id: 1, ms: 10 }])
    for (const traceId of traces) {
      assert.equal((await server.rowOf('gaps', traceId))['idle_ms'], 10)
      assert.equal((await server.rowOf('requests', traceId))['spans'], 1)
      assert.deepEqual((await server.rowOf('infinite', traceId))['n'], null)
    }
    for (const name of ['loops', 'allocates', 'throws', 'lies']) {
      const own = await until(`${name} in quarantine`, async () => {
        const found = await ownerNamed(name)
        return found?.restsUntilMs === undefined ? undefined : found
      })
      assert.ok(own.quarantines >= 1 && own.refused > 0, JSON.stringify(own))
      const { rows, failures, lastFailure, quarantinedUntilMs } = await use(name)
      assert.ok(rows === 0 && failures > 0 && quarantinedUntilMs > Date.now(), name)
      assert.match(lastFailure.message, new RegExp(`^${name}\\.ts`))
      assert.match(lastFailure.traceId, /^[0-9a-f]{32}$/)
    }
    const others = [await ownerNamed('gaps'), await ownerNamed('infinite'), await ownerNamed('crosscut')]
    assert.deepEqual(
      others.map((one) => one?.quarantines),
      [0, 0, 0],
    )
    assert.equal((await use('infinite')).notFinite, traces.length)
  })

  test('metrics and the page of the pipeline tell of it', async () => {
    const metrics = await server.metrics()
    const value = (name: string): number =>
      Number(new RegExp(`^crosscut_features_${name} (.*)$`, 'm').exec(metrics)?.[1])
    assert.ok(value('files_ended_total\\{reason="cpu"\\}') >= 1, metrics)
    const ended = (reason: string): number => value(`files_ended_total\\{reason="${reason}"\\}`)
    assert.ok(ended('memory') + ended('time') >= 1, metrics)
    assert.ok(value('dataset_failures_total\\{dataset="throws"\\}') >= 1, metrics)
    assert.ok(value('owner_quarantines_total\\{owner="lies"\\}') >= 1, metrics)
    assert.ok(value('owner_rests_until_ms\\{owner="loops"\\}') > Date.now(), metrics)
    const loss = await until('a loss that is told', async () => {
      const { body } = await server.call('GET', '/pipeline')
      return body.losses.find(({ what }: { what: string }) =>
        what.endsWith('their features failed, in throws'),
      )
    })
    assert.ok(loss.count >= 1 && loss.isIntentional === false)
  })

  test('a path, a link, a file that is not there, and one beside pipelines are refused', async () => {
    symlinkSync(path.join(server.dataDir, 'admin-token'), path.join(folder, 'link.ts'))
    for (const [file, status, code] of [
      ['../admin-token', 422, 'E_DATASET_FILE'],
      ['/etc/passwd', 422, 'E_DATASET_FILE'],
      ['..\\gaps.ts', 422, 'E_DATASET_FILE'],
      ['gone.ts', 422, 'E_DATASET_FILE'],
      ['link.ts', 422, 'E_DATASET_FILE'],
      ['a'.repeat(68), 400, 'E_BAD_REQUEST'],
    ] as const) {
      const { status: given, body } = await put('hostile', { file })
      assert.deepEqual([given, body.error.code], [status, code], `${file}: ${JSON.stringify(body)}`)
    }
    const both = await put('hostile', { file: 'gaps.ts', features: 'Blocks | Count | RecordAs("n")' })
    assert.deepEqual([both.status, both.body.error.code], [400, 'E_BAD_REQUEST'])
  })

  test('a version is the file as it was read: it outlives the file, and a restart', async () => {
    const text = GAPS.replace('calls.length', 'calls.length + 100')
    writeFileSync(path.join(folder, 'gaps.ts'), text)
    const before = newTraceId()
    await server.send(before, 'shop', [{ id: 1, ms: 10 }])
    assert.equal((await server.rowOf('gaps', before))['calls'], 0)
    assert.equal((await put('gaps', { filter: 'service = "shop"' })).body.version, 2)
    assert.equal((await put('gaps', { filter: 'service = "shop"' })).body.version, 2, 'the same text again')
    rmSync(path.join(folder, 'gaps.ts'))
    await server.end('SIGKILL')
    await server.start()
    const after = newTraceId()
    await server.send(after, 'shop', [{ id: 1, ms: 10 }])
    assert.equal((await server.rowOf('gaps', after))['calls'], 100)
  })

  test('a backfill gives stored traces the rows of live ones', async () => {
    writeFileSync(path.join(folder, 'again.ts'), GAPS)
    await put('again', { filter: 'service = "shop"' })
    const filled = await server.crosscut(['dataset', 'backfill', 'again', '--last', '1h'])
    assert.match(filled.out, /^again: done, (\d+) rows of \1 traces$/m, filled.err)
    const rows = await server.call('POST', '/datasets/again/query', { select: ['count', 'max(idle_ms)'] })
    assert.deepEqual(rows.body.rows, [{ count: 43, 'max(idle_ms)': 10 }])
  })

  test('crosscut features check runs a file at the desk, on a trace of the server too', async () => {
    const file = path.join(server.dataDir, 'desk.ts')
    const check = (text: string, ...more: readonly string[]) => {
      writeFileSync(file, text)
      return server.crosscut(['features', 'check', file, ...more])
    }
    const good = await check(GAPS)
    assert.deepEqual([good.code, /^idle_ms +number +ms$/m.test(good.out)], [0, true], good.err)
    const traceId = newTraceId()
    await server.send(traceId, 'shop', [
      { id: 1, ms: 50 },
      { id: 2, ms: 20 },
    ])
    await server.rowOf('requests', traceId)
    const tried = await check(GAPS, '--on', traceId, '--json')
    assert.deepEqual(JSON.parse(tried.out).rows, [{ values: [30, 1, ['call 2']] }], tried.err)
    const wrong = await check(badFile(BAD.lies), '--on', traceId)
    assert.deepEqual([wrong.code, wrong.err], [1, "desk.ts 'n' is a number; features gave a string\n"])
    const looping = await check(badFile(BAD.loops), '--on', traceId)
    assert.deepEqual([looping.code, looping.err], [1, 'desk.ts it took more than 1000 ms of CPU\n'])
    const broken = await check('export const columns = {')
    assert.deepEqual([broken.code, broken.err.startsWith('desk.ts')], [1, true], broken.err)
    assert.equal((await check(GAPS, '--filter')).code, 2)
  })

  test('crosscut dataset add takes a file by its name', async () => {
    const added = await server.crosscut(['dataset', 'add', 'added', '--file', 'again.ts', '--owner', 'me'])
    assert.deepEqual([added.code, /^idle_ms +number +ms$/m.test(added.out)], [0, true], added.err)
    const both = ['dataset', 'add', 'added', '--file', 'again.ts', '--features', 'x']
    assert.equal((await server.crosscut(both)).code, 2)
    const gone = await server.crosscut(['dataset', 'add', 'added', '--file', 'gone.ts'])
    assert.match(gone.err, /no feature file gone\.ts .*E_DATASET_FILE/)
  })
})
