// Which names and values there are, for editors that complete a query and for lists of operations and calls.
// All from the newest spans: what a system says it says again every second.

import { INTRINSICS, type Field, type SpanTest } from '#model'
import type { Row, Store } from '#store'
import { DEPENDENCY_SPANS_MAX, NAMES_MAX, TAG_RESOURCES_MAX, TAG_SPANS_MAX } from './assembly-limits.ts'
import { isObject, parseObject } from './attribute-text.ts'
import { list, text } from './read-rows.ts'
import { spanTestSql, type Params } from './traceql-sql.ts'

export type Scope = 'span' | 'resource' | 'event' | 'link' | 'instrumentation'
export type TagValue = {
  readonly type: 'string' | 'int' | 'float' | 'bool' | 'keyword'
  readonly value: string
}
export type Operation = { readonly name: string; readonly kind: number }
export type Dependency = { readonly parent: string; readonly child: string; readonly callCount: number }
export type Range = { readonly fromNs?: bigint; readonly toNs?: bigint }

export interface Vocabulary {
  /** Keys of attributes by where they are; most frequent first. */
  keys(range: Range, signal?: AbortSignal): Promise<{ readonly [scope in Scope]: readonly string[] }>
  /** Most frequent first; of spans that pass the test. */
  values(
    field: Field,
    options: Range & { readonly where?: SpanTest },
    signal?: AbortSignal,
  ): Promise<TagValue[]>
  operations(service: string, signal?: AbortSignal): Promise<Operation[]>
  /** Which service calls which, and how often, among the spans that began in the range. */
  dependencies(range: Range, signal?: AbortSignal): Promise<Dependency[]>
}

export function openVocabulary(store: Store): Vocabulary {
  return new StoreVocabulary(store)
}

class StoreVocabulary implements Vocabulary {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  async keys(range: Range, signal?: AbortSignal): Promise<{ readonly [scope in Scope]: readonly string[] }> {
    const ofMaps = `arrayConcat(mapKeys(attr_string), mapKeys(attr_int), mapKeys(attr_double), mapKeys(attr_bool),
      mapKeys(attr_other))`
    const ofLines = (column: string): string => `arrayFlatten(arrayMap(x -> JSONExtractKeys(x), ${column}))`
    const [span, event, link, resource, instrumentation] = await Promise.all([
      this.#keysIn(ofMaps, range, signal),
      this.#keysIn(ofLines('event_attributes'), range, signal),
      this.#keysIn(ofLines('link_attributes'), range, signal),
      this.#lines('resource', range, signal),
      this.#lines('scope', range, signal),
    ])
    return { span, event, link, resource: keysOf(resource), instrumentation: keysOf(instrumentation) }
  }

  async values(
    field: Field,
    options: Range & { readonly where?: SpanTest },
    signal?: AbortSignal,
  ): Promise<TagValue[]> {
    if (field.kind === 'intrinsic') return this.#intrinsic(field.name, options, signal)
    const { scope, name } = field
    if (name === 'service.name' && scope !== 'span') return this.#texts('service', options, signal)
    const fromLines = async (column: 'resource' | 'scope'): Promise<TagValue[]> =>
      valuesIn(await this.#lines(column, options, signal), name)
    switch (scope) {
      case 'span':
        return this.#ofSpans(name, options, signal)
      case 'resource':
        return fromLines('resource')
      case 'instrumentation':
        return fromLines('scope')
      case 'any': {
        const [ofSpans, ofResources] = await Promise.all([
          this.#ofSpans(name, options, signal),
          fromLines('resource'),
        ])
        return [...ofSpans, ...ofResources]
      }
      case 'event':
      case 'link': {
        const lines = await this.#distinct(`arrayJoin(${scope}_attributes)`, options, signal)
        return valuesIn(
          lines.map((line) => JSON.stringify({ attributes: parseObject(line) })),
          name,
        )
      }
    }
  }

  async operations(service: string, signal?: AbortSignal): Promise<Operation[]> {
    const rows = await this.#store.query(
      `SELECT name, kind, count() AS n FROM spans WHERE service = {service:String}
      GROUP BY name, kind ORDER BY n DESC, name, kind LIMIT {limit:UInt32}`,
      { params: { service, limit: NAMES_MAX }, signal },
    )
    return rows.map((row) => ({ name: text(row['name']), kind: Number(row['kind']) }))
  }

