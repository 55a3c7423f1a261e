// The published encoding, byte for byte (values produced by the reference implementation; its mis-ordered set
// is mended).

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fromHex, toHex } from '#base'
import { Baggage, loadBdl } from '../index.ts'

const hex = (text: string): Uint8Array => fromHex(text.replaceAll(' ', '')) ?? assert.fail(text)
const show = (baggage: Baggage): string =>
  baggage.atoms.map((atom) => (atom.length === 0 ? '-' : toHex(atom).toUpperCase())).join(' ')

const EXAMPLE_BDL = readFileSync(new URL('../golden/example.bdl', import.meta.url), 'utf8')
const { Example } = loadBdl(EXAMPLE_BDL)

const exampleValue = () => ({
  b: false,
  i32: 300,
  s32: -65,
  f32: -1,
  sf32: -1,
  i64: -1n,
  s64: -1n,
  f64: 234n,
  sf64: -234n,
  text: 'h\u00e9',
  raw: Uint8Array.of(1, 2, 0x80),
  numbers: new Set([300, 3, 55, 100]),
  words: new Set(['a', 'aa', 'b']),
  nested: { ids: new Set([5n]) },
  people: new Map<string, object>([
    ['jon', { salary: 10000 }],
    ['mace', { name: 'boshank' }],
  ]),
  tainted: true,
  greeting: { number: 1000, text: 'hello' },
})

const EXAMPLE_ATOMS = `F80A
F000 0000 F001 00812C F002 003FBF F003 00FFFFFFFF F004 00FFFFFFFF
F005 00FFFFFFFFFFFFFFFFFF F006 007F F007 0000000000000000EA F008 00FFFFFFFFFFFFFF16
F009 0068C3A9 F00A 00010280
F00B 0003 0037 0064 00812C
F00C 0061 006161 0062
F00F E801 000000000000000005
F014 EC6A6F6E E001 00A710 EC6D616365 E002 00626F7368616E6B
F01E 0001 F021 0083E80568656C6C6F`
  .split(/\s+/)
  .join(' ')

test('a field of every published type, atom by atom', () => {
  assert.equal(show(Example.write(Baggage.empty, exampleValue())), EXAMPLE_ATOMS)
})

