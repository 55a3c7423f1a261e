// Random questions about random executions: by definition, unoptimised and optimised must answer the same.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { GroupTable, matchesTracepoint } from '#advice'
import { compileRecording } from './compile-recording.ts'
import { evaluateByDefinition } from './definition.ts'
import { evaluate, evaluateCompiled, readQuery, runAlong } from './evaluate.ts'
import { QUIET_MS } from './limits.ts'
import { rowsOfGroups } from './output.ts'
import { parse } from './parse.ts'
import { openPast } from './past.ts'
import { buildPlan } from './plan.ts'
import { readExecution, type RecordedExecution } from './recorded.ts'
import { Gathering } from './recording.ts'
import { rewritePlan } from './rewrite.ts'

const TRACEPOINTS = ['A', 'B', 'C', 'x.A', 'x.B']

/** Few values, so that tuples are equal often; halves, so that sums of doubles are mostly exact. */
const value = fc.oneof(
  fc.constantFrom('p', 'q', '', true, false, null),
  fc.integer({ min: -3, max: 5 }),
  fc.constantFrom(0.5, 1.5, 12n, 2n ** 60n),
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

/** The events at these tracepoints, each after all of them that happened before it. */
function onlyAt(names: string, { events }: RecordedExecution): RecordedExecution {
  const { events: ordered, happenedBefore } = readExecution({ events })
  const isTold = (tracepoint: string): boolean => matchesTracepoint(names, tracepoint)
  return {
    events: ordered.flatMap(({ id, tracepoint, vars }, at) =>
      isTold(tracepoint)
        ? [
            {
              id,
              tracepoint,
              vars,
              after: ordered
                .filter((one, i) => isTold(one.tracepoint) && happenedBefore(i, at))
                .map((one) => one.id),
            },
          ]
        : [],
    ),
  }
}

/** Integers beyond 2^53 lose their last bits where a double is added: which, depends on the order. */
function rounded(value: unknown): unknown {
  if (typeof value === 'bigint' || typeof value === 'number') {
    const isExact = Number.isSafeInteger(Number(value))
    return isExact ? value : Number(Number(value).toPrecision(12))
  }
  if (Array.isArray(value)) return value.map(rounded)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, rounded(one)]))
}

function shuffled<T>(list: readonly T[], seed: number): readonly T[] {
  let state = seed + 1
  const dice = list.map((one) => ({ one, at: (state = (state * 48271) % 2147483647) }))
  return dice.sort((a, b) => a.at - b.at).map(({ one }) => one)
}

describe('a query', () => {
  test('answers the same by definition, unoptimised and optimised, whatever is asked of whatever happened', () => {
    const runs = Number(process.env['CROSSCUT_QUERY_RUNS'] ?? 10_000)
    fc.assert(
      fc.property(queryText, execution, (text, given) => {
        // A comparison of a number with a text is refused; all else that is generated is a query.
        fc.pre(
          parse(text, { views: VIEWS }).diagnostics.every(({ message }) => message.includes('belongs here')),
        )
        fc.pre(parse(text, { views: VIEWS }).query !== undefined)
        const query = readQuery(text, { views: VIEWS })
        const recorded = readExecution(given)
        const rows = rounded(evaluateByDefinition(query, recorded))
        assert.deepEqual(rounded(evaluateCompiled(query, recorded, 'none')), rows, 'unoptimised')
        assert.deepEqual(rounded(evaluateCompiled(query, recorded, 'all')), rows, 'optimised')
      }),
      { numRuns: runs },
    )
  })

  test('answers the same where events are told one by one, twice and in any order, and joined then', () => {
    fc.assert(
      fc.property(queryText, execution, fc.nat(), (text, given, seed) => {
        fc.pre(parse(text, { views: VIEWS }).query !== undefined)
        const query = readQuery(text, { views: VIEWS })
        const plan = rewritePlan(buildPlan(query))
        const tool = compileRecording(plan, { name: 'q', version: 1, bagId: 64 })
        const told = new GroupTable([])
        // Ids that stand in the order of the given ones: among concurrent events they decide.
        runAlong(readExecution(given), tool, { table: told, random: ({ rank }) => 1000 + rank })
        const rows = shuffled([...told.snapshot().groups, ...told.snapshot().groups], seed)
        const gathering = new Gathering(plan)
        rows.forEach((row, i) => gathering.take([row], i))
        gathering.settle(rows.length + QUIET_MS)
        const names = tool.advice[0].tracepoint
        assert.deepEqual(
          rounded(rowsOfGroups(plan.output, gathering.table.groups())),
          rounded(evaluateByDefinition(query, readExecution(onlyAt(names, given)))),
        )
        assert.equal(gathering.lost, 0)
      }),
      { numRuns: 5000 },
    )
  })

  test('answers of executions that are over, one after the other, what it answers of all of them together', () => {
    fc.assert(
      fc.property(queryText, fc.array(execution, { maxLength: 4 }), (text, all) => {
        fc.pre(parse(text, { views: VIEWS }).query !== undefined)
        const past = openPast(text, { views: VIEWS })
        for (const one of all) past.take(one)
        const together = all.flatMap(({ events }, i) =>
          events.map((event) => ({
            ...event,
            id: `${i}/${event.id}`,
            after: event.after.map((before) => `${i}/${before}`),
          })),
        )
        const rows = evaluate(text, { events: together }, { views: VIEWS, optimized: false })
        assert.deepEqual(rounded(past.rows()), rounded(rows))
      }),
      { numRuns: 5000 },
    )
  })
})
