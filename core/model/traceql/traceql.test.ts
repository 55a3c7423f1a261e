// TraceQL by text cases over one trace, and by laws: whatever the trace and the query, the evaluator agrees
// with the definition of each operator, and the pre-filter leaves out nothing that matches.

import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { buildTrace } from '../build-trace.ts'
import type { Block, Trace } from '../trace.ts'
import { evaluateTraceQuery, needOf, parseTraceQuery } from './index.ts'
import type { SpanTest, TraceNeed, TraceQuery } from './index.ts'
import { PATTERN_STEPS_TOTAL_MAX } from './limits.ts'
import { compileRegular } from './regular.ts'
import { compare, isNil, textsOf } from './values.ts'
import { TraceFields } from './trace-fields.ts'
import { SPANS, spanOf, TRACE, TRACE_ID } from './traceql.fixture.ts'

function parsed(text: string): TraceQuery {
  const { query, diagnostics } = parseTraceQuery(text)
  assert.ok(query !== undefined, `${text}: ${diagnostics.map(({ message }) => message).join('; ')}`)
  return query
}

/** Names of the spans found, spansets joined by |. */
const found = (text: string, trace: Trace = TRACE): string =>
  evaluateTraceQuery(parsed(text), trace)
    .spansets.map(({ blocks }) => blocks.map(({ name }) => name).join(''))
    .join('|')

