// Questions to a dataset, made from what the address says; and what its answers are in a picture. Pure: the
// tests hold them without a server.
//
//   facts       how many rows, from when to when, and where the number lies     first: the others need it
//   series      for each interval and group, one chart a unit of what is shown
//   heat        for each interval and band, how many
//   groups, rows, values of a column, two populations

import type {
  DatasetColumn,
  DatasetCompare,
  DatasetQuery,
  DatasetResult,
  DatasetScalar,
  DatasetWhere,
} from '#protocol'
import {
  COMPARE_VALUES_SHOWN,
  EXPLORE_BANDS,
  EXPLORE_BANDS_ASKED,
  EXPLORE_COLUMNS_SHOWN,
  EXPLORE_FUNCTIONS_MAX,
  EXPLORE_GROUPS_MAX,
  EXPLORE_POINTS,
  EXPLORE_ROWS_MAX,
  EXPLORE_VALUES_SHOWN,
  LINES_MAX,
} from '../../base/limits.ts'
import { textOf } from '../../base/value-text.ts'
import type { Explore, Range, Region } from './explore-state.ts'
import { allOf, between, condition, readCondition } from './where.ts'

export type Times = { readonly fromMs: number; readonly toMs: number }
export type Cell = DatasetResult['rows'][number][string]
type Row = DatasetResult['rows'][number]

const numberIn = (row: Row | undefined, name: string): number | undefined => {
  const value = row?.[name]
  return typeof value === 'number' ? value : undefined
}

// --- time

/** undefined = no bound. */
export function timesOf(range: Range, nowMs: number): Partial<Times> {
  if (range.kind === 'all') return {}
  if (range.kind === 'between') return { fromMs: range.fromMs, toMs: range.toMs }
  return { fromMs: nowMs - range.minutes * 60_000, toMs: nowMs }
}

const bounds = ({ fromMs, toMs }: Partial<Times>): Pick<DatasetQuery, 'from' | 'to'> => ({
  ...(fromMs === undefined ? {} : { from: fromMs }),
  ...(toMs === undefined ? {} : { to: toMs }),
})

const STEPS_S = [
  ...[1, 2, 5, 10, 15, 30],
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * 60),
  ...[1, 2, 3, 6, 12].map((hours) => hours * 3600),
  ...[1, 2, 7, 14, 28, 91, 364].map((days) => days * 86_400),
]

/** The shortest round interval that makes at most `points` of a stretch. */
export function stepSeconds({ fromMs, toMs }: Times, points = EXPLORE_POINTS): number {
  const wanted = (toMs - fromMs) / 1000 / points
  return STEPS_S.find((step) => step >= wanted) ?? STEPS_S.at(-1)!
}

/**
 * Begins of the intervals, as the server cuts them. One that goes on beyond `untilMs` is not whole: left out.
 */
export function intervals(
  { fromMs, toMs }: Times,
  everySeconds: number,
  untilMs = Infinity,
): readonly number[] {
  const stepMs = everySeconds * 1000
  const out: number[] = []
  for (
    let at = Math.floor(fromMs / stepMs) * stepMs;
    at < toMs && out.length < EXPLORE_POINTS * 2;
    at += stepMs
  )
    if (at + stepMs <= untilMs || out.length === 0) out.push(at)
  return out
}

// --- facts

export type Facts = Times & {
  readonly rows: number
  readonly weight: number
  readonly version: number
  /** Of the number; undefined where no row has one. */
  readonly least: number | undefined
  readonly most: number | undefined
  readonly middle: number | undefined
}

export function factsQuery({ where, of }: Explore, times: Partial<Times>): DatasetQuery {
  const number =
    of === undefined ? [] : [`min(${of}) as _least`, `max(${of}) as _most`, `p50(${of}) as _middle`]
  return {
    select: ['count as _n', 'min(timeMs) as _first', 'max(timeMs) as _last', ...number],
    where: allOf(where),
    ...bounds(times),
  }
}

export function factsOf({ rows, matched, version }: DatasetResult, times: Partial<Times>): Facts {
  const [row] = rows
  const first = numberIn(row, '_first') ?? 0
  const last = numberIn(row, '_last') ?? first
  return {
    rows: matched.rows,
    weight: matched.weight,
    version,
    fromMs: times.fromMs ?? Math.floor(first),
    toMs: times.toMs ?? Math.floor(last) + 1,
    least: numberIn(row, '_least'),
    most: numberIn(row, '_most'),
    middle: numberIn(row, '_middle'),
  }
}

// --- over time

