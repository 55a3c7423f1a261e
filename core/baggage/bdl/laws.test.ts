// Laws 2, 4, 5 and 6: joining encodings is joining values, for every type; what is not known passes through;
// damage never throws. Law 7: counters.test.ts.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compareBytes, seededRandom, toHex } from '#base'
import { Baggage, BaggageError, loadBdl, type BagType } from '../index.ts'

const show = (baggage: Baggage): string =>
  baggage.atoms.map((atom) => (atom.length === 0 ? '-' : toHex(atom).toUpperCase())).join(' ')

// Values are drawn from small pools, so that two branches often agree, often conflict and often overlap.
const small = {
  bool: fc.boolean(),
  int32: fc.constantFrom(-(2 ** 31), -1, 0, 1, 127, 128, 2 ** 31 - 1),
  int64: fc.constantFrom(-(1n << 63n), -1n, 0n, 1n, 1n << 56n, (1n << 63n) - 1n),
  fixed32: fc.constantFrom(0, 1, 2 ** 31, 2 ** 32 - 1),
  fixed64: fc.constantFrom(0n, 1n, 1n << 63n, (1n << 64n) - 1n),
  double: fc.constantFrom(-Infinity, -1.5, -5e-324, 0, 5e-324, 1.5, Infinity),
  float: fc.constantFrom(-1.5, 0, 0.5, 3),
  string: fc.constantFrom(
    '',
    '\0',
    '\0a',
    'a',
    'aa',
    'b',
    '\u00e9',
    '\u{1f600}',
    'x'.repeat(41),
    'x'.repeat(130),
  ),
  bytes: fc.constantFrom([], [0], [0, 0], [0, 255], [1], [255]).map((list) => Uint8Array.from(list)),
}
const SCALARS: readonly [string, fc.Arbitrary<unknown>][] = [
  ['bool', small.bool],
  ['int32', small.int32],
  ['sint32', small.int32],
  ['sfixed32', small.int32],
  ['fixed32', small.fixed32],
  ['int64', small.int64],
  ['sint64', small.int64],
  ['sfixed64', small.int64],
  ['fixed64', small.fixed64],
  ['double', small.double],
  ['float', small.float],
  ['string', small.string],
  ['bytes', small.bytes],
]

/**
 * What a join of two values must be, by definition of the type; encodings are compared by the caller's `bag`.
 */
const bagOf = (type: string): BagType =>
  loadBdl(`struct P { int32 n; string s; } bag X = 7 { ${type} v = 3; }`).X

for (const [name, values] of SCALARS) {
  const X = bagOf(name)
  test(`law 2, ${name}: of two values a join reads the one with the smaller bytes, whichever side it comes from`, () => {
    fc.assert(
      fc.property(values, values, (x, y) => {
        const [a, b] = [x, y].map((v) => X.write(Baggage.empty, { v }))
        assert.deepEqual(X.read(a), { v: x }, 'reading gives back what was written')
        const expected =
          compareBytes(a.encode(), b.encode()) <= 0 || payload(a) <= payload(b)
            ? payload(a) <= payload(b)
              ? x
              : y
            : y
        assert.deepEqual(X.read(a.join(b)), { v: expected })
        assert.deepEqual(X.read(b.join(a)), { v: expected })
      }),
      { seed: 21, numRuns: 300 },
    )
  })
}
const payload = (baggage: Baggage): string => toHex(baggage.atoms[2] ?? assert.fail())

for (const kind of ['min', 'max'] as const) {
  for (const [name, values] of SCALARS) {
    const X = bagOf(`${kind}<${name}>`)
    test(`law 2, ${kind}<${name}>: a join reads the ${kind}imum, and so does writing again`, () => {
      fc.assert(
        fc.property(values, values, (x, y) => {
          const [a, b] = [x, y].map((v) => X.write(Baggage.empty, { v }))
          const least = isLess(x, y) ? x : y
          const most = isLess(x, y) ? y : x
          const expected = { v: kind === 'min' ? least : most }
          assert.deepEqual(X.read(a), { v: x })
          assert.deepEqual(X.read(a.join(b)), expected)
          assert.deepEqual(X.read(X.write(a, { v: y })), expected)
        }),
        { seed: 22, numRuns: 200 },
      )
    })
  }
}

