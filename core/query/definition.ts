// What a query means, straight from the paper's definitions over a recorded execution: every pair of events
// is compared, nothing is pushed, packed or folded. Slow, and the judge of everything that is fast.
//
//   Q1 ⋈ Q2 = { t1·t2 | t1 ∈ Q1, t2 ∈ Q2, t1 → t2 }     joins in the order of the text, Where, groups
//   First(X), MostRecent(X): of the events of X before t2, those first or last by (Lamport depth, id)
//
// Source: Pivot Tracing section 3.

import { arrange, type Ranked, type Row } from './rows.ts'
import type { Recorded, RecordedEvent } from './recorded.ts'
import {
  hasAggregate,
  isAggregating,
  keyOf,
  type Aggregated,
  type ResolvedQuery,
  type ResolvedSource,
  type SourceId,
  type Term,
} from './resolved.ts'
import { matchesTracepoint } from '#advice'
import { AGGREGATES, applyFunction, canonicalKey, observed, type Value } from './values.ts'

/** What a source offers for a join: when it happened, and what can be read of it. */
type Tuple = { readonly at: number; readonly read: (name: string) => Value }
/** A tuple for each source; null where an outer join found none. */
type Joined = ReadonlyMap<SourceId, Tuple | null>

export function evaluateByDefinition(query: ResolvedQuery, recorded: Recorded): readonly Row[] {
  const joined = joinedRows(query, recorded)
  const { columns, groupBy, everyNs, isDistinct, top } = query
  const windowed = (row: Joined): readonly Value[] =>
    everyNs === undefined
      ? []
      : [applyFunction('bucket', [row.get(query.root.id)?.read('time') ?? null, everyNs])]
  const keysOf = (row: Joined): readonly Value[] => [
    ...windowed(row),
    ...(isAggregating(query) ? groupBy : columns.map(({ value }) => value)).map((term) => valueOf(term, row)),
  ]
  const isRaw = !isAggregating(query) && !isDistinct
  const groups = isRaw
    ? joined.map((row) => [row])
    : [...Map.groupBy(joined, (row) => canonicalKey(keysOf(row))).values()]
  const ranked = groups.map((rows): Ranked => {
    const window = windowed(rows[0]).map((value) => ['window', value])
    const shown = columns.map(({ name, value }) => [name, valueOfGroup(value, rows)])
    const row: Row = Object.fromEntries([...window, ...shown])
    return { row, by: top === undefined ? null : valueOfGroup(top.by, rows) }
  })
  return arrange(ranked, top?.count)
}

function joinedRows(query: ResolvedQuery, recorded: Recorded): readonly Joined[] {
  let rows: Joined[] = tuplesOf(query.root, recorded).map((tuple) => new Map([[query.root.id, tuple]]))
  for (const source of query.joins) {
    const offered = tuplesOf(source, recorded)
    rows = rows.flatMap((row) => {
      const target = source.after === undefined ? null : (row.get(source.after) ?? null)
      const before = target === null ? [] : offered.filter(({ at }) => recorded.happenedBefore(at, target.at))
      const kept = keep(before, source, recorded)
      const partners = kept.length === 0 && source.isOuter ? [null] : kept
      return partners.map((tuple) => new Map([...row, [source.id, tuple]]))
    })
  }
  return rows.filter((row) => query.wheres.every((where) => valueOf(where, row) === true))
}

function tuplesOf({ of }: ResolvedSource, recorded: Recorded): Tuple[] {
  const { events } = recorded
  if (of.kind === 'tracepoints')
    return events.flatMap((event, at) =>
      of.names.some((name) => matchesTracepoint(name, event.tracepoint))
        ? [{ at, read: (name: string) => variableOf(event, name) }]
        : [],
    )
  return joinedRows(of.query, recorded).map((row) => ({
    at: row.get(of.query.root.id)?.at ?? 0,
    read: (name) => {
      const column = of.query.columns.find((one) => one.name === name)
      return column === undefined ? null : valueOf(column.value, row)
    },
  }))
}

/** All tuples of the first or last events among those before. */
function keep(before: readonly Tuple[], source: ResolvedSource, { events }: Recorded): readonly Tuple[] {
  const filter = source.keep
  if (filter === undefined) return before
  const sign = filter.which === 'first' ? 1 : -1
  const order = (a: RecordedEvent, b: RecordedEvent): number => sign * (a.depth - b.depth || a.rank - b.rank)
  const places = [...new Set(before.map(({ at }) => at))].sort((a, b) => order(events[a], events[b]))
  const kept = new Set(places.slice(0, filter.count))
  return before.filter(({ at }) => kept.has(at))
}

/** Every event exports its tracepoint. */
export function variableOf(event: RecordedEvent, name: string): Value {
  const value = observed(event.vars, name)
  return value === null && name === 'tracepoint' ? event.tracepoint : value
}

function valueOf(term: Term, row: Joined): Value {
  switch (term.kind) {
    case 'literal':
      return term.value
    case 'var':
      return row.get(term.source)?.read(term.name) ?? null
    case 'matched':
      return row.get(term.source) === null ? null : true
    case 'call':
      return applyFunction(
        term.fn,
        term.args.map((arg) => valueOf(arg, row)),
      )
    case 'aggregate':
      throw new TypeError(`${keyOf(term)} is of a group`)
  }
}

function valueOfGroup(term: Term, rows: readonly Joined[]): Value {
  if (term.kind === 'aggregate') return aggregateOf(term, rows)
  if (term.kind === 'call' && hasAggregate(term))
    return applyFunction(
      term.fn,
      term.args.map((arg) => valueOfGroup(arg, rows)),
    )
  return valueOf(term, rows[0])
}

/** One value after the other. */
function aggregateOf({ fn, arg, quantile }: Aggregated, rows: readonly Joined[]): Value {
  const { zero, add, read } = AGGREGATES[fn]
  const state = rows.reduce((sum, row) => add(sum, valueOf(arg, row), 1), zero)
  return quantile === undefined ? read(state) : applyFunction('quantile', [state, quantile])
}
