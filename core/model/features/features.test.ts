// The feature language through its face: the paper's expressions as printed, every stage against a small
// trace.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatDiagnostic } from '#base'
import {
  annotationsOf,
  buildTrace,
  compileFeatures,
  compileFilter,
  completeFeatures,
  FeatureBudget,
  isAnnotation,
  prepareTrace,
} from '../index.ts'
import type { FeatureValue, LooseOtlpSpan, RowPer, Trace } from '../index.ts'

const TRACE = '0123456789abcdef0123456789abcdef'
const EPOCH_MS = 1_790_000_000_000
const at = (ms: number): string => `${EPOCH_MS + ms}000000`

type Brief = {
  readonly id: string
  readonly up?: string
  readonly service: string
  readonly name: string
  readonly ms: readonly [number, number]
  readonly [field: string]: unknown
}

function span({ id, up, service, name, ms: [from, to], ...more }: Brief): LooseOtlpSpan {
  return {
    traceId: TRACE,
    spanId: id,
    parentSpanId: up,
    name,
    kind: 'internal',
    startTimeUnixNano: at(from),
    endTimeUnixNano: at(to),
    resource: { 'service.name': service, 'host.name': service },
    ...more,
  }
}

/** A page: two style sheets and a script, then it shows; the server's side of one of them. */
const PAGE: Trace = buildTrace([
  span({
    id: 'a1',
    service: 'Client',
    name: 'page',
    ms: [0, 120],
    events: [
      { name: 'mark', timeUnixNano: at(100), attributes: { marker: 'display_done' } },
      { name: 'loaded', timeUnixNano: at(110) },
    ],
  }),
  span({
    id: 'a2',
    up: 'a1',
    service: 'Client',
    name: 'style.css',
    ms: [10, 40],
    kind: 'client',
    attributes: { 'crosscut.edge': 'resource', resource: 'css', 'crosscut.counter.bytes': 2000 },
  }),
  span({ id: 'b1', up: 'a2', service: 'web', name: 'GET /style.css', ms: [15, 35], kind: 'server' }),
  span({
    id: 'a3',
    up: 'a1',
    service: 'Client',
    name: 'app.js',
    ms: [41, 60],
    kind: 'client',
    attributes: { 'crosscut.edge': 'resource', resource: 'js', 'crosscut.counter.bytes': 5000 },
  }),
  span({
    id: 'a4',
    up: 'a1',
    service: 'Client',
    name: 'theme.css',
    ms: [61, 90],
    kind: 'client',
    attributes: {
      'crosscut.edge': 'resource',
      resource: 'css',
      'crosscut.counter.bytes': 3,
      'crosscut.unit.bytes': 'KiBy',
    },
  }),
])

const MS = 1e6

function columns(text: string, trace: Trace = PAGE, rowPer?: RowPer): Record<string, FeatureValue>[] {
  const { program, diagnostics } = compileFeatures(text, rowPer === undefined ? {} : { rowPer })
  assert.ok(program, diagnostics.map(formatDiagnostic).join('\n'))
  return program
    .evaluate(trace)
    .map(({ values }) => Object.fromEntries(program.columns.map(({ name }, place) => [name, values[place]])))
}

const PUBLISHED = `
Begin = ExecUnits | Filter(name="Client") | Points | First
DisplayDone = ExecUnits | Filter(name="Client") | Points | Filter(marker="display_done") | First
DisplayDone | Timestamp | Subtract(Begin | Timestamp) | RecordAs("display_done")
ResourceEdges = CriticalPath(Begin->DisplayDone) | Edges | Filter(type="resource")
ResourceEdges | Duration | Sum | RecordAs("res_load")
ResourceEdges | Filter(resource="css") | Counter(bytes) | Sum | RecordAs("css_bytes")
`

test("the paper's expressions work as printed", () => {
  assert.deepEqual(columns(PUBLISHED), [
    { display_done: 100 * MS, res_load: (30 + 19 + 29) * MS, css_bytes: 2000 + 3 * 1024 },
  ])
})