function isLess(x: unknown, y: unknown): boolean {
  if (typeof x === 'string' && typeof y === 'string')
    return Buffer.compare(Buffer.from(x), Buffer.from(y)) < 0
  if (x instanceof Uint8Array && y instanceof Uint8Array) return Buffer.compare(x, y) < 0
  if ((typeof x === 'number' || typeof x === 'boolean') && (typeof y === 'number' || typeof y === 'boolean'))
    return x < y
  assert.ok(typeof x === 'bigint' && typeof y === 'bigint')
  return x < y
}

test('law 2, taint: or', () => {
  for (const type of ['taint', 'flag']) {
    const X = bagOf(type)
    for (const x of [true, false]) {
      for (const y of [true, false]) {
        const joined = X.write(Baggage.empty, { v: x }).join(X.write(Baggage.empty, { v: y }))
        assert.equal(X.read(joined)?.v ?? false, x || y)
      }
    }
  }
})

test('law 2, set: union; map: union of keys, each value joined; struct: whole', () => {
  const { X } =
    loadBdl(`struct P { int32 n; string s; bool b; bytes raw; } bag Inner { int32 a = 0; set<string> b = 1; }
    bag X = 7 { set<P> ps = 0; map<int32, set<string>> m = 1; map<string, Inner> bags = 2; P p = 3;
      map<bool, map<string, taint>> deep = 4; }`)
  const p = fc.record({ n: small.int32, s: small.string, b: small.bool, raw: small.bytes })
  const words = fc.uniqueArray(small.string, { minLength: 1, maxLength: 3 }).map((list) => new Set(list))
  const map = <K, V>(key: fc.Arbitrary<K>, value: fc.Arbitrary<V>) =>
    fc.array(fc.tuple(key, value), { minLength: 1, maxLength: 3 }).map((list) => new Map(list))
  const values = fc.record({
    ps: fc.array(p, { minLength: 1, maxLength: 3 }),
    m: map(small.int32, words),
    p,
    bags: map(small.string, fc.record({ a: small.int32, b: words })),
  })
  const keyOf = (one: unknown): string =>
    JSON.stringify(one, (_, member) => (member instanceof Uint8Array ? toHex(member) : member))
  const sets = (a: Set<unknown> | undefined, b: Set<unknown> | undefined) =>
    new Set([...(a ?? []), ...(b ?? [])])
  fc.assert(
    fc.property(values, values, (x, y) => {
      const [a, b] = [x, y].map((value) => X.write(Baggage.empty, value))
      const joined = X.read(a.join(b))
      assert.deepEqual(new Set([...joined.ps].map(keyOf)), new Set([...x.ps, ...y.ps].map(keyOf)))
      const m = new Map([...x.m.keys(), ...y.m.keys()].map((key) => [key, sets(x.m.get(key), y.m.get(key))]))
      assert.deepEqual(joined.m, m)
      assert.deepEqual(new Set(joined.bags.keys()), sets(new Set(x.bags.keys()), new Set(y.bags.keys())))
      for (const [key, inner] of joined.bags)
        assert.deepEqual(inner.b, sets(x.bags.get(key)?.b, y.bags.get(key)?.b))
      assert.ok([keyOf(x.p), keyOf(y.p)].includes(keyOf(joined.p)), 'a struct is never mixed of two')
      assert.deepEqual(joined, X.read(b.join(a)))
    }),
    { seed: 23, numRuns: 500 },
  )
})

test('law 2, first and last: by clock, never against causality, even when the wall clock runs backwards', () => {
  const times = fc.array(fc.record({ ms: fc.nat(5), isFork: fc.boolean() }), { minLength: 1, maxLength: 8 })
  for (const kind of ['first', 'last'] as const) {
    fc.assert(
      fc.property(times, (steps) => {
        let nowMs = 0
        const ports = { clock: { nowNs: () => BigInt(nowMs) * 1_000_000n } }
        const { X } = loadBdl(`bag X = 7 { ${kind}<int32> v = 3; }`, { ports })
        let trunk = Baggage.empty
        for (const [i, { ms, isFork }] of steps.entries()) {
          nowMs = ms
          const branch = X.write(trunk, { v: i })
          // A causal chain: the trunk has seen every write before.
          trunk = isFork ? trunk.join(branch) : branch
          assert.equal(X.read(trunk).v, kind === 'first' ? 0 : i)
        }
      }),
      { seed: 24, numRuns: 300 },
    )
  }
})