const CASES: readonly (readonly [query: string, expect: string])[] = [
  ['{ }', 'abdecfxy'],
  ['{ true }', 'abdecfxy'],
  ['{ false }', ''],
  ['{ name = "d" }', 'd'],
  ['{ span:name != "d" && resource.service.name = "db" }', 'e'],
  ['{ resource.service.name =~ "d.|cache" }', 'def'],
  ['{ resource.service.name =~ "d" }', ''],
  ['{ .service.name !~ "db|gateway|worker" }', 'bcf'],
  ['{ duration > 30ms }', 'abc'],
  ['{ 30ms < duration && duration <= 0.055s }', 'bc'],
  ['{ duration >= 1m30s }', ''],
  ['{ status = error }', 'e'],
  ['{ status != error && kind = client }', 'd'],
  ['{ statusMessage = "deadlock" }', 'e'],
  ['{ kind = server }', 'ab'],
  ['{ span.http.status_code >= 200 && .http.status_code < 300 }', 'a'],
  ['{ .http.status_code = "200" }', ''],
  ['{ .bytes != 500 }', 'cx'],
  ['{ .bytes = nil && kind = server }', 'ab'],
  ['{ span.bytes != nil }', 'dcx'],
  ['{ .bytes * 2 = 1000 || .bytes + 10 = 20 }', 'dx'],
  ['{ .bytes > 10 * 100 }', 'c'],
  ['{ -.bytes < -1000 }', 'c'],
  ['{ .bytes ^ 2 = 100 }', 'x'],
  ['{ .bytes % 1000 = 500 }', 'dc'],
  ['{ .ratio = 0.5 }', 'c'],
  ['{ .retry }', 'b'],
  ['{ !.retry }', ''],
  ['{ !(.retry = true) && kind = server }', 'a'],
  ['{ .retry || .http.status_code = 200 }', 'ab'],
  ['{ .tags = "x" }', 'c'],
  ['{ .tags != "x" }', ''],
  ['{ .tags =~ "[xz]" }', 'c'],
  ['{ ."a name" = "q" }', 'd'],
  ['{ span."a name" = `q` }', 'd'],
  ['{ .big = 9007199254740993 }', 'e'],
  ['{ .big > maxInt || .big < minInt }', ''],
  ['{ event:name = "exception" }', 'd'],
  ['{ event:timeSinceStart > 1ms }', 'd'],
  ['{ event.exception.type = "E" }', 'd'],
  ['{ event:name = nil && resource.service.name = "db" }', 'e'],
  ['{ link.why = "batch" }', 'e'],
  [`{ link:traceID = "${'b'.repeat(32)}" }`, 'e'],
  ['{ instrumentation:name = "http" && instrumentation:version != "1.3" && name = "a" }', 'a'],
  ['{ span:id = "000000000000000d" }', 'd'],
  ['{ span:parentID = "000000000000000c" }', 'f'],
  ['{ span:parentID = nil }', 'a'],
  ['{ childCount = 2 }', 'ab'],
  ['{ span:childCount = 0 }', 'defxy'],
  ['{ trace:duration = 100ms && name = "a" }', 'a'],
  ['{ rootName = "a" && rootServiceName = "gateway" && name = "f" }', 'f'],
  [`{ trace:id = "${TRACE_ID}" && name = "f" }`, 'f'],
  ['{ nestedSetParent < 0 }', 'a'],
  ['{ nestedSetParent = 0 }', 'xy'],
  ['{ nestedSetLeft > 1 && nestedSetRight < 8 }', 'bde'],
  // spansets
  ['{ name = "d" } && { name = "f" }', 'df'],
  ['{ name = "d" } && { name = "z" }', ''],
  ['{ name = "d" } || { name = "z" }', 'd'],
  ['{ name = "a" } >> { resource.service.name = "db" }', 'de'],
  ['{ name = "a" } > { }', 'bc'],
  ['{ resource.service.name = "db" } << { }', 'ab'],
  ['{ resource.service.name = "db" } < { }', 'b'],
  ['{ name = "d" } ~ { }', 'e'],
  ['{ } ~ { name = "a" }', ''],
  ['{ name = "b" } !>> { }', 'abcfxy'],
  ['{ name = "a" } !> { }', 'adefxy'],
  ['{ name = "d" } !<< { kind = server || name = "f" }', 'f'],
  ['{ } !< { }', 'defxy'],
  ['{ name = "d" } !~ { resource.service.name = "db" }', 'd'],
  ['{ name = "z" } !>> { name = "d" }', 'd'],
  ['{ name = "b" } &>> { status = error }', 'be'],
  ['{ name = "a" } &> { name = "f" }', ''],
  ['{ name = "d" } &~ { status = error }', 'de'],
  ['{ name = "d" } &<< { name = "a" }', 'ad'],
  ['{ name = "d" } &< { }', 'bd'],
  ['({ name = "a" } > { }) >> { }', 'def'],
  ['{ name = "a" } > { } > { kind = client }', 'de'],
  // where a span is missing: x and y are known to have the same parent, and nothing else is claimed
  ['{ name = "x" } ~ { }', 'y'],
  ['{ name = "a" } >> { resource.service.name = "worker" }', ''],
  ['{ name = "a" } !>> { resource.service.name = "worker" }', 'xy'],
  // pipelines
  ['{ resource.service.name = "db" } | count() = 2', 'de'],
  ['{ resource.service.name = "db" } | count() > 2', ''],
  ['{ } | { kind = server } | { duration > 50ms }', 'a'],
  ['count() > 7', 'abdecfxy'],
  ['{ } | avg(.bytes) = 670', 'abdecfxy'],
  ['{ .bytes != nil } | sum(.bytes) = 2010', 'dcx'],
  ['{ } | min(.bytes) + 5 < max(.bytes) / 10', 'abdecfxy'],
  ['{ } | max(duration) > 99ms', 'abdecfxy'],
  ['{ } | sum(.nothing) >= 0', ''],
  ['{ } | by(resource.service.name)', 'a|bc|de|f|xy'],
  ['{ } | by(resource.service.name) | count() > 1', 'bc|de|xy'],
  ['{ } | by(.bytes > 100) | coalesce()', 'abdecfxy'],
  ['{ } | by(resource.service.name) | count() > 1 | coalesce() | count() = 6', 'bdecxy'],
  ['({ } | count() > 1 | { name = "b" }) >> { kind = client }', 'de'],
  ['({ name = "z" } | count() >= 0) || { name = "d" }', 'd'],
  ['{ status = error } | select(span.db.system, duration)', 'e'],
  ['select(.bytes)', 'abdecfxy'],
  ['{ name = "d" } with (most_recent=true)', 'd'],
  // as Tempo has it: && and || bind alike
  ['{ name = "a" || name = "b" && kind = client }', ''],
]

for (const [query, expect] of CASES) {
  test(`${query} finds ${expect === '' ? 'nothing' : expect}`, () => assert.equal(found(query), expect))
}

test('a trace without its root has no root name, and its fragments are searched all the same', () => {
  const rootless = buildTrace(SPANS.slice(1))
  assert.equal(found('{ rootName = nil && name = "b" } >> { status = error }', rootless), 'e')
  assert.equal(found('{ nestedSetParent = 0 }', rootless), 'bcxy')
  assert.equal(found('{ name = "b" } ~ { }', rootless), 'c')
})

