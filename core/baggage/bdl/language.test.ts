// The language: what is accepted, and every mistake reported at once with place and help.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatDiagnostic } from '#base'
import { Baggage, BdlError, checkBdl, loadBdl } from '../index.ts'

const messages = (source: string, options = {}): string[] => checkBdl(source, options).map(formatDiagnostic)

test('the published schemas load as the papers print them', () => {
  const bags = loadBdl(
    `
    package org.example ; // one line
    /* and a bag
       of several */
    struct HTraceID { fixed64 upper; fixed64 lower; }
    bag HTrace = 7 { set<HTraceID> parents = 0; }
    bag Retro = 3 { int32 tenantId = 0; counter diskWrites = 1; counter<> more = 2; Counter most = 3; }
    bag PivotTracing = 8 { map<string, set<bytes>> tuples = 0; }
    bag NetJob = 9 { Map<string,string> labels = 0 }
    bag FonsecaBag { map<string, Set<string>> things = 77; flag f = 3; taint t = 4; }
    bag stringThing = 11 { stringThing intThing = 0; org.example.FonsecaBag qualified = 1; };
  `,
    { ids: { FonsecaBag: 77 } },
  )
  assert.deepEqual(
    Object.entries(bags).map(([name, bag]) => [name, bag.name, bag.id]),
    [
      ['HTrace', 'HTrace', 7],
      ['Retro', 'Retro', 3],
      ['PivotTracing', 'PivotTracing', 8],
      ['NetJob', 'NetJob', 9],
      ['FonsecaBag', 'FonsecaBag', 77],
      ['stringThing', 'stringThing', 11],
    ],
  )
})

test('an id given at loading wins over the one in the text, and a bag without one only stands in others', () => {
  const bags = loadBdl('bag A = 1 { B b = 0; } bag B { int32 v = 0; }', { ids: { A: 100 } })
  assert.deepEqual(Object.keys(bags), ['A'])
  assert.equal(bags.A.id, 100)
})

test('carriage returns, no-break spaces and a byte order mark are white space', () => {
  assert.deepEqual(messages('\ufeffbag A = 1\r\n{\u00a0int32 v = 0;\r\n}\r\n'), [])
})

test('imports are looked up in what is given, may go in circles, and keep their packages apart', () => {
  const imports = {
    'b.bdl': 'package b; import "a.bdl"; bag B { a.A a = 0; int32 n = 1; }',
    'a.bdl': 'package a; import "b.bdl"; bag A { b.B b = 0; }',
  }
  const { X } = loadBdl('import "a.bdl"; bag X = 1 { a.A a = 0; B b = 1; }', { imports })
  const value = { a: { b: { n: 1 } }, b: { n: 2 } }
  assert.deepEqual(X.read(X.write(Baggage.empty, value)), value)
  assert.deepEqual(messages('import "c.bdl";', { imports }), [
    '1:8 error: there is no text for import "c.bdl" (pass it in options.imports)',
  ])
  assert.deepEqual(messages('import "a.bdl";', { imports: { 'a.bdl': 'bag A { in32 v = 0; }' } }), [
    '1:9 error: in "a.bdl": there is no type in32 (try: int32)',
  ])
  assert.deepEqual(messages('import "toString"; bag A = 1 { int32 v = 0; }').length, 1)
})

const MISTAKES: readonly [source: string, ...messages: string[]][] = [
  ['bag A = 1 { strng s = 0; }', '1:13 error: there is no type strng (try: string)'],
  ['bag A = 1 { int32 a = 0; string b = 0; }', '1:37 error: a has index 0 already (try: 1)'],
  ['bag A = 1 { int32 a = 0; string a = 1; }', '1:33 error: A has a field a already'],
  ['bag A = 1 { int32 a; }', '1:19 error: a has no index (try: a = 0)'],
  [
    'bag A = 1 { int32 a = -10; }',
    '1:23 error: an index is a number from 0 to 2147483647 (nothing sorts before 0 on the wire; leave gaps if something may have to come first)',
  ],
  ['bag A = 1 { int32 a = 2147483648; }', '1:23 error: an index is a number from 0 to 2147483647'],
  ['bag A = 1 { int32 a = ; }', '1:23 error: expected a number, found ";"'],
  ['bag A = 2147483648 { }', '1:9 error: an id is a number from 0 to 2147483647'],
  ['bag A = 1 { int32 a = 0 string b = 1; }', '1:23 error: expected ";", found "string" (try: ;)'],
  ['bag A { } bag A { }', '1:15 error: A is declared twice'],
  ['bag A = 1 { } bag B = 1 { }', '1:19 error: A has id 1 already'],
  ['bag string { }', '1:5 error: string is a type of the language'],
  ['bag _a { }', '1:5 error: a name begins with a letter'],
  ['struct S = 1 { int32 a; }', '1:12 error: a struct has no id: only bags stand in baggage by themselves'],
  ['struct S { int32 a = 0; }', '1:22 error: fields of a struct go by their order and have no index'],
  [
    'struct S { set<int32> a; }',
    '1:12 error: a field of a struct is a primitive or a struct (set does not fit into one atom)',
  ],
  [
    'struct S { T t; } struct T { S s; }',
    '1:8 error: struct S contains itself (try: bag S)',
    '1:26 error: struct T contains itself (try: bag T)',
  ],
  [
    'bag A = 1 { set<A> a = 0; }',
    '1:17 error: what stands in set<> is a primitive or a struct (A does not fit into one atom)',
  ],
  [
    'bag A = 1 { map<taint, A> a = 0; }',
    '1:17 error: a key of a map is a primitive or a struct (taint does not fit into one atom)',
  ],
  ['struct S { int32 a; } bag A = 1 { map<S, A> a = 0; }', '1:35 error: a key of a map is a primitive'],
  ['bag A = 1 { set a = 0; }', '1:13 error: set takes 1 type in < > (try: set<string>)'],
  ['bag A = 1 { map<string> a = 0; }', '1:13 error: map takes 2 types in < > (try: map<string, string>)'],
  ['bag A = 1 { int32<int32> a = 0; }', '1:13 error: int32 takes no types in < > (try: int32)'],
  ['bag A = 1 { clock(lamport) a = 0; }', '1:19 error: there is no lamport clock (try: clock(vector))'],
  ['bag A = 1 { b.A a = 0; }', '1:13 error: there is no type b.A'],
  ['/* never closed', '1:1 error: this comment has no end (try: */)'],
  [
    'import "x',
    '1:8 error: this quotation has no end on its line',
    '1:9 error: expected the path of a file in quotes, found "x"',
  ],
  ['bag A = 1 { int32 a = 0; ', '1:26 error: expected "}", found the end of the text (try: })'],
  [
    'bag A = 1 { int32 \u00e9 = 0; int32 b = 1; }',
    '1:19 error: unexpected "\u00e9"',
    '1:21 error: expected the name of the field, found "="',
  ],
  ['bags A { }', '1:1 error: expected "bag" or "struct", found "bags"'],
  ['bag A { } package p;', '1:19 error: the package comes first in a file'],
]

