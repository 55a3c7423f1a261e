// Query text to its tree, by recursive descent. A mistake is reported and parsing goes on at the next clause,
// so that one pass finds all.
//
//   query  := From [name In] source clause* Select [Distinct] [Top N] item {, item} { Top | Every }
//   clause := [Left] Join name In source On name -> name | Where expr | Let name = expr
//           | GroupBy expr {, expr}
//   source := union | First(union) | FirstN(N, union) | MostRecent(union) | MostRecentN(N, union)
//   union  := tracepoint {, tracepoint}         item := expr [As name]
//   expr   := operators by precedence over literals with units, paths, calls and aggregates
//
// Keywords are not case-sensitive; clauses stand in any order, From first.
// Source: Pivot Tracing table 1 and the grammar of its release, with typed expressions.

import { nearest } from '#base'
import type { Keep } from '#protocol'
import { aggregateNamed, binaryNamed, callableNames, NOT_LEVEL, scalarNamed } from './functions.ts'
import { sourceAt, tokenAt, type Token } from './lexer.ts'
import {
  EXPRESSION_DEPTH_MAX,
  EXPRESSION_NODES_MAX,
  KEEP_MAX,
  QUERY_CHARS_MAX,
  SELECT_ITEMS_MAX,
  UNION_MAX,
} from './limits.ts'
import type { Reporter } from './reporter.ts'
import type { AggregateExpr, Expr, Item, Join, Let, Name, Path, Query, Range, Source, Top } from './syntax.ts'
import { isTimeUnit, UNIT_NAMES, unitFactor } from './units.ts'

const CLAUSES = [
  'From',
  'Join',
  'Left',
  'Where',
  'Let',
  'GroupBy',
  'Group',
  'Select',
  'Top',
  'Every',
] as const
const CLAUSE_WORDS: ReadonlySet<string> = new Set(CLAUSES.map((clause) => clause.toLowerCase()))
/** Words that end an expression or name a clause: they are no names. */
const RESERVED: ReadonlySet<string> = new Set([
  ...CLAUSE_WORDS,
  'in',
  'on',
  'as',
  'and',
  'or',
  'not',
  'like',
  'by',
])

/** Undefined where there is nothing to go on with; the reporter knows why. */
export function parseQuery(text: string, report: Reporter): Query | undefined {
  if (text.length > QUERY_CHARS_MAX) {
    const range = { start: QUERY_CHARS_MAX, end: QUERY_CHARS_MAX }
    report.error(range, `a query has at most ${QUERY_CHARS_MAX} characters, not ${text.length}`)
    return undefined
  }
  return new Parser(text, report).query()
}

/** Thrown and caught inside: the rest of a clause makes no sense. Already reported. */
class Unparsable extends Error {}

type Clauses = {
  from?: { readonly alias: Name | undefined; readonly source: Source }
  readonly joins: Join[]
  readonly lets: Let[]
  readonly wheres: Expr[]
  groupBy?: readonly Expr[]
  select?: { readonly isDistinct: boolean; readonly items: readonly Item[] }
  top?: Top
  everyNs?: number
}

class Parser {
  readonly #text: string
  readonly #report: Reporter
  #token: Token
  #lastEnd = 0
  #depth = 0
  #nodes = 0

  constructor(text: string, report: Reporter) {
    this.#text = text
    this.#report = report
    this.#token = tokenAt(text, 0)
  }

  query(): Query | undefined {
    const clauses: Clauses = { joins: [], lets: [], wheres: [] }
    while (this.#token.kind !== 'end') {
      try {
        this.#clause(clauses)
      } catch (error: unknown) {
        if (!(error instanceof Unparsable)) throw error
        this.#recover()
      }
    }
    return this.#assemble(clauses)
  }