test('cycles, spans that are their own parents and duplicate ids end, and are found', () => {
  const odd = buildTrace([
    spanOf({ id: '1', parent: '2' }),
    spanOf({ id: '2', parent: '1' }),
    spanOf({ id: '3', parent: '3' }),
    spanOf({ id: '4', parent: '3' }),
    spanOf({ id: '4', parent: '3' }),
  ])
  assert.equal(found('{ } | count() = 4', odd).length, 4)
  assert.equal(found('{ name = "3" } >> { }', odd), '4')
})

test('what the query names is shown of each span, as it is written', () => {
  const { spansets, show } = evaluateTraceQuery(
    parsed('{ status = error && .nothing = nil } | select(span.db.system)'),
    TRACE,
  )
  const shown = show(spansets[0]!.blocks[0]!).map(({ text, values }) => ({ text, values }))
  assert.deepEqual(shown, [
    { text: 'status', values: 'error' },
    { text: 'span.db.system', values: 'postgres' },
  ])
})

test('groups say by what', () => {
  const { spansets } = evaluateTraceQuery(parsed('{ kind = client } | by(resource.service.name)'), TRACE)
  assert.deepEqual(spansets[0]!.groupedBy, [{ text: 'by(resource.service.name)', values: 'db' }])
})

const REFUSED: readonly (readonly [query: string, message: RegExp])[] = [
  ['', /too early/],
  ['true', /begins no spanset/],
  ['{ . }', /name of an attribute is missing/],
  ['{ < }', /stands where a value should/],
  ['{ .a < }', /stands where a value should/],
  ['{ .a < 3', /} is missing/],
  ['{ (.a < 3 }', /\) is missing/],
  ['{ attribute = 4 }', /no field of a span/],
  ['{ .attribute == 4 }', /stands where a value should/],
  ['{ span. }', /name of an attribute is missing/],
  ['{ nme = "a" }', /no field of a span/],
  ['{ trace:status = error }', /no field of a span/],
  ['{ parent.a = 1 }', /parent\. is not read here/],
  ['{ true } + { true }', /not joined by \+/],
  ['{ true } = { true }', /not joined by =/],
  ['{ } | count()', /must be compared/],
  ['{ } | count = 1', /begins no spanset/],
  ['{ } | notAnAggregate() = 1', /is no aggregate/],
  ['{ } | max() = 1', /needs a field/],
  ['{ } | by()', /stands where a value should/],
  ['{ } | by(1)', /differs between spans/],
  ['sum(3) = 2', /differs between spans/],
  ['max(name) = 1', /is of numbers/],
  ['3 = 2', /looks at no span/],
  ['coalesce() | { }', /cannot come first/],
  ['select()', /stands where a value should/],
  ['select(1)', /takes names of fields/],
  ['{ } | rate()', /time series/],
  ['{ status }', /must be true or false/],
  ['{ "foo" }', /must be true or false/],
  ['{ 1 + "a" = 1 }', /\+ needs a number/],
  ['{ 1 = "a" }', /a number is never text/],
  ['{ status > ok }', /compared by = and !=/],
  ['{ status = "error" }', /a status is never text/],
  ['{ .a = ok }', /an attribute is never a status/],
  ['{ kind < server }', /compared by = and !=/],
  ['{ .a > nil }', /nil is compared by/],
  ['{ name =~ 2 }', /needs a pattern/],
  ['{ .a =~ "[" }', /is no pattern/],
  ['{ .a =~ "(a" }', /is no pattern/],
  ['{ duration =~ "a" }', /looks at text/],
  ['{ !name = "a" }', /! needs true or false/],
  ['{ .a = "x }', /is not closed/],
  ['{ .a = 5xs }', /neither a number nor a duration/],
  ['{ .a ; }', /has no meaning/],
  ['{ } { }', /should end or a \| follow/],
  [`${'('.repeat(200)}{ }${')'.repeat(200)}`, /nested/],
  [`{ ${'.a = 1 || '.repeat(1500)}true }`, /may have 2000 parts|may have 16384 characters/],
  ['x'.repeat(20_000), /16384 characters/],
]

