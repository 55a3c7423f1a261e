// What the language takes, what it refuses and how it says so; what a plan looks like; what an editor offers.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { NAME_LENGTH_MAX, TEXT_LENGTH_MAX } from '#advice'
import { formatDiagnostic } from '#base'
import fc from 'fast-check'
import {
  compileQuery,
  complete,
  evaluate,
  explain,
  EXPRESSION_DEPTH_MAX,
  KEEP_MAX,
  parse,
  QUERY_CHARS_MAX,
  QueryError,
  SELECT_ITEMS_MAX,
  TERM_DEPTH_MAX,
  type Group,
  type RecordedExecution,
} from './index.ts'

const PAPER: Readonly<Record<string, string>> = {
  Q1: 'From incr In DataNodeMetrics.incrBytesRead\nGroupBy incr.host\nSelect incr.host, SUM(incr.delta)',
  Q2: `From incr In DataNodeMetrics.incrBytesRead
       Join cl In First(ClientProtocols) On cl -> incr
       GroupBy cl.procName
       Select cl.procName, SUM(incr.delta)`,
  Q3: 'From dnop In DN.DataTransferProtocol GroupBy dnop.host Select dnop.host, COUNT',
  Q4: `From getloc In NN.GetBlockLocations
       Join st In StressTest.DoNextOp On st -> getloc
       GroupBy st.host, getloc.src Select st.host, getloc.src, COUNT`,
  Q7: `From DNop In DN.DataTransferProtocol
       Join getloc In NN.GetBlockLocations On getloc -> DNop
       Join st In StressTest.DoNextOp On st -> getloc
       Where st.host != DNop.host
       GroupBy DNop.host, getloc.replicas
       Select DNop.host, getloc.replicas, COUNT`,
  Q8: `From response In SendResponse
       Join request In MostRecent(ReceiveRequest) On request -> response
       Select response.time - request.time`,
  Q9: `From job In JobComplete
       Join latencyMeasurement In Q8 On latencyMeasurement -> job
       Select job.id, AVERAGE(latencyMeasurement)`,
}

const many = <T>(count: number, one: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => one(i))
/** Lets of which each names the one before twice. */
const doubling = (count: number): string =>
  many(count, (i) => `\nLet x${i + 1} = ${i === 0 ? 'e.v + e.v' : `x${i} + x${i}`}`).join('')
const nesting = (count: number): string =>
  many(count, (i) => `Let x${i + 1} = abs(${i === 0 ? 'e.v' : `x${i}`})`).join(' ')
const sum = (count: number): string => many(count, (i) => `e.v${i}`).join(' + ')