test('they say in which units they are', () => {
  const { program } = compileFeatures(PUBLISHED)
  assert.deepEqual(program?.columns, [
    { name: 'display_done', type: 'number', unit: 'ns' },
    { name: 'res_load', type: 'number', unit: 'ns' },
    { name: 'css_bytes', type: 'number', unit: 'By' },
  ])
})

test('a pipeline whose points are not there gives null, not zero', () => {
  const trace = buildTrace([span({ id: 'a1', service: 'other', name: 'x', ms: [0, 1] })])
  assert.deepEqual(columns(PUBLISHED, trace), [{ display_done: null, res_load: null, css_bytes: null }])
})

test('a filter is a condition on the trace', () => {
  const holds = (text: string): boolean | undefined => compileFilter(text).filter?.(PAGE)
  assert.equal(holds('ExecUnits | Filter(service="web") | Exists'), true)
  assert.equal(holds('ExecUnits | Filter(service="db") | Exists'), false)
  assert.equal(holds('service = "Client" and duration > 100ms'), true)
  assert.equal(holds('Slow = Blocks | Filter(duration > 25ms)\nSlow | Count >= 3'), true)
})

test('a budget that is spent gives null, and is counted', () => {
  const { program } = compileFeatures('Blocks | Filter(name = "x") | Count | RecordAs("n")')
  const budget = new FeatureBudget(2)
  assert.deepEqual(program?.evaluate(PAGE, budget), [{ values: [null] }])
  assert.equal(budget.overBudget, 1)
})

const LINKED = (links: readonly object[], more: readonly LooseOtlpSpan[] = []): Trace =>
  buildTrace([
    span({ id: 'r0', service: 'a', name: 'root', ms: [0, 100], links }),
    span({ id: 'w1', up: 'r0', service: 'a', name: 'work', ms: [0, 40] }),
    ...more,
  ])
const edge = (spanId: string, kind: string, from: number, to: number, attributes: object = {}): object => ({
  traceId: TRACE,
  spanId,
  attributes: {
    'crosscut.edge': kind,
    'crosscut.edge.from_ns': at(from),
    'crosscut.edge.to_ns': at(to),
    ...attributes,
  },
})

test('a critical path has the edges that it goes along, and no others', () => {
  const along = (trace: Trace, path = 'CriticalPath'): FeatureValue | undefined =>
    columns(`${path} | Edges | Label("e") | RecordAs("e")`, trace)[0]?.['e']
  const twice = [edge('w1', 'async', 10, 60, { e: 'early' }), edge('w1', 'queue', 30, 70, { e: 'late' })]
  assert.deepEqual(along(LINKED(twice)), ['late'])
  assert.deepEqual(along(LINKED(twice), 'CriticalPath(Root -> (Blocks | Filter(name = "work") | First))'), [])
  // What nesting says already (the parent waited for its child) is no edge of the path.
  assert.deepEqual(along(LINKED([edge('w1', 'join', 40, 40, { e: 'at once' })])), [])
  assert.deepEqual(along(LINKED([edge('w1', 'async', 70, 60, { e: 'against time' })])), [])
  assert.deepEqual(along(LINKED([edge('ff', 'async', 10, 60, { e: 'from nowhere' })])), [])
})

test('what began because of an edge has it on the path: out of a queue, and after a branch that was awaited', () => {
  const job = span({
    id: 'j2',
    up: 'w1',
    service: 'b',
    name: 'job',
    kind: 'consumer',
    ms: [60, 90],
    links: [edge('w1', 'queue', 35, 60, { e: 'queued' })],
  })
  const late = span({
    id: 'l3',
    up: 'r0',
    service: 'a',
    name: 'late',
    ms: [50, 99],
    links: [edge('w1', 'join', 40, 50, { e: 'joined' })],
  })
  const trace = LINKED([], [job, late])
  const text = (to: string): string =>
    `CriticalPath(Root -> (Blocks | Filter(name = "${to}") | First)) | Edges | Label("e") | RecordAs("e")`
  assert.deepEqual(columns(text('job'), trace), [{ e: ['queued'] }])
  assert.deepEqual(columns(text('late'), trace), [{ e: ['joined'] }])
})

