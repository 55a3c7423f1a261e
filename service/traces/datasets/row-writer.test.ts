// Readings of a trace in any order, on the real store: what stands is what the latest reading says.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { nodeClock } from '#log'
import { openStore, type Store } from '#store'
import { createDataset, sourceOf } from './definition.ts'
import { Hold } from './hold.ts'
import { RowWriter, type TraceRows } from './row-writer.ts'
import { runQuery } from './run-query.ts'

const dataset = createDataset({
  name: 'blocks',
  tableId: 1,
  isBuiltIn: false,
  definition: { owner: 'team', filter: '', features: 'blocks', rowPer: 'trace' },
  columns: [{ name: 'blocks', type: 'number' }],
  atMs: 1,
  by: 'test',
})

const reading = (traceId: string, version: bigint, elements: readonly string[]): TraceRows => ({
  traceId: traceId.padStart(32, '0'),
  startNs: BigInt(Date.now()) * 1_000_000n,
  weight: 1,
  version,
  isAgain: true,
  rows: elements.map((element) => ({ element, values: [Number(version)] })),
})

describe('rows of readings', () => {
  const dir = mkdtempSync(join(tmpdir(), 'crosscut-rows-'))
  let store: Store

  before(async () => {
    store = openStore({ dir })
    await store.ready()
  })
  after(async () => {
    await store.close()
    rmSync(dir, { recursive: true, force: true })
  })

  it('the later reading stands, written in one go or not, and none that is earlier holds anything', async () => {
    const inOrder = [reading('a', 1n, ['x', 'y']), reading('a', 2n, ['x'])]
    const turned = [reading('b', 2n, ['x']), reading('b', 1n, ['x', 'y'])]
    const taken = [reading('c', 2n, []), reading('c', 1n, ['x'])]
    const released: string[] = []
    for (const isDrained of [false, true]) {
      // The second remembers nothing of the first, as after a restart.
      const writer = new RowWriter(store, nodeClock, `test-${isDrained}`)
      for (const one of [...inOrder, ...turned, ...taken]) {
        const { traceId, version } = one
        const hold = new Hold(() => released.push(`${Number.parseInt(traceId, 16).toString(16)}${version}`))
        writer.add(dataset, one, hold)
        hold.release()
        if (isDrained) await writer.drain()
      }
      if (!isDrained) assert.deepEqual(released, ['b1', 'c1'])
      await writer.drain()
      const { rows } = await runQuery(store, sourceOf(dataset), {
        select: ['traceId', 'element', 'blocks'],
        orderBy: ['traceId', 'element'],
      })
      assert.deepEqual(
        rows.map((row) => [String(row['traceId']).at(-1), row['element'], row['blocks']]),
        [
          ['a', 'x', 2],
          ['b', 'x', 2],
        ],
      )
    }
    assert.equal(released.length, 12)
  })
})