export function seriesQuery({ where, by, show }: Explore, times: Times): DatasetQuery {
  return {
    select: show.map((text, i) => `${text} as _${i}`),
    groupBy: by,
    where: allOf(where),
    ...bounds(times),
    everySeconds: stepSeconds(times),
    limit: by.length === 0 ? 1 : LINES_MAX,
  }
}

export type Chart = {
  /** What stands above it. */
  readonly title: string
  readonly unit: string | undefined
  readonly timesMs: readonly number[]
  readonly lines: readonly { readonly name: string; readonly values: readonly (number | null)[] }[]
}

const CALL = /^\s*([a-z]\w*)\s*(?:\((.*)\))?\s*$/is

/** `p99(duration_ms)` -> what is computed, and of which column. */
export function aggregateOf(text: string): { readonly fn: string; readonly column: string | undefined } {
  const [, fn = text, column] = CALL.exec(text) ?? []
  return { fn: fn.toLowerCase(), column: column?.trim() }
}

/** What a missing interval is: nothing was counted, or nothing is known. */
const isSummed = (text: string): boolean => ['count', 'sum', 'distinct'].includes(aggregateOf(text).fn)

export const groupName = (row: Row, by: readonly string[]): string =>
  by.map((name) => textOf(row[name])).join(' · ')

/**
 * Without groups, aggregates of one column share a chart (p50, p95 and p99 are read together); with groups
 * each
 * has its own, a line a group, the largest first.
 */
export function chartsOf(
  { by, show }: Explore,
  result: DatasetResult,
  timesMs: readonly number[],
): readonly Chart[] {
  const units = new Map(result.columns.map(({ name, unit }) => [name, unit]))
  const byGroup = new Map<string, Map<number, Row>>()
  for (const row of result.rows) {
    const name = groupName(row, by)
    const held = byGroup.get(name) ?? new Map<number, Row>()
    held.set(Number(row['time']), row)
    byGroup.set(name, held)
  }
  if (by.length === 0 && byGroup.size === 0) byGroup.set('', new Map())
  const line = (rows: ReadonlyMap<number, Row>, place: number): (number | null)[] => {
    const missing = isSummed(show[place]!) ? 0 : null
    return timesMs.map((ms) => numberIn(rows.get(ms), `_${place}`) ?? missing)
  }
  const places = show.map((_, place) => place)
  if (by.length > 0)
    return places.map((place) => ({
      title: show[place]!,
      unit: units.get(`_${place}`),
      timesMs,
      lines: [...byGroup]
        .map(([name, rows]) => ({ name, values: line(rows, place) }))
        .sort((one, two) => sizeOf(two.values) - sizeOf(one.values)),
    }))
  const rows = byGroup.get('')!
  const together = Map.groupBy(places, (place) => {
    const { fn, column } = aggregateOf(show[place]!)
    return isSummed(show[place]!)
      ? `${fn}(${column ?? ''})`
      : `${column ?? ''} ${units.get(`_${place}`) ?? ''}`
  })
  return [...together.values()].map((some) => ({
    title: some.length === 1 ? show[some[0]!]! : (aggregateOf(show[some[0]!]!).column ?? show[some[0]!]!),
    unit: units.get(`_${some[0]!}`),
    timesMs,
    lines: some.map((place) => ({
      name: some.length === 1 ? show[place]! : aggregateOf(show[place]!).fn,
      values: line(rows, place),
    })),
  }))
}

const sizeOf = (values: readonly (number | null)[]): number =>
  values.reduce<number>((sum, value) => sum + Math.abs(value ?? 0), 0)

// --- heatmap

export type Bands = { readonly kind: 'log' | 'linear'; readonly size: number }

/**
 * Bands of the number: of equal ratio where it spreads over decades, as latencies do; else of equal width. A
 * logarithm of what is not positive is nothing: such rows have a band of their own.
 */
export function bandsOf({ least = 0, most = 0, middle = 0 }: Facts, scale: Explore['scale']): Bands {
  const isWide = least >= 0 && middle > 0 && most / middle > 20
  if ((scale ?? (isWide ? 'log' : 'linear')) === 'log') {
    const doublings = Math.log2(Math.max(most, 1e-9) / Math.max(least, middle / 64, most / 2 ** 30, 1e-9))
    return { kind: 'log', size: [8, 4, 2, 1].find((size) => doublings * size <= EXPLORE_BANDS) ?? 1 }
  }
  const width = (most - least) / EXPLORE_BANDS
  return { kind: 'linear', size: roundUp(width > 0 ? width : Math.max(Math.abs(most), 1) / EXPLORE_BANDS) }
}