  #assemble(clauses: Clauses): Query | undefined {
    const end = { start: this.#text.length, end: this.#text.length }
    const { from, select } = clauses
    if (from === undefined && !this.#report.hasErrors)
      this.#report.error(end, 'a query begins with From', { suggestion: 'From e In http.server.request.end' })
    if (select === undefined && !this.#report.hasErrors)
      this.#report.error(end, 'Select is missing', {
        note: 'it says what the result shows',
        suggestion: 'Select COUNT',
      })
    if (from === undefined || select === undefined) return undefined
    return {
      text: this.#text,
      alias: from.alias,
      from: from.source,
      joins: clauses.joins,
      lets: clauses.lets,
      wheres: clauses.wheres,
      groupBy: clauses.groupBy ?? [],
      isDistinct: select.isDistinct,
      select: select.items,
      top: clauses.top,
      everyNs: clauses.everyNs,
    }
  }

  #clause(clauses: Clauses): void {
    const word = this.#token
    switch (word.kind === 'name' ? word.text.toLowerCase() : word.text) {
      case 'from':
        return this.#from(clauses)
      case 'left':
      case 'join':
        return void clauses.joins.push(this.#join())
      case 'where':
        this.#next()
        return void clauses.wheres.push(this.#expr())
      case 'let':
        return void clauses.lets.push(this.#let())
      case 'group':
      case 'groupby':
        return this.#groupBy(clauses)
      case 'select':
        return this.#select(clauses)
      case 'top':
        return this.#setTop(clauses, this.#top())
      case 'every':
        clauses.everyNs = this.#every()
        return
      case ';':
        return this.#next()
      default:
        throw this.#unexpected('a clause: From, Join, Where, Let, GroupBy, Select, Top or Every', CLAUSES)
    }
  }

  #from(clauses: Clauses): void {
    if (clauses.from !== undefined)
      this.#report.error(this.#token, 'a query has one From', { note: 'several tracepoints: From e In A, B' })
    this.#next()
    const alias = this.#optionalAlias()
    const source = this.#source()
    clauses.from ??= { alias, source }
  }

  /** `e In`, when that is what stands here; a tracepoint may come without. */
  #optionalAlias(): Name | undefined {
    const name = this.#token
    if (name.kind !== 'name') return undefined
    const behind = tokenAt(this.#text, name.end)
    if (behind.kind !== 'name' || behind.text.toLowerCase() !== 'in') return undefined
    const alias = this.#alias()
    this.#word('in')
    return alias
  }

  #join(): Join {
    const { start } = this.#token
    const isOuter = this.#acceptWord('left')
    if (isOuter) this.#acceptWord('outer')
    this.#word('join')
    const alias = this.#alias()
    this.#word('in')
    const source = this.#source()
    this.#word('on')
    const before = this.#name('the source that comes first')
    this.#symbol('->')
    const after = this.#name('the source that comes after')
    return { isOuter, alias, source, before, after, start, end: this.#lastEnd }
  }

  #source(): Source {
    const word = this.#token
    const filter = word.kind === 'name' ? FILTERS.get(word.text.toLowerCase()) : undefined
    if (filter !== undefined && tokenAt(this.#text, word.end).text === '(') return this.#filtered(filter)
    const names = this.#union()
    return { names, keep: undefined, start: word.start, end: this.#lastEnd }
  }

  #filtered(filter: Filter): Source {
    const { start } = this.#token
    this.#next()
    this.#symbol('(')
    let count = 1
    if (filter.isCounted) {
      count = this.#count(KEEP_MAX)
      this.#symbol(',')
    }
    const names = this.#union()
    this.#symbol(')')
    return { names, keep: { which: filter.which, count }, start, end: this.#lastEnd }
  }

  #union(): Name[] {
    const names: Name[] = []
    do {
      const source = sourceAt(this.#text, this.#token.start)
      if (source === undefined) throw this.#unexpected('the name of a tracepoint')
      names.push(source)
      this.#goTo(source.end)
    } while (this.#accept(','))
    if (names.length > UNION_MAX)
      this.#report.error(names[UNION_MAX], `a union has at most ${UNION_MAX} tracepoints`, {
        suggestion: 'a pattern, like db.*',
      })
    return names
  }

  #let(): Let {
    const { start } = this.#token
    this.#next()
    const name = this.#alias()
    this.#symbol('=')
    const value = this.#expr()
    return { name, value, start, end: this.#lastEnd }
  }

  #groupBy(clauses: Clauses): void {
    const word = this.#token
    this.#next()
    if (word.text.toLowerCase() === 'group') this.#word('by')
    if (clauses.groupBy !== undefined) this.#report.error(word, 'a query has one GroupBy')
    const keys = [this.#expr()]
    while (this.#accept(',')) keys.push(this.#expr())
    clauses.groupBy ??= keys
  }

  #select(clauses: Clauses): void {
    const word = this.#token
    if (clauses.select !== undefined) this.#report.error(word, 'a query has one Select')
    this.#next()
    const isDistinct = this.#isWord('distinct') && tokenAt(this.#text, this.#token.end).text !== '('
    if (isDistinct) this.#next()
    if (this.#isWord('top') && tokenAt(this.#text, this.#token.end).kind === 'number') {
      this.#next()
      const number = this.#token
      this.#setTop(clauses, { count: this.#count(), by: undefined, start: number.start, end: number.end })
    }
    const items = [this.#item()]
    while (this.#accept(',')) items.push(this.#item())
    if (items.length > SELECT_ITEMS_MAX)
      this.#report.error(items[SELECT_ITEMS_MAX], `Select has at most ${SELECT_ITEMS_MAX} items`)
    clauses.select ??= { isDistinct, items }
  }

  #item(): Item {
    const { start } = this.#token
    const value = this.#expr()
    const end = this.#lastEnd
    const column = this.#acceptWord('as')
      ? this.#alias().text
      : this.#text.slice(start, end).replace(/\s+/g, '')
    return { value, column, start, end: this.#lastEnd }
  }

  #setTop(clauses: Clauses, top: Top): void {
    if (clauses.top !== undefined) this.#report.error(top, 'a query has one Top')
    clauses.top ??= top
  }

  #top(): Top {
    const { start } = this.#token
    this.#next()
    const count = this.#count()
    const by = this.#acceptWord('by') ? this.#expr() : undefined
    return { count, by, start, end: this.#lastEnd }
  }

  #every(): number {
    this.#next()
    const number = this.#take('number', 'a duration, like 1s')
    const factor = unitFactor(number.unit ?? '')
    if (factor === undefined || !isTimeUnit(number.unit ?? ''))
      this.#report.error(number, 'Every takes a duration', { suggestion: `${number.text}s` })
    const ns = Number(number.text) * (factor ?? 1)
    if (!(ns > 0)) this.#report.error(number, 'a window is longer than nothing', { suggestion: '1s' })
    return ns
  }

  #count(max = Number.MAX_SAFE_INTEGER): number {
    const number = this.#take('number', 'a whole number')
    const count = Number(number.text)
    if (!Number.isSafeInteger(count) || count < 1 || count > max || number.unit !== '') {
      const upTo = max === Number.MAX_SAFE_INTEGER ? '' : ` to ${max}`
      this.#report.error(number, `a whole number from 1${upTo} belongs here`)
      return 1
    }
    return count
  }

  #expr(): Expr {
    this.#nodes = 0
    return this.#binary(0)
  }

