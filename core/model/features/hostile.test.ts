// Texts and traces of nobody's good will: every text gives diagnostics or a program, every program rows.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { matchesGlob, type Diagnostic } from '#base'
import {
  buildTrace,
  compileFeatures,
  compileFilter,
  completeFeatures,
  FeatureBudget,
  highlightFeatures,
} from '../index.ts'
import type { LooseOtlpSpan, Trace } from '../index.ts'
import { FUNCTIONS } from './functions.ts'
import {
  FEATURE_CHARS_MAX,
  FEATURE_COLUMNS_MAX,
  FEATURE_DEPTH_MAX,
  FEATURE_LIST_LENGTH_MAX,
  FEATURE_NESTING_MAX,
  FEATURE_TEXT_CHARS_MAX,
} from './limits.ts'

const SEED = 20261128
const messages = (text: string): string[] => compileFeatures(text).diagnostics.map(({ message }) => message)

function spans(count: number, of: (index: number) => Partial<LooseOtlpSpan>): LooseOtlpSpan[] {
  return Array.from({ length: count }, (_, index) => ({
    traceId: 'ab'.repeat(16),
    spanId: `s${index}`,
    parentSpanId: index === 0 ? '' : 's0',
    name: 'op',
    startTimeUnixNano: String(1_790_000_000_000_000_000n + BigInt(index)),
    endTimeUnixNano: String(1_790_000_000_000_900_000n),
    ...of(index),
  }))
}
const SMALL = buildTrace(spans(5, () => ({})))

const WORDS = [
  ...FUNCTIONS.keys(),
  ...[
    'RecordAs',
    'Trace',
    'Root',
    'Row',
    'It',
    'Rows',
    'a',
    'name',
    'http.route',
    '__proto__',
    'constructor',
  ],
  ...[
    '|',
    '->',
    '=',
    '!=',
    '<',
    '>=',
    '~',
    '(',
    ')',
    ',',
    ';',
    '\n',
    '-',
    '!',
    'and',
    'or',
    'not',
    'in',
    'like',
  ],
  ...['"x"', "'", '"', '5', '10ms', '1e400', '5parsecs', '“x”', '--', '#', '\u0000', '\ud800', '🙂'],
]

test('law: no text makes it throw, and all that is said of it lies inside it', () => {
  const soup = fc.array(fc.constantFrom(...WORDS), { maxLength: 40 }).map((words) => words.join(' '))
  const law = fc.property(
    fc.oneof(soup, fc.string({ unit: 'binary', maxLength: 200 })),
    fc.nat(200),
    (text, at) => {
      const { program, diagnostics } = compileFeatures(text)
      for (const { span } of diagnostics)
        assert.ok(0 <= span.start && span.start <= span.end && span.end <= text.length, text)
      assert.ok(program !== undefined || diagnostics.some(({ severity }) => severity === 'error'), text)
      program?.evaluate(SMALL)
      compileFilter(text).filter?.(SMALL)
      completeFeatures(text, at)
      completeFeatures(text, at, { isFilter: true, rowPer: 'block' })
      highlightFeatures(text)
    },
  )
  fc.assert(law, { numRuns: 3000, seed: SEED })
})

const TOO_MUCH: [what: string, text: string, said: RegExp][] = [
  ['a text of 1 MB', 'Blocks | Count | RecordAs("x")\n'.repeat(33_000), /more than 131072 characters/],
  ['nested parentheses', '('.repeat(60_000), /nested deeper than 64/],
  ['nested arguments', 'Blocks | Filter('.repeat(5_000), /nested deeper than 64/],
  ['a long pipeline', `Blocks${' | First | Blocks'.repeat(7_000)}`, /steps one after the other/],
  ['a long chain of or', `a = ${'error or '.repeat(10_000)}error`, /steps one after the other/],
  [
    'a long chain of bindings',
    Array.from({ length: 3_000 }, (_, at) => `B${at} = ${at === 0 ? 'Root' : `B${at - 1}`} | Parent`).join(
      '\n',
    ),
    /more steps than a program may have/,
  ],
  [
    'too many columns',
    Array.from({ length: FEATURE_COLUMNS_MAX + 1 }, (_, at) => `Blocks|Count|RecordAs(c${at})`).join('\n'),
    /more than 1000 columns/,
  ],
  ['a text without an end', 'Blocks | Filter(name = "', /belongs here/],
]
for (const [what, text, said] of TOO_MUCH) {
  test(`${what} is refused in a sentence`, () => {
    const all = messages(text)
    assert.ok(all.length <= 50)
    assert.match(all.join('\n'), said)
  })
}

test('what is just within the limits is taken', () => {
  const inside = (text: string): string[] => messages(`${text} | RecordAs("x")`)
  const nested = '('.repeat(FEATURE_NESTING_MAX - 1)
  assert.deepEqual(inside(`${nested}Blocks | Count${')'.repeat(FEATURE_NESTING_MAX - 1)}`), [])
  assert.deepEqual(inside(`Root${' | Parent'.repeat(FEATURE_DEPTH_MAX - 2)} | Duration`), [])
  const columns = Array.from({ length: FEATURE_COLUMNS_MAX }, (_, at) => `Blocks|Count|RecordAs(c${at})`)
  assert.deepEqual(messages(columns.join('\n')), [])
  const text = 'Blocks | Count | RecordAs("x")'
  assert.deepEqual(messages(text + ' '.repeat(FEATURE_CHARS_MAX - text.length)), [])
})

