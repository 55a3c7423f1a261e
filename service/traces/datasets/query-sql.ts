// Typed trees to SQL: texts of ours with bound parameters. No text of a user is ever part of a statement:
// fields are numbered by us, values travel as {pN:Type}.
//
// - FINAL everywhere: of a row written again the newest version stands, and rows taken back are gone.
// It costs
//   5-10 ms on 1 M rows, since the key begins with time and parts seldom overlap (measured).
// - A condition on a missing value is false, not unknown: so `not` is a complement, and a and not-a are
//   everything.
// - Weights: where all rows weigh the same (facts say so), counts and percentiles need no weight column.

import type { QueryParam } from '#store'
import type { DatasetScalar } from '#protocol'
import type {
  Aggregate,
  Bucket,
  GroupTree,
  QueryTree,
  TableColumn,
  TimeRange,
  WhereTree,
} from './query-tree.ts'

export type Statement = { readonly sql: string; readonly params: { readonly [name: string]: QueryParam } }
type Groups = Extract<QueryTree, { readonly kind: 'groups' }>
type Rows = Extract<QueryTree, { readonly kind: 'rows' }>

/** What the matched rows are like; decides how aggregates are computed. */
export type Facts = {
  readonly rows: number
  readonly weight: number
  /** undefined = rows weigh differently. */
  readonly uniformWeight: number | undefined
  readonly isExact: boolean
}

/** Gathers parameters under names of ours. */
export class Params {
  readonly values: { [name: string]: QueryParam } = {}
  #count = 0

  bind(value: QueryParam, type: string): string {
    const name = `p${this.#count++}`
    this.values[name] = value
    return `{${name}:${type}}`
  }
}

const MINUTE_NS = 60_000_000_000n

/** A column's value, in the unit that the API speaks. */
export function valueSql({ name, field, isOwn }: TableColumn): string {
  if (!isOwn) return field
  return name === 'traceId' ? 'lower(hex(trace_id))' : name === 'timeMs' ? 'start_ns / 1000000' : field
}

export function fromSql(table: string, range: TimeRange, where: WhereTree, params: Params): string {
  const conditions = [...timeSql(range, params), whereSql(where, params)]
  return `FROM ${table} FINAL WHERE ${conditions.join(' AND ')}`
}

function timeSql({ fromNs, toNs }: TimeRange, params: Params): string[] {
  return [
    ...(fromNs === undefined
      ? []
      : [
          `minute >= ${params.bind(fromNs / MINUTE_NS, 'UInt32')}`,
          `start_ns >= ${params.bind(fromNs, 'UInt64')}`,
        ]),
    ...(toNs === undefined
      ? []
      : [
          `minute <= ${params.bind(toNs / MINUTE_NS, 'UInt32')}`,
          `start_ns < ${params.bind(toNs, 'UInt64')}`,
        ]),
  ]
}

export function whereSql(where: WhereTree, params: Params): string {
  switch (where.kind) {
    case 'all':
    case 'any': {
      if (where.parts.length === 0) return where.kind === 'all' ? '1' : '0'
      const parts = where.parts.map((part) => whereSql(part, params))
      return `(${parts.join(where.kind === 'all' ? ' AND ' : ' OR ')})`
    }
    case 'not':
      return `NOT ${whereSql(where.part, params)}`
    case 'exists':
      return existsSql(where.column)
    case 'in':
      return inSql(where.column, where.values, params)
    case 'compare':
      return compareSql(where, params)
  }
}

export function existsSql({ name, type, field, isOwn }: TableColumn): string {
  if (type === 'strings') return `notEmpty(${field})`
  if (isOwn) return name === 'element' ? "element != ''" : '1'
  return `isNotNull(${field})`
}

const known = (column: TableColumn, condition: string): string =>
  column.isOwn || column.type === 'strings' ? `(${condition})` : `ifNull(${condition}, 0)`

function compareSql(where: Extract<WhereTree, { readonly kind: 'compare' }>, params: Params): string {
  const { column, op, value } = where
  const bound = bindScalar(value, params)
  if (column.type === 'strings')
    return op === 'contains'
      ? `arrayExists(x -> position(x, ${bound}) > 0, ${column.field})`
      : `has(${column.field}, ${bound})`
  if (op === 'contains') return known(column, `position(${valueSql(column)}, ${bound}) > 0`)
  return known(column, `${valueSql(column)} ${op} ${bound}`)
}

