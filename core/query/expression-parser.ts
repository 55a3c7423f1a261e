// Expressions, by precedence: operators over literals with units, paths, calls and aggregates.
//
//   or < and < not < == != < <= > >= like < + - < * / % < - (negative)

import { nearest, UNIT_NAMES, unitFactor } from '#base'
import {
  aggregateNamed,
  binaryNamed,
  callableNames,
  NOT_LEVEL,
  scalarNamed,
  type Binary,
} from './functions.ts'
import type { Token } from './lexer.ts'
import { EXPRESSION_DEPTH_MAX, EXPRESSION_NODES_MAX } from './limits.ts'
import type { AggregateExpr, Expr, Name, Path } from './syntax.ts'
import { RESERVED, Unparsable, type TokenStream } from './token-stream.ts'

/** Reads expressions off a stream; both go on where the other stopped. */
export class ExpressionParser {
  readonly #tokens: TokenStream
  #depth = 0
  #nodes = 0

  constructor(tokens: TokenStream) {
    this.#tokens = tokens
  }

  /** One expression. Errors: reported, Unparsable. */
  parse(): Expr {
    this.#nodes = 0
    return this.#binary(0)
  }

  /** Operators that bind tighter than `level`, to the left. */
  #binary(level: number): Expr {
    let left = this.#nested(() => this.#unary())
    for (;;) {
      const operator = this.#operator()
      if (operator === undefined || operator.level <= level) return left
      left = operator.isAssociative ? this.#chain(left, operator) : this.#applied(left, operator)
    }
  }

  /** What stands left, this operator, and what it binds. */
  #applied(left: Expr, { fn, level }: Binary): Expr {
    this.#tokens.next()
    return this.#call2(fn, left, this.#binary(level))
  }

  /** `a or b or c or d` as `(a or b) or (c or d)`: a list of a hundred nests seven deep. */
  #chain(first: Expr, { fn, level }: Binary): Expr {
    const operands = [first]
    while (this.#operator()?.fn === fn) {
      this.#tokens.next()
      operands.push(this.#binary(level))
    }
    const joined = (from: number, to: number): Expr => {
      if (to - from === 1) return operands[from]
      const middle = (from + to) >>> 1
      return this.#call2(fn, joined(from, middle), joined(middle, to))
    }
    return joined(0, operands.length)
  }

  #call2(fn: Binary['fn'], left: Expr, right: Expr): Expr {
    return this.#node({ kind: 'call', fn, args: [left, right], start: left.start, end: right.end })
  }

  #operator(): Binary | undefined {
    const { kind, text } = this.#tokens.token
    return kind === 'string' ? undefined : binaryNamed(text)
  }

  #unary(): Expr {
    const { start } = this.#tokens.token
    if (this.#tokens.acceptWord('not') || this.#tokens.accept('!')) {
      const arg = this.#nested(() => this.#binary(NOT_LEVEL))
      return this.#node({ kind: 'call', fn: 'not', args: [arg], start, end: arg.end })
    }
    if (this.#tokens.accept('-')) {
      const arg = this.#nested(() => this.#unary())
      if (arg.kind === 'literal' && (typeof arg.value === 'number' || typeof arg.value === 'bigint'))
        return { ...arg, value: -arg.value, start }
      return this.#node({ kind: 'call', fn: 'neg', args: [arg], start, end: arg.end })
    }
    return this.#primary()
  }

  #primary(): Expr {
    const token = this.#tokens.token
    if (token.kind === 'number') return this.#number()
    if (token.kind === 'string') {
      this.#tokens.next()
      return this.#node({ kind: 'literal', value: token.text, start: token.start, end: token.end })
    }
    if (this.#tokens.accept('(')) {
      const inner = this.#binary(0)
      this.#tokens.symbol(')')
      return inner
    }
    const isCall = this.#tokens.following.text === '('
    // `like` is an operator, and a function where a value stands.
    const isFunction = isCall && scalarNamed(token.text) !== undefined
    if (token.kind !== 'name' || (RESERVED.has(token.text.toLowerCase()) && !isFunction))
      throw this.#tokens.unexpected('a value: a number, a text, a variable or a function')
    const word = token.text.toLowerCase()
    if (word === 'true' || word === 'false' || word === 'null') {
      this.#tokens.next()
      const value = word === 'null' ? null : word === 'true'
      return this.#node({ kind: 'literal', value, start: token.start, end: token.end })
    }
    if (isCall) return this.#call()
    return word === 'count' ? this.#bareCount() : this.#path()
  }

  #number(): Expr {
    const token = this.#tokens.token
    this.#tokens.next()
    const factor = unitFactor(token.unit ?? '')
    if (factor === undefined)
      this.#tokens.report.error(token, `there is no unit ${token.unit}`, {
        suggestion: nearest(token.unit ?? '', UNIT_NAMES) ?? UNIT_NAMES.join(' '),
      })
    const value = numberOf(token.text, factor ?? 1)
    if (value === undefined) this.#tokens.report.error(token, 'there is no number so large')
    return this.#node({ kind: 'literal', value: value ?? null, start: token.start, end: token.end })
  }

  #bareCount(): Expr {
    const { start, end } = this.#tokens.token
    this.#tokens.next()
    const arg: Expr = { kind: 'literal', value: true, start, end }
    return this.#node({ kind: 'aggregate', fn: 'count', arg, start, end })
  }

  #call(): Expr {
    const name = this.#tokens.token
    this.#tokens.next()
    this.#tokens.symbol('(')
    const aggregate = aggregateNamed(name.text)
    if (aggregate !== undefined) return this.#aggregate(name, aggregate)
    const args: Expr[] = []
    while (this.#tokens.token.text !== ')') {
      args.push(this.#nested(() => this.#binary(0)))
      if (!this.#tokens.accept(',')) break
    }
    this.#tokens.symbol(')')
    const range = { start: name.start, end: this.#tokens.lastEnd }
    const fn = scalarNamed(name.text)
    if (fn === undefined) {
      this.#tokens.report.error(name, `there is no function ${name.text}`, {
        suggestion: nearest(name.text, callableNames()) ?? `one of ${callableNames().join(' ')}`,
      })
      return { kind: 'literal', value: null, ...range }
    }
    return this.#node({ kind: 'call', fn, args, ...range })
  }

  /** Behind the parenthesis: COUNT(), COUNT(*), COUNT(DISTINCT x), SUM(x). */
  #aggregate(name: Token, { fn, quantile }: { fn: AggregateExpr['fn']; quantile?: number }): Expr {
    const isCount = fn === 'count'
    const isDistinct = isCount && this.#tokens.acceptWord('distinct')
    const isAll = isCount && !isDistinct && (this.#tokens.token.text === ')' || this.#tokens.accept('*'))
    const arg: Expr = isAll
      ? { kind: 'literal', value: true, start: name.start, end: name.end }
      : this.#nested(() => this.#binary(0))
    this.#tokens.symbol(')')
    const range = { start: name.start, end: this.#tokens.lastEnd }
    const read = quantile === undefined ? {} : { quantile }
    return this.#node({ kind: 'aggregate', fn: isDistinct ? 'distinct' : fn, arg, ...read, ...range })
  }

  #path(): Path {
    const first = this.#tokens.token
    this.#tokens.next()
    const parts: Name[] = [first]
    for (;;) {
      if (this.#tokens.accept('[')) {
        // A name that is none of the language: g["header.x-user"].
        const { text, start, end } = this.#tokens.take('string', 'the name of a variable in quotes')
        parts.push({ text, start, end })
        this.#tokens.symbol(']')
        continue
      }
      if (this.#tokens.token.text !== '.' || this.#tokens.token.start !== this.#tokens.lastEnd) break
      this.#tokens.next()
      const part = this.#tokens.token
      const isPart = (part.kind === 'name' || part.kind === 'number') && part.start === this.#tokens.lastEnd
      if (!isPart) throw this.#tokens.unexpected('the name of a variable')
      parts.push(...splitNumber(part))
      this.#tokens.next()
    }
    const end = this.#tokens.lastEnd
    this.#node({ kind: 'path', parts, start: first.start, end })
    return { kind: 'path', parts, start: first.start, end }
  }

  #node<E extends Expr>(expr: E): E {
    this.#nodes++
    if (this.#nodes > EXPRESSION_NODES_MAX) {
      this.#tokens.report.error(expr, `an expression has at most ${EXPRESSION_NODES_MAX} parts`)
      throw new Unparsable()
    }
    return expr
  }

  #nested<R>(parse: () => R): R {
    if (this.#depth >= EXPRESSION_DEPTH_MAX) {
      this.#tokens.report.error(this.#tokens.token, `expressions nest at most ${EXPRESSION_DEPTH_MAX} deep`)
      throw new Unparsable()
    }
    this.#depth++
    try {
      return parse()
    } finally {
      this.#depth--
    }
  }
}

/** Whole numbers are exact at any size; undefined for what is no number any more. */
function numberOf(digits: string, factor: number): number | bigint | undefined {
  const value = Number(digits) * factor
  if (!Number.isFinite(value)) return undefined
  const isWhole = /^\d+$/.test(digits) && Number.isInteger(factor)
  return isWhole && !Number.isSafeInteger(value) ? BigInt(digits) * BigInt(factor) : value
}

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
