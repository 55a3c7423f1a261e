// The atom layer: published vectors, the laws of merge and trim, and hostile bytes.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compareBytes, fromHex, toHex } from '#base'
import { Baggage, BaggageError } from './index.ts'

/** '[A0 2B -]' with - for the zero-length atom. */
function bag(text: string): Baggage {
  const words = text
    .replace(/[[\]]/g, '')
    .split(' ')
    .filter((word) => word !== '')
  return Baggage.of(words.map((word) => fromHex(word === '-' ? '' : word) ?? assert.fail(word)))
}

function show(baggage: Baggage): string {
  return `[${baggage.atoms.map((atom) => (atom.length === 0 ? '-' : toHex(atom).toUpperCase())).join(' ')}]`
}

const MERGES: readonly [a: string, b: string, merged: string][] = [
  ['[A0 5F1B]', '[]', '[A0 5F1B]'],
  ['[A0 5F1B]', '[A0 2B]', '[A0 2B 5F1B]'],
  ['[A0 5F1B]', '[A0 2B 77]', '[A0 2B 5F1B 77]'],
  ['[A0 5F1B]', '[A0 2B 5F1B]', '[A0 2B 5F1B]'],
  ['[A0 5F1B]', '[A0 5F1B0044]', '[A0 5F1B 5F1B0044]'],
  ['[A0 5F1B]', '[BB 2B]', '[A0 5F1B BB 2B]'],
  ['[A0 5F1B]', '[BB 5F1B]', '[A0 5F1B BB 5F1B]'],
  ['[9491 55 - F55555]', '[94 55 F55555 FFFF]', '[94 55 9491 55 - F55555 FFFF]'],
  ['[- 55 9491 F55555]', '[55 94 F55555 FFFF]', '[- 55 94 9491 F55555 FFFF]'],
  ['[55 9491 F55555]', '[55 94 - F55555 FFFF]', '[55 94 - 9491 F55555 FFFF]'],
  ['[04 08 01]', '[02 08 03]', '[02 04 08 01 03]'],
  [
    '[F802 F000 0000000000000000EA]',
    '[F802 F001 000000000000000037]',
    '[F802 F000 0000000000000000EA F001 000000000000000037]',
  ],
  [
    '[F805 F001 000000000000000064 F002 0000000000000000C8 00000000000000012C 0000000000000003E8]',
    '[F805 F001 000000000000000064 F002 0000000000000001F4 0000000000000003E8]',
    '[F805 F001 000000000000000064 F002 0000000000000000C8 00000000000000012C 0000000000000001F4 0000000000000003E8]',
  ],
]

test('the published merges, either way round and n-ary', () => {
  for (const [a, b, merged] of MERGES) {
    assert.equal(show(bag(a).join(bag(b))), merged)
    assert.equal(show(bag(b).join(bag(a))), merged)
    assert.equal(show(Baggage.join(bag(a), Baggage.empty, bag(b), bag(a))), merged)
  }
})

test('the published order of atoms', () => {
  const order = ['2B01', '5E7744', '5F', '5F01', 'A0'].map((hex) => fromHex(hex) ?? assert.fail())
  for (let i = 1; i < order.length; i++)
    assert.equal(compareBytes(order[i - 1] ?? assert.fail(), order[i] ?? assert.fail()), -1)
})

test('the published encoding', () => {
  const baggage = bag('[9491 55 - F55555]')
  assert.equal(toHex(baggage.encode()).toUpperCase(), '02949101550003F55555')
  assert.equal(baggage.byteLength, 10)
  assert.equal(show(Baggage.decode(baggage.encode())), '[9491 55 - F55555]')
})

test('empty baggage is zero bytes, and is one value', () => {
  assert.equal(Baggage.empty.encode().length, 0)
  for (const empty of [
    Baggage.of([]),
    Baggage.decode(new Uint8Array(0)),
    Baggage.join(),
    Baggage.empty.trim(0),
    Baggage.empty.branch(),
  ])
    assert.equal(empty, Baggage.empty)
})

test('the published trims: one limit more or less decides', () => {
  const baggage = bag('[0102030405 030201]')
  for (let limit = 0; limit <= 6; limit++) assert.equal(show(baggage.trim(limit)), '[-]')
  for (let limit = 7; limit <= 9; limit++) assert.equal(show(baggage.trim(limit)), '[0102030405 -]')
  for (const limit of [10, 11, Infinity]) assert.equal(baggage.trim(limit), baggage)
  assert.equal(baggage.overflowed, false)
  assert.equal(baggage.trim(9).overflowed, true)
  assert.throws(() => baggage.trim(Number.NaN), { code: 'E_ASSERT' })
})

