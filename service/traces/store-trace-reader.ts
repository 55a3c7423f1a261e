// Reads traces from the store.
//
// Search, newest first, over `traces` in the order of its key:
//
//   candidates   keys (start_ns, trace_id) below the cursor of which any version fits; a bounded number
//   newest       of these keys the newest version; it must fit too and not be taken back
//   too few?     go on below the last candidate
//
// Old versions are rare, so one round is the rule. Conditions on attributes select trace ids in `spans`
// first, from the newest hours backwards, so that a frequent value is found without reading all of the past.
// A trace that claims to begin in the future (a clock that is ahead, a time nobody set) comes after all
// others: by its own time it would stand first in every list until that time has come. So a search has two
// stretches, up to now and ahead of now, and a cursor says in which it stands.
//
// A page is stable: what is inserted later has a later start as a rule and lies above the cursor; a late
// trace that lies below it appears in a later page; nothing appears twice unless its own start moved between
// two pages.

import { formatDiagnostic, type Clock } from '#base'
import { needOf, parseTraceQuery, type OtlpSpan, type TraceNeed, type TraceQuery } from '#model'
import type { ServiceGraphView, TraceHeatView, TraceSearchResult, TraceSummary } from '#protocol'
import type { QueryParam, Row, Store } from '#store'
import {
  AHEAD_NS_MAX,
  MATCH_ROUND_GROWTH,
  MATCH_ROUND_MAX,
  NAMES_MAX,
  SEARCH_LIMIT_DEFAULT,
  SEARCH_LIMIT_MAX,
  SPANS_PER_PAGE_MAX,
  SPANS_PER_TRACE_READ_MAX,
} from './assembly-limits.ts'
import { searchFragments } from './attribute-text.ts'
import { STANDS_FOR_SQL } from './head-weight.ts'
import { readManyTraces } from './many-traces.ts'
import { readServiceGraph } from './service-graph.ts'
import { otlpRequestOf, type OtlpRequest } from './otlp-rows.ts'
import { SpanRowReader, SPAN_COLUMNS, SUMMARY_COLUMNS, summaryOfRow } from './read-rows.ts'
import { operationText } from './summary-table.ts'
import { TraceMatcher } from './trace-matcher.ts'
import { readOutlines, type TraceOutline } from './trace-outline.ts'
import type { MatchedTrace, MatchedTraces, SpanPage, TraceFilter, TraceReader } from './trace-reader.ts'
import { needSql } from './traceql-sql.ts'

export class TraceReaderError extends Error {
  readonly code: 'E_BAD_CURSOR' | 'E_BAD_FILTER'

  constructor(code: 'E_BAD_CURSOR' | 'E_BAD_FILTER', message: string) {
    super(message)
    this.name = 'TraceReaderError'
    this.code = code
  }
}

export function openTraceReader(store: Store, clock: Clock): TraceReader {
  return new StoreTraceReader(store, clock)
}

type Key = { readonly startNs: bigint; readonly traceId: string }
type Params = { [name: string]: QueryParam }
type Conditions = TraceFilter & { readonly inResources: ReadonlySet<string>; readonly need?: TraceNeed }
/** What one search has so far; `matcher` when the filter has a query. */
type Found = Pick<MatchedTrace, 'summary'> & Partial<MatchedTrace>
type Stretch = { readonly found: readonly Found[]; readonly stoppedAt?: TraceSummary }
type AttributeCondition = { readonly key: string; readonly value: string; readonly isInResource: boolean }
const HIGHEST: Key = { startNs: 0xffff_ffff_ffff_ffffn, traceId: 'f'.repeat(32) }

/** Keys examined in one round: more than a page, so that stale versions seldom cost a second round. */
const CANDIDATES_PER_ROUND = (limit: number): number => 2 * limit + 50
/**
 * Among how many of the newest traces a search for attributes looks in turn, before it looks at all: all that
 * is looked at again costs a fifteenth.
 */
const ATTRIBUTE_WINDOWS: readonly number[] = [2_000, 32_000, 512_000, 8_192_000]
/** The same for a query, whose traces are read and matched again. */
const QUERY_WINDOWS: readonly number[] = [32_000]

class StoreTraceReader implements TraceReader {
  readonly #store: Store
  readonly #clock: Clock