test('an edge of another trace has no duration and no source', () => {
  const trace = LINKED([
    { traceId: 'ff'.repeat(16), spanId: 'x1', attributes: { 'crosscut.edge': 'barrier' } },
  ])
  const text = `Edges | Count | RecordAs("n")
Edges | Duration | Count | RecordAs("timed")
Edges | Source | Count | RecordAs("sources")
Edges | Target | Label("name") | RecordAs("targets")`
  assert.deepEqual(columns(text, trace), [{ n: 1, timed: 0, sources: 0, targets: ['root'] }])
})

test('a unit is named by its spans or its resource, and a span of another name begins one', () => {
  const trace = buildTrace([
    span({ id: 'a1', service: 'app', name: 'main', ms: [0, 9] }),
    span({
      id: 'a2',
      up: 'a1',
      service: 'app',
      name: 'x',
      ms: [1, 5],
      attributes: { 'crosscut.unit_name': 'gc' },
    }),
    span({
      id: 'a3',
      up: 'a2',
      service: 'app',
      name: 'y',
      ms: [2, 3],
      attributes: { 'crosscut.unit_name': 'gc' },
    }),
  ])
  const text = 'name | RecordAs("unit")\nRow | Blocks | Count | RecordAs("blocks")'
  assert.deepEqual(columns(text, trace, 'unit'), [
    { unit: 'app', blocks: 1 },
    { unit: 'gc', blocks: 2 },
  ])
})

test('counters have the unit of their column, whatever unit they were told in', () => {
  const counted = (value: unknown, unit?: string): Record<string, unknown> => ({
    'crosscut.counter.c': value,
    ...(unit === undefined ? {} : { 'crosscut.unit.c': unit }),
  })
  const told = [
    counted(2, 's'),
    counted(500, 'ms'),
    counted(7),
    counted('9007199254740993', 'ns'),
    counted(1, 'By'),
  ]
  const trace = buildTrace(
    told.map((attributes, index) =>
      span({
        id: `s${index}`,
        service: 'a',
        name: 'x',
        ms: [index, 10],
        attributes: { ...attributes, plain: index },
      }),
    ),
  )
  const values = ['Counter(c, ms)', 'Counter(c)', 'Counter(plain)'].map((counter) =>
    columns(`Blocks | ${counter} | Sum | RecordAs("x")\nBlocks | ${counter} | Count | RecordAs("n")`, trace),
  )
  assert.deepEqual(values, [
    [{ x: 2000 + 500 + 7 + 9007199254740992 / 1e6, n: 4 }],
    [{ x: 2 + 500 + 7 + 9007199254740992 + 1, n: 5 }],
    [{ x: 10, n: 5 }],
  ])
})

test('units of one kind go together: the second is turned into the first', () => {
  const trace = buildTrace([
    span({ id: 's0', service: 'a', name: 'x', ms: [0, 20], attributes: { 'crosscut.counter.cpu_time': 15 } }),
  ])
  const text = `Cpu = Root | Counter(cpu_time)
Cpu | Add(1s) | RecordAs("later")
Root | Duration | Subtract(Cpu) | RecordAs("idle")
Cpu | Divide(Root | Duration) | RecordAs("busy")
Blocks | Filter(Counter(cpu_time) > 14ms, Counter(cpu_time) in (15ms, 16ms)) | Count | RecordAs("n")
Root | Duration | In(s) | RecordAs("s")`
  assert.deepEqual(columns(text, trace), [{ later: 1015, idle: 5 * MS, busy: 0.75, n: 1, s: 0.02 }])
  const units = compileFeatures(text).program?.columns.map(({ unit }) => unit)
  assert.deepEqual(units, ['ms', 'ns', undefined, undefined, 's'])
})