  async dependencies({ fromNs = 0n, toNs = MAX_NS }: Range, signal?: AbortSignal): Promise<Dependency[]> {
    const hours = await this.#store.query(
      `SELECT toUnixTimestamp(ingest_hour) AS hour, count() AS n FROM spans
      WHERE start_ns >= {from:UInt64} AND start_ns <= {to:UInt64} GROUP BY hour ORDER BY hour DESC`,
      { params: { from: fromNs, to: toNs }, signal },
    )
    const oldest = oldestHour(hours)
    if (oldest === undefined) return []
    const rows = await this.#store.query(
      `SELECT parent, child, count() AS n FROM
        (SELECT trace_id, parent_span_id AS id, service AS child FROM spans
          WHERE ingest_hour >= toDateTime({hour:UInt32}) AND start_ns >= {from:UInt64}
            AND start_ns <= {to:UInt64} AND parent_span_id != toFixedString('', 8)
          LIMIT 1 BY trace_id, span_id) AS c
        INNER JOIN (SELECT trace_id, span_id AS id, any(service) AS parent FROM spans
          WHERE ingest_hour >= toDateTime({hour:UInt32}) GROUP BY trace_id, id) AS p USING (trace_id, id)
      WHERE parent != child GROUP BY parent, child ORDER BY n DESC, parent, child LIMIT {limit:UInt32}`,
      { params: { hour: oldest, from: fromNs, to: toNs, limit: NAMES_MAX }, signal },
    )
    return rows.map((row) => ({
      parent: text(row['parent']),
      child: text(row['child']),
      callCount: Number(row['n']),
    }))
  }

  // --- spans

  async #keysIn(keys: string, range: Range, signal: AbortSignal | undefined): Promise<string[]> {
    const params: Params = { limit: NAMES_MAX }
    const rows = await this.#store.query(
      `SELECT toString(arrayJoin(${keys})) AS name, count() AS n FROM ${newest('*', range, params)}
      GROUP BY name ORDER BY n DESC, name LIMIT {limit:UInt32}`,
      { params, signal },
    )
    return rows.map(({ name }) => text(name)).filter((name) => name !== '')
  }

  /** Distinct lines of a column of JSON. */
  #lines(column: 'resource' | 'scope', range: Range, signal: AbortSignal | undefined): Promise<string[]> {
    return this.#distinct(`toString(${column})`, range, signal)
  }

  async #distinct(
    value: string,
    range: Range & { readonly where?: SpanTest },
    signal: AbortSignal | undefined,
  ): Promise<string[]> {
    const params: Params = { limit: TAG_RESOURCES_MAX }
    const rows = await this.#store.query(
      `SELECT DISTINCT ${value} AS line FROM ${newest('*', range, params)} LIMIT {limit:UInt32}`,
      { params, signal },
    )
    return rows.map(({ line }) => text(line))
  }

  async #texts(
    column: string,
    range: Range & { readonly where?: SpanTest },
    signal: AbortSignal | undefined,
  ): Promise<TagValue[]> {
    const params: Params = { limit: NAMES_MAX }
    const rows = await this.#store.query(
      `SELECT toString(${column}) AS value, count() AS n FROM ${newest('*', range, params)}
      GROUP BY value ORDER BY n DESC, value LIMIT {limit:UInt32}`,
      { params, signal },
    )
    return rows.map((row) => ({ type: 'string', value: text(row['value']) }))
  }

  async #ofSpans(
    name: string,
    range: Range & { readonly where?: SpanTest },
    signal: AbortSignal | undefined,
  ): Promise<TagValue[]> {
    const params: Params = { limit: NAMES_MAX, key: name }
    const one = (type: string, map: string, value = `toString(${map}[{key:String}])`): string =>
      `if(mapContains(${map}, {key:String}), [('${type}', ${value})], [])`
    const rows = await this.#store.query(
      `SELECT typed.1 AS type, typed.2 AS value, count() AS n FROM
        (SELECT arrayJoin(arrayConcat(${one('string', 'attr_string')}, ${one('int', 'attr_int')},
          ${one('float', 'attr_double')},
          ${one('bool', 'attr_bool', `if(attr_bool[{key:String}] = 1, 'true', 'false')`)})) AS typed
        FROM ${newest('*', range, params)})
      GROUP BY type, value ORDER BY n DESC, value LIMIT {limit:UInt32}`,
      { params, signal },
    )
    return rows.map((row) => ({ type: typeOf(row['type']), value: text(row['value']) }))
  }

  async #intrinsic(
    name: keyof typeof INTRINSICS,
    range: Range & { readonly where?: SpanTest },
    signal: AbortSignal | undefined,
  ): Promise<TagValue[]> {
    const words = KEYWORDS[name]
    if (words !== undefined) return words.map((value) => ({ type: 'keyword', value }))
    const column = TEXT_COLUMNS[name]
    if (column !== undefined) return this.#texts(column, range, signal)
    const ofTraces = TRACE_COLUMNS[name]
    if (ofTraces === undefined) return []
    const rows = await this.#store.query(
      `SELECT toString(${ofTraces}) AS value, count() AS n FROM
        (SELECT ${ofTraces} FROM traces WHERE has_root = 1 ORDER BY start_ns DESC LIMIT {traces:UInt32})
      GROUP BY value ORDER BY n DESC, value LIMIT {limit:UInt32}`,
      { params: { limit: NAMES_MAX, traces: TAG_SPANS_MAX }, signal },
    )
    return rows.map((row) => ({ type: 'string', value: text(row['value']) }))
  }
}

