// What is asked of a dataset, in the address and back.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { DatasetColumn } from '#protocol'
import { changed, mainNumber, readExplore, regionText, type Change, type Region } from './explore-state.ts'

const COLUMNS: readonly DatasetColumn[] = [
  { name: 'service', type: 'string' },
  { name: 'spans', type: 'number' },
  { name: 'duration_ms', type: 'number', unit: 'ms' },
  { name: 'tags', type: 'strings' },
]
const read = (search: string) => readExplore(new URLSearchParams(search), COLUMNS)

describe('the address', () => {
  test('says nothing: the last hour, of the number that is a duration', () => {
    const explore = read('')
    assert.deepEqual(explore.range, { kind: 'last', minutes: 60 })
    assert.equal(explore.view, 'lines')
    assert.equal(explore.of, 'duration_ms')
    assert.deepEqual(explore.show, ['count', 'p50(duration_ms)', 'p95(duration_ms)', 'p99(duration_ms)'])
    assert.deepEqual(read('by=service').show, ['count', 'p95(duration_ms)'])
  })

  test('says what this dataset has not: it is chosen anew, and nothing is lost of the rest', () => {
    const explore = read('of=gone&by=gone&by=service&view=pie&scale=cubic&last=-3&sel=5_4&off=[1')
    assert.equal(explore.of, 'duration_ms')
    assert.deepEqual(explore.by, ['service'])
    assert.equal(explore.view, 'lines')
    assert.equal(explore.scale, undefined)
    assert.deepEqual(explore.range, { kind: 'last', minutes: 60 })
    assert.equal(explore.region, undefined)
    assert.equal(explore.off.size, 0)
  })

  test('a dataset without numbers counts', () => {
    const none = readExplore(new URLSearchParams(), [{ name: 'service', type: 'string' }])
    assert.deepEqual([none.of, none.show], [undefined, ['count']])
    assert.equal(mainNumber([{ name: 'bytes', type: 'number', unit: 'By' }]), 'bytes')
  })

  test('every change is read back as it was made, whatever the texts are', () => {
    const sign = fc.constantFrom(...`a=&?+%#~_'"<>/\\ é\u202e\0😀`)
    const text = fc.string({ unit: sign, minLength: 1, maxLength: 12 }).filter((one) => one.trim() !== '')
    const number = fc.double({ noNaN: true, noDefaultInfinity: true })
    const region: fc.Arbitrary<Region> = fc
      .record(
        { fromMs: fc.nat(), for: fc.integer({ min: 1, max: 1e6 }), low: number, high: number },
        { requiredKeys: ['fromMs', 'for'] },
      )
      .map(({ for: forMs, ...rest }) => ({ ...rest, toMs: rest.fromMs + forMs }))
    const change: fc.Arbitrary<Change> = fc.record({
      where: fc.uniqueArray(text, { maxLength: 5 }),
      by: fc.subarray(['service', 'tags', 'traceId']),
      show: fc.uniqueArray(text, { minLength: 1, maxLength: 4 }),
      view: fc.constantFrom('lines', 'heat', 'groups', 'rows', 'compare'),
      a: text,
      b: text,
      region,
      range: fc.oneof(
        fc.integer({ min: 1, max: 9e5 }).map((minutes) => ({ kind: 'last' as const, minutes })),
        fc.constant({ kind: 'all' as const }),
        fc
          .tuple(fc.nat(), fc.integer({ min: 2 ** 31, max: 2 ** 40 }))
          .map(([fromMs, toMs]) => ({ kind: 'between' as const, fromMs, toMs })),
      ),
    })
    fc.assert(
      fc.property(change, (made) => {
        const query = changed(new URLSearchParams('x=kept'), made)
        const back = new URLSearchParams(query.toString())
        const explore = readExplore(back, COLUMNS)
        for (const key of ['where', 'show', 'view', 'a', 'b', 'range'] as const)
          assert.deepEqual(explore[key], made[key], key)
        assert.deepEqual(new Set(explore.by), new Set(made.by))
        assert.equal(regionText(explore.region!), regionText(made.region!))
        assert.equal(back.get('x'), 'kept')
      }),
    )
  })

  test('lines are switched off, and groups sorted, only as long as they are the same', () => {
    const query = new URLSearchParams('off=["a"]&sort=-count&sel=1_2')
    assert.equal(changed(query, { where: ['a = 1'] }).get('off'), '["a"]')
    assert.equal(changed(query, { by: ['service'] }).get('off'), null)
    assert.equal(changed(query, { by: ['service'] }).get('sort'), null)
    assert.equal(changed(query, { of: 'spans' }).get('sel'), null)
  })
})