  constructor(store: Store, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  async search(filter: TraceFilter, signal?: AbortSignal): Promise<TraceSearchResult> {
    const { found, nextCursor } = await this.#found(filter, this.#matcherOf(filter, signal), signal)
    const traces = found.map(({ summary }) => summary)
    return nextCursor === undefined ? { traces } : { traces, nextCursor }
  }

  async match(filter: TraceFilter & { readonly q: string }, signal?: AbortSignal): Promise<MatchedTraces> {
    const matcher = this.#matcherOf(filter, signal)
    const { found, nextCursor } = await this.#found(filter, matcher, signal)
    return {
      traces: found.flatMap(({ summary, trace, match }) =>
        trace === undefined || match === undefined ? [] : [{ summary, trace, match }],
      ),
      ...(nextCursor === undefined ? {} : { nextCursor }),
      inspectedTraces: matcher?.inspectedTraces ?? 0,
      inspectedSpans: matcher?.inspectedSpans ?? 0,
      isCut: matcher?.isCut ?? false,
    }
  }

  #matcherOf({ q }: TraceFilter, signal: AbortSignal | undefined): TraceMatcher | undefined {
    return q === undefined
      ? undefined
      : new TraceMatcher({ store: this.#store, clock: this.#clock }, queryOf(q), signal)
  }

  async #found(
    filter: TraceFilter,
    matcher: TraceMatcher | undefined,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly found: readonly Found[]; readonly nextCursor?: string }> {
    const limit = Math.min(Math.max(filter.limit ?? SEARCH_LIMIT_DEFAULT, 1), SEARCH_LIMIT_MAX)
    const cursor = filter.cursor === undefined ? FIRST : parseCursor(filter.cursor)
    const horizonNs = this.#clock.nowNs() + AHEAD_NS_MAX
    const conditions = {
      ...filter,
      inResources: await this.#attributesOfResources(filter, signal),
      ...(filter.q === undefined ? {} : { need: needOf(queryOf(filter.q)) }),
    }
    const { fromNs = 0n, toNs = HIGHEST.startNs } = filter
    const found: Found[] = []
    let stoppedAt: TraceSummary | undefined
    if (!cursor.isAhead) {
      const upToNow = { ...conditions, toNs: toNs < horizonNs ? toNs : horizonNs }
      const stretch = await this.#stretch(upToNow, cursor.below, { count: limit + 1, matcher }, signal)
      found.push(...stretch.found)
      stoppedAt = stretch.stoppedAt
    }
    if (found.length <= limit && stoppedAt === undefined && toNs > horizonNs) {
      const ahead = { ...conditions, fromNs: fromNs > horizonNs ? fromNs : horizonNs + 1n }
      const below = cursor.isAhead ? cursor.below : HIGHEST
      const count = limit + 1 - found.length
      const stretch = await this.#stretch(ahead, below, { count, matcher }, signal)
      found.push(...stretch.found)
      stoppedAt = stretch.stoppedAt
    }
    return pageOf(found, limit, horizonNs, stoppedAt)
  }

  async summary(traceId: string, signal?: AbortSignal): Promise<TraceSummary | undefined> {
    if (!isTraceId(traceId)) return undefined
    const rows = await this.#store.query(
      `SELECT ${SUMMARY_COLUMNS} FROM traces WHERE trace_id = toFixedString(unhex({id:String}), 16)
      ORDER BY version DESC, is_deleted LIMIT 1`,
      { params: { id: traceId.toLowerCase() }, signal },
    )
    return rows[0] === undefined ? undefined : summaryOfRow(rows[0])
  }

  async trace(
    traceId: string,
    options: { readonly maxSpans?: number; readonly signal?: AbortSignal } = {},
  ): Promise<OtlpSpan[]> {
    const limit = Math.min(options.maxSpans ?? SPANS_PER_TRACE_READ_MAX, SPANS_PER_TRACE_READ_MAX)
    return this.#spans(traceId, { offset: 0, limit }, options.signal)
  }