test('first and last: of concurrent writes the clock decides, and both sides agree', () => {
  let nowMs = 100
  const ports = { clock: { nowNs: () => BigInt(nowMs) * 1_000_000n } }
  const { X } = loadBdl(
    'struct S { string who; int32 n; } bag X = 7 { first<string> f = 0; last<S> l = 1; int32 other = 2; }',
    { ports },
  )
  const early = X.write(Baggage.empty, { f: 'early', l: { who: 'early', n: 1 } })
  nowMs = 200
  const late = X.write(Baggage.empty, { f: 'late', l: { who: 'late', n: 2 } })
  for (const joined of [early.join(late), late.join(early)])
    assert.deepEqual(X.read(joined), { f: 'early', l: { who: 'late', n: 2 } })
  nowMs = 300
  const touched = X.update(late, (value) => ({ ...value, other: 1 }))
  assert.ok(
    X.update(touched, (value) => ({ ...value, other: undefined })).equals(late),
    'writing the same value is no new event',
  )
})

// ---- law 4: pass-through

const NEWER = `struct P { int32 n; string s; }
bag Inner { int32 a = 0; string later = 5; map<string, int32> more = 6; }
bag X = 7 { string s = 1; map<string, Inner> m = 3; Inner inner = 4; counter c = 6; set<int32> far = 200;
  last<string> l = 201; }
bag Y = 9 { P p = 0; }`
const OLDER = `bag Inner { int32 a = 0; }
bag X = 7 { string s = 1; map<string, Inner> m = 3; Inner inner = 4; }`

const inner = fc.record(
  { a: small.int32, later: small.string, more: fc.constant(new Map([['k', 1]])) },
  { requiredKeys: [] },
)
const newerValues = fc.record(
  {
    s: small.string,
    m: fc.array(fc.tuple(small.string, inner), { maxLength: 3 }).map((list) => new Map(list)),
    inner,
    c: fc.integer({ min: 1, max: 1000 }),
    far: fc.uniqueArray(small.int32, { minLength: 1 }).map((list) => new Set(list)),
    l: small.string,
  },
  { requiredKeys: [] },
)

test('law 4: an older schema that reads and writes keeps every field it does not know, and joins the same', () => {
  const ports = { random: seededRandom(4) }
  const newer = loadBdl(NEWER, { ports })
  const older = loadBdl(OLDER, { ports })
  fc.assert(
    fc.property(newerValues, newerValues, (x, y) => {
      const make = (value: object) =>
        newer.Y.write(newer.X.write(Baggage.empty, value), { p: { n: 1, s: 'p' } })
      const [a, b] = [make(x), make(y)]
      const through = older.X.update(Baggage.decode(a.encode().slice()), (value) => value)
      assert.equal(show(through), show(a))
      assert.ok(through.join(b).equals(a.join(b)))
      const changed = older.X.update(a, (value) => ({ ...value, s: 'changed' }))
      assert.deepEqual(newer.X.read(changed), { c: { value: 0n }, ...newer.X.read(a), s: 'changed' })
      assert.deepEqual(newer.Y.read(changed), newer.Y.read(a))
    }),
    { seed: 25, numRuns: 500 },
  )
})

test('what was dropped under a key or a bag does not come back through its unknown fields', () => {
  const newer = loadBdl(NEWER)
  const older = loadBdl(OLDER)
  const whole = newer.X.write(Baggage.empty, {
    m: new Map([['jon', { later: 'x' }]]),
    inner: { later: 'y' },
    far: [1],
  })
  assert.deepEqual(newer.X.read(older.X.write(whole, { m: new Map() })), {
    far: new Set([1]),
    c: { value: 0n },
  })
})

test('bags before and after are untouched, and dropping one leaves the others', () => {
  const { A, B, C } = loadBdl(
    'bag A = 1 { int32 v = 0; } bag B = 2 { int32 v = 0; } bag C = 200 { int32 v = 0; }',
  )
  const all = A.write(C.write(B.write(Baggage.empty, { v: 2 }), { v: 3 }), { v: 1 })
  assert.equal(show(all), 'F801 F000 0001 F802 F000 0002 F880C8 F000 0003')
  assert.equal(show(B.drop(all)), 'F801 F000 0001 F880C8 F000 0003')
  assert.equal(B.read(B.drop(all)), undefined)
  assert.equal(B.drop(B.drop(all)).byteLength, B.drop(all).byteLength)
  assert.equal(A.drop(B.drop(C.drop(all))), Baggage.empty)
  assert.ok(B.write(all, { v: 2 }).equals(all))
})