test('the golden bytes are what is written, and read back as what was written', () => {
  const golden = hex(
    readFileSync(new URL('../golden/example.txt', import.meta.url), 'utf8').replace(/#.*\n|\s/g, ''),
  )
  const written = Example.write(Baggage.empty, exampleValue())
  assert.equal(toHex(written.encode()), toHex(golden))
  assert.deepEqual(Example.read(Baggage.decode(golden)), { ...exampleValue(), f32: 0xffffffff })
  assert.ok(Example.update(Baggage.decode(golden), (value) => value).equals(written))
})

test('sint sets sort by value', () => {
  const { S } = loadBdl('bag S = 1 { set<sint32> v = 0; }')
  const values = new Set([-65, -64, -1, 0, 1, 63, 64])
  const written = S.write(Baggage.empty, { v: new Set([...values].reverse()) })
  assert.equal(show(written), 'F801 F000 003FBF 0040 007F 0080 0081 00BF 00C040')
  assert.deepEqual([...S.read(written).v], [...values])
})

test('bag ids at every change of length', () => {
  const table: [number, string][] = [
    [0, 'F800'],
    [127, 'F87F'],
    [128, 'F88080'],
    [342, 'F88156'],
    [8282, 'F8A05A'],
    [16383, 'F8BFFF'],
    [16384, 'F8C04000'],
    [2 ** 31 - 1, 'F8F07FFFFFFF'],
  ]
  for (const [id, header] of table) {
    const { X } = loadBdl('bag X { bool v = 0; }', { ids: { X: id } })
    const written = X.write(Baggage.empty, { v: true })
    assert.equal(show(written), `${header} F000 0001`)
    assert.deepEqual(X.read(written), { v: true })
  }
})

test('X-Trace: parents accumulate at joins', () => {
  const { XTrace } = loadBdl('bag XTrace = 5 { fixed64 task = 1; set<fixed64> parents = 2; }')
  const a = XTrace.write(Baggage.empty, { task: 100n, parents: new Set([200n, 300n, 1000n]) })
  const b = XTrace.write(Baggage.empty, { task: 100n, parents: new Set([500n, 1000n]) })
  assert.equal(
    show(a),
    'F805 F001 000000000000000064 F002 0000000000000000C8 00000000000000012C 0000000000000003E8',
  )
  assert.deepEqual(XTrace.read(a.join(b)), { task: 100n, parents: new Set([200n, 300n, 500n, 1000n]) })
})

const ZIPKIN = `bag Zipkin = 2 {
  fixed64 traceId = 0;
  fixed64 spanId = 1;
  fixed64 parentSpanId = 2;
  flag sampled = 3;
  map<string, string> tags = 4;
}`

test("the paper's figure 5e, whole and trimmed", () => {
  const { Zipkin } = loadBdl(ZIPKIN)
  const scalars = {
    traceId: 0xfd7a880000000001n,
    spanId: 0xdac5c70000000002n,
    parentSpanId: 0x4555b60000000003n,
    sampled: true,
  }
  const tags = new Map([
    ['AddressGetHostname', 'compute10'],
    ['CardGetHostname', 'compute10'],
  ])
  assert.equal(Zipkin.write(Baggage.empty, scalars).byteLength, 48)
  const whole = Zipkin.write(Baggage.empty, { ...scalars, tags })
  assert.equal(whole.byteLength, 110)
  const at60 = whole.trim(60)
  assert.equal(
    show(at60),
    'F802 F000 00FD7A880000000001 F001 00DAC5C70000000002 F002 004555B60000000003 F003 0001 F004 -',
  )
  assert.equal(at60.byteLength, 52)
  const at75 = whole.trim(75)
  assert.equal(at75.byteLength, 72)
  for (const trimmed of [at60, at75]) {
    assert.deepEqual(Zipkin.read(trimmed), scalars, 'a key whose value was lost is not reported')
    assert.ok(Zipkin.overflowed(trimmed))
  }
  assert.deepEqual(Zipkin.read(whole), { ...scalars, tags })
  assert.equal(Zipkin.overflowed(whole), false)
})

test('two bags, trimmed in the second: which of them may be incomplete', () => {
  const { Three, Ten, Twelve } = loadBdl(
    'bag Three = 3 { set<fixed64> v = 1; } bag Ten = 10 { bool v = 0; } bag Twelve = 12 { bool v = 0; }',
  )
  const whole = Ten.write(Three.write(Baggage.empty, { v: new Set([5n]) }), { v: false })
  assert.equal(toHex(whole.encode()), '02f80302f0010900000000000000000502f80a02f000020000')
  const trimmed = whole.trim(20)
  assert.equal(toHex(trimmed.encode()), '02f80302f0010900000000000000000502f80a00')
  const decoded = Baggage.decode(trimmed.encode())
  assert.deepEqual(Three.read(decoded), { v: new Set([5n]) })
  assert.deepEqual(
    [Three, Ten, Twelve].map((bag) => bag.overflowed(decoded)),
    [false, true, true],
  )
  assert.deepEqual(Ten.read(decoded), {}, 'its header survived, its contents did not')
  assert.equal(Twelve.read(decoded), undefined)
  assert.ok(
    Three.update(decoded, (value) => value).equals(trimmed),
    'writing again what was read changes nothing',
  )
})

test('sizes as published', () => {
  const { T, B, S, Retro } =
    loadBdl(`bag T = 1 { taint v = 0; } bag B = 2 { bool v = 0; } bag S = 3 { set<fixed64> v = 0; }
    bag Retro = 4 { int32 tenant = 0; }`)
  assert.equal(T.write(Baggage.empty, { v: true }).byteLength, 9)
  assert.equal(B.write(Baggage.empty, { v: false }).byteLength, 9)
  assert.equal(S.write(Baggage.empty, { v: [7n] }).byteLength, 16)
  assert.equal(Retro.write(Baggage.empty, { tenant: 7 }).byteLength, 9)
})

test('a counter component is a keyed header and the complement of its count', () => {
  const fill = (bytes: Uint8Array) => bytes.fill(0xab)
  const { C } = loadBdl('bag C = 1 { counter n = 1; }', { ports: { random: { fill } } })
  assert.equal(show(C.increment(Baggage.empty, 'n', 174)), 'F801 F001 ECABABABABABABABAB 007F51')
})