describe('the language', () => {
  for (const [name, text] of Object.entries(PAPER)) {
    test(`takes ${name} of the paper as it is printed`, () => {
      assert.deepEqual(parse(text, { views: PAPER }).diagnostics, [])
    })
  }

  const ANSWERS: readonly (readonly [string, unknown])[] = [
    ['From e In t Where e.v > 1us Select e.v As v', [{ v: 2000 }, { v: 5000 }]],
    ['From e In t Where e.v >= 2KiB or e.v == 1 Select e.v As v', [{ v: 1 }, { v: 5000 }]],
    ['From e In t Let kb = e.v / 1kB Where not kb < 2 Select kb', [{ kb: 2 }, { kb: 5 }]],
    [
      'From t Select SUM(v), COUNT, MIN(v) As least, AVERAGE(v) As mean',
      [{ 'SUM(v)': 7001, COUNT: 3, least: 1, mean: 7001 / 3 }],
    ],
    ['From e In t Select TOP 1 e.v As v', [{ v: 5000 }]],
    ['From e In t GroupBy e.k Select e.k, COUNT Top 1 By COUNT', [{ 'e.k': 'a', COUNT: 2 }]],
    ['From e In t Select DISTINCT e.k As k', [{ k: 'a' }, { k: 'b' }]],
    ['From e In t Select COUNT(DISTINCT e.k) As kinds', [{ kinds: 2 }]],
    [
      'From e In t Select e.k, COUNT Every 10ns',
      [
        { window: 0, 'e.k': 'a', COUNT: 2 },
        { window: 10, 'e.k': 'b', COUNT: 1 },
      ],
    ],
    ['From e In t Where e["odd name"] == "x" Select e.v As v', [{ v: 1 }]],
    [
      '-- a comment\nfrom e in t where e.k like "?" select lower(upper(e.k)) as k, count group by e.k top 1',
      [{ k: 'a', count: 2 }],
    ],
    [
      'From e In t Join b In t On b -> e Select b.v As before, e.v As v',
      [
        { before: 1, v: 2000 },
        { before: 1, v: 5000 },
        { before: 2000, v: 5000 },
      ],
    ],
    [
      'From e In t Left Join b In MostRecent(t) On b -> e Select b.v As before, e.v As v',
      [
        { before: null, v: 1 },
        { before: 1, v: 2000 },
        { before: 2000, v: 5000 },
      ],
    ],
    [
      'From e In t Select SUM(e.v) / COUNT As mean, if(COUNT > 2, "many", "few") As size',
      [{ mean: 7001 / 3, size: 'many' }],
    ],
    ['From e In t Where e.v == 2ms / 1μs Select e.v / 1µs As v', [{ v: 2 }]],
    [`From e In t Where ${many(100, (i) => `e.v == ${i + 1}`).join(' or ')} Select e.v As v`, [{ v: 1 }]],
    [
      'From e In t Where e.v * 9007199254740993 == 9007199254740993 ' +
        'Select e.v + 36893488147419103233 As large, -9007199254740993 As small',
      [{ large: 2n ** 65n + 2n, small: -9007199254740993n }],
    ],
  ]
  const RECORDED: RecordedExecution = {
    events: [
      { id: '1', tracepoint: 't', vars: { v: 1, k: 'a', time: 1, 'odd name': 'x' }, after: [] },
      { id: '2', tracepoint: 't', vars: { v: 2000, k: 'a', time: 9 }, after: ['1'] },
      { id: '3', tracepoint: 't', vars: { v: 5000, k: 'b', time: 12 }, after: ['2'] },
    ],
  }
  for (const [text, rows] of ANSWERS) {
    test(`answers ${text.replaceAll('\n', ' ')}`, () => {
      assert.deepEqual(evaluate(text, RECORDED), rows)
      assert.deepEqual(evaluate(text, RECORDED, { optimized: false }), rows)
    })
  }

  test('percentiles are within one percent of the value that was counted', () => {
    const events = Array.from({ length: 1000 }, (_, i) => ({
      id: `${i}`,
      tracepoint: 't',
      vars: { v: i + 1 },
      after: [],
    }))
    const [{ p50, p99 }] = evaluate('From t Select P50(v) As p50, P99(v) As p99', { events })
    assert.ok(Math.abs(Number(p50) - 500) <= 5 && Math.abs(Number(p99) - 990) <= 10, `${p50} ${p99}`)
  })

  test('whole numbers beyond 2^53 are added up to the last digit', () => {
    const big = 2n ** 60n
    const events = ['a', 'b', 'c'].map((id) => ({ id, tracepoint: 't', vars: { v: big }, after: [] }))
    assert.deepEqual(evaluate('From t Select SUM(v) As sum', { events }), [{ sum: 3n * big }])
  })
})