  async spansOfTraces(
    traceIds: readonly string[],
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<string, readonly OtlpSpan[]>> {
    return await readManyTraces(this.#store, traceIds, { signal })
  }

  async tailWeights(traceIds: readonly string[], signal?: AbortSignal): Promise<ReadonlyMap<string, number>> {
    const ids = traceIds.filter(isTraceId).map((id) => id.toLowerCase())
    if (ids.length === 0) return new Map()
    const rows = await this.#store.query(
      `SELECT lower(hex(trace_id)) AS id, argMax(weight, (version, NOT is_deleted)) AS tail FROM traces
      WHERE trace_id IN (SELECT toFixedString(unhex(arrayJoin({ids:Array(String)})), 16))
      GROUP BY trace_id HAVING tail > 1`,
      { params: { ids }, signal },
    )
    return new Map(rows.map((row) => [String(row['id']), Number(row['tail'])]))
  }

  async spansOf(
    traceId: string,
    page: { readonly offset: number; readonly limit: number },
    signal?: AbortSignal,
  ): Promise<SpanPage> {
    if (!isTraceId(traceId)) return { spans: [], totalSpans: 0 }
    const [spans, counted] = await Promise.all([
      this.#spans(traceId, boundedPage(page), signal),
      this.#store.query(
        'SELECT uniqExact(span_id) AS n FROM spans WHERE trace_id = toFixedString(unhex({id:String}), 16)',
        { params: { id: traceId.toLowerCase() }, signal },
      ),
    ])
    return { spans, totalSpans: Number(counted[0]?.['n'] ?? 0) }
  }

  async otlp(
    traceId: string,
    page: { readonly offset: number; readonly limit: number },
    signal?: AbortSignal,
  ): Promise<OtlpRequest> {
    return otlpRequestOf(await this.#spanRows(traceId, boundedPage(page), signal))
  }

  async outlines(
    traceIds: readonly string[],
    options: { readonly maxSpans: number; readonly signal?: AbortSignal },
  ): Promise<TraceOutline[]> {
    const ids = traceIds.filter(isTraceId).map((id) => id.toLowerCase())
    return readOutlines(this.#store, { traceIds: ids, ...options })
  }

  async spansById(traceId: string, spanIds: readonly string[], signal?: AbortSignal): Promise<OtlpSpan[]> {
    const ids = spanIds.filter((id) => /^[0-9a-f]{16}$/i.test(id)).slice(0, SPANS_PER_PAGE_MAX)
    if (!isTraceId(traceId) || ids.length === 0) return []
    const rows = await this.#store.query(
      `SELECT ${SPAN_COLUMNS} FROM spans WHERE trace_id = toFixedString(unhex({id:String}), 16)
        AND span_id IN (SELECT toFixedString(unhex(arrayJoin(splitByChar(' ', {spans:String}))), 8))
      ORDER BY seq DESC LIMIT 1 BY span_id`,
      { params: { id: traceId.toLowerCase(), spans: ids.join(' ').toLowerCase() }, signal },
    )
    const reader = new SpanRowReader()
    return rows.map((row) => reader.span(row))
  }

  async spanIdsWith(
    traceId: string,
    { text, limit }: { readonly text: string; readonly limit: number },
    signal?: AbortSignal,
  ): Promise<string[]> {
    if (!isTraceId(traceId)) return []
    // As the page searches a small trace itself: keys, values, and `key=value`.
    const has = (column: string): string => `positionCaseInsensitiveUTF8(${column}, {text:String}) > 0`
    const maps = ['attr_string', 'attr_int', 'attr_double', 'attr_bool', 'attr_other'].map(
      (map) =>
        `arrayExists((k, v) -> ${has("concat(k, '=', toString(v))")}, mapKeys(${map}), mapValues(${map}))`,
    )
    const texts = ['name', 'service', 'status_message'].map((column) => has(`toString(${column})`))
    const events = `arrayExists(e -> ${has('toString(e)')}, event_name)`
    const rows = await this.#store.query(
      `SELECT DISTINCT lower(hex(span_id)) AS span FROM spans
      WHERE trace_id = toFixedString(unhex({id:String}), 16)
        AND (${[...texts, ...maps, events].join(' OR ')} OR span_id = unhex({exact:String}))
      LIMIT {limit:UInt32}`,
      { params: { id: traceId.toLowerCase(), text, exact: spanIdIn(text), limit }, signal },
    )
    return rows.map((row) => String(row['span']))
  }