  /** Operators that bind tighter than `level`, to the left. */
  #binary(level: number): Expr {
    let left = this.#nested(() => this.#unary())
    for (;;) {
      const operator = binaryNamed(this.#token.kind === 'string' ? '' : this.#token.text)
      if (operator === undefined || operator.level <= level) return left
      this.#next()
      const right = this.#binary(operator.level)
      left = this.#node({
        kind: 'call',
        fn: operator.fn,
        args: [left, right],
        start: left.start,
        end: right.end,
      })
    }
  }

  #unary(): Expr {
    const { start } = this.#token
    if (this.#acceptWord('not') || this.#accept('!')) {
      const arg = this.#nested(() => this.#binary(NOT_LEVEL))
      return this.#node({ kind: 'call', fn: 'not', args: [arg], start, end: arg.end })
    }
    if (this.#accept('-')) {
      const arg = this.#nested(() => this.#unary())
      if (arg.kind === 'literal' && typeof arg.value === 'number') return { ...arg, value: -arg.value, start }
      return this.#node({ kind: 'call', fn: 'neg', args: [arg], start, end: arg.end })
    }
    return this.#primary()
  }

  #primary(): Expr {
    const token = this.#token
    if (token.kind === 'number') return this.#number()
    if (token.kind === 'string') {
      this.#next()
      return this.#node({ kind: 'literal', value: token.text, start: token.start, end: token.end })
    }
    if (this.#accept('(')) {
      const inner = this.#binary(0)
      this.#symbol(')')
      return inner
    }
    if (token.kind !== 'name' || RESERVED.has(token.text.toLowerCase()))
      throw this.#unexpected('a value: a number, a text, a variable or a function')
    const word = token.text.toLowerCase()
    if (word === 'true' || word === 'false' || word === 'null') {
      this.#next()
      const value = word === 'null' ? null : word === 'true'
      return this.#node({ kind: 'literal', value, start: token.start, end: token.end })
    }
    const isCall = tokenAt(this.#text, token.end).text === '('
    if (isCall) return this.#call()
    return word === 'count' ? this.#bareCount() : this.#path()
  }

  #number(): Expr {
    const token = this.#token
    this.#next()
    const factor = unitFactor(token.unit ?? '')
    if (factor === undefined)
      this.#report.error(token, `there is no unit ${token.unit}`, {
        suggestion: nearest(token.unit ?? '', UNIT_NAMES) ?? UNIT_NAMES.join(' '),
      })
    const value = Number(token.text) * (factor ?? 1)
    return this.#node({ kind: 'literal', value, start: token.start, end: token.end })
  }

  #bareCount(): Expr {
    const { start, end } = this.#token
    this.#next()
    const arg: Expr = { kind: 'literal', value: true, start, end }
    return this.#node({ kind: 'aggregate', fn: 'count', arg, start, end })
  }

  #call(): Expr {
    const name = this.#token
    this.#next()
    this.#symbol('(')
    const aggregate = aggregateNamed(name.text)
    if (aggregate !== undefined) return this.#aggregate(name, aggregate)
    const args: Expr[] = []
    while (this.#token.text !== ')') {
      args.push(this.#nested(() => this.#binary(0)))
      if (!this.#accept(',')) break
    }
    this.#symbol(')')
    const range = { start: name.start, end: this.#lastEnd }
    const fn = scalarNamed(name.text)
    if (fn === undefined) {
      this.#report.error(name, `there is no function ${name.text}`, {
        suggestion: nearest(name.text, callableNames()) ?? `one of ${callableNames().join(' ')}`,
      })
      return { kind: 'literal', value: null, ...range }
    }
    return this.#node({ kind: 'call', fn, args, ...range })
  }

  /** Behind the parenthesis: COUNT(), COUNT(*), COUNT(DISTINCT x), SUM(x). */
  #aggregate(name: Token, { fn, quantile }: { fn: AggregateExpr['fn']; quantile?: number }): Expr {
    const isCount = fn === 'count'
    const isDistinct = isCount && this.#acceptWord('distinct')
    const isAll = isCount && !isDistinct && (this.#token.text === ')' || this.#accept('*'))
    const arg: Expr = isAll
      ? { kind: 'literal', value: true, start: name.start, end: name.end }
      : this.#nested(() => this.#binary(0))
    this.#symbol(')')
    const range = { start: name.start, end: this.#lastEnd }
    const read = quantile === undefined ? {} : { quantile }
    return this.#node({ kind: 'aggregate', fn: isDistinct ? 'distinct' : fn, arg, ...read, ...range })
  }

  #path(): Path {
    const first = this.#token
    this.#next()
    const parts: Name[] = [first]
    while (this.#token.text === '.' && this.#token.start === this.#lastEnd) {
      this.#next()
      const part = this.#token
      const isPart = (part.kind === 'name' || part.kind === 'number') && part.start === this.#lastEnd
      if (!isPart) throw this.#unexpected('the name of a variable')
      parts.push(...splitNumber(part))
      this.#next()
    }
    const end = parts.at(-1)?.end ?? first.end
    this.#node({ kind: 'path', parts, start: first.start, end })
    return { kind: 'path', parts, start: first.start, end }
  }

  #node<E extends Expr>(expr: E): E {
    this.#nodes++
    if (this.#nodes > EXPRESSION_NODES_MAX) {
      this.#report.error(expr, `an expression has at most ${EXPRESSION_NODES_MAX} parts`)
      throw new Unparsable()
    }
    return expr
  }

  #nested<R>(parse: () => R): R {
    if (this.#depth >= EXPRESSION_DEPTH_MAX) {
      this.#report.error(this.#token, `expressions nest at most ${EXPRESSION_DEPTH_MAX} deep`)
      throw new Unparsable()
    }
    this.#depth++
    try {
      return parse()
    } finally {
      this.#depth--
    }
  }

  #alias(): Name {
    const token = this.#token
    if (token.kind === 'name' && RESERVED.has(token.text.toLowerCase()))
      this.#report.error(token, `${token.text} is a word of the language, not a name`)
    return this.#name('a name')
  }

  #name(what: string): Name {
    const { text, start, end } = this.#take('name', what)
    return { text, start, end }
  }

  #take(kind: Token['kind'], what: string): Token {
    const token = this.#token
    if (token.kind !== kind) throw this.#unexpected(what)
    this.#next()
    return token
  }

  #isWord(word: string): boolean {
    return this.#token.kind === 'name' && this.#token.text.toLowerCase() === word
  }

  #acceptWord(word: string): boolean {
    if (!this.#isWord(word)) return false
    this.#next()
    return true
  }

  #word(word: string): void {
    if (!this.#acceptWord(word)) throw this.#unexpected(word[0].toUpperCase() + word.slice(1))
  }

  #accept(symbol: string): boolean {
    if (this.#token.kind !== 'symbol' || this.#token.text !== symbol) return false
    this.#next()
    return true
  }

  #symbol(symbol: string): void {
    if (!this.#accept(symbol)) throw this.#unexpected(`"${symbol}"`)
  }

  #next(): void {
    this.#goTo(this.#token.end)
  }

  #goTo(end: number): void {
    this.#lastEnd = end
    this.#token = tokenAt(this.#text, end)
  }

  #unexpected(expected: string, candidates: readonly string[] = []): Unparsable {
    const token = this.#token
    const found =
      token.kind === 'end' ? 'the text ends' : `${JSON.stringify(excerpt(this.#text, token))} stands`
    const meant = token.kind === 'name' ? nearest(token.text, candidates) : undefined
    const range: Range = token
    this.#report.error(range, `${expected} belongs here, where ${found}`, {
      ...(meant === undefined ? {} : { suggestion: meant }),
    })
    return new Unparsable()
  }

  /** To the next word that begins a clause. */
  #recover(): void {
    do {
      if (this.#token.kind === 'end') return
      this.#next()
    } while (!this.#isClause())
  }

  #isClause(): boolean {
    const { kind, text } = this.#token
    if (kind === 'end') return true
    const word = text.toLowerCase()
    return kind === 'name' && CLAUSE_WORDS.has(word)
  }
}

type Filter = { readonly which: Keep['which']; readonly isCounted: boolean }

const FILTERS: ReadonlyMap<string, Filter> = new Map<string, Filter>([
  ['first', { which: 'first', isCounted: false }],
  ['firstn', { which: 'first', isCounted: true }],
  ['mostrecent', { which: 'recent', isCounted: false }],
  ['mostrecentn', { which: 'recent', isCounted: true }],
])

const excerpt = (text: string, { start, end }: Range): string => text.slice(start, Math.min(end, start + 40))

/** In `e.args.0.id` the lexer sees the number `0.` only as far as digits go; `1.5` would be two parts. */
function splitNumber(token: Token): Name[] {
  if (token.kind === 'name') return [{ text: token.text, start: token.start, end: token.end }]
  let at = token.start
  return `${token.text}${token.unit ?? ''}`.split('.').map((text) => {
    const part = { text, start: at, end: at + text.length }
    at += text.length + 1
    return part
  })
}