test('each mistake has its message, place and suggestion', () => {
  for (const [source, ...expected] of MISTAKES) assert.deepEqual(messages(source), expected, source)
})

test('all mistakes of a text are reported at once', () => {
  const source = `bag A = 1 {
  strng s = 0;
  int32 = 1;
  string ok = 2;
  map<string> m = 2;
}
bagg B { }
bag C = 1 { int32 v = 0; C c = 0; }`
  // Names are looked up only in a text that parses: what is missing could be what was not understood.
  assert.deepEqual(messages(source), [
    '3:9 error: expected the name of the field, found "="',
    '7:1 error: expected "bag" or "struct", found "bagg"',
  ])
  const parsing = source.replace('  int32 = 1;\n', '').replace('bagg B { }', '')
  assert.deepEqual(messages(parsing), [
    '2:3 error: there is no type strng (try: string)',
    '4:3 error: map takes 2 types in < > (try: map<string, string>)',
    '4:19 error: ok has index 2 already (try: 3)',
    '7:32 error: v has index 0 already (try: 1)',
    '7:5 error: A has id 1 already',
  ])
  assert.throws(
    () => loadBdl(parsing),
    (error) => error instanceof BdlError && error.code === 'E_BDL' && error.diagnostics.length === 5,
  )
})

test('ids for what is no bag are reported', () => {
  assert.deepEqual(messages('bag Zipkin { }', { ids: { Zipkn: 1 } }), [
    '1:1 error: an id is given for Zipkn, which is no bag (try: Zipkin)',
  ])
  assert.deepEqual(messages('bag Zipkin { }', { ids: { Zipkin: -1 } }), [
    '1:5 error: the id given for Zipkin is no number from 0 to 2147483647',
  ])
})

test('types nest sixteen deep and no deeper', () => {
  const nested = (depth: number) =>
    `bag A = 1 { ${'map<string, '.repeat(depth)}int32${'>'.repeat(depth)} v = 0; }`
  assert.deepEqual(messages(nested(16)), [])
  assert.match(messages(nested(17)).join(), /types nest at most 16 deep/)
  assert.equal(messages(nested(50_000).slice(0, 262_144)).length > 0, true)
})

test('a text of the largest size is read, one character more is refused', () => {
  const text = (length: number) => 'bag A = 1 { int32 v = 0; }'.padEnd(length)
  assert.deepEqual(messages(text(262_144)), [])
  assert.deepEqual(messages(text(262_145)), ['1:1 error: a text has at most 262144 characters'])
})

test('a hundred messages are enough', () => {
  assert.equal(messages('$ a '.repeat(5000)).length, 100)
})

test('any text gives a schema or diagnostics, in time linear in its length', () => {
  const words = [
    'bag',
    'struct',
    'A',
    'B',
    '=',
    '1',
    '-1',
    '{',
    '}',
    '<',
    '>',
    ';',
    ',',
    '.',
    '(',
    ')',
    'map',
    'set',
    'int32',
    'string',
    'counter',
    'clock',
    'package',
    'import',
    '"x"',
    '"',
    '/*',
    '*/',
    '//',
    '\n',
    '\u00e9',
    '\0',
    '99999999999999999999',
  ]
  const texts = fc
    .array(fc.oneof(fc.constantFrom(...words), fc.string({ maxLength: 3 })), { maxLength: 40 })
    .map((list) => list.join(' '))
  fc.assert(
    fc.property(texts, (source) => {
      for (const diagnostic of checkBdl(source)) {
        assert.ok(
          diagnostic.span.start >= 0 &&
            diagnostic.span.end <= source.length &&
            diagnostic.span.start <= diagnostic.span.end,
        )
        assert.ok(diagnostic.span.line >= 1 && diagnostic.span.column >= 1)
      }
    }),
    { seed: 31, numRuns: 3000 },
  )
})