  async heat(
    filter: TraceFilter,
    range: { readonly fromNs: bigint; readonly toNs: bigint; readonly columns: number },
    signal?: AbortSignal,
  ): Promise<TraceHeatView> {
    const inResources = await this.#attributesOfResources(filter, signal)
    const params: Params = {
      step: (range.toNs - range.fromNs) / BigInt(range.columns) + 1n,
      base: range.fromNs,
    }
    const where = conditions({ ...filter, ...range, inResources }, params)
    // The newest version of each trace, as in a search; the conditions on spans hold for every version.
    const rows = await this.#store.query(
      `SELECT intDiv(start_ns - {base:UInt64}, {step:UInt64}) AS cell_column,
        toInt32(floor(4 * log2(greatest(duration_ns, 1)))) AS cell_band, count() AS n,
        sum(${STANDS_FOR_SQL}) AS total, sumIf(${STANDS_FOR_SQL}, error_count > 0) AS failed,
        lower(hex(max(trace_id))) AS example
      FROM (SELECT * FROM traces WHERE ${[...where.summary, ...where.spans].join(' AND ')}
        ORDER BY version DESC, is_deleted DESC LIMIT 1 BY start_ns, trace_id)
      WHERE is_deleted = 0 GROUP BY cell_column, cell_band ORDER BY cell_column, cell_band`,
      { params, signal },
    )
    return {
      fromNs: String(range.fromNs),
      toNs: String(range.toNs),
      columns: range.columns,
      traces: rows.reduce((sum, row) => sum + Number(row['n']), 0),
      cells: rows.map((row) => ({
        column: Number(row['cell_column']),
        band: Number(row['cell_band']),
        count: Number(row['total']),
        errors: Number(row['failed']),
        traceId: String(row['example']),
      })),
    }
  }

  serviceGraph(
    range: { readonly fromNs: bigint; readonly toNs: bigint },
    signal?: AbortSignal,
  ): Promise<ServiceGraphView> {
    return readServiceGraph(this.#store, range, signal)
  }

  async services(): Promise<string[]> {
    return this.#names(
      `SELECT arrayJoin(mapKeys(services)) AS name, count() AS n FROM traces WHERE is_deleted = 0
      GROUP BY name ORDER BY n DESC, name LIMIT {limit:UInt32}`,
      {},
    )
  }

  async operations(service: string): Promise<string[]> {
    return this.#names(
      `SELECT substring(operation, length({service:String}) + 2) AS name, count() AS n
      FROM (SELECT toString(arrayJoin(operations)) AS operation FROM traces
        WHERE is_deleted = 0 AND mapContains(services, {service:String}))
      WHERE startsWith(operation, concat({service:String}, char(0)))
      GROUP BY name ORDER BY n DESC, name LIMIT {limit:UInt32}`,
      { service },
    )
  }

  async attributeKeys(): Promise<string[]> {
    // Keys repeat in every second of data: the last few minutes before the newest span show them all,
    // cheaply.
    return this.#names(
      `SELECT toString(arrayJoin(arrayConcat(
        mapKeys(attr_string), mapKeys(attr_int), mapKeys(attr_double), mapKeys(attr_bool)))) AS name,
      count() AS n FROM (SELECT attr_string, attr_int, attr_double, attr_bool FROM spans
        WHERE ingest_hour >= (SELECT toStartOfHour(max(ingest_time)) FROM spans) LIMIT 100000)
      GROUP BY name ORDER BY n DESC, name LIMIT {limit:UInt32}`,
      {},
    )
  }

  async #names(sql: string, params: Params): Promise<string[]> {
    const rows = await this.#store.query(sql, { params: { ...params, limit: NAMES_MAX } })
    return rows.map(({ name }) => String(name)).filter((name) => name !== '')
  }

  /**
   * Which attributes some resource has with this value. Resources are few and read alone, and where none has
   * it the condition on spans is one that the bloom filter can answer: a rare value is found in a tenth of
   * the time.
   */
  async #attributesOfResources(
    filter: TraceFilter,
    signal: AbortSignal | undefined,
  ): Promise<ReadonlySet<string>> {
    const keys = await Promise.all(
      Object.entries(filter.attributes ?? {}).map(async ([key, value]) => {
        const rows = await this.#store.query(
          'SELECT 1 FROM spans WHERE multiSearchAny(resource, {lines:Array(String)}) LIMIT 1',
          { params: { lines: searchFragments(key, value) }, signal },
        )
        return rows.length > 0 ? [key] : []
      }),
    )
    return new Set(keys.flat())
  }

  /**
   * Lower bounds of the start to try in turn, newest first: by number, for traces come at any rate and of any
   * age.
   */
  async *#windows(
    filter: TraceFilter,
    below: Key,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<bigint, void, undefined> {
    const { fromNs = 0n, toNs = HIGHEST.startNs } = filter
    const hasAttributes = Object.keys(filter.attributes ?? {}).length > 0
    const windows = hasAttributes ? ATTRIBUTE_WINDOWS : filter.q === undefined ? [] : QUERY_WINDOWS
    const params = { from: fromNs, to: toNs < below.startNs ? toNs : below.startNs }
    for (const count of windows) {
      const [last] = await this.#store.query(
        `SELECT start_ns FROM traces WHERE start_ns BETWEEN {from:UInt64} AND {to:UInt64}
        ORDER BY start_ns DESC LIMIT 1 OFFSET {count:UInt32}`,
        { params: { ...params, count }, signal },
      )
      if (last === undefined) break
      yield BigInt(String(last['start_ns']))
    }
    yield fromNs
  }

  /** Up to `count` summaries below the key, newest first; by spans from the newest hours backwards. */
  async #stretch(
    filter: Conditions,
    below: Key,
    wanted: Wanted,
    signal: AbortSignal | undefined,
  ): Promise<Stretch> {
    let page: Stretch = { found: [] }
    for await (const fromNs of this.#windows(filter, below, signal)) {
      page = await this.#page({ ...filter, fromNs }, below, wanted, signal)
      if (page.found.length >= wanted.count || page.stoppedAt !== undefined) break
    }
    return { ...page, found: page.found.slice(0, wanted.count) }
  }

  /** At least `count` summaries below the key, or all there are, or as far as the matcher may look. */
  async #page(
    filter: Conditions,
    below: Key,
    { count: wanted, matcher }: Wanted,
    signal: AbortSignal | undefined,
  ): Promise<Stretch> {
    const found: Found[] = []
    let cursor = below
    let count = CANDIDATES_PER_ROUND(wanted)
    for (;;) {
      const { keys, rows } = await this.#round(filter, cursor, count, signal)
      const summaries = rows.map(summaryOfRow)
      const matched = await matcher?.matching(summaries, wanted - found.length)
      found.push(...(matched?.found ?? summaries.map((summary) => ({ summary }))))
      const stoppedAt = matched?.last
      if (stoppedAt !== undefined) return { found, stoppedAt }
      const last = keys.at(-1)
      if (found.length >= wanted || last === undefined || keys.length < count) return { found }
      const lastSummary = summaries.at(-1)
      if (matcher?.isOver === true && lastSummary !== undefined) {
        matcher.isCut = true
        return { found, stoppedAt: lastSummary }
      }
      cursor = last
      if (matcher !== undefined)
        count = Math.min(count * MATCH_ROUND_GROWTH, Math.max(count, MATCH_ROUND_MAX))
    }
  }

  async #round(
    filter: Conditions,
    below: Key,
    count: number,
    signal: AbortSignal | undefined,
  ): Promise<{ keys: Key[]; rows: Row[] }> {
    const params: Params = { below_start: below.startNs, below_id: below.traceId, count }
    const where = conditions(filter, params)
    const keyRows = await this.#store.query(
      `SELECT DISTINCT start_ns, lower(hex(trace_id)) AS id FROM traces
      WHERE (start_ns < {below_start:UInt64} OR
        (start_ns = {below_start:UInt64} AND trace_id < toFixedString(unhex({below_id:String}), 16)))
      AND ${[...where.summary, ...where.spans].join(' AND ')} AND is_deleted = 0
      ORDER BY start_ns DESC, trace_id DESC LIMIT {count:UInt32}`,
      { params, signal },
    )
    const keys = keyRows.map((row) => ({
      startNs: BigInt(String(row['start_ns'])),
      traceId: String(row['id']),
    }))
    if (keys.length === 0) return { keys, rows: [] }
    // The span conditions hold for every version of a trace: spans are only ever added.
    const newest: Params = {}
    const again = conditions({ ...filter, attributes: undefined, need: undefined }, newest)
    newest['starts'] = keys.map(({ startNs }) => startNs)
    newest['ids'] = keys.map(({ traceId }) => traceId)
    const rows = await this.#store.query(
      `SELECT * FROM (SELECT ${SUMMARY_COLUMNS}, operations FROM traces
      WHERE start_ns IN {starts:Array(UInt64)}
        AND trace_id IN (SELECT toFixedString(unhex(arrayJoin({ids:Array(String)})), 16))
      ORDER BY start_ns DESC, trace_id DESC, version DESC, is_deleted DESC LIMIT 1 BY start_ns, trace_id)
      WHERE ${again.summary.join(' AND ')} AND is_deleted = 0 ORDER BY start_ns DESC, id DESC`,
      { params: newest, signal },
    )
    return { keys, rows }
  }

  async #spans(
    traceId: string,
    page: { readonly offset: number; readonly limit: number },
    signal: AbortSignal | undefined,
  ): Promise<OtlpSpan[]> {
    const reader = new SpanRowReader()
    return (await this.#spanRows(traceId, page, signal)).map((row) => reader.span(row))
  }

  async #spanRows(
    traceId: string,
    page: { readonly offset: number; readonly limit: number },
    signal: AbortSignal | undefined,
  ): Promise<Row[]> {
    if (!isTraceId(traceId) || page.limit === 0) return []
    // The newest arrival of each span is found by ids alone, so that a page of a million spans holds no
    // million attributes.
    return this.#store.query(
      `SELECT ${SPAN_COLUMNS} FROM spans
      WHERE trace_id = toFixedString(unhex({id:String}), 16) AND (span_id, seq) IN (
        SELECT span_id, max(seq) FROM spans WHERE trace_id = toFixedString(unhex({id:String}), 16)
        GROUP BY span_id ORDER BY argMax(start_ns, seq), span_id LIMIT {limit:UInt32} OFFSET {offset:UInt64})
      ORDER BY start_ns, span_id LIMIT 1 BY span_id`,
      { params: { id: traceId.toLowerCase(), limit: page.limit, offset: page.offset }, signal },
    )
  }
}