test('the elements of a set of bytes, taken as they stand, are those that reading gives', () => {
  const { A, B, C } = loadBdl(`bag A = 1 { set<bytes> s = 0; } bag C = 200 { set<bytes> s = 0; }
    bag B = 2 { int32 n = 0; set<bytes> s = 1; set<bytes> far = 300; }`)
  const set = fc.array(small.bytes, { maxLength: 4 }).map((list) => new Set(list))
  const values = fc.record({ n: fc.option(small.int32), s: set, far: set, above: set, below: set })
  fc.assert(
    fc.property(values, values, (...both) => {
      const [x, y] = both.map(({ n, s, far, above, below }) =>
        A.write(C.write(B.write(Baggage.empty, { n, s, far }), { s: below }), { s: above }),
      )
      for (const baggage of [x, y, x.join(y), Baggage.decode(x.join(y).encode())])
        for (const [bag, field] of [
          [A, 's'],
          [B, 's'],
          [B, 'far'],
          [C, 's'],
        ] as const)
          assert.deepEqual(bag.elements(baggage, field), [...(bag.read(baggage)?.[field] ?? [])])
    }),
  )
  assert.throws(() => B.elements(Baggage.empty, 'ss'), { code: 'E_BAGGAGE_VALUE' })
})

test('a bag with nothing in it is not written', () => {
  const { A } = loadBdl(
    'bag N { set<int32> s = 0; } bag A = 1 { set<int32> s = 0; map<string, N> m = 1; N n = 2; taint t = 3; }',
  )
  assert.equal(A.write(Baggage.empty, {}), Baggage.empty)
  const value = {
    s: new Set(),
    m: new Map([
      ['a', {}],
      ['b', { s: new Set() }],
    ]),
    n: {},
    t: false,
  }
  assert.equal(A.write(Baggage.empty, value), Baggage.empty)
  assert.equal(A.write(A.write(Baggage.empty, { t: true }), {}), Baggage.empty)
})

// ---- law 5 for readers

test('law 5: exactly the bags at and after the first marker may be incomplete; what is before it reads whole', () => {
  const bags = loadBdl(
    'bag A = 1 { int32 v = 0; string s = 1; } bag B = 5 { set<int32> v = 0; } bag C = 9 { map<string, string> v = 0; }',
  )
  const list = ['A', 'B', 'C'].map((name) => bags[name])
  const whole = bags.A.write(
    bags.B.write(
      bags.C.write(Baggage.empty, {
        v: new Map([
          ['k', 'v'],
          ['l', 'w'],
        ]),
      }),
      { v: [1, 2, 3] },
    ),
    { v: 1, s: 'x' },
  )
  for (let limit = 0; limit <= whole.byteLength; limit++) {
    const trimmed = whole.trim(limit)
    let isBehind = false
    for (const bag of list) {
      isBehind ||= bag.overflowed(trimmed)
      assert.equal(bag.overflowed(trimmed), isBehind)
      if (!isBehind) assert.deepEqual(bag.read(trimmed), bag.read(whole))
    }
    assert.equal(isBehind, trimmed !== whole)
    // Rewriting any bag leaves the marker, once.
    for (const bag of list) {
      const again = bag.update(trimmed, (value) => value)
      assert.equal(again.atoms.filter((atom) => atom.length === 0).length, trimmed === whole ? 0 : 1)
      assert.deepEqual(
        list.map((one) => one.overflowed(again)),
        list.map((one) => one.overflowed(trimmed)),
      )
      assert.equal(bag.drop(trimmed).overflowed, trimmed !== whole)
    }
  }
})

// ---- law 6: hostile trees

const HOSTILE = `struct P { int32 n; string s; bytes raw; bool b; }
bag Self { int32 v = 0; Self down = 1; map<string, Self> m = 2; }
bag X = 1 { bool a = 0; int32 b = 1; sint64 c = 2; double d = 3; string e = 4; set<P> f = 5;
  map<int32, P> g = 6; counter h = 7;
  pncounter i = 8; clock j = 9; min<string> k = 10; max<string> l = 11; first<P> m = 12; last<double> n = 13;
  taint o = 14; Self p = 15;
  max<double> q = 16; fixed64 r = 17; P s = 18; min<sint32> t = 19; }`