test('a critical path goes between points, blocks and units, or over one of them', () => {
  const text = `Page = Units | First
Css = Blocks | Filter(name = "style.css") | First
Css | CriticalPath | Duration | In(ms) | RecordAs("css")
Page | CriticalPath | Duration | In(ms) | RecordAs("page")
CriticalPath(Css -> Page) | Duration | In(ms) | RecordAs("after")
CriticalPath(Page -> (Css | Points | Last)) | Duration | In(ms) | RecordAs("until")
CriticalPath((Css | Points | Last) -> Css) | Duration | RecordAs("never")
Blocks | Map(CriticalPath | Sections | Count) | Sum | RecordAs("sections")
CriticalPath(Css -> Css) | Units | Label("name") | RecordAs("units")`
  assert.deepEqual(columns(text), [
    { css: 30, page: 120, after: 110, until: 40, never: null, sections: 15, units: ['Client', 'web'] },
  ])
})

test('annotations of an element are read as one', () => {
  assert.deepEqual(
    annotationsOf({
      'crosscut.counter.bytes': 5,
      'crosscut.counter.wait': 2,
      'crosscut.unit.wait': 'ms',
      'crosscut.counter.bad': 'many',
      'crosscut.set.keys': ['a', 'b', 3],
      'crosscut.labels': ['beta'],
      'code.stacktrace': 'at f',
      'exception.message': 'no',
      other: 1,
    }),
    {
      counters: [
        { name: 'bytes', value: 5, unit: 'By' },
        { name: 'wait', value: 2, unit: 'ms' },
      ],
      labels: ['beta'],
      sets: [{ name: 'keys', values: ['a', 'b'] }],
      stacks: ['at f'],
      messages: ['no'],
    },
  )
  assert.deepEqual(['crosscut.set.x', 'code.stacktrace', 'http.route'].map(isAnnotation), [true, true, false])
})

test('a row of an element says which, each another', () => {
  const trace = LINKED([edge('w1', 'join', 40, 40), edge('w1', 'queue', 1, 2)])
  const elements = (rowPer: RowPer, of = trace): (string | undefined)[] | undefined =>
    compileFeatures('Timestamp | RecordAs("t")', { rowPer })
      .program?.evaluate(of)
      .map(({ element }) => element)
  assert.deepEqual(elements('trace'), [undefined])
  assert.deepEqual(elements('unit'), ['r0'])
  assert.deepEqual(elements('block'), ['r0', 'w1'])
  assert.deepEqual(elements('edge'), ['r0#1', 'r0#0'])
  assert.deepEqual(elements('point', PAGE), ['a1#0', 'a1#1'])
  assert.deepEqual(elements('edge', PAGE), ['a2', 'a3', 'a4'])
})

test('programs of several owners read one prepared trace', () => {
  const prepared = prepareTrace(PAGE)
  for (const text of ['Blocks | Count | RecordAs("n")', PUBLISHED])
    assert.deepEqual(
      compileFeatures(text).program?.evaluate(prepared),
      compileFeatures(text).program?.evaluate(PAGE),
    )
})