function boundedPage(page: { readonly offset: number; readonly limit: number }): {
  readonly offset: number
  readonly limit: number
} {
  return {
    offset: Math.max(page.offset, 0),
    limit: Math.min(Math.max(page.limit, 0), SPANS_PER_PAGE_MAX),
  }
}

/** `stoppedAt`: how far a search came that may not look at more; the next page begins there. */
function pageOf(
  found: readonly Found[],
  limit: number,
  horizonNs: bigint,
  stoppedAt: TraceSummary | undefined,
): { readonly found: readonly Found[]; readonly nextCursor?: string } {
  const shown = found.slice(0, limit)
  const last = found.length > limit ? shown.at(-1)?.summary : stoppedAt
  if (last === undefined) return { found: shown }
  const stretch = BigInt(last.startNs) > horizonNs ? AHEAD : ''
  return { found: shown, nextCursor: `${stretch}${last.startNs}-${last.traceId}` }
}

type Wanted = { readonly count: number; readonly matcher: TraceMatcher | undefined }

/** Errors: E_BAD_FILTER with what is wrong. */
function queryOf(q: string): TraceQuery {
  const { query, diagnostics } = parseTraceQuery(q)
  if (query !== undefined) return query
  throw new TraceReaderError('E_BAD_FILTER', diagnostics.map(formatDiagnostic).join('; '))
}

