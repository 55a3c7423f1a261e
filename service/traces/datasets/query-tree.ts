// Questions to a dataset, from JSON of strangers to a typed tree: every column looked up, every
// function known,
// every value of the type that its column has. What comes out cannot fail to compile.
//
//   DatasetQuery --readQuery(columns)--> QueryTree --query-sql.ts--> SQL with bound parameters
//
// Errors name what is wrong and what was probably meant.

import { nearest } from '#base'
import type {
  DatasetColumn,
  DatasetColumnType,
  DatasetOperator,
  DatasetQuery,
  DatasetScalar,
  DatasetWhere,
} from '#protocol'
import {
  GROUP_BY_MAX,
  GROUPS_DEFAULT,
  GROUPS_MAX,
  IN_VALUES_MAX,
  ORDER_BY_MAX,
  SELECT_MAX,
  SERIES_DEFAULT,
  SERIES_MAX,
  WHERE_DEPTH_MAX,
  WHERE_NODES_MAX,
} from './limits.ts'
import { DatasetError } from './query-error.ts'
import { parseWhere } from './where-text.ts'

/** A column as it stands in the table. */
export type TableColumn = DatasetColumn & {
  /** Its name in the table: ours, never a user's. */
  readonly field: string
  /** missing = a value may be missing. */
  readonly isOwn: boolean
}

export type WhereTree =
  | { readonly kind: 'all' | 'any'; readonly parts: readonly WhereTree[] }
  | { readonly kind: 'not'; readonly part: WhereTree }
  | { readonly kind: 'exists'; readonly column: TableColumn }
  | {
      readonly kind: 'compare'
      readonly column: TableColumn
      readonly op: Exclude<DatasetOperator, '!=' | 'in' | 'exists'>
      readonly value: DatasetScalar
    }
  | { readonly kind: 'in'; readonly column: TableColumn; readonly values: readonly DatasetScalar[] }

export type Aggregate =
  | { readonly fn: 'count' | 'example' }
  | { readonly fn: 'present'; readonly column: TableColumn }
  | { readonly fn: 'sum' | 'avg' | 'min' | 'max' | 'distinct'; readonly column: TableColumn }
  | { readonly fn: 'quantile'; readonly level: number; readonly column: TableColumn }

export type Bucket = { readonly kind: 'linear' | 'log'; readonly size: number }
export type GroupTree = { readonly name: string; readonly column: TableColumn; readonly bucket?: Bucket }
export type SelectTree = { readonly name: string; readonly aggregate: Aggregate }
/** place: of the selected, or of the groups; time = the interval. */
export type OrderTree = {
  readonly of: 'select' | 'group' | 'time'
  readonly place: number
  readonly isDescending: boolean
}

export type TimeRange = { readonly fromNs?: bigint; readonly toNs?: bigint }

export type QueryTree = TimeRange & {
  readonly where: WhereTree
  readonly limit: number
} & (
    | {
        readonly kind: 'groups'
        readonly select: readonly SelectTree[]
        readonly groupBy: readonly GroupTree[]
        readonly everyNs?: bigint
        readonly orderBy: readonly OrderTree[]
      }
    | {
        readonly kind: 'rows'
        readonly columns: readonly TableColumn[]
        readonly orderBy: readonly { readonly column: TableColumn; readonly isDescending: boolean }[]
      }
  )

/** Columns of every dataset, beside those of its features. */
export const OWN_COLUMNS: readonly TableColumn[] = [
  { name: 'traceId', type: 'string', field: 'trace_id', isOwn: true },
  { name: 'element', type: 'string', field: 'element', isOwn: true },
  { name: 'timeMs', type: 'number', unit: 'ms', field: 'start_ns', isOwn: true },
  { name: 'weight', type: 'number', field: 'weight', isOwn: true },
]

export class Columns {
  readonly all: readonly TableColumn[]
  readonly #byName: ReadonlyMap<string, TableColumn>

  /** Of the features, in their order. */
  constructor(features: readonly TableColumn[]) {
    this.all = features
    this.#byName = new Map([...OWN_COLUMNS, ...features].map((column) => [column.name, column]))
  }