const MISTAKES: [text: string, said: string][] = [
  ['Blok | Count', '1:1 error: there is no Blok (try: Block)'],
  ['Blocks | Cont | RecordAs("n")', '1:10 error: there is no Cont (try: Count)'],
  ['A = B | Count\nB = Blocks', '1:5 error: B is bound further down (try: put its line above this one)'],
  ['name = Blocks', '1:1 error: name is a field, which conditions would no longer reach (try: Name)'],
  ['Blocks | Duration | RecordAs("x")', '1:21 error: a row holds one number; this is many numbers (ns)'],
  [
    'Blocks | RecordAs("x")',
    '1:10 error: a row holds values; this is many blocks (try: | Count, | Label("name"))',
  ],
  ['Trace | Duration | Add(4KiB) | RecordAs("x")', '1:20 error: ns and By do not go together'],
  ['Trace | Duration | In(KiB) | RecordAs("x")', '1:20 error: ns cannot be given in KiB'],
  ['Blocks | Filter(duration > "x") | Count', '1:17 error: one number (ns) never equals one text'],
  ['Blocks | Filter(duration > 10) | Count', '1:17 warning: a duration is in ns (try: write the unit: 10ms)'],
  [
    'Blocks | Filter(Blocks)',
    '1:17 error: Blocks is of trace, unit, point, edge, section, path; this is one block',
  ],
  [
    'Blocks | Filter(Children)',
    '1:17 error: a condition is true or false; this is many blocks (try: | Exists)',
  ],
  ['Blocks | Filter(Duration | RecordAs("x"))', '1:28 error: RecordAs stands at the end of a statement'],
  ['Units | Counter(bytes) | Sum', '1:9 error: Counter is of block, point, edge; this is many units'],
  [
    'CriticalPath(Blocks -> Root)',
    '1:14 error: a path goes between points, blocks or units; this is many blocks',
  ],
  ['Blocks | Nth(0)', '1:10 error: Nth counts from 1, or from -1 backwards (try: Nth(1))'],
  ['Blocks | Count(3)', '1:10 error: Count takes no arguments (try: Count)'],
  ['Blocks | Label', '1:10 error: Label needs an attribute (try: Label("attribute"))'],
  ['Blocks | Filter(duration > 10mss) | Count', '1:28 error: there is no unit mss (try: ms)'],
  ['Blocks | Count | RecordAs("a b")', '1:18 error: a column has a letter first'],
  ['Blocks | First | Duration RecordAs("x")', '1:27 error: a new line, "|" or ";" belongs here'],
  ['Rows = Blocks | First', '1:8 error: there is one row a trace; this is one block'],
]
for (const [text, said] of MISTAKES) {
  test(`what is wrong with ${JSON.stringify(text)} is said where it is`, () => {
    const all = compileFeatures(text).diagnostics.map(formatDiagnostic)
    assert.ok(
      all.some((one) => one.startsWith(said)),
      all.join('\n'),
    )
  })
}

test('all mistakes are told at once', () => {
  const { diagnostics } = compileFeatures(
    'Blok | Count | RecordAs("a")\nBlocks | Sum | RecordAs("b")\n| Filter(',
  )
  assert.deepEqual([...new Set(diagnostics.map(({ span: { line } }) => line))], [3, 1, 2])
})

const OFFERS: [text: string, first: string[]][] = [
  ['', ['name', 'service']],
  ['Blocks | Fil', ['Filter(']],
  ['Blocks | Filter(ser', ['service']],
  ['Blocks | Filter(Children | Cou', ['Counter(', 'Count']],
  ['Begin = Units | First\nBe', ['Begin']],
  ['Blocks | Label("http.r', ['http.route']],
  ['Blocks | Counter(byt', ['bytes']],
  ['Blocks | Counter(bytes) | Sum | In(Ki', ['KiBy']],
  ['Blocks | Count | Rec', ['RecordAs(']],
  ['CriticalPath(Roo', ['Root']],
  ['Blocks | Duration | P9', ['P90', 'P95', 'P99', 'P999']],
]
for (const [text, first] of OFFERS) {
  test(`behind ${JSON.stringify(text)} an editor offers ${first.join(', ')} first`, () => {
    const offers = completeFeatures(text, text.length, { vocabulary: { attributes: ['http.route'] } })
    assert.deepEqual(
      offers.slice(0, first.length).map(({ label }) => label),
      first,
    )
    for (const { start, end } of offers) assert.ok(start <= end && end === text.length)
  })
}

test('a stage is offered only to what it takes', () => {
  const offers = completeFeatures('Trace | Duration | ', 19).map(({ label }) => label)
  assert.ok(offers.includes('In(') && offers.includes('RecordAs('))
  assert.ok(!offers.includes('Children') && !offers.includes('Sum'))
})
