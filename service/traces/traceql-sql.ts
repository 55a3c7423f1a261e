// The pre-filter of a TraceQL query as a condition on rows of table `traces`. Values are bound, never text.
//
//   need of a span    -> trace_id IN (SELECT trace_id FROM spans WHERE <test>)
//   need of a trace   -> its own columns
//
// Each test is at most as strict as the exact evaluation that follows: what a column cannot answer is let
// through (lists are in attr_other as text, whole numbers beyond 2^53 are compared exactly only there).

import type { CompareOp, Field, Intrinsic, Literal, SpanTest, TraceNeed } from '#model'
import type { QueryParam } from '#store'
import { searchFragments } from './attribute-text.ts'

export type Params = { [name: string]: QueryParam }

/** undefined = it excludes nothing. `spansFrom`: a condition that holds for all spans that may matter. */
export function needSql(need: TraceNeed, params: Params, spansFrom?: string): string | undefined {
  switch (need.kind) {
    case 'anything':
      return undefined
    case 'trace':
      return new TestSql(params, traceColumn).sql(need.test)
    case 'span': {
      const test = new TestSql(params, spanColumn).sql(need.test)
      if (test === undefined) return undefined
      const all = spansFrom === undefined ? test : `${spansFrom} AND ${test}`
      return `trace_id IN (SELECT trace_id FROM spans WHERE ${all})`
    }
    case 'all':
      return joined(
        need.of.map((one) => needSql(one, params, spansFrom)),
        'AND',
      )
    case 'one':
      return either(need.of.map((one) => needSql(one, params, spansFrom)))
  }
}

/** A condition on rows of `spans`: what a span must have by itself. */
export function spanTestSql(test: SpanTest, params: Params): string | undefined {
  return new TestSql(params, spanColumn).sql(test)
}

function joined(parts: readonly (string | undefined)[], word: 'AND' | 'OR'): string | undefined {
  const real = parts.filter((part) => part !== undefined)
  return real.length === 0 ? undefined : `(${real.join(` ${word} `)})`
}

/** One side that excludes nothing is a whole that excludes nothing. */
const either = (parts: readonly (string | undefined)[]): string | undefined =>
  parts.includes(undefined) ? undefined : joined(parts, 'OR')

/** A column with text or a number that is there for every row; how a hex id is compared with it. */
type Column =
  | { readonly kind: 'text'; readonly sql: string; readonly isOptional?: boolean }
  | { readonly kind: 'number' | 'duration'; readonly sql: string }
  | { readonly kind: 'words'; readonly sql: string; readonly words: readonly string[] }
  | { readonly kind: 'id'; readonly sql: string; readonly bytes: 8 | 16 }
  | { readonly kind: 'texts'; readonly sql: string }

const STATUS = ['unset', 'ok', 'error']
const KINDS = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer']

const SPAN_COLUMNS: { readonly [name in Intrinsic]?: Column } = {
  'span:name': { kind: 'text', sql: 'name' },
  'span:duration': { kind: 'duration', sql: 'duration_ns' },
  'span:status': { kind: 'words', sql: 'status_code', words: STATUS },
  'span:statusMessage': { kind: 'text', sql: 'status_message' },
  'span:kind': { kind: 'words', sql: 'kind', words: KINDS },
  'span:id': { kind: 'id', sql: 'span_id', bytes: 8 },
  'span:parentID': { kind: 'id', sql: 'parent_span_id', bytes: 8 },
  'event:name': { kind: 'texts', sql: 'event_name' },
}
const TRACE_COLUMNS: { readonly [name in Intrinsic]?: Column } = {
  'trace:duration': { kind: 'number', sql: 'duration_ns' },
  'trace:rootName': { kind: 'text', sql: 'root_name', isOptional: true },
  'trace:rootService': { kind: 'text', sql: 'root_service', isOptional: true },
  'trace:id': { kind: 'id', sql: 'trace_id', bytes: 16 },
}

const spanColumn = (name: Intrinsic): Column | undefined => SPAN_COLUMNS[name]
const traceColumn = (name: Intrinsic): Column | undefined => TRACE_COLUMNS[name]