test('trimming does not touch what it was given', () => {
  const baggage = bag('[0102030405 030201]')
  baggage.trim(7)
  assert.equal(show(baggage), '[0102030405 030201]')
})

test('an untouched decoded value encodes to the bytes it came from', () => {
  const bytes = bag('[F802 F000 0001]').encode()
  assert.equal(Baggage.decode(bytes).encode(), bytes)
})

test('a Buffer given is not a Buffer handed out', () => {
  const baggage = Baggage.decode(Buffer.from('02949101550003F55555', 'hex'))
  assert.equal(baggage.encode().constructor, Uint8Array)
  assert.equal(baggage.atoms[0]?.constructor, Uint8Array)
})

test('a join that learns nothing gives back the value it had', () => {
  const full = bag('[A0 2B 5F1B]')
  const part = bag('[A0 5F1B]')
  assert.equal(full.join(part), full)
  assert.equal(part.join(full), full)
  assert.equal(full.join(Baggage.decode(full.encode().slice())), full)
  assert.equal(Baggage.join(full, full, Baggage.empty), full)
})

// Atoms over a tiny alphabet with empties, duplicates, no order: where merges meet equal heads.
const smallAtom = fc
  .array(fc.constantFrom(0, 1, 0xf8, 0xff), { maxLength: 2 })
  .map((bytes) => Uint8Array.from(bytes))
const baggages = fc
  .array(fc.oneof(smallAtom, fc.uint8Array({ maxLength: 12 })), { maxLength: 8 })
  .map((atoms) => Baggage.of(atoms))

/** The merge as the paper words it, on lists. */
function oracle(lists: readonly (readonly Uint8Array[])[]): string[] {
  const rest = lists.map((list) => [...list])
  const out: string[] = []
  for (;;) {
    const heads = rest.flatMap((list) => list.slice(0, 1)).sort(compareBytes)
    const [least] = heads
    if (least === undefined) return out
    out.push(toHex(least))
    for (const list of rest) if (list[0] !== undefined && compareBytes(list[0], least) === 0) list.shift()
  }
}

test('law 1: merge is commutative, associative, idempotent, absorbing and n-ary on any atoms', () => {
  fc.assert(
    fc.property(baggages, baggages, baggages, (a, b, c) => {
      const ab = a.join(b)
      assert.deepEqual(ab.atoms.map(toHex), oracle([a.atoms, b.atoms]))
      assert.ok(ab.equals(b.join(a)), 'commutative')
      assert.ok(ab.join(c).equals(a.join(b.join(c))), 'associative')
      assert.ok(a.join(a).equals(a) && a.join(Baggage.decode(a.encode().slice())).equals(a), 'idempotent')
      assert.ok(a.join(ab).equals(ab) && ab.join(b).equals(ab), 'absorbing')
      const all = Baggage.join(a, b, c)
      assert.deepEqual(all.atoms.map(toHex), oracle([a.atoms, b.atoms, c.atoms]))
      assert.ok(all.equals(Baggage.join(c, a, b)) && all.equals(ab.join(c)), 'n-ary in any order')
    }),
    { seed: 11, numRuns: 5000 },
  )
})

test('law 1, exhaustive: every pair of lists of up to three atoms out of three', () => {
  const atoms = ['', '01', '02'].map((hex) => fromHex(hex) ?? assert.fail())
  let lists: Uint8Array[][] = [[]]
  const all: Uint8Array[][] = [[]]
  for (let length = 1; length <= 3; length++) {
    lists = lists.flatMap((list) => atoms.map((atom) => [...list, atom]))
    all.push(...lists)
  }
  const values = all.map((list) => Baggage.of(list))
  for (const a of values) {
    for (const b of values) {
      const joined = a.join(b)
      assert.deepEqual(joined.atoms.map(toHex), oracle([a.atoms, b.atoms]))
      assert.ok(joined.join(a).equals(joined))
    }
  }
})