function inSql(column: TableColumn, values: readonly DatasetScalar[], params: Params): string {
  if (column.type === 'strings') return `hasAny(${column.field}, ${params.bind(values, 'Array(String)')})`
  const numbers = values.map((value) => Number(value))
  const list =
    column.type === 'string'
      ? params.bind(values, 'Array(String)')
      : params.bind(numbers, column.type === 'boolean' ? 'Array(UInt8)' : 'Array(Float64)')
  return known(column, `${valueSql(column)} IN ${list}`)
}

function bindScalar(value: DatasetScalar, params: Params): string {
  if (typeof value === 'string') return params.bind(value, 'String')
  return typeof value === 'number' ? params.bind(value, 'Float64') : params.bind(value ? 1 : 0, 'UInt8')
}

/** How many rows, what they stand for, and from when to when. */
export function factsStatement(table: string, tree: TimeRange & { readonly where: WhereTree }): Statement {
  const params = new Params()
  const sql = `SELECT toFloat64(count()) AS n, sum(weight) AS total, min(weight) AS lightest,
    max(weight) AS heaviest, min(start_ns) AS first, max(start_ns) AS last
    ${fromSql(table, tree, tree.where, params)}`
  return { sql, params: params.values }
}

/** Answer: t (interval number), g0.. (groups), a0.. (aggregates); one row more than the limit. */
export function groupsStatement(table: string, tree: Groups, facts: Facts): Statement {
  const params = new Params()
  const groups = tree.groupBy.map((group, index) => `${groupSql(group, params)} AS g${index}`)
  const values = tree.select.map(
    ({ aggregate }, index) => `${aggregateSql(aggregate, facts, params)} AS a${index}`,
  )
  const from = fromSql(table, tree, tree.where, params)
  const names = tree.groupBy.map((_, index) => `g${index}`)
  if (tree.everyNs === undefined) {
    const by = names.length === 0 ? '' : ` GROUP BY ${names.join(', ')}`
    const limit = params.bind(tree.limit + 1, 'UInt32')
    const sql = `SELECT ${[...groups, ...values].join(', ')} ${from}${by} ORDER BY ${orderSql(tree)} LIMIT ${limit}`
    return { sql, params: params.values }
  }
  const interval = `intDiv(start_ns, ${params.bind(tree.everyNs, 'UInt64')}) AS t`
  const top = names.length === 0 ? '' : ` AND ${seriesSql(table, tree, facts, params)}`
  const sql = `SELECT ${[interval, ...groups, ...values].join(', ')} ${from}${top}
    GROUP BY ${['t', ...names].join(', ')} ORDER BY ${['t', ...names].join(', ')}
    SETTINGS transform_null_in = 1`
  return { sql, params: params.values }
}

/** Only the groups that are first by the order over the whole range; missing values are a group too. */
function seriesSql(table: string, tree: Groups, facts: Facts, params: Params): string {
  const keys = tree.groupBy.map((group) => groupSql(group, params))
  const selected = tree.groupBy.map((group, index) => `${groupSql(group, params)} AS g${index}`)
  const values = tree.select.map(
    ({ aggregate }, index) => `${aggregateSql(aggregate, facts, params)} AS a${index}`,
  )
  const names = tree.groupBy.map((_, index) => `g${index}`).join(', ')
  const orderBy = tree.orderBy.filter(({ of }) => of !== 'time')
  const limit = params.bind(tree.limit, 'UInt32')
  return `(${keys.join(', ')}) IN (SELECT ${names} FROM (SELECT ${[...selected, ...values].join(', ')}
    ${fromSql(table, tree, tree.where, params)} GROUP BY ${names}
    ORDER BY ${orderSql({ ...tree, orderBy })} LIMIT ${limit}))`
}

/** Ends with the groups themselves, so that equal values have one order. */
function orderSql(tree: Pick<Groups, 'orderBy' | 'groupBy'>): string {
  const wanted = tree.orderBy
    .filter(({ of }) => of !== 'time')
    .map(
      ({ of, place, isDescending }) => `${of === 'select' ? 'a' : 'g'}${place}${isDescending ? ' DESC' : ''}`,
    )
  const rest = tree.groupBy.map((_, index) => `g${index}`)
  return [...wanted, ...rest].join(', ') || '1'
}