class TestSql {
  readonly #params: Params
  readonly #column: (name: Intrinsic) => Column | undefined

  constructor(params: Params, column: (name: Intrinsic) => Column | undefined) {
    this.#params = params
    this.#column = column
  }

  sql(test: SpanTest): string | undefined {
    switch (test.kind) {
      case 'any':
        return undefined
      case 'all':
        return joined(
          test.of.map((one) => this.sql(one)),
          'AND',
        )
      case 'one':
        return either(test.of.map((one) => this.sql(one)))
      case 'compare':
        return this.#compare(test.field, test.op, test.literal)
      case 'match':
        return this.#match(test.field, test.pattern)
      case 'exists':
        return this.#exists(test.field)
    }
  }

  #bind(value: QueryParam, type: string): string {
    const name = `q${Object.keys(this.#params).length}`
    this.#params[name] = value
    return `{${name}:${type}}`
  }

  // --- intrinsics

  #compare(field: Field, op: CompareOp, literal: Literal): string | undefined {
    if (field.kind === 'attribute') return this.#attribute(field.scope, field.name, op, literal)
    const column = this.#column(field.name)
    const { value } = literal
    if (column === undefined) return undefined
    switch (column.kind) {
      case 'text':
        return typeof value === 'string' && isEquality(op)
          ? `${column.sql} ${op} ${this.#bind(value, 'String')}`
          : undefined
      case 'texts':
        return typeof value === 'string' && op === '='
          ? `has(${column.sql}, ${this.#bind(value, 'String')})`
          : undefined
      case 'words':
        return `${column.sql} ${op} ${this.#bind(column.words.indexOf(String(value)), 'Int16')}`
      case 'id':
        return op === '=' && typeof value === 'string' ? this.#id(column, value) : undefined
      case 'number':
        return isNumeric(value) ? `${column.sql} ${op} ${this.#bind(Number(value), 'Float64')}` : undefined
      case 'duration': {
        if (!isNumeric(value) || op === '!=') return undefined
        // The end before the begin is stored as a number beyond 2^63, and is no time for us.
        return `(${column.sql} ${op} ${this.#bind(Number(value), 'Float64')} OR ${column.sql} >= 9223372036854775808)`
      }
    }
  }

  #id({ sql, bytes }: Column & { readonly kind: 'id' }, value: string): string {
    const isHex = /^[0-9a-f]+$/.test(value) && value.length === 2 * bytes
    return isHex ? `${sql} = toFixedString(unhex(${this.#bind(value, 'String')}), ${bytes})` : '0'
  }

  #match(field: Field, pattern: string): string | undefined {
    const re = (): string => this.#bind(`^(?:${pattern})$`, 'String')
    if (field.kind === 'intrinsic') {
      const column = this.#column(field.name)
      if (column?.kind === 'text') return `match(${column.sql}, ${re()})`
      return column?.kind === 'texts' ? `arrayExists(x -> match(x, ${re()}), ${column.sql})` : undefined
    }
    if (field.name === 'service.name' && field.scope === 'resource') return `match(service, ${re()})`
    const inSpan = (): string =>
      `(match(attr_string[${this.#key(field.name)}], ${re()}) OR ${this.#hasOther(field.name)})`
    if (field.scope === 'span') return inSpan()
    if (field.scope === 'resource') return this.#inLine('resource', field.name)
    return field.scope === 'any' ? `(${inSpan()} OR ${this.#inLine('resource', field.name)})` : undefined
  }

  #exists(field: Field): string | undefined {
    if (field.kind === 'intrinsic') {
      const column = this.#column(field.name)
      if (column?.kind === 'text' && column.isOptional === true) return 'has_root = 1'
      return column?.kind === 'texts' ? `notEmpty(${column.sql})` : undefined
    }
    const inSpan = (): string => {
      const key = this.#key(field.name)
      return `(${MAPS.map((map) => `mapContains(${map}, ${key})`).join(' OR ')})`
    }
    switch (field.scope) {
      case 'span':
        return inSpan()
      case 'resource':
        return this.#inLine('resource', field.name)
      case 'any':
        return `(${inSpan()} OR ${this.#inLine('resource', field.name)})`
      case 'instrumentation':
        return this.#inLine('scope', field.name)
      case 'event':
      case 'link':
        return `arrayExists(x -> ${this.#inLine('x', field.name)}, ${field.scope}_attributes)`
    }
  }

  // --- attributes

  #attribute(
    scope: Extract<Field, { kind: 'attribute' }>['scope'],
    name: string,
    op: CompareOp,
    literal: Literal,
  ): string | undefined {
    if (scope === 'span') return this.#ofSpan(name, op, literal)
    if (scope === 'resource') return this.#ofResource(name, op, literal)
    if (scope === 'any')
      return `(${this.#ofSpan(name, op, literal)} OR ${this.#ofResource(name, op, literal)})`
    return this.#exists({ kind: 'attribute', scope, name })
  }

  #key(name: string): string {
    return this.#bind(name, 'String')
  }

  #hasOther(name: string): string {
    return `mapContains(attr_other, ${this.#key(name)})`
  }

  #ofSpan(name: string, op: CompareOp, { type, value }: Literal): string {
    const key = this.#key(name)
    const other = `mapContains(attr_other, ${key})`
    const typed = (map: string, condition: string): string => `(mapContains(${map}, ${key}) AND ${condition})`
    if (typeof value === 'string' && (type === 'string' || type === 'status' || type === 'kind')) {
      const text = this.#bind(value, 'String')
      // NaN and infinities are text to whoever reads them.
      const isWord = /^(NaN|-?Infinity)$/.test(value)
      const words = isWord ? ` OR mapContains(attr_double, ${key})` : ''
      // The values by themselves have a bloom filter.
      const same = `(has(mapValues(attr_string), ${text}) AND attr_string[${key}] = ${text})`
      const string =
        op === '=' ? same : typed('attr_string', op === '!=' ? `attr_string[${key}] != ${text}` : '1')
      return `(${string} OR ${other}${words})`
    }
    if (typeof value === 'boolean')
      return `(${typed('attr_bool', `attr_bool[${key}] ${op} ${value ? 1 : 0}`)} OR ${other})`
    if (!isNumeric(value))
      return `(mapContains(attr_int, ${key}) OR mapContains(attr_double, ${key}) OR ${other})`
    const number = this.#bind(Number(value), 'Float64')
    const int = `(attr_int[${key}] ${op} ${number} OR abs(attr_int[${key}]) > 9007199254740991)`
    const isLarge = Math.abs(Number(value)) >= Number.MAX_SAFE_INTEGER
    const whole = typed('attr_int', isLarge ? '1' : int)
    const double = typed('attr_double', `attr_double[${key}] ${op} ${number}`)
    return `(${whole} OR ${double} OR ${other})`
  }

  /** Resources are lines of JSON, few of them distinct: the engine looks at each distinct one once. */
  #ofResource(name: string, op: CompareOp, { value }: Literal): string {
    if (name === 'service.name' && typeof value === 'string' && isEquality(op))
      return `service ${op} ${this.#bind(value, 'String')}`
    if (op !== '=' || value === null) return this.#inLine('resource', name)
    const list = `${JSON.stringify(name)}:{"array":`
    const fragments = [...searchFragments(name, String(value)), list]
    return `multiSearchAny(resource, ${this.#bind(fragments, 'Array(String)')})`
  }

  #inLine(column: string, name: string): string {
    return `position(${column}, ${this.#bind(`${JSON.stringify(name)}:`, 'String')}) > 0`
  }
}

const MAPS = ['attr_string', 'attr_int', 'attr_double', 'attr_bool', 'attr_other']

const isEquality = (op: CompareOp): boolean => op === '=' || op === '!='

const isNumeric = (value: Literal['value']): boolean =>
  (typeof value === 'number' || typeof value === 'bigint') && Number.isFinite(Number(value))
