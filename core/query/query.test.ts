// Random questions about random executions: by definition, unoptimised and optimised must answer the same.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { evaluateByDefinition } from './definition.ts'
import { evaluateCompiled, readQuery } from './evaluate.ts'
import { parse } from './parse.ts'
import { readExecution, type RecordedExecution } from './recorded.ts'

const TRACEPOINTS = ['A', 'B', 'C', 'x.A', 'x.B']

/** Few values, so that tuples are equal often; halves, so that sums are exact. */
const value = fc.oneof(
  fc.constantFrom('p', 'q', '', true, false, null),
  fc.integer({ min: -3, max: 5 }),
  fc.constantFrom(0.5, 1.5, 12n),
)

const event = fc.record({
  tracepoint: fc.constantFrom(...TRACEPOINTS),
  vars: fc.record({ k: value, v: value, time: fc.integer({ min: 0, max: 20 }) }, { requiredKeys: [] }),
  /** Back from its own place. */
  after: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 2 }),
})

const execution = fc.array(event, { maxLength: 12 }).map((events): RecordedExecution => ({
  events: events.map(({ tracepoint, vars, after }, i) => ({
    id: `e${(i * 7) % 13}`,
    tracepoint,
    vars,
    after: [...new Set(after.map((back) => i - back).filter((at) => at >= 0))].map(
      (at) => `e${(at * 7) % 13}`,
    ),
  })),
}))

const pick = (items: readonly string[]) => fc.constantFrom(...items)

const source = fc.oneof(
  pick(['A', 'B', 'C', 'x.*', 'A, B', '*', 'A, *']),
  pick([
    'First(A)',
    'MostRecent(B)',
    'First(A, C)',
    'MostRecent(*)',
    'FirstN(2, *)',
    'MostRecentN(2, A, B, C)',
  ]),
  pick(['Pairs', 'First(Pairs)', 'MostRecentN(2, Latest)', 'Latest']),
)

const VIEWS = {
  Pairs: 'From e In B Join a In A On a -> e Where a.v != e.v Select e.k As k, a.v As v',
  Latest: 'From e In A, C Left Join b In MostRecent(B) On b -> e Select coalesce(b.k, e.k) As k, e.v As v',
}

const term = (aliases: readonly string[]) => {
  const path = fc.tuple(pick(aliases), pick(['k', 'v'])).map(([alias, name]) => `${alias}.${name}`)
  return fc.oneof(
    { weight: 4, arbitrary: path },
    {
      weight: 1,
      arbitrary: fc.tuple(path, path, pick(['+', '-', '*'])).map(([a, b, op]) => `(${a} ${op} ${b})`),
    },
    { weight: 1, arbitrary: path.map((one) => `coalesce(${one}, 7)`) },
  )
}

const condition = (aliases: readonly string[]) =>
  fc
    .tuple(term(aliases), pick(['==', '!=', '<', '>=']), fc.oneof(term(aliases), pick(['1', '"p"', 'null'])))
    .map((parts) => parts.join(' '))

const aggregate = (aliases: readonly string[]) =>
  fc.oneof(
    fc.constant('COUNT'),
    fc
      .tuple(pick(['SUM', 'MIN', 'MAX', 'AVERAGE', 'COUNT', 'DISTINCT', 'P90', 'HISTOGRAM']), term(aliases))
      .map(([fn, arg]) => `${fn}(${arg})`),
  )

const queryText = fc.integer({ min: 0, max: 3 }).chain((joinCount) => {
  const aliases = ['e', 'a', 'b', 'c'].slice(0, joinCount + 1)
  const joins = fc.tuple(
    ...aliases
      .slice(1)
      .map((alias, i) =>
        fc
          .tuple(fc.boolean(), source, pick(aliases.slice(0, i + 1)))
          .map(
            ([isOuter, from, after]) =>
              `${isOuter ? 'Left ' : ''}Join ${alias} In ${from} On ${alias} -> ${after}`,
          ),
      ),
  )
  const wheres = fc.array(
    fc.oneof(
      condition(aliases),
      fc.tuple(condition(aliases), condition(aliases)).map(([a, b]) => `${a} and ${b}`),
      fc.tuple(condition(aliases), condition(aliases)).map(([a, b]) => `${a} or not ${b}`),
    ),
    { maxLength: 2 },
  )
  const distinct = <T>(arbitrary: fc.Arbitrary<T>, maxLength: number) =>
    fc.uniqueArray(arbitrary, { minLength: 1, maxLength })
  const grouped = fc
    .tuple(fc.uniqueArray(term(aliases), { maxLength: 2 }), distinct(aggregate(aliases), 3))
    .map(([keys, folds]) => {
      const by = keys.length === 0 ? '' : `GroupBy ${keys.join(', ')}\n`
      return `${by}Select ${[...keys, ...folds].map((item, i) => `${item} As c${i}`).join(', ')}`
    })
  const raw = fc
    .tuple(fc.boolean(), distinct(term(aliases), 3))
    .map(
      ([isDistinct, items]) =>
        `Select ${isDistinct ? 'DISTINCT ' : ''}${items.map((item, i) => `${item} As c${i}`).join(', ')}`,
    )
  return fc
    .tuple(pick(['A', 'B, C', '*', 'Pairs', 'x.A']), joins, wheres, fc.oneof(grouped, raw), fc.boolean())
    .map(([from, joined, conditions, select, isWindowed]) =>
      [
        `From e In ${from}`,
        ...joined,
        ...conditions.map((one) => `Where ${one}`),
        select,
        ...(isWindowed && from !== 'Pairs' ? ['Every 5ns'] : []),
      ].join('\n'),
    )
})

describe('a query', () => {
  test('answers the same by definition, unoptimised and optimised, whatever is asked of whatever happened', () => {
    const runs = Number(process.env['CROSSCUT_QUERY_RUNS'] ?? 2000)
    fc.assert(
      fc.property(queryText, execution, (text, given) => {
        // A comparison of a number with a text is refused; all else that is generated is a query.
        fc.pre(
          parse(text, { views: VIEWS }).diagnostics.every(({ message }) => message.includes('belongs here')),
        )
        fc.pre(parse(text, { views: VIEWS }).query !== undefined)
        const query = readQuery(text, { views: VIEWS })
        const recorded = readExecution(given)
        const rows = evaluateByDefinition(query, recorded)
        assert.deepEqual(evaluateCompiled(query, recorded, 'none'), rows, 'unoptimised')
        assert.deepEqual(evaluateCompiled(query, recorded, 'all'), rows, 'optimised')
      }),
      { numRuns: runs },
    )
  })
})
