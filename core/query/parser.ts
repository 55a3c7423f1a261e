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

import { isTimeUnit, nearest, unitFactor, type Reporter } from '#base'
import type { Keep } from '#protocol'
import { ExpressionParser } from './expression-parser.ts'
import { sourceAt } from './lexer.ts'
import { KEEP_MAX, QUERY_CHARS_MAX, SELECT_ITEMS_MAX, UNION_MAX } from './limits.ts'
import type { Expr, Item, Join, Let, Name, Query, Source, Top } from './syntax.ts'
import { CLAUSE_WORDS, CLAUSES, TokenStream, Unparsable } from './token-stream.ts'

/** Undefined where there is nothing to go on with; the reporter knows why. */
export function parseQuery(text: string, report: Reporter): Query | undefined {
  if (text.length > QUERY_CHARS_MAX) {
    const range = { start: QUERY_CHARS_MAX, end: QUERY_CHARS_MAX }
    report.error(range, `a query has at most ${QUERY_CHARS_MAX} characters, not ${text.length}`)
    return undefined
  }
  return new Parser(text, report).query()
}

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
  readonly #tokens: TokenStream
  readonly #expressions: ExpressionParser

  constructor(text: string, report: Reporter) {
    this.#text = text
    this.#report = report
    this.#tokens = new TokenStream(text, report)
    this.#expressions = new ExpressionParser(this.#tokens)
  }

  query(): Query | undefined {
    const clauses: Clauses = { joins: [], lets: [], wheres: [] }
    while (this.#tokens.token.kind !== 'end') {
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

  /** `meant`: the word that a misspelt one stands for. */
  #clause(clauses: Clauses, meant?: string): void {
    const word = this.#tokens.token
    switch (meant ?? (word.kind === 'name' ? word.text.toLowerCase() : word.text)) {
      case 'from':
        return this.#from(clauses)
      case 'left':
      case 'join':
        return void clauses.joins.push(this.#join())
      case 'where':
        this.#tokens.next()
        return void clauses.wheres.push(this.#expressions.parse())
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
        return this.#tokens.next()
      default:
        return this.#misspelt(clauses)
    }
  }

  /** Goes on as if it were spelt right, so that what is behind is read too. */
  #misspelt(clauses: Clauses): void {
    const word = this.#tokens.token
    const mistake = this.#tokens.unexpected(
      'a clause (From, Join, Where, Let, GroupBy, Select, Top, Every)',
      CLAUSES,
    )
    const meant = word.kind === 'name' ? nearest(word.text, CLAUSES) : undefined
    if (meant === undefined) throw mistake
    this.#clause(clauses, meant.toLowerCase())
  }

  #from(clauses: Clauses): void {
    if (clauses.from !== undefined)
      this.#report.error(this.#tokens.token, 'a query has one From', {
        note: 'several tracepoints: From e In A, B',
      })
    this.#tokens.next()
    const alias = this.#optionalAlias()
    const source = this.#source()
    clauses.from ??= { alias, source }
  }

  /** `e In`, when that is what stands here; a tracepoint may come without. */
  #optionalAlias(): Name | undefined {
    const name = this.#tokens.token
    if (name.kind !== 'name') return undefined
    const behind = this.#tokens.following
    if (behind.kind !== 'name' || behind.text.toLowerCase() !== 'in') return undefined
    const alias = this.#tokens.alias()
    this.#tokens.word('in')
    return alias
  }

  #join(): Join {
    const { start } = this.#tokens.token
    const isOuter = this.#tokens.acceptWord('left')
    if (isOuter) this.#tokens.acceptWord('outer')
    this.#tokens.word('join')
    const alias = this.#tokens.alias()
    this.#tokens.word('in')
    const source = this.#source()
    this.#tokens.word('on')
    const before = this.#tokens.name('the source that comes first')
    this.#tokens.symbol('->')
    const after = this.#tokens.name('the source that comes after')
    return { isOuter, alias, source, before, after, start, end: this.#tokens.lastEnd }
  }

  #source(): Source {
    const word = this.#tokens.token
    const filter = word.kind === 'name' ? FILTERS.get(word.text.toLowerCase()) : undefined
    if (filter !== undefined && this.#tokens.following.text === '(') return this.#filtered(filter)
    const names = this.#union()
    return { names, keep: undefined, start: word.start, end: this.#tokens.lastEnd }
  }

  #filtered(filter: Filter): Source {
    const { start } = this.#tokens.token
    this.#tokens.next()
    this.#tokens.symbol('(')
    let count = 1
    if (filter.isCounted) {
      count = this.#count(KEEP_MAX)
      this.#tokens.symbol(',')
    }
    const names = this.#union()
    this.#tokens.symbol(')')
    return { names, keep: { which: filter.which, count }, start, end: this.#tokens.lastEnd }
  }

  #union(): Name[] {
    const names: Name[] = []
    do {
      const source = sourceAt(this.#text, this.#tokens.token.start)
      if (source === undefined) throw this.#tokens.unexpected('the name of a tracepoint')
      names.push(source)
      this.#tokens.goTo(source.end)
    } while (this.#tokens.accept(','))
    if (names.length > UNION_MAX)
      this.#report.error(names[UNION_MAX], `a union has at most ${UNION_MAX} tracepoints`, {
        suggestion: 'a pattern, like db.*',
      })
    return names
  }

  #let(): Let {
    const { start } = this.#tokens.token
    this.#tokens.next()
    const name = this.#tokens.alias()
    this.#tokens.symbol('=')
    const value = this.#expressions.parse()
    return { name, value, start, end: this.#tokens.lastEnd }
  }

  #groupBy(clauses: Clauses): void {
    const word = this.#tokens.token
    this.#tokens.next()
    if (word.text.toLowerCase() === 'group') this.#tokens.word('by')
    if (clauses.groupBy !== undefined) this.#report.error(word, 'a query has one GroupBy')
    const keys = [this.#expressions.parse()]
    while (this.#tokens.accept(',')) keys.push(this.#expressions.parse())
    clauses.groupBy ??= keys
  }

  #select(clauses: Clauses): void {
    const word = this.#tokens.token
    if (clauses.select !== undefined) this.#report.error(word, 'a query has one Select')
    this.#tokens.next()
    const isDistinct = this.#tokens.isWord('distinct') && this.#tokens.following.text !== '('
    if (isDistinct) this.#tokens.next()
    if (this.#tokens.isWord('top') && this.#tokens.following.kind === 'number') {
      this.#tokens.next()
      const number = this.#tokens.token
      this.#setTop(clauses, { count: this.#count(), by: undefined, start: number.start, end: number.end })
    }
    const items = [this.#item()]
    while (this.#tokens.accept(',')) items.push(this.#item())
    if (items.length > SELECT_ITEMS_MAX)
      this.#report.error(items[SELECT_ITEMS_MAX], `Select has at most ${SELECT_ITEMS_MAX} items`)
    clauses.select ??= { isDistinct, items }
  }

  #item(): Item {
    const { start } = this.#tokens.token
    const value = this.#expressions.parse()
    const end = this.#tokens.lastEnd
    const column = this.#tokens.acceptWord('as')
      ? this.#tokens.alias().text
      : this.#text.slice(start, end).replace(/\s+/g, '')
    return { value, column, start, end: this.#tokens.lastEnd }
  }

  #setTop(clauses: Clauses, top: Top): void {
    if (clauses.top !== undefined) this.#report.error(top, 'a query has one Top')
    clauses.top ??= top
  }

  #top(): Top {
    const { start } = this.#tokens.token
    this.#tokens.next()
    const count = this.#count()
    const by = this.#tokens.acceptWord('by') ? this.#expressions.parse() : undefined
    return { count, by, start, end: this.#tokens.lastEnd }
  }

  #every(): number {
    this.#tokens.next()
    const number = this.#tokens.take('number', 'a duration, like 1s')
    const factor = unitFactor(number.unit ?? '')
    if (factor === undefined || !isTimeUnit(number.unit ?? ''))
      this.#report.error(number, 'Every takes a duration', { suggestion: `${number.text}s` })
    const ns = Number(number.text) * (factor ?? 1)
    if (!(ns > 0)) this.#report.error(number, 'a window is longer than nothing', { suggestion: '1s' })
    return ns
  }

  #count(max = Number.MAX_SAFE_INTEGER): number {
    const number = this.#tokens.take('number', 'a whole number')
    const count = Number(number.text)
    if (!Number.isSafeInteger(count) || count < 1 || count > max || number.unit !== '') {
      const upTo = max === Number.MAX_SAFE_INTEGER ? '' : ` to ${max}`
      this.#report.error(number, `a whole number from 1${upTo} belongs here`)
      return 1
    }
    return count
  }

  /** To the next word that begins a clause. */
  #recover(): void {
    do {
      if (this.#tokens.token.kind === 'end') return
      this.#tokens.next()
    } while (!this.#isClause())
  }

  #isClause(): boolean {
    const { kind, text } = this.#tokens.token
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