/** Marks a cursor among traces ahead of now; later it may not be ahead any more. */
const AHEAD = 'a'
const FIRST = { isAhead: false, below: HIGHEST }

function parseCursor(cursor: string): { readonly isAhead: boolean; readonly below: Key } {
  const [, stretch = '', startNs = '', traceId = ''] = /^(a?)(\d{1,20})-([0-9a-f]{32})$/.exec(cursor) ?? []
  if (startNs === '' || BigInt(startNs) > HIGHEST.startNs)
    throw new TraceReaderError('E_BAD_CURSOR', 'cursor is not one that a search returned')
  return { isAhead: stretch === AHEAD, below: { startNs: BigInt(startNs), traceId } }
}

/** Hex digits of a span id, or of none. */
function spanIdIn(text: string): string {
  return /^[0-9a-f]{16}$/i.test(text) ? text : '0000000000000000'
}

function isTraceId(text: string): boolean {
  return /^[0-9a-f]{32}$/i.test(text)
}

/** SQL conditions on `traces`, with their values put into `params`. */
function conditions(filter: Conditions, params: Params): { summary: string[]; spans: string[] } {
  const summary = ['1']
  const add = (condition: string, name: string, value: QueryParam): void => {
    summary.push(condition)
    params[name] = value
  }
  if (filter.fromNs !== undefined) add('start_ns >= {from_ns:UInt64}', 'from_ns', clampU64(filter.fromNs))
  if (filter.toNs !== undefined) add('start_ns <= {to_ns:UInt64}', 'to_ns', clampU64(filter.toNs))
  if (filter.minMs !== undefined)
    add('duration_ns >= {min_ns:UInt64}', 'min_ns', nsOfMs(filter.minMs, 'minMs'))
  if (filter.maxMs !== undefined)
    add('duration_ns <= {max_ns:UInt64}', 'max_ns', nsOfMs(filter.maxMs, 'maxMs'))
  if (filter.isError === true) summary.push('error_count > 0')
  if (filter.isError === false) summary.push('error_count = 0')
  const { service, name } = filter
  if (service !== undefined && name !== undefined)
    add('has(operations, {operation:String})', 'operation', operationText(service, name))
  else if (service !== undefined) add('mapContains(services, {service:String})', 'service', service)
  else if (name !== undefined)
    add('arrayExists(x -> endsWith(x, concat(char(0), {name:String})), operations)', 'name', name)
  const spansFrom = filter.fromNs === undefined ? undefined : 'start_ns >= {from_ns:UInt64}'
  const need = filter.need === undefined ? undefined : needSql(filter.need, params, spansFrom)
  return { summary, spans: [...spanConditions(filter, params), ...(need === undefined ? [] : [need])] }
}

