// Tuples that ride: the documented bytes, and forks and joins against a model that knows nothing of bytes.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Baggage, loadBdl } from '#baggage'
import { toHex } from '#base'
import fc from 'fast-check'
import { packTuples, TupleOwners, TupleReader, type Tuple, type TupleField } from './tuples.ts'

const { Q } = loadBdl('bag Q = 70 { set<bytes> s = 0; }')
const ALL: TupleField = { bag: Q, field: 's', keep: undefined }
const SHAPE = { columns: 2, parts: [] }

function ports(owners = new TupleOwners()) {
  let ids = 0
  let stamps = 0
  return {
    owners,
    fresh: () => new Uint8Array(8).fill(++ids),
    stamp: () => new Uint8Array(16).fill(++stamps),
  }
}

const unpacked = (baggage: Baggage, field = ALL): readonly Tuple[] => new TupleReader(field, 2).read(baggage)
const elements = (baggage: Baggage): readonly Uint8Array[] => [...Q.read(baggage).s]

test('the bytes are those of the page', () => {
  const page = readFileSync(new URL('../../docs/formats/tuples.md', import.meta.url), 'utf8')
  const golden = /version 1\n([0-9a-f ]+)\n/.exec(page)?.[1].replaceAll(' ', '') ?? ''
  const id = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
  const tuples: readonly Tuple[] = [
    { values: [1, 'ann'], weight: 2 },
    { values: [null, 2.5], weight: 1 },
  ]
  const packed = packTuples(Baggage.empty, ALL, tuples, SHAPE, { ...ports(), fresh: () => id })
  assert.ok(packed)
  assert.equal(toHex(elements(packed)[0]), golden)
  assert.deepEqual(unpacked(packed), tuples)
})

test('a loop of packs is one component; equal tuples are one group of larger weight', () => {
  const around = ports()
  let baggage = Baggage.empty
  for (let i = 0; i < 1000; i++)
    baggage = packTuples(baggage, ALL, [{ values: ['t', i % 3], weight: 1 }], SHAPE, around) ?? baggage
  assert.equal(elements(baggage).length, 1)
  assert.deepEqual(
    unpacked(baggage).map(({ weight }) => weight),
    [334, 333, 333],
  )
})

test('ids that differ anywhere are different components', () => {
  for (let byte = 0; byte < 8; byte++) {
    const owners = new TupleOwners()
    const own = new Uint8Array(8)
    owners.moveOn(own, 1)
    assert.ok(owners.isNewest(own, 1) && !owners.isNewest(own, 2))
    assert.ok(!owners.isNewest(own.with(byte, 1), 1))
  }
})

test('what came from elsewhere is not extended, and survives beside ours', () => {
  const theirs = packTuples(Baggage.empty, ALL, [{ values: ['x', 1], weight: 1 }], SHAPE, {
    ...ports(),
    fresh: () => new Uint8Array(8).fill(0xee),
  })
  assert.ok(theirs)
  const both = packTuples(
    Baggage.decode(theirs.encode()),
    ALL,
    [{ values: ['x', 1], weight: 1 }],
    SHAPE,
    ports(),
  )
  assert.ok(both)
  assert.equal(elements(both).length, 2)
})

test('a pack without room gives nothing, and the baggage stays as it was', () => {
  const wide = [{ values: ['x'.repeat(1100), 1], weight: 1 }]
  assert.equal(packTuples(Baggage.empty, ALL, wide, SHAPE, ports()), undefined)
})

test('damaged elements are passed over, the others count', () => {
  const good = packTuples(Baggage.empty, ALL, [{ values: ['x', 1], weight: 1 }], SHAPE, ports())
  assert.ok(good)
  const [element] = elements(good)
  for (let cut = 0; cut < element.length; cut++) {
    const damaged = element.slice(0, cut)
    damaged[0] ^= 0x40
    const baggage = Q.write(Baggage.empty, { s: new Set([element, damaged]) })
    const found = unpacked(baggage)
    assert.deepEqual(found.filter(({ values }) => values[0] === 'x')[0], { values: ['x', 1], weight: 1 })
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      unpacked(Q.write(Baggage.empty, { s: new Set([bytes]) }))
    }),
  )
})

test('First and MostRecent keep the first and last events, whatever branches they come from', () => {
  for (const which of ['first', 'recent'] as const) {
    const field: TupleField = { bag: Q, field: 's', keep: { which, count: 2 } }
    const event = (baggage: Baggage, time: number): Baggage => {
      const stamp = new Uint8Array(16)
      new DataView(stamp.buffer).setBigUint64(0, BigInt(time))
      const tuple = [{ values: [time, null], weight: 1 }]
      return packTuples(baggage, field, tuple, SHAPE, { ...ports(), stamp: () => stamp }) ?? baggage
    }
    const start = event(Baggage.empty, 1)
    const joined = event(event(start, 5), 9).join(event(event(start, 3), 7))
    const kept = unpacked(joined, field).map(({ values }) => values[0])
    assert.deepEqual(kept, which === 'first' ? [1, 3] : [9, 7])
  }
})