const MAX_NS = 0xffff_ffff_ffff_ffffn

const KEYWORDS: { readonly [name: string]: readonly string[] | undefined } = {
  'span:status': ['error', 'ok', 'unset'],
  'span:kind': ['server', 'client', 'producer', 'consumer', 'internal', 'unspecified'],
}
const TEXT_COLUMNS: { readonly [name: string]: string | undefined } = {
  'span:name': 'name',
  'span:statusMessage': 'status_message',
  'event:name': 'arrayJoin(event_name)',
  'instrumentation:name': `JSONExtractString(toString(scope), 'name')`,
  'instrumentation:version': `JSONExtractString(toString(scope), 'version')`,
}
const TRACE_COLUMNS: { readonly [name: string]: string | undefined } = {
  'trace:rootName': 'root_name',
  'trace:rootService': 'root_service',
}

/** A subquery: a bounded number of spans, of the newest hour, or that began in the range. */
function newest(
  columns: string,
  { fromNs, toNs, where }: Range & { readonly where?: SpanTest },
  params: Params,
): string {
  params['spans'] = TAG_SPANS_MAX
  const conditions: string[] = []
  if (fromNs !== undefined) {
    params['from'] = fromNs
    conditions.push('start_ns >= {from:UInt64}')
  }
  if (toNs !== undefined) {
    params['to'] = toNs
    conditions.push('start_ns <= {to:UInt64}')
  }
  if (conditions.length === 0)
    conditions.push('ingest_hour >= (SELECT toStartOfHour(max(ingest_time)) FROM spans)')
  const test = where === undefined ? undefined : spanTestSql(where, params)
  if (test !== undefined) conditions.push(test)
  return `(SELECT ${columns} FROM spans WHERE ${conditions.join(' AND ')} LIMIT {spans:UInt32})`
}

function oldestHour(hours: readonly Row[]): number | undefined {
  let spans = 0
  let oldest: number | undefined
  for (const row of hours) {
    spans += Number(row['n'])
    if (oldest !== undefined && spans > DEPENDENCY_SPANS_MAX) break
    oldest = Number(row['hour'])
  }
  return oldest
}

function attributesIn(line: string): { readonly [key: string]: unknown } {
  const { attributes } = parseObject(line)
  return isObject(attributes) ? attributes : {}
}

function keysOf(lines: readonly string[]): string[] {
  return [...new Set(lines.flatMap((line) => Object.keys(attributesIn(line))))].slice(0, NAMES_MAX)
}

/** Distinct, as attribute-text.ts writes them; lists by their members. */
function valuesIn(lines: readonly string[], name: string): TagValue[] {
  const found = new Map<string, TagValue>()
  for (const line of lines) {
    const attributes = attributesIn(line)
    if (!Object.hasOwn(attributes, name)) continue
    for (const value of typedValues(attributes[name])) found.set(`${value.type} ${value.value}`, value)
    if (found.size >= NAMES_MAX) break
  }
  return [...found.values()]
}

function typedValues(value: unknown): TagValue[] {
  if (typeof value === 'string') return [{ type: 'string', value }]
  if (typeof value === 'boolean') return [{ type: 'bool', value: String(value) }]
  if (!isObject(value)) return []
  if (typeof value['int'] === 'string') return [{ type: 'int', value: value['int'] }]
  if (value['double'] !== undefined) return [{ type: 'float', value: String(value['double']) }]
  const members: unknown = value['array']
  return Array.isArray(members)
    ? list(members).flatMap((member) =>
        isObject(member) && typeof member['stringValue'] === 'string'
          ? [{ type: 'string', value: member['stringValue'] } as const]
          : [],
      )
    : []
}

const typeOf = (cell: unknown): TagValue['type'] =>
  cell === 'int' || cell === 'float' || cell === 'bool' ? cell : 'string'