describe('a text that is wrong', () => {
  const REFUSED: readonly (readonly [string, RegExp])[] = [
    ['', /begins with From/],
    ['Select COUNT', /begins with From/],
    ['From e In t', /Select is missing/],
    ['From e In t Select e.', /name of a variable/],
    ['From e In t Select f.a', /f is no source/],
    ['From e In t Select e', /name one of its variables/],
    ['From e In t Where 5 Select COUNT', /condition, not a number/],
    ['From e In t Where "a" < 1 Select COUNT', /a string belongs here, not a number/],
    ['From e In t Where COUNT > 1 Select COUNT', /aggregate belongs into Select/],
    ['From e In t GroupBy e.a Select e.b, COUNT', /e\.b differs within a group/],
    ['From e In t Select SUM(COUNT)', /aggregate of an aggregate/],
    ['From e In t Select SUMM(e.a)', /no function SUMM.*try: SUM/],
    ['From e In t Select 5 kib', /where "kib" stands/],
    ['From e In t Select 5kib', /no unit kib.*try: (kB|KiB)/],
    ['From e In t Join a In t On a -> b Select COUNT', /b is no source above/],
    ['From e In t Join a In t On e -> a Select COUNT', /left of the arrow stands a/],
    ['From e In First(t) Select COUNT', /From takes all events/],
    ['From e In t Join e In t On e -> e Select COUNT', /named twice/],
    ['From e In t Select e.a, e.a', /two columns are called e\.a/],
    [`From e In t Join a In FirstN(${KEEP_MAX + 1}, t) On a -> e Select COUNT`, /from 1 to 64/],
    ['From e In Loop Select COUNT', /made of itself: Loop -> Loop/],
    ['From e In t Join g In Groups On g -> e Select COUNT', /known only when the query ends/],
    ['From e In t Select "a', /a text.* where/],
    [
      `From e In t Select ${Array.from({ length: SELECT_ITEMS_MAX + 1 }, (_, i) => `e.v${i}`).join(', ')}`,
      /at most 32 items/,
    ],
    [`From e In t Where ${'('.repeat(EXPRESSION_DEPTH_MAX + 1)}`, /nest at most/],
    [`From e In t Select ${'a'.repeat(QUERY_CHARS_MAX)}`, /at most 16384 characters/],
    ['From e In t Select P100(e.v)', /no function P100/],
    ['From e In t Where e.v < 1e999 Select COUNT', /no number so large/],
    [`From e In t Where e.k == "${'k'.repeat(TEXT_LENGTH_MAX + 1)}" Select COUNT`, /at most 1024 characters/],
    [`From e In t Select e.${'k'.repeat(NAME_LENGTH_MAX + 1)}`, /has at most 256 characters/],
    [`From e In t ${doubling(10)} Select COUNT`, /10:\d+ error: an expression has at most 512 parts/],
    [`From e In t ${doubling(60)} Select x60`, /an expression has at most 512 parts/],
    [
      'From e In t Join w In Wide On w -> e Select w.x + w.x + w.x + w.x + w.x',
      /an expression has at most 512 parts/,
    ],
    [`From e In t ${nesting(TERM_DEPTH_MAX)} Select COUNT`, /nests at most 72 deep/],
    [`From e In t Select ${sum(62)}`, /at most 61 variables, not 62/],
    [`From e In t ${many(64, () => 'Where e.v > 0').join(' ')} Select COUNT`, /more than processes do at t/],
    [
      `From e In t Select ${many(30, (i) => `e.a like "${i}" and e.b like "" and e.c like ""`).join(', ')}`,
      /more than processes do at t .*costs up to \d+ units, more than 1000/,
    ],
    [
      `From ${many(32, (i) => `${'a/long/path/of/'.repeat(4)}${i}.ts:method@exit`).join(', ')} Select COUNT`,
      /more than/,
    ],
    ['From e In t Join a In Views7 On a -> e Select COUNT', /fewer than 32 sources, those of its views/],
  ]
  /** Views that each join the one before twice. */
  const doubled = Object.fromEntries(
    many(8, (i) => {
      const of = i === 0 ? 't' : `Views${i - 1}`
      return [`Views${i}`, `From a In ${of} Join b In ${of} On b -> a Select a.x As x`]
    }),
  )
  const views = {
    ...doubled,
    Wide: `From e In t Select ${sum(60)} As x`,
    Loop: 'From e In Loop Select e.x',
    Groups: 'From e In t Select COUNT',
  }
  for (const [text, message] of REFUSED) {
    test(`says what to mend: ${text.slice(0, 70)}`, () => {
      const { query, diagnostics } = parse(text, { views })
      assert.equal(query, undefined)
      assert.match(diagnostics.map(formatDiagnostic).join('\n'), message)
      assert.throws(() => evaluate(text, { events: [] }, { views }), QueryError)
    })
  }

  test('shows all its mistakes at once, each at its place', () => {
    const { diagnostics } = parse('From e In t\nWhere e.a > 5xs\nSelct FOO(1), f.x, SUM("a")')
    assert.deepEqual(
      diagnostics.map(({ span, suggestion }) => [span.line, span.column, suggestion]),
      [
        [2, 13, 'ns'],
        [3, 1, 'Select'],
        [3, 7, diagnostics[2].suggestion],
        [3, 15, 'e'],
        [3, 24, undefined],
      ],
    )
  })

  test('names that no process exports are found, with what may be meant', () => {
    const vocabulary = [{ name: 'http.server.request.end', vars: ['path', 'header.*'] }]
    const said = (text: string) => parse(text, { vocabulary }).diagnostics.map(formatDiagnostic).join('\n')
    assert.equal(said('From e In http.server.request.end Select e.path, e["header.x-a"], e.host'), '')
    assert.match(said('From e In http.server.reqest.end Select COUNT'), /try: http\.server\.request\.end/)
    assert.match(said('From e In http.server.request.end Select e.pth'), /exports no pth.*try: path/)
  })

  test('never throws, whatever the text', () => {
    const words = fc.constantFrom(
      ...'From Join Left Where Let GroupBy Select Top Every In On -> e . , ( ) "x" 5ms == COUNT SUM First [ ] *'.split(
        ' ',
      ),
    )
    const text = fc.oneof(
      fc.string(),
      fc.array(words, { maxLength: 40 }).map((all) => all.join(' ')),
    )
    fc.assert(
      fc.property(text, (given) => void parse(given)),
      { numRuns: 2000 },
    )
  })
})

