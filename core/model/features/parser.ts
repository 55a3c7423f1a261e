// Tokens to statements. Binding by strength, loosest first:
//
//   or < and < not < = != < <= > >= ~ like in < |
//
// A statement ends with its line, but a line that begins with `|` goes on, as does one inside parentheses.
// What cannot be read is reported, and reading goes on at the next line, so that all mistakes are told at
// once. A text that breaks off (an editor's) gives the tree of what is there.

import { nearest, UNIT_NAMES, unitFactor, isTimeUnit, type Range, type Reporter } from '#base'
import { tokensOf, type Token } from './lexer.ts'
import { FEATURE_DEPTH_MAX, FEATURE_NESTING_MAX } from './limits.ts'
import type { Arg, Call, CompareOp, Expr, Literal, Name, Statement } from './syntax.ts'

/** Words that are no names. */
const RESERVED: ReadonlySet<string> = new Set(['and', 'or', 'not', 'like', 'in', 'true', 'false'])

/**
 * What a text says. `condition`: the last statement is a condition, so that `name = "a"` compares there and
 * binds nothing.
 */
export function parseStatements(
  text: string,
  report: Reporter,
  last: 'pipeline' | 'condition' = 'pipeline',
): readonly Statement[] {
  return new Parser(text, report, last).statements()
}

/** Thrown and caught inside: the rest of the statement makes no sense. Already reported. */
class Unparsable extends Error {}

class Parser {
  readonly #text: string
  readonly #report: Reporter
  readonly #tokens: readonly Token[]
  readonly #last: 'pipeline' | 'condition'
  #at = 0
  /** Parentheses that are open: inside them lines do not matter. */
  #open = 0
  #nesting = 0

  constructor(text: string, report: Reporter, last: 'pipeline' | 'condition') {
    this.#text = text
    this.#report = report
    this.#tokens = tokensOf(text)
    this.#last = last
  }

  statements(): Statement[] {
    const found: Statement[] = []
    for (;;) {
      while (this.#accept(';'));
      if (this.#token.kind === 'end') return found
      try {
        found.push(this.#statement())
        if (!this.#isAtStart && !this.#accept(';')) throw this.#unexpected('a new line, "|" or ";"')
      } catch (error: unknown) {
        if (!(error instanceof Unparsable)) throw error
        this.#skipLine()
      }
    }
  }

  get #token(): Token {
    return this.#tokens[this.#at]
  }

  /** Whether a statement may begin here. */
  get #isAtStart(): boolean {
    return this.#token.isFirst && this.#open === 0
  }

  #statement(): Statement {
    const { start } = this.#token
    const name = this.#isBinding() ? this.#binding() : undefined
    const value = this.#expression()
    return { ...(name === undefined ? {} : { name }), value, start, end: this.#end }
  }

  #isBinding(): boolean {
    const name = this.#token
    const sign = this.#tokens[this.#at + 1]
    if (name.kind !== 'name' || sign?.kind !== 'symbol' || sign.text !== '=') return false
    return this.#last === 'pipeline' || !this.#isLastLine()
  }

  /**
   * Whether no other statement begins behind this one; its own lines go on with `|` or inside parentheses.
   */
  #isLastLine(): boolean {
    let open = 0
    for (let at = this.#at + 1; at < this.#tokens.length; at++) {
      const { kind, text, isFirst } = this.#tokens[at]
      if (kind === 'end') return true
      const goesOn = kind === 'symbol' && text !== '('
      if (open <= 0 && ((isFirst && !goesOn && !isJoint(this.#tokens[at - 1])) || text === ';'))
        return this.#isBehindAll(at)
      if (kind === 'symbol') open += text === '(' ? 1 : text === ')' ? -1 : 0
    }
    return true
  }

  #isBehindAll(from: number): boolean {
    let at = from
    while (this.#tokens[at].kind === 'symbol' && this.#tokens[at].text === ';') at++
    return this.#tokens[at].kind === 'end'
  }

  #binding(): Name {
    const { text, start, end } = this.#next()
    if (text.includes('.')) this.#report.error({ start, end }, `a binding's name has no dots: ${text}`)
    if (RESERVED.has(text.toLowerCase()))
      this.#report.error({ start, end }, `${text} is a word of the language, not a name`)
    this.#next()
    return { text, start, end }
  }

  #expression(): Expr {
    if (this.#nesting >= FEATURE_NESTING_MAX) {
      this.#report.error(this.#token, `nested deeper than ${FEATURE_NESTING_MAX} levels`, {
        suggestion: 'give the inner pipeline a name: Inner = ...',
      })
      throw new Unparsable()
    }
    this.#nesting++
    try {
      return this.#or()
    } finally {
      this.#nesting--
    }
  }