/** 1, 2 or 5 times a power of ten; whole numbers have bands of whole numbers. */
function roundUp(width: number): number {
  const power = 10 ** Math.floor(Math.log10(width))
  const step = [1, 2, 5, 10].find((times) => times * power >= width * (1 - 1e-9)) ?? 10
  return Number((step * power).toPrecision(3))
}

/** A number as the language of groups writes it: no exponent. */
const plainNumber = (value: number): string =>
  value.toFixed(12).replace(/\.?0+$/, '') === '0'
    ? value.toFixed(20)
    : value.toFixed(12).replace(/\.?0+$/, '')

export function heatQuery({ where, of }: Explore, times: Times, bands: Bands): DatasetQuery {
  const size = plainNumber(bands.size)
  return {
    select: ['count as _n'],
    groupBy: [`${of} / ${bands.kind === 'log' ? 'log ' : ''}${size}`],
    where: allOf(where),
    ...bounds(times),
    everySeconds: stepSeconds(times),
    limit: EXPLORE_BANDS_ASKED,
  }
}

export type Heat = {
  readonly timesMs: readonly number[]
  readonly stepMs: number
  /** From the top: begins of the bands; null = no number, or none with a logarithm. */
  readonly lows: readonly (number | null)[]
  readonly at: (row: number, column: number) => number
  readonly most: number
}

export const nextBand = (low: number, { kind, size }: Bands): number =>
  kind === 'log' ? low * 2 ** (1 / size) : low + size

export function heatOf(
  { of = '' }: Explore,
  result: DatasetResult,
  bands: Bands,
  given: { readonly timesMs: readonly number[]; readonly stepMs: number },
): Heat {
  const { timesMs, stepMs } = given
  const indexOf = (low: number): number =>
    bands.kind === 'log' ? Math.round(Math.log2(low) * bands.size) : Math.round(low / bands.size)
  const lowOf = (index: number): number =>
    bands.kind === 'log' ? 2 ** (index / bands.size) : Number((index * bands.size).toPrecision(12))
  const counts = new Map<string, number>()
  const held = new Set<number>()
  let hasNone = false
  for (const row of result.rows) {
    const low = row[of]
    const index = typeof low === 'number' ? indexOf(low) : null
    if (index === null) hasNone = true
    else held.add(index)
    const key = `${index} ${Number(row['time'])}`
    counts.set(key, (counts.get(key) ?? 0) + (numberIn(row, '_n') ?? 0))
  }
  const sorted = [...held].sort((a, b) => a - b)
  const high = sorted.at(-1) ?? -1
  // Bands far below the others would make all of them thin.
  const low = Math.max(sorted[0] ?? 0, high - EXPLORE_BANDS_ASKED)
  const indices: (number | null)[] = Array.from({ length: high - low + 1 }, (_, i) => high - i)
  if (hasNone) indices.push(null)
  const at = (row: number, column: number): number => counts.get(`${indices[row]} ${timesMs[column]}`) ?? 0
  const most = indices.reduce<number>(
    (sum, _, row) => timesMs.reduce((inRow, __, column) => Math.max(inRow, at(row, column)), sum),
    0,
  )
  return { timesMs, stepMs, lows: indices.map((index) => (index === null ? null : lowOf(index))), at, most }
}

type Corner = { readonly row: number; readonly column: number }

/** What a dragged rectangle of cells means: rows count from the top, the last one may have no number. */
export function regionOfCells(heat: Heat, bands: Bands, from: Corner, to: Corner): Region {
  const lows = heat.lows.slice(from.row, to.row + 1).filter((low) => low !== null)
  const [high, low] = [lows[0], lows.at(-1)]
  return {
    fromMs: heat.timesMs[from.column]!,
    toMs: heat.timesMs[to.column]! + heat.stepMs,
    ...(low === undefined || high === undefined ? {} : { low: tidy(low), high: tidy(nextBand(high, bands)) }),
  }
}

const tidy = (value: number): number => Number(value.toPrecision(12))

/** The cells that a region covers, as far as the picture has them. */
export function cellsOfRegion(
  heat: Heat,
  bands: Bands,
  { fromMs, toMs, low = -Infinity, high = Infinity }: Region,
): { readonly from: Corner; readonly to: Corner } | undefined {
  const columns = heat.timesMs.flatMap((ms, i) => (ms + heat.stepMs > fromMs && ms < toMs ? [i] : []))
  const nearly = 1e-9
  const rows = heat.lows.flatMap((one, i) => {
    if (one === null) return low === -Infinity && high === Infinity ? [i] : []
    const isAbove = nextBand(one, bands) > low + Math.abs(low) * nearly
    return isAbove && one < high - Math.abs(high) * nearly ? [i] : []
  })
  if (columns.length === 0 || rows.length === 0) return undefined
  return { from: { row: rows[0]!, column: columns[0]! }, to: { row: rows.at(-1)!, column: columns.at(-1)! } }
}