function groupSql({ column, bucket }: GroupTree, params: Params): string {
  if (column.type === 'strings') return `arrayJoin(${column.field})`
  return bucket === undefined ? valueSql(column) : bucketSql(valueSql(column), bucket, params)
}

function bucketSql(value: string, { kind, size }: Bucket, params: Params): string {
  const width = params.bind(size, 'Float64')
  if (kind === 'linear') return `floor(${value} / ${width}) * ${width}`
  return `if(${value} > 0, exp2(floor(log2(${value}) * ${width}) / ${width}), NULL)`
}

/**
 * Percentiles are values of the data: at most the level's share of the weight lies below, at most the rest
 * above.
 */
function aggregateSql(aggregate: Aggregate, facts: Facts, params: Params): string {
  const { uniformWeight, isExact } = facts
  const isOne = uniformWeight === 1
  const times = (sql: string): string =>
    isOne || uniformWeight === undefined ? sql : `${sql} * ${params.bind(uniformWeight, 'Float64')}`
  switch (aggregate.fn) {
    case 'count':
      return uniformWeight === undefined ? 'sum(weight)' : `toFloat64(${times('count()')})`
    case 'example':
      return 'lower(hex(any(trace_id)))'
    case 'present': {
      const there = existsSql(aggregate.column)
      return uniformWeight === undefined
        ? `sumIf(weight, ${there})`
        : `toFloat64(${times(`countIf(${there})`)})`
    }
    default:
      return columnAggregateSql(aggregate, { facts, times, isExact })
  }
}

function columnAggregateSql(
  aggregate: Exclude<Aggregate, { readonly fn: 'count' | 'example' | 'present' }>,
  how: { readonly facts: Facts; readonly times: (sql: string) => string; readonly isExact: boolean },
): string {
  const value = valueSql(aggregate.column)
  const isUniform = how.facts.uniformWeight !== undefined
  switch (aggregate.fn) {
    case 'sum':
      return isUniform ? how.times(`sum(toFloat64(${value}))`) : `sum(${value} * weight)`
    case 'avg':
      return isUniform
        ? `avg(${value})`
        : `sum(${value} * weight) / sumIf(weight, ${existsSql(aggregate.column)})`
    case 'min':
    case 'max':
      return `${aggregate.fn}(toFloat64(${value}))`
    case 'distinct':
      return `toFloat64(${how.isExact ? 'uniqExact' : 'uniq'}${inSets(aggregate.column)}(${value}))`
    case 'quantile':
      return quantileSql(aggregate.level, `toFloat64(${value})`, { isUniform, isExact: how.isExact })
  }
}

const inSets = ({ type }: TableColumn): string => (type === 'strings' ? 'Array' : '')

/** Weights of the engine are whole numbers: 1/256 is the least. A level is a constant of the statement. */
const WEIGHT_SQL = 'toUInt64(greatest(1, round(weight * 256)))'

function quantileSql(
  level: number,
  value: string,
  how: { readonly isUniform: boolean; readonly isExact: boolean },
): string {
  // A number of ours: between 0 and 1, made from digits.
  const at = level.toFixed(6)
  if (how.isUniform) return `${how.isExact ? 'quantileExact' : 'quantileTDigest'}(${at})(${value})`
  const name = how.isExact ? 'quantileExactWeighted' : 'quantileTDigestWeighted'
  return `${name}(${at})(${value}, ${WEIGHT_SQL})`
}

/** Answer: r0.. in the order of the columns; one row more than the limit. */
export function rowsStatement(table: string, tree: Rows & TimeRange): Statement {
  const params = new Params()
  const values = tree.columns.map((column, index) => `${valueSql(column)} AS r${index}`)
  const order = tree.orderBy.map(
    ({ column, isDescending }) => `${valueSql(column)}${isDescending ? ' DESC' : ''}`,
  )
  const from = fromSql(table, tree, tree.where, params)
  const limit = params.bind(tree.limit + 1, 'UInt32')
  const sql = `SELECT ${values.join(', ')} ${from}
    ORDER BY ${[...order, 'trace_id', 'element'].join(', ')} LIMIT ${limit}`
  return { sql, params: params.values }
}
