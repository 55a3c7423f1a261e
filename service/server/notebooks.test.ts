// Notebooks through the HTTP surface: kept, versioned, owned, bounded; and rows of features over what is
// stored.

import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import type { FeatureRowsView, NotebookSummary, NotebookView } from '#protocol'
import { NOTEBOOK_BYTES_MAX, NOTEBOOK_FILE_BYTES_MAX, NOTEBOOK_VERSIONS_MAX } from './limits.ts'
import { memoryPipeline, spanOf } from './memory-pipeline.fixture.ts'
import { startServer, type ServerHandle } from './start-server.ts'

const dataDir = mkdtempSync(path.join(tmpdir(), 'crosscut-notebooks-'))
const spans = [0, 1, 2].map((index) => spanOf(index))
const { parts } = memoryPipeline(spans)
const start = (): Promise<ServerHandle> => startServer({ dataDir, port: 0, otlpPort: 0 }, {}, parts)
let server: ServerHandle
let analyst = ''
before(async () => {
  server = await start()
  analyst = await newToken(['read', 'query:install'])
})
after(async () => {
  await server.close()
  rmSync(dataDir, { recursive: true, force: true })
})

async function ask<T>(
  method: string,
  at: string,
  body?: unknown,
  token = server.adminToken,
): Promise<{ readonly status: number; readonly body: T }> {
  const response = await fetch(`${server.url}/api/v1${at}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: response.status, body: (await response.json()) as T }
}
type Failure = { readonly error: { readonly code: string; readonly message: string } }

async function newToken(may: readonly string[]): Promise<string> {
  const made = await ask<{ secret: string }>('POST', '/tokens', {
    name: `t${Math.random()}`.slice(0, 12),
    may,
  })
  return made.body.secret
}

const cells = [
  { kind: 'text', text: '<img src=x onerror=alert(1)>\u202e' },
  { kind: 'features', rowPer: 'block', text: 'Duration | RecordAs("d")' },
  { kind: 'sql', text: 'SELECT count FROM requests' },
]

test('a notebook is saved by name, listed, changed from its newest version only, and deleted', async () => {
  const made = await ask<NotebookView>('POST', '/notebooks', {
    name: ' Slow <b>checkouts</b> ',
    cells,
    sample: 100,
  })
  assert.equal(made.status, 201)
  const { id } = made.body
  assert.deepEqual(
    [made.body.name, made.body.version, made.body.owner],
    ['Slow <b>checkouts</b>', 1, 'operator'],
  )
  assert.deepEqual(made.body.cells, cells)
  const next = { name: 'Slow checkouts', cells: cells.slice(1), sample: 'all', version: 1 }
  const changed = await ask<NotebookView>('PUT', `/notebooks/${id}`, next)
  assert.deepEqual([changed.status, changed.body.version, changed.body.sample], [200, 2, 'all'])
  const late = await ask<Failure>('PUT', `/notebooks/${id}`, next)
  assert.deepEqual([late.status, late.body.error.code], [409, 'E_NOTEBOOK_CHANGED'])
  const old = await ask<NotebookView>('GET', `/notebooks/${id}?version=1`)
  assert.deepEqual([old.body.version, old.body.cells.length, old.body.olderVersions], [1, 3, [1]])
  const again = await ask<Failure>('POST', '/notebooks', { name: 'Slow checkouts', cells: [], sample: 20 })
  assert.deepEqual([again.status, again.body.error.code], [409, 'E_NOTEBOOK_NAME'])
  const { body } = await ask<{ notebooks: NotebookSummary[] }>('GET', '/notebooks')
  assert.deepEqual(
    body.notebooks.map(({ name, cellCount }) => [name, cellCount]),
    [['Slow checkouts', 2]],
  )
  assert.equal((await ask('DELETE', `/notebooks/${id}`)).status, 200)
  assert.equal((await ask('GET', `/notebooks/${id}`)).status, 404)
  assert.deepEqual(readdirSync(path.join(dataDir, 'notebooks')), [])
})

test('only its owner and an admin change a notebook; who may only read saves none', async () => {
  const draft = { name: 'Mine', cells, sample: 20 }
  const made = await ask<NotebookView>('POST', '/notebooks', draft, analyst)
  assert.match(made.body.owner, /^token t/)
  const at = `/notebooks/${made.body.id}`
  const other = await newToken(['read', 'query:install'])
  const reader = await newToken(['read'])
  const foreign = await ask<Failure>('PUT', at, { ...draft, version: 1 }, other)
  assert.deepEqual([foreign.status, foreign.body.error.code], [403, 'E_NOTEBOOK_OWNER'])
  assert.equal((await ask('DELETE', at, undefined, other)).status, 403)
  assert.equal((await ask('POST', '/notebooks', { ...draft, name: 'x' }, reader)).status, 403)
  assert.equal((await ask('GET', at, undefined, reader)).status, 200)
  assert.equal((await ask('PUT', at, { ...draft, version: 1 })).status, 200)
  assert.equal((await ask('DELETE', at, undefined, analyst)).status, 200)
})

test('what is no notebook is refused with what to mend; the last size that fits is taken', async () => {
  const text = (bytes: number) => [{ kind: 'text', text: 'x'.repeat(bytes) }]
  const around = JSON.stringify(text(0)).length
  for (const [what, body, status] of [
    ['no name', { cells: [], sample: 20 }, 400],
    ['a name of blanks', { name: '  ', cells: [], sample: 20 }, 400],
    ['a kind of cell that is none', { name: 'n', cells: [{ kind: 'js', text: '' }], sample: 20 }, 400],
    [
      'a row that is none',
      { name: 'n', cells: [{ kind: 'features', rowPer: 'moon', text: '' }], sample: 20 },
      400,
    ],
    ['a sample of all but the name', { name: 'n', cells: [], sample: 'everything' }, 400],
    ['101 cells', { name: 'n', cells: Array(101).fill(cells[0]), sample: 20 }, 400],
    ['no object', 'n', 400],
    ['a byte too much', { name: 'n', cells: text(NOTEBOOK_BYTES_MAX - around + 1), sample: 20 }, 413],
    ['as much as may be', { name: 'n', cells: text(NOTEBOOK_BYTES_MAX - around), sample: 20 }, 201],
  ] as const) {
    const answer = await ask<Failure>('POST', '/notebooks', body)
    assert.equal(answer.status, status, what)
    if (status !== 201) assert.match(answer.body.error.code, /^E_/)
  }
  for (const id of ['..%2f..%2fstate', 'ffffffffffffffff', '__proto__'])
    assert.ok([400, 404].includes((await ask('GET', `/notebooks/${id}`)).status), id)
})

test('the oldest versions go first, by number and by size, and what is saved is there after a restart', async () => {
  const big = 'y'.repeat(60_000)
  const made = await ask<NotebookView>('POST', '/notebooks', { name: 'Long', cells, sample: 20 })
  let { version } = made.body
  for (let i = 0; i < NOTEBOOK_VERSIONS_MAX + 2; i++) {
    const text = i < NOTEBOOK_VERSIONS_MAX ? `v${i}` : big
    const draft = { name: 'Long', cells: [{ kind: 'text', text }], sample: 20, version }
    version = (await ask<NotebookView>('PUT', `/notebooks/${made.body.id}`, draft)).body.version
  }
  const kept = (await ask<NotebookView>('GET', `/notebooks/${made.body.id}`)).body
  assert.equal(kept.olderVersions.length, NOTEBOOK_VERSIONS_MAX - 1)
  assert.equal((await ask('GET', `/notebooks/${made.body.id}?version=1`)).status, 404)
  for (let i = 0; i < 4; i++) {
    const draft = { name: 'Long', cells: [{ kind: 'text', text: big }], sample: 20, version }
    version = (await ask<NotebookView>('PUT', `/notebooks/${made.body.id}`, draft)).body.version
  }
  await server.close()
  server = await start()
  const after_ = (await ask<NotebookView>('GET', `/notebooks/${made.body.id}`)).body
  assert.equal(after_.version, version)
  assert.ok(after_.olderVersions.length < Math.ceil(NOTEBOOK_FILE_BYTES_MAX / 60_000))
})

test('a damaged notebook is refused at the start with its place', async () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'crosscut-notebooks-'))
  const first = await startServer({ dataDir: dir, port: 0, otlpPort: 0 }, {}, parts)
  await first.close()
  writeFileSync(path.join(dir, 'notebooks', `${'a'.repeat(16)}.json`), '{"format":1')
  await assert.rejects(startServer({ dataDir: dir, port: 0, otlpPort: 0 }, {}, parts), {
    code: 'E_DATA_DAMAGED',
    message: /a{16}\.json holds no notebook/,
  })
  rmSync(dir, { recursive: true })
})

test('rows of features are of all stored traces, with their weights; a text that does not stand says why', async () => {
  const body = { features: 'Row | Duration | RecordAs("d")', rowPer: 'block' }
  const { status, body: told } = await ask<FeatureRowsView>('POST', '/features/rows', body)
  assert.equal(status, 200)
  assert.deepEqual(
    told.columns.map(({ name }) => name),
    ['d'],
  )
  assert.deepEqual([told.rowCount, told.traces, told.matched, told.spans, told.skipped], [3, 1, 1, 3, 0])
  assert.deepEqual(
    told.rows.map(({ element }) => element).sort(),
    spans.map(({ spanId }) => spanId),
  )
  for (const { values, weight } of told.rows) assert.deepEqual([values, weight], [[1_000], 1])
  const none = await ask<FeatureRowsView>('POST', '/features/rows', { ...body, filter: 'duration > 1h' })
  assert.deepEqual([none.body.rowCount, none.body.traces, none.body.matched], [0, 1, 0])
  const wrong = await ask<Failure>('POST', '/features/rows', { features: 'Nothing | Here' })
  assert.deepEqual([wrong.status, wrong.body.error.code], [422, 'E_FEATURES'])
})