/** One condition: the trace has one span that fits service, name and all attributes. */
function spanConditions(filter: Conditions, params: Params): string[] {
  const attributes = Object.entries(filter.attributes ?? {})
  if (attributes.length === 0) return []
  const all: string[] = []
  // A span starts no earlier than its trace, so the lower bound holds for spans too.
  if (filter.fromNs !== undefined) all.push('start_ns >= {from_ns:UInt64}')
  if (filter.service !== undefined) all.push('service = {span_service:String}')
  if (filter.name !== undefined) all.push('name = {span_name:String}')
  if (filter.service !== undefined) params['span_service'] = filter.service
  if (filter.name !== undefined) params['span_name'] = filter.name
  attributes.forEach(([key, value], i) =>
    all.push(attributeCondition({ key, value, isInResource: filter.inResources.has(key) }, i, params)),
  )
  return [`trace_id IN (SELECT trace_id FROM spans WHERE ${all.join(' AND ')})`]
}

function attributeCondition(
  { key, value, isInResource }: AttributeCondition,
  i: number,
  params: Params,
): string {
  params[`key${i}`] = key
  params[`value${i}`] = value
  const k = `{key${i}:String}`
  const v = `{value${i}:String}`
  const either = [`(has(mapValues(attr_string), ${v}) AND attr_string[${k}] = ${v})`]
  if (isInResource) {
    // LowCardinality: evaluated once a distinct resource, not once a span.
    either.push(`multiSearchAny(resource, {lines${i}:Array(String)})`)
    params[`lines${i}`] = searchFragments(key, value)
  }
  const number = Number(value)
  if (/^-?\d{1,19}$/.test(value) && BigInt.asIntN(64, BigInt(value)) === BigInt(value)) {
    either.push(`(mapContains(attr_int, ${k}) AND attr_int[${k}] = {int${i}:Int64})`)
    params[`int${i}`] = BigInt(value)
  }
  if (value.trim() !== '' && Number.isFinite(number)) {
    either.push(`(mapContains(attr_double, ${k}) AND attr_double[${k}] = {double${i}:Float64})`)
    params[`double${i}`] = number
  }
  if (value === 'true' || value === 'false') {
    either.push(`(mapContains(attr_bool, ${k}) AND attr_bool[${k}] = ${value === 'true' ? 1 : 0})`)
  }
  return `(${either.join(' OR ')})`
}

function clampU64(ns: bigint): bigint {
  return ns < 0n ? 0n : ns > HIGHEST.startNs ? HIGHEST.startNs : ns
}

function nsOfMs(ms: number, member: string): bigint {
  if (!Number.isFinite(ms) || ms < 0)
    throw new TraceReaderError('E_BAD_FILTER', `${member} must be a number of ms, 0 or more`)
  return clampU64(BigInt(Math.min(Math.round(ms * 1e6), Number.MAX_SAFE_INTEGER)))
}
