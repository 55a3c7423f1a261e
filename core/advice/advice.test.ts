// What is refused and why, at the last accepted and the first refused; and what runs.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Baggage, loadBdl } from '#baggage'
import type { Instruction } from '#protocol'
import fc from 'fast-check'
import {
  ADVICE_MAX,
  AdviceRefusal,
  compilePackage,
  COST_MAX,
  INSTRUCTIONS_MAX,
  NAME_LENGTH_MAX,
  parsePackage,
  TEXT_LENGTH_MAX,
  verifyPackage,
  GroupTable,
  TupleOwners,
  type AdviceEnvironment,
  type Value,
  type RefusalCode,
} from './index.ts'

const SCHEMA = `
  bag Label = 80 { string text = 0; int32 count = 1; counter hits = 2; string mac = 3; }
  bag Edges = 81 { set<bytes> after = 0; }`

function tool(instructions: readonly unknown[], more: Record<string, unknown> = {}): unknown {
  return {
    name: 't',
    version: 1,
    schema: SCHEMA,
    parameters: { greeting: 'hello' },
    advice: [{ tracepoint: 'p', instructions }],
    ...more,
  }
}

const accept = (json: unknown) => verifyPackage(parsePackage(json))

const LET = { op: 'let', slot: 'a', value: 1 }
const SET = { op: 'set', bag: 'Label', field: 'text', slot: 'a' }
/** One instruction of this cost: EMIT pays 2, and for each key one and what its expression costs. */
const lets = (cost: number): unknown => {
  const nested = (depth: number): unknown =>
    depth === 0 ? 1 : { call: 'like', args: [nested(depth - 1), 'x'] }
  const keys = Array.from({ length: Math.floor((cost - 2) / 497) }, () => nested(31))
  const rest = cost - 2 - keys.length * 497
  return {
    op: 'emit',
    result: 'r',
    keys: [...keys, ...Array.from({ length: rest }, () => 1)],
    folds: [],
  }
}
const twice = (one: Instruction): readonly Instruction[] => [one, one]

const ACCEPTED: readonly (readonly [string, unknown])[] = [
  ['no advice at all', tool([], { advice: [] })],
  ['no schema', tool([LET], { schema: '' })],
  ['a cost of exactly the most', tool([lets(COST_MAX)])],
  ['as many instructions as there may be', tool(Array.from({ length: INSTRUCTIONS_MAX }, () => LET))],
  ['a name as long as it may be', tool([], { name: 'n'.repeat(NAME_LENGTH_MAX) })],
  ['members that nobody knows, beside the instructions', tool([LET], { policy: 'later' })],
]
for (const [what, json] of ACCEPTED) test(`${what} is accepted`, () => assert.ok(accept(json)))

const REFUSED: readonly (readonly [string, unknown, RefusalCode])[] = [
  ['null', null, 'E_ADVICE_FORMAT'],
  ['a version that is no number', tool([], { version: '1' }), 'E_ADVICE_FORMAT'],
  ['an instruction of the future', tool([{ op: 'teleport' }]), 'E_ADVICE_UNKNOWN_OP'],
  ['an instruction named like a method of objects', tool([{ op: 'constructor' }]), 'E_ADVICE_UNKNOWN_OP'],
  ['a member that an instruction does not have', tool([{ ...LET, unless: 1 }]), 'E_ADVICE_FORMAT'],
  [
    'one instruction too many',
    tool(Array.from({ length: INSTRUCTIONS_MAX + 1 }, () => LET)),
    'E_ADVICE_TOO_LARGE',
  ],
  [
    'one advice too many',
    tool([], {
      advice: Array.from({ length: ADVICE_MAX + 1 }, () => ({ tracepoint: 'p', instructions: [] })),
    }),
    'E_ADVICE_TOO_LARGE',
  ],
  [
    'a name one character too long',
    tool([], { name: 'n'.repeat(NAME_LENGTH_MAX + 1) }),
    'E_ADVICE_TOO_LARGE',
  ],
  [
    'a constant one character too long',
    tool([{ ...LET, value: 'x'.repeat(TEXT_LENGTH_MAX + 1) }]),
    'E_ADVICE_TOO_LARGE',
  ],
  ['a constant that is not finite', tool([{ ...LET, value: Infinity }]), 'E_ADVICE_FORMAT'],
  ['a cost above the most', tool([lets(COST_MAX + 1)]), 'E_ADVICE_COST'],
  ['a slot that nothing wrote', tool([SET]), 'E_ADVICE_SLOT'],
  [
    'a slot that is written later',
    tool([{ op: 'act', act: 'tag', key: 'k', slot: 'a' }, LET]),
    'E_ADVICE_SLOT',
  ],
  ['an act where nobody carries it out', tool([LET, { op: 'act', act: 'hold', slot: 'a' }]), 'E_ADVICE_ACT'],
  ['a release that is no number', tool([LET], { release: '1' }), 'E_ADVICE_FORMAT'],
  ['a bag that the schema does not declare', tool([LET, { ...SET, bag: 'Other' }]), 'E_ADVICE_BAG'],
  ['a bag named like a method of objects', tool([LET, { ...SET, bag: 'toString' }]), 'E_ADVICE_BAG'],
  ['a parameter that is not there', tool([{ ...LET, value: { parameter: 'no' } }]), 'E_ADVICE_PARAMETER'],
  ['a schema that is no BDL', tool([], { schema: 'bag' }), 'E_ADVICE_SCHEMA'],
]
for (const [what, json, code] of REFUSED) {
  test(`${what} is refused with ${code}`, () => {
    assert.throws(
      () => accept(json),
      (error: unknown) => error instanceof AdviceRefusal && error.code === code,
    )
  })
}

