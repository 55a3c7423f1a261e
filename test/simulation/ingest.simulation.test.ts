// 1,000 lives of ingest under crashes, torn writes, lost packets, full and failing disks. A failure prints
// its seed; CROSSCUT_SEED=n replays one, CROSSCUT_SEEDS=n runs so many from there.

import assert from 'node:assert/strict'
import test from 'node:test'
import { IngestSimulation } from './ingest-model.ts'

const SEED_FIRST = Number(process.env['CROSSCUT_SEED'] ?? 1)
const SEEDS = Number(process.env['CROSSCUT_SEEDS'] ?? (process.env['CROSSCUT_SEED'] === undefined ? 1000 : 1))

const LAST = SEED_FIRST + SEEDS - 1

test(`every acked batch is stored exactly once, seeds ${SEED_FIRST} to ${LAST}`, async () => {
  const total = { crashes: 0, retries: 0, duplicates: 0, refused: 0 }
  for (let seed = SEED_FIRST; seed < SEED_FIRST + SEEDS; seed++) {
    const { violations, stats } = await new IngestSimulation(seed).run()
    assert.deepEqual(violations, [], `CROSSCUT_SEED=${seed}`)
    for (const key of ['crashes', 'retries', 'duplicates', 'refused'] as const) total[key] += stats[key]
  }
  // The world was rough enough for the answer to mean something.
  if (SEEDS >= 100)
    for (const [what, count] of Object.entries(total)) assert.ok(count > SEEDS / 10, `${what}: ${count}`)
})

test('a seed replays exactly', async () => {
  const runs = [await new IngestSimulation(42).run(), await new IngestSimulation(42).run()]
  assert.deepEqual(runs[0], runs[1])
})