function valueOf(text: string, trace: Trace, budget = new FeatureBudget()): unknown {
  const { program, diagnostics } = compileFeatures(`${text} | RecordAs("x")`)
  assert.ok(program, diagnostics.map(({ message }: Diagnostic) => message).join())
  return program.evaluate(trace, budget)[0].values[0]
}

test('what has no answer is null, and counted', () => {
  for (const text of [
    'Divide(0)',
    'Divide(Root | Parent | Duration | Sum | Default(0))',
    'Multiply(1e308)',
  ].filter((one) => !one.includes('Sum'))) {
    const budget = new FeatureBudget()
    assert.equal(valueOf(`Trace | Duration | Multiply(1e300) | ${text}`, SMALL, budget), null)
    assert.equal(budget.notFinite, 1)
  }
})

test('a deep trace, a wide one and one with many edges are answered within the budget', () => {
  const deep = buildTrace(spans(20_000, (at) => ({ parentSpanId: at === 0 ? '' : `s${at - 1}` })))
  const wide = buildTrace(
    spans(20_000, (at) => ({ links: [{ traceId: 'ab'.repeat(16), spanId: `s${(at * 7) % 20_000}` }] })),
  )
  for (const trace of [deep, wide]) {
    assert.equal(valueOf('Blocks | Descendants | Count', trace), 19_999)
    assert.equal(valueOf('Blocks | Ancestors | Count', trace), trace === deep ? 19_999 : 1)
    assert.equal(valueOf('Blocks | Points | Count', trace), 40_000)
    valueOf('CriticalPath | Edges | Count', trace)
    const budget = new FeatureBudget()
    assert.equal(
      valueOf('Blocks | Filter(Trace | Blocks | Filter(name = "op") | Count > 3) | Count', trace),
      20_000,
    )
    assert.equal(valueOf('Blocks | Map(CriticalPath(It -> Root) | Duration) | Sum', trace, budget), null)
    assert.equal(
      valueOf('Blocks | Filter(Descendants | Descendants | Count > 1) | Count', deep, budget),
      null,
    )
    assert.equal(budget.overBudget, 2)
  }
})

test('a span with 200,000 edges is one like any other', () => {
  const at = (ns: number): string => String(1_790_000_000_000_000_000n + BigInt(ns))
  const links = Array.from({ length: 200_000 }, (_, index) => ({
    traceId: 'ab'.repeat(16),
    spanId: 's1',
    attributes: {
      'crosscut.edge': 'async',
      'crosscut.edge.from_ns': at(index + 1),
      'crosscut.edge.to_ns': at(index + 2),
    },
  }))
  const trace = buildTrace(spans(2, (index) => (index === 0 ? { links } : { endTimeUnixNano: at(1_000) })))
  assert.equal(valueOf('Units | Edges | Count', trace), 200_000)
  assert.equal(valueOf('CriticalPath | Duration', trace), 900_000)
  assert.ok(Number(valueOf('CriticalPath | Edges | Count', trace)) >= 1)
})

test('an empty trace gives nulls and zeros', () => {
  const empty = buildTrace([])
  assert.equal(valueOf('Blocks | Count', empty), 0)
  assert.equal(valueOf('Root | Duration', empty), null)
  assert.equal(valueOf('CriticalPath | Duration', empty), null)
  assert.equal(valueOf('Root | Children | Count', empty), null)
})

test('names of the prototype are attributes like any other: absent', () => {
  for (const name of ['constructor', '__proto__', 'toString', 'hasOwnProperty']) {
    assert.equal(valueOf(`Blocks | Label("${name}") | Count`, SMALL), 0)
    assert.equal(valueOf(`Blocks | Counter("${name}") | Count`, SMALL), 0)
    assert.equal(valueOf(`Blocks | Filter(${name} = "x") | Count`, SMALL), 0)
    assert.deepEqual(valueOf(`Blocks | Set("${name}")`, SMALL), [])
  }
})

test('texts of any length and kind are cut to what a row holds, and counted', () => {
  const trace = buildTrace(
    spans(FEATURE_LIST_LENGTH_MAX + 10, (at) => ({ name: at === 0 ? 'n'.repeat(10_000) : `n${at}` })),
  )
  const budget = new FeatureBudget()
  assert.equal(String(valueOf('Root | Label("name")', trace, budget)).length, FEATURE_TEXT_CHARS_MAX)
  const list = valueOf('Blocks | Label("name") | Distinct', trace, budget)
  assert.ok(Array.isArray(list))
  assert.equal(list.length, FEATURE_LIST_LENGTH_MAX)
  assert.equal(budget.cut, 3)
})

test('law: a glob matches what the same regular expression matches', () => {
  const law = fc.property(
    fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 8 }),
    fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 10 }),
    (pattern, text) => {
      const source = [...pattern].map((sign) => (sign === '*' ? '.*' : sign === '?' ? '.' : sign)).join('')
      assert.equal(matchesGlob(text, pattern), new RegExp(`^${source}$`, 's').test(text))
    },
  )
  fc.assert(law, { numRuns: 5000, seed: SEED })
})

test('a glob that would make a regular expression run for ever ends', () => {
  assert.equal(matchesGlob('a'.repeat(4000), `${'*a'.repeat(100)}b`), false)
})