/** A region as conditions: chips of the same meaning. */
export function regionConditions(
  { fromMs, toMs, low, high }: Region,
  of: string | undefined,
): readonly string[] {
  return [
    ...between('timeMs', fromMs, toMs),
    ...(of === undefined ? [] : between(of, low ?? -Infinity, high ?? Infinity)),
  ]
}

// --- groups, rows, values

/** What a table of groups is sorted by: one of what is shown, or a group. */
export function groupsQuery({ where, by, show, sort }: Explore, times: Times): DatasetQuery {
  const name = sort?.replace(/^-/, '')
  const place = show.findIndex((text) => text === name)
  const sign = sort?.startsWith('-') ? '-' : ''
  const order = place >= 0 ? `${sign}_${place}` : name !== undefined && by.includes(name) ? sort! : '-_0'
  return {
    select: [...show.map((text, i) => `${text} as _${i}`), 'example as _example'],
    groupBy: by,
    where: allOf(where),
    ...bounds(times),
    orderBy: [order],
    limit: EXPLORE_GROUPS_MAX,
  }
}

export function rowsQuery(
  { where, region, of }: Explore,
  times: Times,
  columns: readonly DatasetColumn[],
): DatasetQuery {
  const conditions = [...where, ...(region === undefined ? [] : regionConditions(region, of))]
  return {
    select: [
      ...['timeMs', 'traceId', 'element'],
      ...columns.slice(0, EXPLORE_COLUMNS_SHOWN).map(({ name }) => name),
    ],
    where: allOf(conditions),
    ...bounds(times),
    orderBy: ['-timeMs'],
    limit: EXPLORE_ROWS_MAX,
  }
}

/** The most frequent values of a column. */
export function valuesQuery(
  { where }: Pick<Explore, 'where'>,
  times: Times,
  column: string,
  limit = EXPLORE_VALUES_SHOWN,
): DatasetQuery {
  return {
    select: ['count as _n'],
    groupBy: [column],
    where: allOf(where),
    ...bounds(times),
    orderBy: ['-_n'],
    limit,
  }
}

export function spreadQuery({ where }: Explore, times: Times, column: string): DatasetQuery {
  const select = ['min', 'p50', 'p95', 'p99', 'max', 'avg'].map((fn) => `${fn}(${column}) as _${fn}`)
  return { select: [...select, `count(${column}) as _count`], where: allOf(where), ...bounds(times) }
}

// --- two populations

/** The region against all other rows that are in the picture. */
export function regionCompare(explore: Explore, times: Times, region: Region): DatasetCompare {
  const inside = allOf(regionConditions(region, explore.of))
  const all = allOf(explore.where)
  return { a: { and: [all, inside] }, b: { and: [all, { not: inside }] }, ...bounds(times) }
}

/** As typed; an empty b is everything else. */
export function populationWheres({ where, a, b }: Explore): {
  readonly a: DatasetWhere
  readonly b: DatasetWhere
} {
  const all = allOf(where)
  const first = readCondition(a)
  const second: DatasetWhere = b.trim() === '' ? { not: first } : readCondition(b)
  return { a: { and: [all, first] }, b: { and: [all, second] } }
}

/** The newer half of a range against the older one. */
export function halves({ fromMs, toMs }: Times): { readonly a: string; readonly b: string } {
  const middle = Math.round((fromMs + toMs) / 2)
  return { a: condition('timeMs', '>=', middle), b: condition('timeMs', '<', middle) }
}

export type Measures = { readonly inclusive: string; readonly exclusive: string | undefined }

/** Canopy's figure 9a: where the time of one population went, normalised by its traces. */
export function functionsQuery(
  where: DatasetWhere,
  times: Times,
  by: readonly string[],
  { inclusive, exclusive }: Measures,
): DatasetQuery {
  return {
    select: [
      `sum(${inclusive}) as _inclusive`,
      ...(exclusive === undefined ? [] : [`sum(${exclusive}) as _exclusive`]),
      'distinct(traceId) as _traces',
      'count as _n',
      'example as _example',
    ],
    groupBy: by,
    where,
    ...bounds(times),
    orderBy: ['-_inclusive'],
    limit: EXPLORE_FUNCTIONS_MAX,
  }
}

