// What is refused and why, at the last accepted and the first refused; and what runs.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Baggage } from '#baggage'
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
  type AdviceEnvironment,
  type AdviceValue,
  type RefusalCode,
} from './index.ts'

const SCHEMA = 'bag Label = 80 { string text = 0; int32 count = 1; }'

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
const sets = (count: number): unknown[] => [LET, ...Array.from({ length: count }, () => SET)]

const ACCEPTED: readonly (readonly [string, unknown])[] = [
  ['no advice at all', tool([], { advice: [] })],
  ['no schema', tool([LET], { schema: '' })],
  [
    'a cost of exactly the most',
    tool([...sets(4), ...Array.from({ length: COST_MAX - 161 }, () => LET)].slice(0, INSTRUCTIONS_MAX)),
  ],
  ['as many instructions as there may be', tool(Array.from({ length: INSTRUCTIONS_MAX }, () => LET))],
  ['a name as long as it may be', tool([], { name: 'n'.repeat(NAME_LENGTH_MAX) })],
  ['members that nobody knows, beside the instructions', tool([LET], { policy: 'later' })],
]
for (const [what, json] of ACCEPTED) test(`${what} is accepted`, () => assert.ok(accept(json)))

const REFUSED: readonly (readonly [string, unknown, RefusalCode])[] = [
  ['null', null, 'E_ADVICE_FORMAT'],
  ['a version that is no number', tool([], { version: '1' }), 'E_ADVICE_FORMAT'],
  ['an instruction of the future', tool([{ op: 'emit' }]), 'E_ADVICE_UNKNOWN_OP'],
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
  ['a cost above the most', tool(sets(5)), 'E_ADVICE_COST'],
  ['a slot that nothing wrote', tool([SET]), 'E_ADVICE_SLOT'],
  ['a slot that is written later', tool([{ op: 'tag', key: 'k', slot: 'a' }, LET]), 'E_ADVICE_SLOT'],
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
  readonly tags: [string, AdviceValue][]
  readonly levels: string[]
}

function at(vars: Record<string, AdviceValue>, baggage: Baggage = Baggage.empty): Told {
  const tags: [string, AdviceValue][] = []
  const levels: string[] = []
  return {
    tags,
    levels,
    environment: {
      baggage,
      variable: (name) => vars[name],
      tag: (key, value) => tags.push([key, value]),
      logLevel: (level) => levels.push(level),
    },
  }
}

function run(instructions: readonly Instruction[], told: Told): Told {
  for (const advice of compilePackage(accept(tool(instructions)))) advice.run(told.environment)
  return told
}

const PACK: readonly Instruction[] = [
  { op: 'observe', vars: ['path', 'kind'] },
  { op: 'filter', slot: 'kind', equals: 'order' },
  { op: 'set', bag: 'Label', field: 'text', slot: 'path' },
]
const UNPACK: readonly Instruction[] = [
  { op: 'unpack', bag: 'Label', field: 'text', slot: 'text' },
  { op: 'tag', key: 'label', slot: 'text' },
]

test('what one advice sets another unpacks, through baggage', () => {
  const packed = run(PACK, at({ path: '/a', kind: 'order' }))
  assert.deepEqual(run(UNPACK, at({}, Baggage.decode(packed.environment.baggage.encode()))).tags, [
    ['label', '/a'],
  ])
})

test('a filter that says no ends the advice, and what has no value is not set', () => {
  assert.equal(run(PACK, at({ path: '/a', kind: 'other' })).environment.baggage, Baggage.empty)
  assert.equal(run(PACK, at({ kind: 'order' })).environment.baggage, Baggage.empty)
  assert.deepEqual(run(UNPACK, at({})).tags, [])
})

test('parameters are constants of the advice', () => {
  const told = run(
    [
      { op: 'let', slot: 'a', value: { parameter: 'greeting' } },
      { op: 'tag', key: 'g', slot: 'a' },
      { op: 'logLevel', slot: 'a' },
    ],
    at({}),
  )
  assert.deepEqual([told.tags, told.levels], [[['g', 'hello']], ['hello']])
})