test('a reader that has read others says what a new one says', () => {
  const fields: readonly TupleField[] = [
    ALL,
    { ...ALL, keep: { which: 'first', count: 1 } },
    { ...ALL, keep: { which: 'recent', count: 2 } },
  ]
  const name = fc.constantFrom('a', 'b', 'gateway')
  const packs = fc.array(fc.array(fc.tuple(name, fc.nat(2)), { maxLength: 3 }), { minLength: 2 })
  for (const field of fields) {
    const reader = new TupleReader(field, 2)
    const around = ports()
    fc.assert(
      fc.property(packs, (all) => {
        for (const values of all) {
          let baggage = Baggage.empty
          for (const value of values)
            baggage = packTuples(baggage, field, [{ values: value, weight: 1 }], SHAPE, around) ?? baggage
          assert.deepEqual(reader.read(baggage), unpacked(baggage, field))
        }
      }),
    )
  }
})

test('once the first N are there, the value is left as it is', () => {
  const field: TupleField = { bag: Q, field: 's', keep: { which: 'first', count: 2 } }
  const pack = (baggage: Baggage, at: number): Baggage | undefined =>
    packTuples(baggage, field, [{ values: ['t', at], weight: 1 }], SHAPE, {
      ...ports(),
      stamp: () => new Uint8Array(16).fill(at),
    })
  const one = pack(Baggage.empty, 1)
  assert.ok(one)
  const two = pack(one, 2)
  assert.ok(two)
  assert.equal(elements(two).length, 2)
  assert.equal(pack(two, 3), two)
})

test('a clock that runs behind does not put an event before what it has seen', () => {
  const field: TupleField = { bag: Q, field: 's', keep: { which: 'recent', count: 1 } }
  const at = (time: number) => {
    const stamp = new Uint8Array(16)
    new DataView(stamp.buffer).setBigUint64(0, BigInt(time))
    return { ...ports(), stamp: () => stamp }
  }
  const ahead = packTuples(Baggage.empty, field, [{ values: ['ahead', 0], weight: 1 }], SHAPE, at(1000))
  assert.ok(ahead)
  const behind = packTuples(ahead, field, [{ values: ['after it', 0], weight: 1 }], SHAPE, at(10))
  assert.ok(behind)
  assert.deepEqual(unpacked(behind, field)[0].values, ['after it', 0])
})

/** Steps over some branches: pack on one, fork one into another, join one into another, cross a wire. */
type Step = {
  readonly kind: 'pack' | 'fork' | 'join' | 'wire'
  readonly from: number
  readonly to: number
  readonly value: number
}

const BRANCHES = 4
const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom('pack', 'pack', 'fork', 'join', 'wire'),
  from: fc.nat(BRANCHES - 1),
  to: fc.nat(BRANCHES - 1),
  value: fc.nat(2),
})

test('any forks, joins and hops: each pack counts once wherever it happened before, and nowhere else', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const around = ports()
      const branches = Array.from({ length: BRANCHES }, () => ({
        baggage: Baggage.empty,
        seen: new Set<number>(),
      }))
      const values: number[] = []
      for (const { kind, from, to, value } of steps) {
        const source = branches[from]
        if (kind === 'pack') {
          const tuple = [{ values: [value, 'v'], weight: 1 }]
          const baggage = packTuples(source.baggage, ALL, tuple, SHAPE, around)
          assert.ok(baggage)
          branches[from] = { baggage, seen: new Set([...source.seen, values.length]) }
          values.push(value)
        } else if (kind === 'fork') branches[to] = source
        else if (kind === 'wire')
          branches[from] = { ...source, baggage: Baggage.decode(source.baggage.encode()) }
        else {
          const { baggage, seen } = branches[to]
          branches[to] = { baggage: baggage.join(source.baggage), seen: new Set([...seen, ...source.seen]) }
        }
      }
      for (const { baggage, seen } of branches) {
        const counts = [0, 0, 0]
        for (const event of seen) counts[values[event]]++
        const found = [0, 0, 0]
        for (const tuple of unpacked(baggage)) found[Number(tuple.values[0])] += tuple.weight
        assert.deepEqual(found, counts)
      }
    }),
    { numRuns: 2000 },
  )
})