test('law 5: a trim fits, is a prefix and a marker, and trimming twice is trimming once', () => {
  fc.assert(
    fc.property(baggages, fc.nat(40), fc.nat(40), (x, m, n) => {
      const [small, large] = [Math.max(1, Math.min(m, n)), Math.max(1, Math.max(m, n))]
      const trimmed = x.trim(large)
      assert.ok(trimmed.byteLength <= large)
      if (trimmed !== x) {
        assert.equal(trimmed.atoms.at(-1)?.length, 0)
        assert.deepEqual(trimmed.atoms.slice(0, -1), x.atoms.slice(0, trimmed.atoms.length - 1))
        assert.ok(trimmed.overflowed)
      }
      assert.ok(trimmed.trim(small).equals(x.trim(small)))
    }),
    { seed: 12, numRuns: 5000 },
  )
})

test('law 5: the marker keeps its place when the whole is merged back in', () => {
  const sorted = baggages.map((b) =>
    Baggage.of([...b.atoms].sort(compareBytes).filter((atom) => atom.length > 0)),
  )
  fc.assert(
    fc.property(sorted, fc.nat(40), (x, limit) => {
      const trimmed = x.trim(limit)
      const joined = trimmed.join(x)
      const first = (b: Baggage) => b.atoms.findIndex((atom) => atom.length === 0)
      assert.equal(first(joined), first(trimmed))
    }),
    { seed: 13, numRuns: 2000 },
  )
})

test('law 6: strict decoding refuses, lenient decoding keeps what stands before the damage', () => {
  const table: [hex: string, kept: string][] = [
    ['0201020501', '[0102]'],
    ['030102', '[]'],
    ['80', '[]'],
    ['ffffffffff', '[]'],
    ['01aaffffffff7f', '[AA]'],
    ['01aaffffffff0700', '[AA]'],
    ['01aa808080808000', '[AA]'],
  ]
  for (const [hex, kept] of table) {
    const bytes = fromHex(hex) ?? assert.fail()
    assert.throws(
      () => Baggage.decode(bytes),
      (error) => error instanceof BaggageError && error.code === 'E_BAGGAGE_FORMAT',
      hex,
    )
    assert.equal(show(Baggage.decodeLenient(bytes)), kept, hex)
  }
})

test('law 6: a length in a longer form is read and written anew, so equality stays equality of bytes', () => {
  const baggage = Baggage.decode(Uint8Array.of(0x82, 0x00, 1, 2))
  assert.equal(show(baggage), '[0102]')
  assert.ok(baggage.equals(bag('[0102]')))
  assert.equal(baggage.join(bag('[0102]')), baggage)
})

test('law 6: every truncation and every flipped bit is refused or read, and never more than was there', () => {
  const whole = bag('[F802 F000 0000000000000000EA F004 EC6A6F6E 0061 - 01]')
    .join(Baggage.of([new Uint8Array(200).fill(0xfe)]))
    .encode()
  for (let cut = 0; cut <= whole.length; cut++) probe(whole.slice(0, cut))
  for (let bit = 0; bit < whole.length * 8; bit++) {
    const flipped = whole.slice()
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    probe(flipped)
  }
})

test('law 6: any bytes at all', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), probe), { seed: 14, numRuns: 5000 })
})

function probe(bytes: Uint8Array): void {
  const lenient = Baggage.decodeLenient(bytes)
  assert.ok(lenient.byteLength <= bytes.length)
  try {
    assert.ok(Baggage.decode(bytes).equals(lenient))
  } catch (error: unknown) {
    assert.ok(error instanceof BaggageError && error.code === 'E_BAGGAGE_FORMAT')
    assert.ok(lenient.byteLength < bytes.length)
  }
  assert.ok(lenient.join(lenient.trim(20)).byteLength <= lenient.byteLength + 1)
}

test('more than the largest size is refused, and cut when lenient', () => {
  const bytes = new Uint8Array(16 * 1024 * 1024 + 1)
  assert.throws(() => Baggage.decode(bytes), { code: 'E_BAGGAGE_FORMAT' })
  assert.equal(Baggage.decodeLenient(bytes).byteLength, 16 * 1024 * 1024)
  assert.equal(Baggage.decode(bytes.subarray(1)).byteLength, 16 * 1024 * 1024)
})

test('atoms of 127 and 128 bytes, where the length grows to two bytes', () => {
  for (const length of [127, 128, 16383, 16384]) {
    const baggage = Baggage.of([new Uint8Array(length).fill(7), Uint8Array.of(9)])
    assert.deepEqual(
      Baggage.decode(baggage.encode()).atoms.map((atom) => atom.length),
      [length, 1],
    )
    assert.equal(show(baggage.join(bag('[08]')).trim(4)), '[-]')
  }
})