test('no JSON whatever gets through with another error than a refusal', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (json) => {
      for (const one of [json, tool([json]), tool([{ ...LET, value: json }])]) {
        try {
          accept(one)
        } catch (error: unknown) {
          assert.ok(error instanceof AdviceRefusal)
        }
      }
    }),
    { seed: 5, numRuns: 500 },
  )
})

type Told = {
  readonly environment: AdviceEnvironment
  readonly acts: [name: string, value: Value, key: string | undefined][]
}

function at(vars: Record<string, Value>, baggage: Baggage = Baggage.empty): Told {
  const acts: Told['acts'] = []
  const kept = new Map<string, Value>()
  const environment: AdviceEnvironment = {
    baggage,
    variable: (name) => vars[name] ?? kept.get(name.replace('kept.', '')) ?? null,
    stamp: () => new Uint8Array(16),
    nowNs: () => 7n,
    keep: (slot, value) => void kept.set(slot, value),
    isAuthentic: (text, mac) => mac === `mac of ${text}`,
    act: (name, value, key) => void acts.push([name, value, key]),
    overflow: () => assert.fail('nothing overflows here'),
  }
  return { acts, environment }
}

const PORTS = { owners: new TupleOwners(), fresh: () => new Uint8Array(8), random: () => 0.5 }

function run(instructions: readonly Instruction[], told: Told, table = new GroupTable([])): Told {
  const ports = { ...PORTS, results: () => table }
  for (const advice of compilePackage(accept(tool(instructions)), ports)) advice.run(told.environment)
  return told
}

const PACK: readonly Instruction[] = [
  { op: 'observe', vars: ['path', 'kind'] },
  { op: 'filter', where: { call: 'eq', args: [{ slot: 'kind' }, 'order'] } },
  { op: 'set', bag: 'Label', field: 'text', slot: 'path' },
]
const UNPACK: readonly Instruction[] = [
  { op: 'unpack', bag: 'Label', field: 'text', slot: 'text' },
  { op: 'act', act: 'tag', key: 'label', slot: 'text' },
]

test('what one advice sets another unpacks, through baggage', () => {
  const packed = run(PACK, at({ path: '/a', kind: 'order' }))
  assert.deepEqual(run(UNPACK, at({}, Baggage.decode(packed.environment.baggage.encode()))).acts, [
    ['tag', '/a', 'label'],
  ])
})

test('a filter that says no ends the advice, and what has no value is not set', () => {
  assert.equal(run(PACK, at({ path: '/a', kind: 'other' })).environment.baggage, Baggage.empty)
  assert.equal(run(PACK, at({ kind: 'order' })).environment.baggage, Baggage.empty)
  assert.deepEqual(run(UNPACK, at({})).acts, [])
})

test('parameters are constants of the advice', () => {
  const told = run(
    [
      { op: 'let', slot: 'a', value: { parameter: 'greeting' } },
      { op: 'act', act: 'tag', key: 'g', slot: 'a' },
      { op: 'act', act: 'logLevel', slot: 'a' },
    ],
    at({}),
  )
  assert.deepEqual(told.acts, [
    ['tag', 'hello', 'g'],
    ['logLevel', 'hello', undefined],
  ])
})

test('replace leaves only its field, increment counts up, drop takes the bag away', () => {
  const both: readonly Instruction[] = [
    { op: 'observe', vars: ['t', 'n'] },
    { op: 'set', bag: 'Label', field: 'text', slot: 't' },
    { op: 'set', bag: 'Label', field: 'count', slot: 'n' },
  ]
  const replaced = run(
    [...both, { op: 'replace', bag: 'Label', field: 'text', slot: 't' }],
    at({ t: 'x', n: 3 }),
  )
  const read = loadBdl(SCHEMA)['Label'].read(replaced.environment.baggage)
  assert.deepEqual({ ...read, hits: read.hits.value }, { text: 'x', hits: 0n })
  const counted = run(
    [...both, ...twice({ op: 'increment', bag: 'Label', field: 'hits', slot: 'n' })],
    at({ t: 'x', n: 3 }),
  )
  assert.equal(loadBdl(SCHEMA)['Label'].read(counted.environment.baggage).hits.value, 6n)
  assert.equal(
    run([...both, { op: 'drop', bag: 'Label' }], at({ t: 'x', n: 3 })).environment.baggage.byteLength,
    0,
  )
})