test('law 6: any bytes at all read as something, and are written over, without throwing', () => {
  const { X } = loadBdl(HOSTILE, { ports: { random: seededRandom(6) } })
  const headers = [0xf8, 0xf0, 0xf1, 0xf4, 0xe8, 0xec, 0xe0, 0x80, 0x84, 0x01, 0x7f].flatMap((first) =>
    [0, 1, 7, 8].map((index) => [first, index]),
  )
  const atom = fc
    .oneof(
      fc.constantFrom([0xf8, 1], [0xf8, 1], ...headers, []),
      fc.nat(25).map((index) => [0xf0, index]),
      fc.uint8Array({ maxLength: 6 }).map((bytes) => [0, ...bytes]),
      fc.uint8Array({ maxLength: 4 }).map((bytes) => [...bytes]),
    )
    .map((list) => Uint8Array.from(list))
  fc.assert(
    fc.property(fc.array(atom, { maxLength: 24 }), (atoms) => {
      const baggage = Baggage.of([Uint8Array.of(0xf8, 1), ...atoms])
      const value = X.read(baggage)
      const again = X.update(baggage, (same) => ({ ...same, b: 5 }))
      assert.equal(X.read(again).b, 5)
      assert.ok(again.join(baggage).join(again).equals(again.join(baggage)))
      X.increment(baggage, 'h', 3)
      X.compact(X.increment(baggage, 'i', -3), 'i')
      assert.ok(value === undefined || typeof value === 'object')
    }),
    { seed: 26, numRuns: 4000 },
  )
})

test('law 6: every flipped bit and every truncation of a full bag', () => {
  const { X } = loadBdl(HOSTILE, { ports: { random: seededRandom(7) } })
  const p = { n: 1000, s: 'hello', raw: Uint8Array.of(1), b: true }
  let whole = X.write(Baggage.empty, {
    a: true,
    b: -1,
    c: -5n,
    d: 1.5,
    e: 'text',
    f: [p],
    g: new Map([[7, p]]),
    k: 'k',
    l: 'l',
    m: p,
    n: 2.5,
    o: true,
    p: { v: 1, down: { v: 2 } },
    q: -1,
    r: 5n,
    s: p,
    t: -7,
  })
  whole = X.increment(X.increment(X.increment(whole, 'h'), 'i', -2), 'j')
  const bytes = whole.encode()
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = bytes.slice()
    flipped[bit >> 3] ^= 1 << (bit & 7)
    X.update(Baggage.decodeLenient(flipped), (value) => value)
  }
  for (let cut = 0; cut < bytes.length; cut++)
    X.update(Baggage.decodeLenient(bytes.subarray(0, cut)), (value) => value)
})

test('a damaged atom is skipped and the next one of the field counts', () => {
  const { X } = loadBdl('bag X = 1 { fixed64 v = 0; taint t = 1; }')
  const atoms = [
    'f801',
    'f000',
    '0001',
    '000000000000000000ff',
    '000000000000000007',
    'f001',
    '0000',
    '0002',
    '0001',
  ]
  assert.deepEqual(X.read(Baggage.of(atoms.map((hex) => Uint8Array.from(Buffer.from(hex, 'hex'))))), {
    v: 7n,
    t: true,
  })
})

test('sixteen levels are written and read; the seventeenth is an error and changes nothing', () => {
  const { Self } = loadBdl('bag Self = 1 { int32 v = 0; Self down = 1; }')
  const nested = (depth: number): object => (depth === 0 ? { v: 1 } : { down: nested(depth - 1) })
  // Level 0 is the bag; `down` d times and then `v` takes levels 1..d+1.
  const deepest = Self.write(Baggage.empty, nested(14))
  assert.deepEqual(Self.read(deepest), nested(14))
  assert.throws(() => Self.write(deepest, nested(15)), { name: 'BaggageError', code: 'E_BAGGAGE_DEPTH' })
  assert.deepEqual(Self.read(Self.write(deepest, nested(14))), nested(14))
  const loop: { down?: object } = {}
  loop.down = loop
  assert.throws(() => Self.write(Baggage.empty, loop), { code: 'E_BAGGAGE_DEPTH' })
})

test('deep or jumping headers from outside are carried and never read as something else', () => {
  const { X } = loadBdl('bag X = 1 { map<string, int32> m = 0; int32 v = 1; }')
  const atoms = [
    'f801',
    '8000',
    '0005',
    '8461',
    '0006',
    'e801',
    '0007',
    'f000',
    '8461',
    '0008',
    'f001',
    '0003',
  ]
  const baggage = Baggage.of(atoms.map((hex) => Uint8Array.from(Buffer.from(hex, 'hex'))))
  assert.deepEqual(X.read(baggage), { v: 3 })
  assert.equal(
    show(X.update(baggage, (value) => ({ ...value, v: 4 }))),
    show(baggage).replace(/0003$/, '0004'),
  )
})

