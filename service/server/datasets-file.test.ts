// datasets.json: what is kept over restarts, what is told to a worker, and what a damaged file does.

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, describe, test } from 'node:test'
import type { BackfillJob, StoredDataset } from '#traces'
import { BUILT_IN_DATASETS } from '#traces'
import { Datasets } from './datasets.ts'

const dir = mkdtempSync(path.join(tmpdir(), 'crosscut-datasets-file-'))
after(() => rmSync(dir, { recursive: true, force: true }))

const DEFINITION = {
  owner: 'team',
  filter: '',
  features: 'Blocks | Count | RecordAs("n")',
  rowPer: 'trace' as const,
}

class Worker {
  datasets: readonly StoredDataset[] = []
  dropped: readonly number[] = []
  readonly backfills: BackfillJob[] = []
  readonly cancelled: string[] = []

  setDatasets(datasets: readonly StoredDataset[], dropped: readonly number[]): void {
    this.datasets = datasets
    this.dropped = dropped
  }
  backfill(job: BackfillJob): void {
    this.backfills.push(job)
  }
  cancelBackfill(id: string): void {
    this.cancelled.push(id)
  }
}

let nowMs = 1_790_000_000_000
function open(file: string): { readonly datasets: Datasets; readonly worker: Worker } {
  const datasets = new Datasets({
    file: path.join(dir, file),
    featuresDir: dir,
    nowMs: () => (nowMs += 1_000),
  })
  const worker = new Worker()
  datasets.connect(worker)
  return { datasets, worker }
}

describe('datasets.json', () => {
  test('what the server brings, changes, removals and backfills outlive a restart', async () => {
    const { datasets, worker } = open('a.json')
    const names = Object.keys(BUILT_IN_DATASETS).sort()
    assert.deepEqual(worker.datasets.map(({ name }) => name).sort(), names)
    const own = await datasets.draft('own', DEFINITION, 'me')
    assert.equal(datasets.get('own'), undefined)
    datasets.put(own)
    assert.ok(worker.datasets.includes(own))
    const gone = datasets.get('errors')
    assert.ok(datasets.remove('errors') && !datasets.remove('errors'))
    assert.deepEqual(worker.dropped, [gone?.tableId])
    datasets.startBackfill({ name: 'own', version: 1, fromNs: 0n, toNs: 10n, by: 'me' })
    const [job] = worker.backfills
    assert.ok(job !== undefined)
    assert.throws(() => datasets.startBackfill({ name: 'own', version: 1, fromNs: 0n, toNs: 1n, by: 'me' }), {
      code: 'E_BACKFILL_RUNS',
    })
    datasets.tookStep({ ...job, state: 'running', tracesDone: 5, cursor: { hour: 3, traceId: 'f' } })
    datasets.close()

    const again = open('a.json')
    assert.deepEqual(again.datasets.get('own'), JSON.parse(JSON.stringify(own)))
    assert.equal(again.datasets.get('errors'), undefined)
    assert.deepEqual(again.worker.dropped, [gone?.tableId])
    assert.deepEqual(
      again.worker.backfills.map(({ id, tracesDone, cursor }) => ({ id, tracesDone, cursor })),
      [{ id: job.id, tracesDone: 5, cursor: { hour: 3, traceId: 'f' } }],
    )
    assert.equal(again.datasets.cancelBackfill('own')?.state, 'cancelled')
    assert.deepEqual(again.worker.cancelled, [job.id])
    // A step that was under way does not bring it back.
    again.datasets.tookStep({ ...job, state: 'running', tracesDone: 9 })
    assert.equal(again.datasets.backfill('own')?.state, 'cancelled')
    again.datasets.close()
  })

  test('a number of a table never comes again', async () => {
    const { datasets } = open('b.json')
    const seen = new Set<number>()
    for (let round = 0; round < 20; round++) {
      const made = await datasets.draft('again', DEFINITION, 'me')
      assert.ok(!seen.has(made.tableId))
      seen.add(made.tableId)
      datasets.put(made)
      datasets.remove('again')
    }
    datasets.close()
  })

  test('one of ours that somebody changed is theirs; the others follow the server', async () => {
    const { datasets } = open('c.json')
    const changed = await datasets.draft('requests', { ...DEFINITION, owner: 'crosscut' }, 'me')
    assert.deepEqual([changed.version, changed.isBuiltIn], [2, false])
    datasets.put(changed)
    datasets.close()
    // As an older release would have left it.
    const file = path.join(dir, 'c.json')
    const saved = JSON.parse(readFileSync(file, 'utf8'))
    const rpcs = saved.datasets.find(({ name }: { name: string }) => name === 'rpcs')
    rpcs.features = 'Blocks | Count | RecordAs("older")'
    writeFileSync(file, JSON.stringify(saved))
    const again = open('c.json')
    assert.equal(again.datasets.get('requests')?.version, 2)
    const followed = again.datasets.get('rpcs')
    assert.deepEqual([followed?.version, followed?.features], [2, BUILT_IN_DATASETS['rpcs']?.features])
    again.datasets.close()
  })

  test('a damaged file is told with the mend, and left as it is', () => {
    for (const content of ['', '{', '[]', '{"format":1}', '{"format":2,"datasets":[]}', '\0\0']) {
      const file = path.join(dir, 'damaged.json')
      writeFileSync(file, content)
      assert.throws(() => new Datasets({ file, featuresDir: dir, nowMs: Date.now }), {
        code: 'E_DATA_DAMAGED',
        message: /restore it, or remove it/,
      })
      assert.equal(readFileSync(file, 'utf8'), content)
    }
  })
})