test("verify tells whether a value carries the fleet's proof", () => {
  const claim = (proof: string): readonly Instruction[] => [
    { op: 'let', slot: 'who', value: 'tenant-a' },
    { op: 'let', slot: 'proof', value: proof },
    { op: 'set', bag: 'Label', field: 'text', slot: 'who' },
    { op: 'set', bag: 'Label', field: 'mac', slot: 'proof' },
    { op: 'verify', bag: 'Label', of: 'text', mac: 'mac', slot: 'isTrue' },
    { op: 'act', act: 'tag', key: 'claim', slot: 'isTrue' },
  ]
  assert.deepEqual(run(claim('mac of "tenant-a"'), at({})).acts, [['tag', true, 'claim']])
  assert.deepEqual(run(claim('mac of "tenant-b"'), at({})).acts, [['tag', false, 'claim']])
})

test('where the first is there already, an advice that only packs it reads no variable', () => {
  const first: Instruction = {
    op: 'pack',
    bag: 'Edges',
    field: 'after',
    keep: { which: 'first', count: 1 },
    columns: [{ slot: 'path' }],
    parts: [],
  }
  const advice: readonly Instruction[] = [{ op: 'observe', vars: ['path'] }, first]
  const { baggage } = run(advice, at({ path: '/a' })).environment
  const later = at({}, Baggage.decode(baggage.encode()))
  const watched = { ...later, environment: { ...later.environment, variable: () => assert.fail('read') } }
  assert.equal(run(advice, watched).environment.baggage, later.environment.baggage)
  // With something else to do it runs.
  const tagged = run(
    [...advice, { op: 'act', act: 'tag', key: 'at', slot: 'path' }],
    at({ path: '/b' }, baggage),
  )
  assert.deepEqual(tagged.acts, [['tag', '/b', 'at']])
})

test('by hand: a duration from entry to exit, grouped by path', () => {
  const table = new GroupTable(['count', 'sum'])
  const entry: readonly Instruction[] = [
    { op: 'observe', vars: ['begin'] },
    { op: 'keep', slot: 'begin' },
  ]
  const exit: readonly Instruction[] = [
    { op: 'observe', vars: ['kept.begin', 'path'] },
    { op: 'now', slot: 'end' },
    { op: 'let', slot: 'took', value: { call: 'sub', args: [{ slot: 'end' }, { slot: 'kept.begin' }] } },
    {
      op: 'emit',
      result: 'durations',
      keys: [{ slot: 'path' }],
      folds: [
        { fn: 'count', value: true },
        { fn: 'sum', value: { slot: 'took' } },
      ],
    },
  ]
  const invocation = at({ begin: 5, path: '/a' })
  run(entry, invocation, table)
  run(exit, invocation, table)
  assert.deepEqual(table.groups(), [{ keys: ['/a'], states: [1, 2] }])
})

test('by hand: X-Trace: each event becomes the edge of the next, and joins where executions join', () => {
  const event = (id: number): readonly Instruction[] => [
    { op: 'let', slot: 'id', value: id },
    { op: 'unpack', bag: 'Edges', field: 'after', tuples: { columns: ['before'], weight: 'n', outer: true } },
    { op: 'emit', result: 'edges', keys: [{ slot: 'before' }, { slot: 'id' }], folds: [] },
    { op: 'drop', bag: 'Edges' },
    { op: 'pack', bag: 'Edges', field: 'after', columns: [{ slot: 'id' }], parts: [] },
  ]
  let components = 0
  const table = new GroupTable([])
  const ports = { ...PORTS, fresh: () => new Uint8Array(8).fill(++components), results: () => table }
  const hit = (id: number, baggage: Baggage): Baggage => {
    const told = at({}, baggage)
    for (const one of compilePackage(accept(tool(event(id))), ports)) one.run(told.environment)
    return told.environment.baggage
  }
  const first = hit(1, Baggage.empty)
  const joined = hit(2, first).join(hit(3, first))
  hit(4, joined)
  const edges = table.groups().map(({ keys }) => keys)
  assert.deepEqual(edges, [
    [null, 1],
    [1, 2],
    [1, 3],
    [2, 4],
    [3, 4],
  ])
})