// ---- writing

test('values that a type cannot hold are refused with the place named', () => {
  const { X } = loadBdl(HOSTILE)
  const table: [object, RegExp][] = [
    [{ a: 1 }, /X\.a must be true or false, not 1/],
    [{ b: 2 ** 31 }, /X\.b/],
    [{ b: 0.5 }, /X\.b/],
    [{ c: 1n << 63n }, /X\.c/],
    [{ c: '5' }, /X\.c must be a bigint .* not "5"/],
    [{ d: '1' }, /X\.d/],
    [{ e: 5 }, /X\.e/],
    [{ f: 'abc' }, /X\.f must be a Set/],
    [{ f: [{ n: 'x' }] }, /X\.f element\.n/],
    [{ g: [] }, /X\.g must be a Map/],
    [{ g: new Map([['x', {}]]) }, /X\.g key/],
    [{ h: 'many' }, /X\.h/],
    [{ j: {} }, /X\.j/],
    [{ j: new Map([['zz', 1n]]) }, /component/],
    [{ j: new Map([['00', -1n]]) }, /count/],
    [{ p: 5 }, /X\.p must be an object of Self, not 5/],
    [{ r: 1n << 64n }, /X\.r/],
    [{ s: null, p: { m: { k: { v: 'x' } } } }, /X\.p\.m value\.v/],
  ]
  for (const [value, message] of table) {
    assert.throws(
      () => X.write(Baggage.empty, value),
      (error) =>
        error instanceof BaggageError && error.code === 'E_BAGGAGE_VALUE' && message.test(error.message),
      String(message),
    )
  }
})

test('fields named like what every object has are plain data', () => {
  const { X } = loadBdl(
    'struct S { int32 valueOf; } bag X = 1 { int32 constructor = 0; taint toString = 1; map<string, int32> m = 2; S hasOwnProperty = 3; }',
  )
  assert.equal(X.write(Baggage.empty, {}), Baggage.empty)
  const value = {
    constructor: 5,
    toString: false,
    m: new Map([['__proto__', 1]]),
    hasOwnProperty: { valueOf: 0 },
  }
  const written = X.write(Baggage.empty, { ...value, hasOwnProperty: {} })
  const read = X.read(written)
  assert.deepEqual(Object.entries(read).sort(), Object.entries(value).sort())
  assert.equal(Object.hasOwn({}, 'x'), false)
})

test('reading another bag from inside a write does not move the place of the first', () => {
  const { X, Y } = loadBdl('bag X = 1 { string a = 0; } bag Y = 2 { string c = 0; }')
  const both = Y.write(X.write(Baggage.empty, { a: 'a' }), { c: 'c' })
  X.read(both)
  const written = X.write(both, {
    get a() {
      return `${Y.read(both).c}!`
    },
  })
  assert.deepEqual([X.read(written), Y.read(written)], [{ a: 'c!' }, { c: 'c' }])
})

test('writing behind a read keeps as much as writing without', () => {
  const newer = loadBdl(NEWER, { ports: { random: seededRandom(5) } })
  const older = loadBdl(OLDER)
  fc.assert(
    fc.property(newerValues, fc.nat(80), (x, limit) => {
      const whole = newer.Y.write(newer.X.write(Baggage.empty, x), { p: { n: 1, s: 'p' } }).trim(limit)
      const read = Baggage.decode(whole.encode())
      older.X.read(read)
      assert.equal(show(older.X.write(read, { s: 'new' })), show(older.X.write(whole, { s: 'new' })))
    }),
    { seed: 29, numRuns: 500 },
  )
})

test('writing from inside a write (a getter of the value) does not mix the two', () => {
  const { X, Y } = loadBdl('bag X = 1 { string a = 0; string b = 1; } bag Y = 2 { string c = 0; }')
  const sneaky = {
    a: 'a',
    get b() {
      return show(X.write(Baggage.empty, { a: show(Y.write(Baggage.empty, { c: 'c' })) }))
    },
  }
  const written = X.write(Baggage.empty, sneaky)
  assert.equal(X.read(written).b, sneaky.b)
})