for (const [query, message] of REFUSED) {
  test(`${query.slice(0, 60)} is refused: ${message.source}`, () => {
    const { query: made, diagnostics } = parseTraceQuery(query)
    assert.equal(made, undefined)
    assert.match(diagnostics.map((one) => one.message).join('; '), message)
  })
}

test('all that does not fit is told at once', () => {
  const { diagnostics } = parseTraceQuery('{ 1 = "a" && status > ok } | { name = 5 }')
  assert.deepEqual(
    diagnostics.map(({ span }) => span.column),
    [3, 14, 32],
  )
})

test('no text makes the parser throw', () => {
  const pieces = fc.constantFrom(
    ...'{ } ( ) | && || >> !>> &> ~ = != =~ "a" `b` .a span. 5ms 3 -1 by( count() , with'.split(' '),
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(pieces).map((all) => all.join(' ')),
      ),
      (text) => {
        const { query, diagnostics } = parseTraceQuery(text)
        assert.equal(query === undefined, diagnostics.length > 0)
      },
    ),
  )
})

// --- laws

const NAMES = ['p', 'q', 'r'] as const

/** Any tree, with spans whose parents never came. */
const anyTrace: fc.Arbitrary<Trace> = fc
  .array(
    fc.record({
      parent: fc.option(fc.integer({ min: 0, max: 14 }), { nil: undefined }),
      name: fc.constantFrom(...NAMES),
      n: fc.option(fc.integer({ min: 0, max: 4 }), { nil: undefined }),
      isError: fc.boolean(),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .map((given) =>
    buildTrace(
      given.map(({ parent, name, n, isError }, i) =>
        spanOf({
          id: String(i + 1),
          // Parents come before their children, so there is no cycle to repair; 13 and 14 never come.
          ...(parent === undefined || (parent >= i && parent < 12) ? {} : { parent: String(parent + 1) }),
          ms: [i, i + 2],
          name,
          status: { code: isError ? 2 : 0 },
          attributes: n === undefined ? {} : { n },
        }),
      ),
    ),
  )

type Definition = (trace: Trace) => ReadonlySet<Block>
type Asked = { readonly text: string; readonly by: Definition }

const filter = (text: string, holds: (block: Block) => boolean): Asked => ({
  text: `{ ${text} }`,
  by: ({ blocks }) => new Set(blocks.filter(holds)),
})

const anyFilter: fc.Arbitrary<Asked> = fc.oneof(
  fc.constantFrom(...NAMES).map((name) => filter(`name = "${name}"`, (block) => block.name === name)),
  fc.constant(filter('status = error', ({ span }) => span.status.code === 2)),
  fc.constant(filter('', () => true)),
  fc
    .integer({ min: 0, max: 4 })
    .map((n) => filter(`.n > ${n}`, ({ span }) => Number(span.attributes['n'] ?? -1) > n)),
  fc.tuple(fc.constantFrom(...NAMES), fc.integer({ min: 0, max: 4 })).map(([name, n]) =>
    filter(`name != "${name}" && span.n != ${n}`, ({ name: own, span }) => {
      const value = span.attributes['n']
      return own !== name && value !== undefined && value !== n
    }),
  ),
)

/** By walking: what each relation means. */
const HOLDS: { readonly [op: string]: (left: Block, right: Block, trace: Trace) => boolean } = {
  '>': (left, right) => right.parent === left.index,
  '>>': (left, right, { blocks }) => {
    for (let up = right.parent; up !== -1; up = blocks[up]!.parent) if (up === left.index) return true
    return false
  },
  '<': (left, right) => left.parent === right.index,
  '<<': (left, right, trace) => HOLDS['>>']!(right, left, trace),
  '~': (left, right) =>
    left !== right &&
    left.span.parentSpanId !== undefined &&
    left.span.parentSpanId === right.span.parentSpanId,
}

function relate(op: string, left: Asked, right: Asked): Asked {
  const [, mode = '', relation = ''] = /^([!&]?)(.*)$/.exec(op)!
  const holds = HOLDS[relation]!
  return {
    text: `(${left.text}) ${op} (${right.text})`,
    by: (trace) => {
      const [lefts, rights] = [[...left.by(trace)], [...right.by(trace)]]
      if (mode === '!')
        return new Set(rights.filter((right) => !lefts.some((left) => holds(left, right, trace))))
      const chosen = rights.filter((right) => lefts.some((left) => holds(left, right, trace)))
      const others = lefts.filter((left) => rights.some((right) => holds(left, right, trace)))
      return new Set(mode === '&' ? [...chosen, ...others] : chosen)
    },
  }
}

function join(op: string, left: Asked, right: Asked): Asked {
  return {
    text: `(${left.text}) ${op} (${right.text})`,
    by: (trace) => {
      const [lefts, rights] = [left.by(trace), right.by(trace)]
      return op === '&&' && (lefts.size === 0 || rights.size === 0)
        ? new Set()
        : new Set([...lefts, ...rights])
    },
  }
}

const OPS = ['', '!', '&'].flatMap((mode) => Object.keys(HOLDS).map((op) => `${mode}${op}`))

const anyQuery: fc.Arbitrary<Asked> = fc.letrec<{ query: Asked }>((tie) => ({
  query: fc.oneof(
    { maxDepth: 4, depthSize: 'medium' },
    anyFilter,
    fc
      .tuple(fc.constantFrom(...OPS), tie('query'), tie('query'))
      .map(([op, left, right]) => relate(op, left, right)),
    fc
      .tuple(fc.constantFrom('&&', '||'), tie('query'), tie('query'))
      .map(([op, left, right]) => join(op, left, right)),
  ),
})).query

test('every query over every trace finds what the definition of its operators says', () => {
  fc.assert(
    fc.property(anyTrace, anyQuery, (trace, { text, by }) => {
      const { spansets } = evaluateTraceQuery(parsed(text), trace)
      const expected = by(trace)
      assert.deepEqual(
        spansets.flatMap(({ blocks }) => blocks).map(({ spanId }) => spanId),
        trace.blocks.filter((block) => expected.has(block)).map(({ spanId }) => spanId),
        text,
      )
    }),
    { numRuns: 2000 },
  )
})

test('the pre-filter excludes no trace that matches', () => {
  fc.assert(
    fc.property(anyTrace, anyQuery, (trace, { text }) => {
      const query = parsed(text)
      if (evaluateTraceQuery(query, trace).spansets.length > 0) assert.ok(isMet(needOf(query), trace), text)
    }),
    { numRuns: 2000 },
  )
})

function isMet(need: TraceNeed, trace: Trace): boolean {
  switch (need.kind) {
    case 'anything':
      return true
    case 'all':
      return need.of.every((one) => isMet(one, trace))
    case 'one':
      return need.of.some((one) => isMet(one, trace))
    case 'span':
    case 'trace':
      return trace.blocks.some((block) => passes(need.test, block, trace))
  }
}

function passes(test: SpanTest, block: Block, trace: Trace): boolean {
  if (test.kind === 'any') return true
  if (test.kind === 'all') return test.of.every((one) => passes(one, block, trace))
  if (test.kind === 'one') return test.of.some((one) => passes(one, block, trace))
  const values = new TraceFields(trace).reader(test.field)(block)
  if (test.kind === 'exists') return !isNil(values)
  if (test.kind === 'match') return textsOf(values).some((text) => compileRegular(test.pattern).matches(text))
  return compare(test.op, values, test.literal.value ?? undefined)
}

const NEEDS: readonly (readonly [query: string, need: string])[] = [
  ['{ }', 'anything'],
  ['{ name = "a" } !>> { .b != nil }', 'span: .b exists'],
  ['{ name = "a" && .n > 3 }', 'span: span:name = a and .n > 3'],
  ['{ name = "a" } || { }', 'anything'],
  [
    '{ trace:duration > 1s && status = error }',
    'trace: trace:duration > 1000000000; span: span:status = error',
  ],
  ['{ trace:duration > 1s || status = error }', 'anything'],
  ['{ !(.a = 1) && 3 < .n }', 'span: .n > 3'],
  ['{ .a } > { .b =~ "x|y" } | count() > 3', 'span: .a = true; span: .b =~ x|y'],
]

for (const [query, need] of NEEDS) {
  test(`${query} needs ${need}`, () => assert.equal(needText(needOf(parsed(query))), need))
}

function needText(need: TraceNeed): string {
  if (need.kind === 'anything') return 'anything'
  if (need.kind === 'all') return need.of.map(needText).join('; ')
  if (need.kind === 'one') return need.of.map(needText).join(' or ')
  return `${need.kind}: ${testText(need.test)}`
}

function testText(test: SpanTest): string {
  if (test.kind === 'any') return 'any'
  if (test.kind === 'all' || test.kind === 'one')
    return test.of.map(testText).join(test.kind === 'all' ? ' and ' : ' or ')
  const name = test.field.kind === 'intrinsic' ? test.field.name : `.${test.field.name}`
  if (test.kind === 'exists') return `${name} exists`
  return test.kind === 'match' ? `${name} =~ ${test.pattern}` : `${name} ${test.op} ${test.literal.value}`
}

// --- patterns

const anyPattern: fc.Arbitrary<string> = fc.letrec<{ pattern: string }>((tie) => ({
  pattern: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.constantFrom(
      'a',
      'b',
      '.',
      '[ab]',
      '[^a]',
      '[a-c]',
      '\\d',
      '\\w',
      '\\s',
      '\\.',
      '^',
      '$',
      '\\b',
      '\\x41',
    ),
    fc.tuple(tie('pattern'), tie('pattern')).map(([left, right]) => `${left}${right}`),
    fc.tuple(tie('pattern'), tie('pattern')).map(([left, right]) => `(?:${left}|${right})`),
    fc
      .tuple(tie('pattern'), fc.constantFrom('*', '+', '?', '{2}', '{1,2}', '{1,}', '*?'))
      .map(([inner, times]) => `(${inner})${times}`),
  ),
})).pattern

test('a pattern matches what the same pattern of JavaScript matches as a whole', () => {
  const text = fc.string({
    unit: fc.constantFrom('a', 'b', 'c', 'A', '1', '.', ' ', '\n', 'ü'),
    maxLength: 8,
  })
  fc.assert(
    fc.property(anyPattern, text, (pattern, subject) => {
      const expected = new RegExp(`^(?:${pattern})$`, 'u').test(subject)
      assert.equal(
        compileRegular(pattern).matches(subject),
        expected,
        `${pattern} on ${JSON.stringify(subject)}`,
      )
    }),
    { numRuns: 3000 },
  )
})

test('flags, classes and escapes are those of RE2', () => {
  const yes: readonly (readonly [string, string])[] = [
    ['(?i)get|PoSt', 'POST'],
    ['a(?i)b', 'aB'],
    ['(?i:a)b', 'Ab'],
    ['(?s).*', 'a\nb'],
    ['(?P<n>x)', 'x'],
    ['[[:alpha:]_]+', 'aZ_'],
    ['[\\d-]+', '1-2'],
    ['[]a]', ']'],
    ['\\x{1F600}', '\u{1F600}'],
    ['GET /api/orders', 'GET /api/orders'],
  ]
  for (const [pattern, text] of yes) assert.ok(compileRegular(pattern).matches(text), pattern)
  const no: readonly (readonly [string, string])[] = [
    ['(?i:a)b', 'AB'],
    ['.*', 'a\nb'],
    ['GET', 'GETS'],
  ]
  for (const [pattern, text] of no) assert.ok(!compileRegular(pattern).matches(text), pattern)
  for (const bad of ['(?=a)', '\\1', '(a', 'a)', '[a', '*', 'a{2,1}', 'a{1001}', '(?:a{1000}){1000}', '\\'])
    assert.throws(() => compileRegular(bad), /./, bad)
})

test('no pattern costs more than its steps times the text', () => {
  for (const pattern of ['(a+)+b', '(a|a)*b', '(a*)*b', '(.*a){12}']) {
    const cost = { steps: 0 }
    compileRegular(pattern).matches('a'.repeat(5000), cost)
    assert.ok(cost.steps <= 5000 * 400, `${pattern} took ${cost.steps}`)
  }
})

test('patterns that would cost too much match nothing, and the answer says so', () => {
  const long = buildTrace([spanOf({ id: 'a', attributes: { text: 'a'.repeat(60_000) } })])
  const query = parsed('{ .text =~ "(.*(a?){150}){8}b" }')
  const { spansets, isCut } = evaluateTraceQuery(query, long)
  assert.deepEqual([spansets.length, isCut], [0, true])
  const shared = { steps: PATTERN_STEPS_TOTAL_MAX }
  const other = evaluateTraceQuery(parsed('{ name =~ ".*" }'), TRACE, shared)
  assert.deepEqual([other.spansets.length, other.isCut], [0, true])
})