export const totalsQuery = (where: DatasetWhere, times: Times): DatasetQuery => ({
  select: ['distinct(traceId) as _traces'],
  where,
  ...bounds(times),
})

export type FunctionSide = {
  /** Share of the population's traces that have it. */
  readonly share: number
  /** A call, on average. */
  readonly perCall: number | null
  /** A trace of the population, also one without it: what adds up to the whole difference. */
  readonly perTrace: number
  readonly exclusivePerTrace: number | undefined
  readonly example: string | undefined
}
export type FunctionRow = {
  readonly name: string
  readonly values: readonly Cell[]
  readonly a: FunctionSide
  readonly b: FunctionSide
  /** a's time a trace less b's. */
  readonly delta: number
}

const NOTHING: FunctionSide = {
  share: 0,
  perCall: null,
  perTrace: 0,
  exclusivePerTrace: undefined,
  example: undefined,
}

export type Side = { readonly groups: DatasetResult; readonly totals: DatasetResult }

/** Traces of a population as it was before sampling, and as many as are stored. */
export function tracesOf({ totals }: Side): { readonly stored: number; readonly weight: number } {
  const stored = numberIn(totals.rows[0], '_traces') ?? 0
  const { rows, weight } = totals.matched
  return { stored, weight: rows === 0 ? 0 : stored * (weight / rows) }
}

/** Both populations side by side, the largest change of time a trace first. */
export function functionRows(by: readonly string[], a: Side, b: Side): readonly FunctionRow[] {
  const keyOf = (row: Row): string => JSON.stringify(by.map((name) => row[name] ?? null))
  const sides = [a, b].map((side) => {
    const traces = tracesOf(side)
    return new Map(side.groups.rows.map((row) => [keyOf(row), { row, side: sideOf(row, traces) }]))
  })
  const rows = new Map([...sides[1]!, ...sides[0]!].map(([key, { row }]) => [key, row]))
  return [...rows]
    .map(([key, row]): FunctionRow => {
      const [one, two] = sides.map((side) => side.get(key)?.side ?? NOTHING)
      return {
        name: groupName(row, by),
        values: by.map((name) => row[name] ?? null),
        a: one!,
        b: two!,
        delta: one!.perTrace - two!.perTrace,
      }
    })
    .sort((one, two) => Math.abs(two.delta) - Math.abs(one.delta) || (one.name < two.name ? -1 : 1))
}

function sideOf(row: Row, traces: { readonly stored: number; readonly weight: number }): FunctionSide {
  const inclusive = numberIn(row, '_inclusive') ?? 0
  const exclusive = numberIn(row, '_exclusive')
  const n = numberIn(row, '_n') ?? 0
  const perTrace = (sum: number): number => (traces.weight === 0 ? 0 : sum / traces.weight)
  return {
    share: traces.stored === 0 ? 0 : (numberIn(row, '_traces') ?? 0) / traces.stored,
    perCall: n === 0 ? null : inclusive / n,
    perTrace: perTrace(inclusive),
    exclusivePerTrace: exclusive === undefined ? undefined : perTrace(exclusive),
    example: typeof row['_example'] === 'string' ? row['_example'] : undefined,
  }
}

/** What functions are told apart by: what is grouped by, else what most likely names them. */
export function functionColumns({ by }: Explore, columns: readonly DatasetColumn[]): readonly string[] {
  if (by.length > 0) return by
  const texts = columns.filter(({ type }) => type === 'string').map(({ name }) => name)
  const service = texts.find((name) => /^(?:service|callee)$/i.test(name))
  const name = texts.find((text) => /(?:^|_)(?:name|operation|function|route|endpoint)$/i.test(text))
  return [service, name].filter((one) => one !== undefined)
}

export function exclusiveOf(columns: readonly DatasetColumn[], inclusive: string): string | undefined {
  return columns.find(
    ({ name, type }) =>
      type === 'number' && name !== inclusive && /(?:^|_)(?:self|excl|exclusive|own)/i.test(name),
  )?.name
}

// --- how a difference reads

/** Shares worth showing: those that differ, largest first, but never noise alone. */
export function shownShares<T extends { readonly delta: number }>(shares: readonly T[]): readonly T[] {
  return shares.filter(({ delta }) => Math.abs(delta) > 1e-9).slice(0, COMPARE_VALUES_SHOWN)
}

/** q as people say it: 'chance' above the level. */
export function certainty(q: number): string {
  if (q < 1e-4) return 'q < 0.0001'
  return `q = ${Number(q.toPrecision(2))}`
}

export type { DatasetScalar }