describe('explain', () => {
  test('shows what is pushed down, and packs no more than is needed above', () => {
    const { plan, advice, schema, flows } = explain(PAPER.Q7)
    assert.equal(
      plan.after,
      `Select DNop.host, getloc.replicas, COUNT
GroupBy DNop.host, getloc.replicas
DNop In DN.DataTransferProtocol
  Where (st.host != DNop.host)
⋈ getloc -> DNop
  getloc In NN.GetBlockLocations
  ⋈ st -> getloc
    st In StressTest.DoNextOp
      packs st.host
    packs getloc.replicas, st.host`,
    )
    assert.deepEqual(
      advice.map(({ tracepoint, instructions }) => [tracepoint, instructions]),
      [
        [
          'DN.DataTransferProtocol',
          ['OBSERVE host', 'UNPACK s1 #1.0, #1.1', 'FILTER (#1.1 != host)', 'EMIT host, #1.0, COUNT'],
        ],
        ['NN.GetBlockLocations', ['OBSERVE replicas', 'UNPACK s2 #2.0', 'PACK s1 replicas, #2.0']],
        ['StressTest.DoNextOp', ['OBSERVE host', 'PACK s2 host']],
      ],
    )
    assert.match(schema, /bag Tuples = 64/)
    assert.deepEqual(
      flows.map(({ alias, kind, packs }) => [alias, kind, packs]),
      [
        ['getloc', 'all', ['getloc.replicas', 'st.host']],
        ['st', 'all', ['st.host']],
      ],
    )
  })

  test('folds an aggregate where its values are, and asks conditions there', () => {
    const { plan } = explain(
      'From e In B Join a In A On a -> e Where a.v > 1 and e.w < 2 Select SUM(a.v), COUNT',
    )
    assert.equal(
      plan.after,
      `Select SUM(a.v), COUNT
GroupBy (all)
e In B
  Where (e.w < 2)
⋈ a -> e
  a In A
    Where (a.v > 1)
  packs SUM(a.v)`.replace('\n  packs', '\n    packs'),
    )
  })

  test('says of each node what is asked, packed and folded there, as written and as it runs', () => {
    const { before, after } = explain(
      'From e In B Join a In First(A) On a -> e Join c In C On c -> e Where c.w < 2 GroupBy a.k Select a.k, SUM(c.v), COUNT',
    ).stages
    assert.deepEqual(
      [before, ...before.inputs].map(({ alias, conditions, values, folds }) => [
        alias,
        conditions,
        values,
        folds,
      ]),
      [
        ['e', ['(c.w < 2)'], ['a.k'], ['SUM(c.v)', 'COUNT']],
        ['a', [], ['a.k'], []],
        ['c', [], ['c.w', 'c.v'], []],
      ],
    )
    assert.deepEqual(
      [after, ...after.inputs].map(({ alias, kind, conditions, values, folds }) => [
        alias,
        kind,
        conditions,
        values,
        folds,
      ]),
      [
        ['e', 'all', [], ['a.k'], ['SUM(c.v)', 'COUNT']],
        ['a', 'first', [], ['a.k'], []],
        ['c', 'all', ['(c.w < 2)'], [], ['SUM(c.v)']],
      ],
    )
    assert.ok(after.inputs.every(({ cost, bytes }) => cost !== null && cost > 0 && bytes > 0))
    assert.equal(before.cost, null)
  })

  test('moves nothing through First, nor below an outer join', () => {
    const { plan } = explain(
      'From e In B Join a In First(A) On a -> e Left Join c In C On c -> e Where a.v > 1 and c.v > 1 Select COUNT',
    )
    assert.match(plan.after, /e In B\n {2}Where \(a\.v > 1\)\n {2}Where \(c\.v > 1\)/)
  })
})

