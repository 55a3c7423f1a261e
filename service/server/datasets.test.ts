// Datasets as a user has them: `crosscut up` as a process, spans over OTLP, definitions and questions
// over the API;
// late spans, a death by kill -9, backfills, and everything that is refused.

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { newTraceId, RunningServer, until, type Answer } from './running-server.fixture.ts'

const server = new RunningServer()
const { dataDir } = server
const call: RunningServer['call'] = (...args) => server.call(...args)
const send: RunningServer['send'] = (...args) => server.send(...args)
const crosscut: RunningServer['crosscut'] = (args) => server.crosscut(args)
const rowOf: RunningServer['rowOf'] = (...args) => server.rowOf(...args)

const CALLS = {
  owner: 'shop-team',
  filter: 'service = "shop"',
  features: [
    'Blocks | Filter(kind = "client") | Count | RecordAs("calls")',
    'Trace | Duration | In(ms) | RecordAs("duration_ms")',
    'Root | Label("name") | RecordAs("name")',
  ].join('\n'),
}

describe('datasets of a running server', () => {
  before(() => server.start())
  after(() => server.remove())

  const first = newTraceId()

  test('a definition is live at once: the next trace has its row, late spans correct it', async () => {
    const made = await call('PUT', '/datasets/calls', CALLS)
    assert.equal(made.status, 201)
    assert.deepEqual(made.body.columns, [
      { name: 'calls', type: 'number' },
      { name: 'duration_ms', type: 'number', unit: 'ms' },
      { name: 'name', type: 'string' },
    ])
    await send(first, 'shop', [
      { id: 1, ms: 100 },
      { id: 2, ms: 40 },
    ])
    await send(newTraceId(), 'other', [{ id: 1, ms: 7 }])
    assert.deepEqual(await rowOf('calls', first), {
      traceId: first,
      weight: 1,
      calls: 1,
      duration_ms: 100,
      name: 'GET /',
    })
    await send(first, 'shop', [{ id: 3, ms: 50 }])
    await rowOf('calls', first, ({ calls }) => calls === 2)
    const all = await call('POST', '/datasets/calls/query', { select: ['count', 'p99(duration_ms)'] })
    assert.deepEqual(all.body.rows, [{ count: 1, 'p99(duration_ms)': 100 }])
  })

  test('a sampled trace counts for as many as its tracestate says', async () => {
    const sampled = newTraceId()
    // Threshold c: one in four is kept.
    await send(sampled, 'shop', [{ id: 1, ms: 300, state: 'x=y,ot=th:c;rv:dbcdef01234567' }])
    assert.equal((await rowOf('calls', sampled))['weight'], 4)
    const all = await call('POST', '/datasets/calls/query', { select: ['count', 'avg(duration_ms)'] })
    assert.deepEqual(all.body.rows, [{ count: 5, 'avg(duration_ms)': (100 + 4 * 300) / 5 }])
    const { body } = await call('GET', `/traces/${sampled}`)
    assert.equal(body.summary.weight, 4)
    const listed = await call('GET', '/traces?service=shop&minMs=200')
    assert.deepEqual(
      listed.body.traces.map((one: { weight?: number }) => one.weight),
      [4],
    )
    const heat = await call('GET', '/traces/heat?service=shop&minMs=200&columns=1')
    assert.deepEqual([heat.body.traces, heat.body.cells[0].count], [1, 4])
    const graph = await call('GET', '/service-graph')
    const shop = graph.body.services.find((one: { name: string }) => one.name === 'shop')
    assert.equal(shop.serverSpans, 5)
  })

  test('datasets of the server fill by themselves', async () => {
    const failing = newTraceId()
    await send(failing, 'shop', [
      { id: 1, ms: 100 },
      { id: 2, ms: 80, error: true },
    ])
    const request = await rowOf('requests', failing)
    assert.deepEqual(
      [request['service'], request['name'], request['spans'], request['errors'], request['calls']],
      ['shop', 'GET /', 2, 1, 1],
    )
    assert.equal((await rowOf('errors', failing))['name'], 'call 2')
    assert.equal((await rowOf('rpcs', failing))['duration_ms'], 80)
    const { body } = await call('GET', '/datasets')
    const names = body.datasets.map(({ name }: { name: string }) => name)
    assert.deepEqual(names, [
      'calls',
      'critical-path',
      'database-calls',
      'errors',
      'model-repairs',
      'requests',
      'rpcs',
    ])
    const path = await call('POST', '/datasets/critical-path/query', {
      select: ['sum(critical_ms)', 'example'],
      groupBy: ['service'],
      where: { column: 'traceId', op: '=', value: failing },
    })
    assert.deepEqual(path.body.rows, [{ service: 'shop', 'sum(critical_ms)': 100, example: failing }])
  })

  test('what is different about some rows', async () => {
    const answer = await call('POST', '/datasets/requests/compare', { a: 'errors > 0' })
    assert.equal(answer.status, 200)
    assert.equal(answer.body.a.rows, 1)
    assert.equal(answer.body.correction, 'benjamini-hochberg')
    const errors = answer.body.columns.find(({ column }: { column: string }) => column === 'errors')
    assert.deepEqual([errors.kind, errors.effect], ['numbers', 1])
  })

  test('kill -9 loses neither definitions nor rows; a backfill brings old traces into a new dataset', async () => {
    const late = newTraceId()
    await send(late, 'shop', [{ id: 1, ms: 20 }])
    await server.end('SIGKILL')
    await server.start()
    assert.equal((await rowOf('calls', late))['duration_ms'], 20)
    assert.equal((await rowOf('calls', first))['calls'], 2)
    const copy = await call('PUT', '/datasets/copy', { ...CALLS, owner: 'other-team' })
    assert.equal(copy.status, 201)
    assert.ok(copy.body.trial.traces >= 4)
    const started = await call('POST', '/datasets/copy/backfill', {})
    assert.equal(started.status, 202)
    const done = await until('backfilled', async () => {
      const { body } = await call('GET', '/datasets/copy/backfill')
      return body.state === 'done' ? body : undefined
    })
    assert.equal(done.tracesDone, done.tracesTotal)
    const select = ['traceId', 'weight', 'timeMs', 'calls', 'duration_ms', 'name']
    const rows = async (name: string) =>
      (await call('POST', `/datasets/${name}/query`, { select, orderBy: ['traceId'] })).body.rows
    const live = await rows('calls')
    assert.equal(live.length, 4)
    assert.deepEqual(await rows('copy'), live)
    const metrics = await server.metrics()
    assert.match(metrics, /^crosscut_features_dataset_rows_total\{dataset="copy"\} 4$/m)
    assert.match(metrics, /^crosscut_features_delayed_waiting 0$/m)
  })

  test('a new version: columns come and go, the same definition again changes nothing', async () => {
    const again = await call('PUT', '/datasets/calls', CALLS)
    assert.deepEqual([again.status, again.body.version], [200, 1])
    const features = 'Blocks | Count | RecordAs("spans")\nRoot | Label("name") | RecordAs("name")'
    const next = await call('PUT', '/datasets/calls', { ...CALLS, features })
    assert.deepEqual(
      [
        next.body.version,
        next.body.columns.map(({ name }: { name: string }) => name),
        next.body.history[0].version,
      ],
      [2, ['spans', 'name'], 1],
    )
    const fresh = newTraceId()
    await send(fresh, 'shop', [
      { id: 1, ms: 9 },
      { id: 2, ms: 1 },
    ])
    assert.equal((await rowOf('calls', fresh))['spans'], 2)
    assert.equal((await rowOf('calls', first))['spans'], null)
  })

  test('what is refused says the mend, and changes nothing', async () => {
    const before = (await call('GET', '/datasets/calls')).body.version
    const put = (change: object, name = 'calls') => call('PUT', `/datasets/${name}`, { ...CALLS, ...change })
    const ask = (query: object) => call('POST', '/datasets/requests/query', query)
    const refusals: [Promise<Answer>, number, string, RegExp][] = [
      [put({ features: 'Blocks | Cout | RecordAs("n")' }), 422, 'E_DATASET_FEATURES', /Count/],
      [put({ features: '' }), 422, 'E_DATASET_FEATURES', /RecordAs/],
      [put({ filter: 'duration >' }), 422, 'E_DATASET_FILTER', /./],
      [put({ owner: "'; --" }), 400, 'E_BAD_REQUEST', /team/],
      [put({ features: 'Blocks | Count | RecordAs("weight")' }), 422, 'E_DATASET_DEFINITION', /RecordAs/],
      [put({}, 'Bad%20name'), 400, 'E_BAD_REQUEST', /checkout/],
      [put({ retentionHours: 0 }), 400, 'E_BAD_REQUEST', /leave it out/],
      [call('GET', '/datasets/none'), 404, 'E_NOT_FOUND', /lists them/],
      [call('DELETE', '/datasets/none'), 404, 'E_NOT_FOUND', /lists them/],
      [ask({ select: ['p99(duratoin_ms)'] }), 400, 'E_DATASET_COLUMN', /duration_ms/],
      [ask({ select: ['coun'] }), 400, 'E_DATASET_QUERY', /did you mean count/],
      [ask({ select: ['sum(service)'] }), 400, 'E_DATASET_QUERY', /distinct\(service\)/],
      [ask({ select: ['count', 'service'] }), 400, 'E_DATASET_QUERY', /groupBy/],
      [ask({ select: ['count'], where: 'service = shop' }), 400, 'E_DATASET_WHERE', /'shop'/],
      [ask({ select: ['count'], where: 'duration_ms > "1"' }), 400, 'E_DATASET_WHERE', /duration_ms > 100/],
      [ask({ select: ['count'], where: { sql: '1; DROP TABLE spans' } }), 400, 'E_DATASET_WHERE', /column/],
      [ask({ select: ['count'], limit: 1e9 }), 400, 'E_DATASET_QUERY', /narrow/],
      [ask({ select: ['count'], everySeconds: 0.001, from: 1 }), 400, 'E_DATASET_TOO_MUCH', /everySeconds/],
      [ask({ select: ['count'], from: 5, to: 4 }), 400, 'E_DATASET_QUERY', /from/],
      [ask({ selekt: ['count'] }), 400, 'E_BAD_REQUEST', /select/],
      [ask({ select: 'count' }), 400, 'E_DATASET_QUERY', /\['count'\]/],
      [call('POST', '/datasets/requests/compare', {}), 400, 'E_DATASET_QUERY', /a:/],
    ]
    for (const [answer, status, code, mend] of refusals) {
      const { status: was, body } = await answer
      assert.deepEqual([was, body.error?.code], [status, code], JSON.stringify(body))
      assert.match(body.error.hint, mend, JSON.stringify(body))
    }
    assert.equal((await call('GET', '/datasets/calls')).body.version, before)
    const dry = await put({ features: 'Blocks | Count | RecordAs("n")', dryRun: true })
    assert.deepEqual([dry.status, dry.body.columns.length], [200, 1])
    assert.equal((await call('GET', '/datasets/calls')).body.version, before)
  })

  test('who may only read may ask, not define', async () => {
    const { body } = await call('POST', '/tokens', { name: 'reader', may: ['read'] })
    const reader = body.secret
    assert.equal((await call('GET', '/datasets', undefined, reader)).status, 200)
    const asked = await call('POST', '/datasets/requests/query', { select: ['count'] }, reader)
    assert.equal(asked.status, 200)
    for (const answer of [
      await call('PUT', '/datasets/mine', CALLS, reader),
      await call('DELETE', '/datasets/calls', undefined, reader),
      await call('POST', '/datasets/calls/backfill', {}, reader),
    ])
      assert.deepEqual([answer.status, answer.body.error.code], [403, 'E_FORBIDDEN'])
  })

  test('the CLI lists, defines, asks, compares and backfills', async () => {
    const file = path.join(dataDir, 'own.features')
    writeFileSync(file, 'Blocks | Count | RecordAs("spans")\n')
    const list = await crosscut(['dataset', 'ls'])
    assert.match(list.out, /^requests +crosscut +trace +22 +1 /m)
    const added = await crosscut(['dataset', 'add', 'own', '--features', file, '--owner', 'me'])
    assert.deepEqual([added.code, /^spans +number/m.test(added.out)], [0, true], added.err)
    assert.match(added.err, /own is live, version 1; of \d+ stored traces/)
    const filled = await crosscut(['dataset', 'backfill', 'own', '--last', '1h'])
    assert.match(filled.out, /^own: done, (\d+) rows of \1 traces$/m)
    const asked = await crosscut([
      'dataset',
      'query',
      'own',
      '--select',
      'max(spans)',
      '--where',
      'spans > 1',
      '--json',
    ])
    assert.deepEqual(JSON.parse(asked.out), { 'max(spans)': 3 })
    const series = await crosscut(['dataset', 'query', 'requests', '--group-by', 'service', '--every', '1h'])
    assert.match(series.out, /^\d{4}-\d\d-\d\dT\d\d:00:00.000Z +shop +\d+$/m)
    const compared = await crosscut(['dataset', 'compare', 'requests', '--a', 'errors > 0', '--all'])
    assert.match(compared.out, /^errors +1\.000 /m)
    const wrong = await crosscut(['dataset', 'query', 'own', '--where', 'spanns > 1'])
    assert.deepEqual([wrong.code, /did you mean spans\?/.test(wrong.err)], [1, true], wrong.err)
    const mistaken = await crosscut(['dataset', 'add', 'own', '--features', file, '--filter', 'duration >'])
    assert.deepEqual([mistaken.code, /E_DATASET_FILTER/.test(mistaken.err)], [1, true], mistaken.err)
    assert.equal((await crosscut(['dataset', 'rm', 'own'])).out, 'removed own\n')
    assert.equal((await crosscut(['dataset', 'frob', 'own'])).code, 2)
  })

  test('removed is gone, with its rows; made again it begins anew', async () => {
    assert.equal((await call('DELETE', '/datasets/copy')).status, 200)
    assert.equal((await call('GET', '/datasets/copy')).status, 404)
    await call('PUT', '/datasets/copy', CALLS)
    const { body } = await call('POST', '/datasets/copy/query', { select: ['count'] })
    assert.deepEqual(body.rows, [{ count: 0 }])
    assert.equal((await call('DELETE', '/datasets/model-repairs')).status, 200)
  })

  test('stopping is graceful: what was summarised has its rows at the next start', async () => {
    const last = newTraceId()
    await send(last, 'shop', [{ id: 1, ms: 33 }])
    await new Promise((resolve) => setTimeout(resolve, 700))
    assert.equal(await server.end('SIGTERM'), 0)
    await server.start()
    assert.equal((await rowOf('requests', last))['duration_ms'], 33)
    const { body } = await call('GET', '/datasets')
    assert.ok(!body.datasets.some(({ name }: { name: string }) => name === 'model-repairs'))
  })
})