  #or(): Expr {
    let left = this.#and()
    for (let length = 1; this.#acceptWord('or') || this.#accept('||'); length++) {
      const right = this.#and()
      if (length > FEATURE_DEPTH_MAX) throw this.#tooLong(right)
      left = { kind: 'or', left, right, start: left.start, end: right.end }
    }
    return left
  }

  #and(): Expr {
    let left = this.#not()
    for (let length = 1; this.#acceptWord('and') || this.#accept('&&'); length++) {
      const right = this.#not()
      if (length > FEATURE_DEPTH_MAX) throw this.#tooLong(right)
      left = { kind: 'and', left, right, start: left.start, end: right.end }
    }
    return left
  }

  #not(): Expr {
    const starts: number[] = []
    for (let { start } = this.#token; this.#acceptWord('not') || this.#accept('!'); { start } = this.#token)
      starts.push(start)
    let arg = this.#comparison()
    // Two cancel each other out: a long row of them is no deeper than one.
    if (starts.length % 2 === 1) arg = { kind: 'not', arg, start: starts[0], end: arg.end }
    return arg
  }

  #comparison(): Expr {
    const left = this.#pipeline()
    if (this.#acceptWord('in')) {
      this.#symbol('(')
      const list = this.#listOf(() => this.#expression())
      return { kind: 'in', left, list, start: left.start, end: this.#end }
    }
    const op = this.#compareOp()
    if (op === undefined) return left
    const right = this.#pipeline()
    if (this.#compareOp() !== undefined)
      this.#report.error({ start: left.start, end: this.#end }, 'a comparison has two sides', {
        suggestion: 'join two comparisons with "and"',
      })
    return { kind: 'compare', op, left, right, start: left.start, end: right.end }
  }

  #compareOp(): CompareOp | undefined {
    const { kind, text } = this.#token
    const word = kind === 'name' ? text.toLowerCase() : text
    const op = kind === 'name' || kind === 'symbol' ? COMPARISONS.get(word) : undefined
    if (op !== undefined) this.#next()
    return op
  }

  #pipeline(): Expr {
    let left = this.#primary()
    for (let length = 1; this.#accept('|'); length++) {
      const call = this.#call('a stage')
      if (length > FEATURE_DEPTH_MAX) throw this.#tooLong(call)
      left = { kind: 'pipe', input: left, call, start: left.start, end: call.end }
    }
    return left
  }

  #primary(): Expr {
    const token = this.#token
    if (this.#accept('(')) {
      const [inner] = this.#listOf(() => this.#expression())
      if (inner === undefined) throw this.#unexpected('a pipeline')
      return inner
    }
    if (token.kind === 'number') return this.#number(1)
    if (token.kind === 'string') {
      const { text, start, end } = this.#next()
      return { kind: 'literal', value: text, start, end }
    }
    if (this.#accept('-')) {
      if (this.#token.kind !== 'number') throw this.#unexpected('a number')
      return this.#number(-1)
    }
    const word = token.text.toLowerCase()
    if (token.kind === 'name' && (word === 'true' || word === 'false')) {
      const { start, end } = this.#next()
      return { kind: 'literal', value: word === 'true', start, end }
    }
    const call = this.#call('a pipeline')
    return { kind: 'head', call, start: call.start, end: call.end }
  }

  #number(sign: 1 | -1): Literal {
    const token = this.#next()
    const unit = token.unit ?? ''
    const factor = unitFactor(unit)
    if (factor === undefined)
      this.#report.error(token, `there is no unit ${unit}`, {
        suggestion: nearest(unit, UNIT_NAMES) ?? UNIT_NAMES.join(' '),
      })
    const value = sign * Number(token.text) * (factor ?? 1)
    if (!Number.isFinite(value)) this.#report.error(token, 'a number of this size cannot be held')
    const range = { start: token.start - (sign < 0 ? 1 : 0), end: token.end }
    if (unit === '' || unit === '%' || factor === undefined) return { kind: 'literal', value, ...range }
    return { kind: 'literal', value, unit: isTimeUnit(unit) ? 'ns' : 'By', ...range }
  }

  #call(what: string): Call {
    const token = this.#token
    // Behind `|` stands a stage, and one of them is In.
    const isWord = what !== 'a stage' && RESERVED.has(token.text.toLowerCase())
    if (token.kind !== 'name' || isWord) throw this.#unexpected(what)
    const fn = { text: token.text, start: token.start, end: token.end }
    this.#next()
    // Arguments stand on the name's own line: a line that begins with a parenthesis is a new statement.
    const hasArgs = this.#token.text === '(' && this.#token.kind === 'symbol' && !this.#isAtStart
    if (!hasArgs) return { fn, args: [], hasArgs, start: fn.start, end: fn.end }
    this.#next()
    const args = this.#listOf(() => this.#arg())
    return { fn, args, hasArgs, start: fn.start, end: this.#end }
  }

  #arg(): Arg {
    const from = this.#expression()
    if (!this.#accept('->')) return from
    const to = this.#expression()
    return { kind: 'range', from, to, start: from.start, end: to.end }
  }

  /** `a, b)`: the opening parenthesis is read already. A text that ends inside gives what is there. */
  #listOf<T>(item: () => T): T[] {
    const items: T[] = []
    this.#open++
    try {
      if (this.#accept(')')) return items
      do {
        items.push(item())
      } while (this.#accept(','))
      this.#symbol(')')
    } catch (error: unknown) {
      if (!(error instanceof Unparsable) || this.#token.kind !== 'end') throw error
    } finally {
      this.#open--
    }
    return items
  }

  /** Where the token before ended. */
  get #end(): number {
    return this.#tokens[this.#at - 1]?.end ?? 0
  }

  #next(): Token {
    const token = this.#token
    if (token.kind !== 'end') this.#at++
    return token
  }

  #accept(symbol: string): boolean {
    const isIt = this.#token.kind === 'symbol' && this.#token.text === symbol
    if (isIt) this.#next()
    return isIt
  }

  #acceptWord(word: string): boolean {
    const isIt = this.#token.kind === 'name' && this.#token.text.toLowerCase() === word
    if (isIt) this.#next()
    return isIt
  }

  #symbol(symbol: string): void {
    if (!this.#accept(symbol)) throw this.#unexpected(`"${symbol}"`)
  }

  #tooLong(range: Range): Unparsable {
    this.#report.error(range, `more than ${FEATURE_DEPTH_MAX} steps one after the other`, {
      suggestion: 'many values of one field: name in ("a", "b")',
    })
    return new Unparsable()
  }

  #unexpected(expected: string): Unparsable {
    const { kind, start, end } = this.#token
    const found =
      kind === 'end'
        ? 'the text ends'
        : `${JSON.stringify(this.#text.slice(start, Math.min(end, start + 40)))} stands`
    const range: Range = { start, end }
    this.#report.error(range, `${expected} belongs here, where ${found}`)
    return new Unparsable()
  }

  /** To the next line that can begin a statement. */
  #skipLine(): void {
    if (this.#token.kind !== 'end') this.#next()
    while (this.#token.kind !== 'end' && !(this.#token.isFirst && this.#token.text !== '|')) this.#next()
  }
}

const COMPARISONS: ReadonlyMap<string, CompareOp> = new Map([
  ['=', '='],
  ['==', '='],
  ['!=', '!='],
  ['<>', '!='],
  ['<', '<'],
  ['<=', '<='],
  ['>', '>'],
  ['>=', '>='],
  ['~', 'like'],
  ['like', 'like'],
])

/** What a line may end with and go on. */
function isJoint({ kind, text }: Token): boolean {
  if (kind === 'symbol') return text !== ')' && text !== ';'
  return kind === 'name' && ['and', 'or', 'not', 'like', 'in'].includes(text.toLowerCase())
}