describe('rolling up', () => {
  const compiled = compileQuery(
    'From e In A GroupBy e.x, e.y Select e.x As x, e.y As y, COUNT, AVERAGE(e.v) As mean, MAX(e.v) As most, SUM(e.v) / COUNT As ratio Top 1',
    { name: 'q', version: 1, bagId: 64 },
  )
  const order = compiled.output.folds.map(({ fn }) => fn)
  const group = (keys: string[], count: number, sum: number, max: number): Group => {
    const states = { count, average: [sum, count], max, sum }
    return { keys, states: order.map((fn) => states[fn as keyof typeof states]) }
  }
  const groups = [group(['a', 'p'], 1, 10, 10), group(['a', 'q'], 3, 6, 3), group(['b', 'p'], 1, 4, 4)]

  test('a total is that of all values, not of averages, whatever Top shows', () => {
    assert.deepEqual(compiled.rollUp(groups, ['x']), [
      { x: 'a', y: null, COUNT: 4, mean: 4, most: 10, ratio: 4 },
      { x: 'b', y: null, COUNT: 1, mean: 4, most: 4, ratio: 4 },
    ])
    assert.deepEqual(compiled.rollUp(groups, []), [
      { x: null, y: null, COUNT: 5, mean: 4, most: 10, ratio: 4 },
    ])
    assert.equal(compiled.rows(groups).length, 1)
    assert.equal(compiled.rollUp(groups, ['x', 'y']).length, 3)
  })

  test('a column says what it is', () => {
    assert.deepEqual(compiled.roles, ['key', 'key', 'count', 'average', 'max', 'value'])
    const windowed = compileQuery('From e In A GroupBy e.x Select e.x, P99(e.v), HISTOGRAM(e.v) Every 1s', {
      name: 'q',
      version: 1,
      bagId: 64,
    })
    assert.deepEqual(windowed.roles, ['window', 'key', 'quantile', 'histogram'])
  })
})

describe('completion', () => {
  const vocabulary = [
    { name: 'db.read', vars: ['table', 'bytes'] },
    { name: 'http.server.request.end', vars: ['path'] },
  ]
  const offered = (text: string): readonly string[] =>
    complete(text, text.length, { vocabulary, views: { Slow: '' } }).map(({ label }) => label)

  test('offers tracepoints and views where a source stands', () => {
    assert.deepEqual(offered('From r In '), [
      'Slow',
      'db.read',
      'http.server.request.end',
      'First(',
      'FirstN(',
      'MostRecent(',
      'MostRecentN(',
    ])
    assert.deepEqual(offered('From r In db.'), ['db.read'])
    assert.deepEqual(offered('From r In db.read Join a In First(htt'), ['http.server.request.end'])
  })

  test('offers the places of a function behind its name', () => {
    const functions = [{ name: 'src/store.ts:Store.take', vars: ['title'], lines: [3, 9] as const }]
    const offer = (text: string): readonly string[] =>
      complete(text, text.length, { vocabulary: functions }).map(({ label }) => label)
    assert.deepEqual(offer('From t In store.ts:Store.take@'), [
      'store.ts:Store.take@return',
      'store.ts:Store.take@throw',
      'store.ts:Store.take@exit',
    ])
    assert.deepEqual(offer('From t In store.ts:Store.take@e'), ['store.ts:Store.take@exit'])
    assert.deepEqual(offer('From t In store.ts:Store.put@'), [])
    assert.deepEqual(offer('From t In store.ts:Store.take@return Select t.ret'), ['return'])
  })

  test('a line of a function sees what only the function knows; one outside of it is refused', () => {
    const at = (name: string, sources: readonly string[]): readonly string[] =>
      parse(`From t In ${name} Select t.anything, t.this.#taken`, {
        vocabulary: [{ name: 'src/store.ts:Store.take', vars: ['title'], lines: [3, 9], sources }],
      }).diagnostics.map(({ severity, message, note }) => `${severity}: ${message}; ${note}`)
    assert.deepEqual(at('store.ts:Store.take@9', ['a']), [])
    assert.deepEqual(at('store.ts:Store.take@10', ['a']), [
      'error: line 10 is not in src/store.ts:Store.take; it stands in lines 3 to 9',
    ])
    assert.match(
      at('store.ts:Store.take@4', ['a', 'b'])[0],
      /^warning: 2 versions of src\/store.ts:Store.take run/,
    )
  })

  test('offers the variables of a source behind its name', () => {
    assert.deepEqual(offered('From r In db.read Select r.ta'), ['table'])
    assert.ok(offered('From r In db.read Where r.').includes('bytes'))
  })

  test('offers sources, functions and clauses elsewhere', () => {
    assert.deepEqual(offered(''), ['From'])
    assert.ok(offered('From r In db.read Select SU').includes('SUM'))
  })
})