  /** Errors: E_DATASET_COLUMN. */
  get(name: string): TableColumn {
    const column = this.#byName.get(name)
    if (column !== undefined) return column
    const close = nearest(name, this.#byName.keys())
    const hint =
      close === undefined
        ? `columns: ${[...this.#byName.keys()].slice(0, 40).join(', ')}`
        : `did you mean ${close}?`
    throw new DatasetError('E_DATASET_COLUMN', `there is no column '${short(name)}'`, hint)
  }

  find(name: string): TableColumn | undefined {
    return this.#byName.get(name)
  }
}

export const short = (text: string): string => (text.length > 60 ? `${text.slice(0, 60)}..` : text)

export function readQuery(query: DatasetQuery, columns: Columns): QueryTree {
  const range = readRange(query)
  const where = readWhere(query.where ?? { and: [] }, columns)
  const items = listOf(query.select, 'select', SELECT_MAX)
  const isRows = items.length > 0 && items.every((item) => columns.find(item.trim()) !== undefined)
  if (isRows) return { ...range, ...rowsOf(query, items, where, columns) }
  const select = (items.length === 0 ? ['count'] : items).map((item) => readSelect(item, columns))
  const groupBy = listOf(query.groupBy ?? [], 'groupBy', GROUP_BY_MAX).map((item) => readGroup(item, columns))
  checkNames([...select, ...groupBy].map(({ name }) => name))
  const sets = groupBy.filter(({ column }) => column.type === 'strings')
  if (sets.length > 1)
    throw bad(
      `${sets.map(({ name }) => name).join(' and ')} are sets; rows are taken apart by one only`,
      'group by one of them, and put the other into where',
    )
  const everyNs = readEvery(query.everySeconds)
  const isSeries = everyNs !== undefined
  const limit = isSeries
    ? readLimit(query.limit, SERIES_DEFAULT, SERIES_MAX)
    : readLimit(query.limit, GROUPS_DEFAULT, GROUPS_MAX)
  const orderBy = listOf(query.orderBy ?? [], 'orderBy', ORDER_BY_MAX).map((item) =>
    readOrder(item, select, groupBy),
  )
  return {
    kind: 'groups',
    ...range,
    where,
    select,
    groupBy,
    limit,
    orderBy: orderBy.length > 0 ? orderBy : [{ of: 'select', place: 0, isDescending: true }],
    ...(isSeries ? { everyNs } : {}),
  }
}

function rowsOf(
  query: DatasetQuery,
  items: readonly string[],
  where: WhereTree,
  columns: Columns,
): Extract<QueryTree, { readonly kind: 'rows' }> {
  if ((query.groupBy ?? []).length > 0 || query.everySeconds !== undefined)
    throw bad('columns alone are rows; groups need aggregates', "select: ['count', 'p99(duration_ms)']")
  const orderBy = listOf(query.orderBy ?? [], 'orderBy', ORDER_BY_MAX).map((item) => {
    const isDescending = item.startsWith('-')
    return { column: columns.get(isDescending ? item.slice(1) : item), isDescending }
  })
  return {
    kind: 'rows',
    where,
    columns: items.map((item) => columns.get(item.trim())),
    limit: readLimit(query.limit, GROUPS_DEFAULT, GROUPS_MAX),
    orderBy: orderBy.length > 0 ? orderBy : [{ column: columns.get('timeMs'), isDescending: true }],
  }
}

function checkNames(names: readonly string[]): void {
  const twice = names.find((name, index) => names.indexOf(name) !== index || name === 'time')
  if (twice === undefined) return
  throw bad(`two columns of the answer would be '${short(twice)}'`, `write ${short(twice)} as another_name`)
}

const CALL = /^([a-z]\w*)\s*(?:\(\s*(.*?)\s*\))?$/is
const AS = /\s+as\s+([A-Za-z_][\w.]{0,63})$/i
const FUNCTIONS = ['count', 'sum', 'avg', 'min', 'max', 'p50', 'p90', 'p95', 'p99', 'distinct', 'example']
const NUMBERS: ReadonlySet<DatasetColumnType> = new Set(['number', 'boolean'])

/** `p99(duration_ms) as slow`. */
function readSelect(item: string, columns: Columns): SelectTree {
  const alias = AS.exec(item)
  const text = (alias === null ? item : item.slice(0, alias.index)).trim()
  const [, written = '', argument] = CALL.exec(text) ?? []
  const fn = written.toLowerCase()
  const name = alias?.[1] ?? text.replaceAll(/\s/g, '')
  if (columns.find(text) !== undefined)
    throw bad(
      `${short(text)} is a column beside aggregates`,
      `put it into groupBy, or write max(${short(text)})`,
    )
  const level = levelOf(fn)
  if (!FUNCTIONS.includes(fn) && level === undefined) {
    const close = nearest(fn, FUNCTIONS)
    throw bad(
      `there is no aggregate '${short(text)}'`,
      close === undefined ? `aggregates: ${FUNCTIONS.join(', ')}` : `did you mean ${close}?`,
    )
  }
  if (argument === undefined || argument === '') {
    if (fn === 'count' || fn === 'example') return { name, aggregate: { fn } }
    throw bad(`${fn} needs a column`, `${fn}(${columns.all[0]?.name ?? 'timeMs'})`)
  }
  if (fn === 'example') throw bad('example takes no column', 'write example')
  const column = columns.get(argument)
  if (fn === 'count') return { name, aggregate: { fn: 'present', column } }
  if (fn !== 'distinct' && !NUMBERS.has(column.type))
    throw bad(`${fn} needs numbers, ${column.name} is of type ${column.type}`, `distinct(${column.name})`)
  if (level !== undefined) return { name, aggregate: { fn: 'quantile', level, column } }
  return { name, aggregate: { fn: fn as 'sum', column } }
}

/** p50 = 0.5, p999 = 0.999. */
function levelOf(fn: string): number | undefined {
  const digits = /^p(\d{1,6})$/.exec(fn)?.[1]
  if (digits === undefined) return undefined
  if (digits === '0') return 0
  if (digits === '100') return 1
  return digits.length < 2 ? Number(digits) / 100 : Number(`0.${digits}`)
}

const BUCKET = /^(.*?)\s*\/\s*(log\s+)?(\d+(?:\.\d+)?)$/i

/** `service`, `duration_ms / 50`, `duration_ms / log 4`. */
function readGroup(item: string, columns: Columns): GroupTree {
  const text = item.trim()
  if (columns.find(text) !== undefined) return { name: text, column: columns.get(text) }
  const [, name = text, log, size] = BUCKET.exec(text) ?? []
  const column = columns.get(name)
  if (column.type !== 'number')
    throw bad(
      `${column.name} is of type ${column.type}: only numbers have buckets`,
      `group by ${column.name}`,
    )
  if (!(Number(size) > 0)) throw bad(`a bucket of ${size} holds nothing`, `${column.name} / 10`)
  return { name, column, bucket: { kind: log === undefined ? 'linear' : 'log', size: Number(size) } }
}

function readOrder(item: string, select: readonly SelectTree[], groups: readonly GroupTree[]): OrderTree {
  const isDescending = item.startsWith('-')
  const name = (isDescending ? item.slice(1) : item).replaceAll(/\s/g, '')
  const place = select.findIndex((one) => one.name.replaceAll(/\s/g, '') === name)
  if (place >= 0) return { of: 'select', place, isDescending }
  const group = groups.findIndex((one) => one.name.replaceAll(/\s/g, '') === name)
  if (group >= 0) return { of: 'group', place: group, isDescending }
  if (name === 'time') return { of: 'time', place: 0, isDescending }
  const names = [...select, ...groups].map((one) => one.name)
  const close = nearest(name, names)
  throw bad(
    `orderBy names '${short(name)}', which is neither selected nor grouped by`,
    close === undefined ? `one of: ${names.join(', ')}` : `did you mean ${close}?`,
  )
}

export function readWhere(where: DatasetWhere, columns: Columns): WhereTree {
  const budget = { nodes: WHERE_NODES_MAX }
  return whereOf(where, columns, budget, 0)
}

function whereOf(where: unknown, columns: Columns, budget: { nodes: number }, depth: number): WhereTree {
  if (depth > WHERE_DEPTH_MAX)
    throw whereError(`where is nested deeper than ${WHERE_DEPTH_MAX}`, 'flatten it')
  if (--budget.nodes < 0)
    throw whereError(`where has more than ${WHERE_NODES_MAX} parts`, 'use in for many values of a column')
  if (typeof where === 'string') {
    const parsed = parseWhere(where)
    if ('diagnostic' in parsed)
      throw new DatasetError(
        'E_DATASET_WHERE',
        parsed.diagnostic.message,
        parsed.diagnostic.suggestion ?? "service = 'gateway' and duration_ms > 100",
        [parsed.diagnostic],
      )
    return whereOf(parsed.where, columns, budget, depth + 1)
  }
  if (typeof where !== 'object' || where === null) throw whereError('where must be a text or a tree', SHAPE)
  const inner = (part: unknown): WhereTree => whereOf(part, columns, budget, depth + 1)
  const { and, or, not }: { and?: unknown; or?: unknown; not?: unknown } = where
  if (Array.isArray(and)) return { kind: 'all', parts: and.map(inner) }
  if (Array.isArray(or)) return { kind: 'any', parts: or.map(inner) }
  if (not !== undefined) return { kind: 'not', part: inner(not) }
  return testOf(where, columns)
}

const SHAPE = 'one of { and: [..] }, { or: [..] }, { not: .. }, { column, op, value }, or a text'

function testOf(
  test: { readonly column?: unknown; readonly op?: unknown; readonly value?: unknown },
  columns: Columns,
): WhereTree {
  const { column: name, op, value } = test
  if (typeof name !== 'string' || typeof op !== 'string')
    throw whereError('a part of where is no condition', SHAPE)
  const column = columns.get(name)
  switch (op) {
    case 'exists':
      return { kind: 'exists', column }
    case 'in': {
      if (!Array.isArray(value) || value.length === 0 || value.length > IN_VALUES_MAX)
        throw whereError(`in takes a list of 1 to ${IN_VALUES_MAX} values`, `${name} in ('a', 'b')`)
      return { kind: 'in', column, values: value.map((one) => valueOf(column, one, 'in')) }
    }
    case '!=':
      return {
        kind: 'not',
        part: { kind: 'compare', column, op: '=', value: valueOf(column, value, op) },
      }
    case '=':
    case '<':
    case '<=':
    case '>':
    case '>=':
    case 'contains':
      return { kind: 'compare', column, op, value: valueOf(column, value, op) }
    default:
      throw whereError(`there is no operator '${short(op)}'`, '=, !=, <, <=, >, >=, in, contains, exists')
  }
}

/** The value, if the column can be compared with it in this way. */
function valueOf(column: TableColumn, value: unknown, op: string): DatasetScalar {
  const isOrder = op === '<' || op === '<=' || op === '>' || op === '>='
  const wanted = column.type === 'strings' ? 'string' : column.type
  const is = `${column.name} is of type ${column.type}`
  if (op === 'contains' && wanted !== 'string') throw whereError(`${is}: contains looks into texts`, 'use =')
  if (isOrder && (wanted === 'boolean' || column.type === 'strings'))
    throw whereError(`${is}: it has no order`, 'use =')
  if (typeof value !== wanted || (typeof value === 'number' && !Number.isFinite(value))) {
    const example = wanted === 'number' ? '100' : wanted === 'boolean' ? 'true' : "'text'"
    throw whereError(
      `${is}, and is compared with ${short(JSON.stringify(value) ?? 'nothing')}`,
      `${column.name} ${op === 'in' ? '=' : op} ${example}`,
    )
  }
  if (typeof value === 'string' && value.length > 4096)
    throw whereError(`a text to compare ${column.name} with is longer than 4096`, 'use contains')
  return value as DatasetScalar
}

function readEvery(everySeconds: number | undefined): bigint | undefined {
  if (everySeconds === undefined) return undefined
  if (typeof everySeconds !== 'number' || !(everySeconds >= 0.001 && everySeconds <= 366 * 86_400))
    throw bad('everySeconds is from 0.001 to a year', 'everySeconds: 60')
  return BigInt(Math.round(everySeconds * 1000)) * 1_000_000n
}

function readLimit(limit: number | undefined, otherwise: number, max: number): number {
  if (limit === undefined) return otherwise
  if (Number.isSafeInteger(limit) && limit >= 1 && limit <= max) return limit
  throw bad(`limit is a whole number 1..${max}`, 'narrow where, or ask in parts by from and to')
}

export function readRange(given: { readonly from?: unknown; readonly to?: unknown }): TimeRange {
  const fromNs = instantOf(given.from, 'from')
  const toNs = instantOf(given.to, 'to')
  if (fromNs !== undefined && toNs !== undefined && fromNs >= toNs)
    throw bad('from is not before to', 'from <= start of the trace < to')
  return { ...(fromNs === undefined ? {} : { fromNs }), ...(toNs === undefined ? {} : { toNs }) }
}

const U64_MAX = 2n ** 64n - 1n

function instantOf(value: unknown, name: string): bigint | undefined {
  if (value === undefined || value === null || value === '') return undefined
  const text = String(value)
  const ns = /^\d{17,20}$/.test(text)
    ? BigInt(text)
    : /^\d{1,16}$/.test(text)
      ? BigInt(text) * 1_000_000n
      : isoOf(text)
  if (ns !== undefined) return ns > U64_MAX ? U64_MAX : ns
  throw bad(`${name} must be a time`, 'ms or ns since the epoch, or ISO 8601: 2026-11-28T10:00:00Z')
}

function isoOf(text: string): bigint | undefined {
  const ms = /^\d{4}-\d\d/.test(text) ? Date.parse(text) : NaN
  return Number.isFinite(ms) && ms >= 0 ? BigInt(ms) * 1_000_000n : undefined
}

function listOf(value: unknown, name: string, countMax: number): readonly string[] {
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string' && item.length <= 500))
    throw bad(`${name} must be a list of texts`, `${name}: ['count']`)
  if (value.length > countMax) throw bad(`${name} has more than ${countMax} entries`, 'ask in parts')
  return value
}

function bad(message: string, hint: string): DatasetError {
  return new DatasetError('E_DATASET_QUERY', message, hint)
}

function whereError(message: string, hint: string): DatasetError {
  return new DatasetError('E_DATASET_WHERE', message, hint)
}
