// TraceQL text to its tree: precedence climbing over tokens. What does not parse ends it, what does not fit
// is reported all at once.
//
//   query    = stage { "|" stage } [ "with" "(" name = value, ... ")" ]
//   stage    = spanset | scalar compare scalar | by(expr) | coalesce() | select(field, ...)
//   spanset  = "{" [ expr ] "}" | "(" stage { "|" stage } ")" | spanset OP spanset
//
// Precedence as Tempo has it, lowest first, all from left to right but ^: && and || (the same), comparisons
// and structural operators, + and -, !, * / %, ^. So `a || b && c` is `(a || b) && c`.

import { nearest, type Diagnostic, type Span } from '#base'
import { INTRINSIC_NAMES, intrinsicOf, KIND_WORDS, STATUS_WORDS } from './fields.ts'
import { tokensOf, type Token } from './lexer.ts'
import { DEPTH_MAX, NODES_MAX, QUERY_CHARS_MAX, SELECT_MAX, STAGES_MAX } from './limits.ts'
import { compileRegular, PatternError } from './regular.ts'
import type {
  AggregateName,
  ArithmeticOp,
  CompareOp,
  Expression,
  Field,
  Literal,
  Relation,
  RelationMode,
  Scalar,
  Spanset,
  Stage,
  TraceQuery,
} from './syntax.ts'
import { check, diagnostic, readsSpan } from './types.ts'

/** A query, or why there is none. Never throws. */
export function parseTraceQuery(text: string): {
  readonly query?: TraceQuery
  readonly diagnostics: readonly Diagnostic[]
} {
  if (text.length > QUERY_CHARS_MAX) {
    const span: Span = { start: 0, end: 0, line: 1, column: 1 }
    return { diagnostics: [diagnostic(span, `a query may have ${QUERY_CHARS_MAX} characters`)] }
  }
  const { tokens, fault } = tokensOf(text)
  const parser = new Parser(tokens)
  try {
    const query = parser.query(text)
    if (fault === undefined && parser.diagnostics.length === 0) return { query, diagnostics: [] }
  } catch (error: unknown) {
    if (!(error instanceof Stop)) throw error
    // Where the lexer stopped is why the parser did.
    if (fault === undefined) parser.diagnostics.push(error.diagnostic)
  }
  const lexical = fault === undefined ? [] : [diagnostic(fault.span, fault.message, fault.suggestion)]
  return { diagnostics: [...lexical, ...parser.diagnostics] }
}

class Stop extends Error {
  readonly diagnostic: Diagnostic

  constructor(found: Diagnostic) {
    super(found.message)
    this.diagnostic = found
  }
}

const RELATIONS: { readonly [op: string]: readonly [Relation, RelationMode] | undefined } = {
  '>>': ['descendant', 'plain'],
  '<<': ['ancestor', 'plain'],
  '>': ['child', 'plain'],
  '<': ['parent', 'plain'],
  '~': ['sibling', 'plain'],
  '!>>': ['descendant', 'not'],
  '!<<': ['ancestor', 'not'],
  '!>': ['child', 'not'],
  '!<': ['parent', 'not'],
  '!~': ['sibling', 'not'],
  '&>>': ['descendant', 'union'],
  '&<<': ['ancestor', 'union'],
  '&>': ['child', 'union'],
  '&<': ['parent', 'union'],
  '&~': ['sibling', 'union'],
}
const COMPARES: ReadonlySet<string> = new Set(['=', '!=', '<', '<=', '>', '>='])
const AGGREGATES: ReadonlySet<string> = new Set(['count', 'avg', 'min', 'max', 'sum'])
const METRICS = /^(rate|count_over_time|(min|max|avg|sum|quantile|histogram)_over_time|compare|topk|bottomk)$/

/** Binding power of operators between expressions. */
const POWERS: { readonly [op: string]: number | undefined } = {
  '&&': 1,
  '||': 1,
  '=': 2,
  '!=': 2,
  '<': 2,
  '<=': 2,
  '>': 2,
  '>=': 2,
  '=~': 2,
  '!~': 2,
  '+': 3,
  '-': 3,
  '*': 5,
  '/': 5,
  '%': 5,
  '^': 6,
}
const UNARY_POWER = 4

class Parser {
  readonly diagnostics: Diagnostic[] = []
  readonly #tokens: readonly Token[]
  readonly #shown = new Map<string, Field>()
  #at = 0
  #nodes = 0
  #depth = 0

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  query(text: string): TraceQuery {
    const stages = this.#stages(true)
    if (this.#peek().text === 'with') this.#hints()
    const rest = this.#peek()
    if (rest.kind !== 'end')
      this.#fail(rest, `'${rest.text}' stands where the query should end or a | follow`)
    const shown = [...this.#shown].map(([name, field]) => ({ field, text: name }))
    return { text, stages, shown }
  }

  // --- pipelines

  #stages(isOutermost: boolean): Stage[] {
    const stages: Stage[] = []
    do {
      if (stages.length >= STAGES_MAX) this.#fail(this.#peek(), `a pipeline may have ${STAGES_MAX} stages`)
      stages.push(this.#stage(stages.length === 0, isOutermost))
    } while (this.#take('|'))
    return stages
  }

  #stage(isFirst: boolean, isOutermost: boolean): Stage {
    const token = this.#peek()
    if (token.kind === 'word' && this.#peek(1).text === '(') {
      if (token.text === 'by') return this.#by()
      if (token.text === 'select') return this.#select()
      if (token.text === 'coalesce') return this.#coalesce(isFirst)
      if (METRICS.test(token.text))
        this.#fail(
          token,
          `${token.text}() makes time series, which are not answered here`,
          'a search: leave it out; numbers over many traces: a dataset',
        )
    }
    if (this.#isScalarAhead()) return this.#having()
    const spanset = this.#spanset(0)
    if (isOutermost && isFirst && spanset.kind === 'pipeline' && spanset.stages.length === 1)
      return spanset.stages[0]!
    return { kind: 'spansets', spanset }
  }

  /** Aggregates and numbers begin a scalar; so does a parenthesis before one. */
  #isScalarAhead(): boolean {
    let ahead = 0
    while (this.#peek(ahead).text === '(') ahead++
    const token = this.#peek(ahead)
    return (
      token.kind === 'number' ||
      token.text === '-' ||
      (token.kind === 'word' && this.#peek(ahead + 1).text === '(' && !PIPELINE_WORDS.has(token.text))
    )
  }

  #by(): Stage {
    const token = this.#next()
    this.#expect('(')
    const of = this.#expression(0)
    this.#expect(')')
    this.#check(of)
    if (!readsSpan(of)) this.#report(of.span, 'by() needs something that differs between spans', 'by(name)')
    return { kind: 'by', of, text: this.#textSince(token) }
  }

  #coalesce(isFirst: boolean): Stage {
    const token = this.#next()
    this.#expect('(')
    this.#expect(')')
    if (isFirst) this.#fail(token, 'coalesce() joins the groups of by(), so it cannot come first')
    return { kind: 'coalesce' }
  }

  #select(): Stage {
    this.#next()
    this.#expect('(')
    const fields: { field: Field; text: string }[] = []
    do {
      const token = this.#peek()
      if (fields.length >= SELECT_MAX) this.#fail(token, `select() may name ${SELECT_MAX} fields`)
      const node = this.#atom()
      if (node.kind !== 'field') this.#fail(token, 'select() takes names of fields', 'select(span.http.url)')
      fields.push({ field: node.field, text: node.text })
    } while (this.#take(','))
    this.#expect(')')
    return { kind: 'select', fields }
  }

  #hints(): void {
    this.#next()
    this.#expect('(')
    do {
      const name = this.#next()
      if (name.kind !== 'word') this.#fail(name, 'a hint is name=value', 'with (most_recent=true)')
      this.#expect('=')
      const value = this.#next()
      if (value.kind !== 'word' && value.kind !== 'number' && value.kind !== 'string')
        this.#fail(value, 'a hint is name=value', 'with (most_recent=true)')
    } while (this.#take(','))
    this.#expect(')')
  }

  // --- scalars

  #having(): Stage {
    const left = this.#scalar(0)
    const op = this.#next()
    if (op.kind !== 'symbol' || !COMPARES.has(op.text))
      this.#fail(op, 'a number over spans must be compared with something', 'count() > 2')
    const right = this.#scalar(0)
    if (!hasAggregate(left) && !hasAggregate(right))
      this.#report(left.span, 'this looks at no span', 'count() > 2')
    return { kind: 'having', op: op.text as CompareOp, left, right }
  }

  #scalar(power: number): Scalar {
    return this.#nested(() => {
      let left = this.#scalarAtom()
      for (;;) {
        const op = this.#peek()
        const binds = ARITHMETIC.has(op.text) && op.kind === 'symbol' ? POWERS[op.text]! : -1
        if (binds <= power) return left
        this.#next()
        const right = this.#scalar(op.text === '^' ? binds - 1 : binds)
        left = { kind: 'scalar-arithmetic', op: op.text as ArithmeticOp, left, right, span: left.span }
      }
    })
  }

  #scalarAtom(): Scalar {
    const token = this.#next()
    this.#count(token)
    if (token.text === '(' && token.kind === 'symbol') {
      const inner = this.#scalar(0)
      this.#expect(')')
      return inner
    }
    if (token.kind === 'number' || token.text === '-') {
      const sign = token.text === '-' ? -1 : 1
      const digits = sign === -1 ? this.#next() : token
      if (digits.kind !== 'number') this.#fail(digits, 'a number is missing after -')
      const literal: Literal = { type: digits.type, value: sign * Number(digits.value) }
      return { kind: 'number', literal, span: token.span }
    }
    if (token.kind === 'word' && AGGREGATES.has(token.text)) return this.#aggregate(token)
    const close = nearest(token.text, AGGREGATES)
    this.#fail(
      token,
      `'${token.text}' is no aggregate`,
      close === undefined ? 'count(), avg(f), min(f), max(f), sum(f)' : `${close}(...)`,
    )
  }

  #aggregate(token: Token): Scalar {
    const name = token.text as AggregateName
    this.#expect('(')
    if (name === 'count') {
      this.#expect(')')
      return { kind: 'aggregate', name, span: token.span }
    }
    if (this.#peek().text === ')') this.#fail(this.#peek(), `${name}() needs a field`, `${name}(duration)`)
    const of = this.#expression(0)
    this.#expect(')')
    const type = this.#check(of)
    if (type !== 'number' && type !== 'unknown') this.#report(of.span, `${name}() is of numbers`)
    if (!readsSpan(of)) this.#report(of.span, `${name}() needs something that differs between spans`)
    return { kind: 'aggregate', name, of, span: token.span }
  }

  // --- spansets

  #spanset(power: number): Spanset {
    return this.#nested(() => {
      let left = this.#spansetAtom()
      for (;;) {
        const op = this.#peek()
        const relation = op.kind === 'symbol' ? RELATIONS[op.text] : undefined
        const isLogic = op.text === '&&' || op.text === '||'
        const binds = op.kind !== 'symbol' ? -1 : relation !== undefined ? 2 : isLogic ? 1 : -1
        if (binds <= power) {
          this.#checkSpansetOperator(op)
          return left
        }
        this.#next()
        const right = this.#spanset(binds)
        left =
          relation === undefined
            ? { kind: 'combine', op: op.text as '&&' | '||', left, right, span: op.span }
            : { kind: 'relation', relation: relation[0], mode: relation[1], left, right, span: op.span }
      }
    })
  }

  #checkSpansetOperator(op: Token): void {
    if (op.kind === 'symbol' && POWERS[op.text] !== undefined && RELATIONS[op.text] === undefined)
      if (op.text !== '&&' && op.text !== '||')
        this.#fail(op, `spansets are not joined by ${op.text}`, '&&, ||, >>, >, ~ and their like')
  }

  #spansetAtom(): Spanset {
    const token = this.#next()
    this.#count(token)
    if (token.text === '{' && token.kind === 'symbol') {
      if (this.#take('}')) return { kind: 'filter', where: trueAt(token.span), span: token.span }
      const where = this.#expression(0)
      this.#expect('}')
      const type = this.#check(where)
      if (type !== 'boolean' && type !== 'unknown')
        this.#report(where.span, 'a condition must be true or false', suggestionFor(where))
      return { kind: 'filter', where, span: token.span }
    }
    if (token.text === '(' && token.kind === 'symbol') {
      const stages = this.#stages(false)
      this.#expect(')')
      const [only] = stages
      if (stages.length === 1 && only?.kind === 'spansets') return only.spanset
      return { kind: 'pipeline', stages, span: token.span }
    }
    this.#fail(
      token,
      token.kind === 'end' ? 'the query ends too early' : `'${token.text}' begins no spanset`,
      '{ }',
    )
  }

  // --- expressions

  #expression(power: number): Expression {
    return this.#nested(() => {
      let left = this.#atom()
      for (;;) {
        const op = this.#peek()
        const binds = op.kind === 'symbol' ? (POWERS[op.text] ?? -1) : -1
        if (binds <= power) return left
        this.#next()
        left = this.#binary(left, op, binds)
      }
    })
  }

  #binary(left: Expression, op: Token, binds: number): Expression {
    const { span } = left
    if (op.text === '=~' || op.text === '!~') return this.#match(left, op)
    const right = this.#expression(op.text === '^' ? binds - 1 : binds)
    if (op.text === '&&' || op.text === '||') return { kind: 'logic', op: op.text, left, right, span }
    if (COMPARES.has(op.text)) return { kind: 'compare', op: op.text as CompareOp, left, right, span }
    return { kind: 'arithmetic', op: op.text as ArithmeticOp, left, right, span }
  }

  #match(left: Expression, op: Token): Expression {
    const pattern = this.#next()
    if (pattern.kind !== 'string')
      this.#fail(pattern, `${op.text} needs a pattern in quotes`, '=~ "GET|POST"')
    try {
      compileRegular(pattern.value)
    } catch (error: unknown) {
      if (!(error instanceof PatternError)) throw error
      this.#report(pattern.span, `this is no pattern: ${error.message}`)
    }
    return { kind: 'match', op: op.text as '=~' | '!~', left, pattern: pattern.value, span: left.span }
  }

  #atom(): Expression {
    const token = this.#next()
    this.#count(token)
    const { span } = token
    switch (token.kind) {
      case 'number':
        return { kind: 'literal', literal: { type: token.type, value: token.value }, span }
      case 'string':
        return { kind: 'literal', literal: { type: 'string', value: token.value }, span }
      case 'attribute': {
        const field: Field = { kind: 'attribute', scope: token.scope, name: token.name }
        return this.#field(field, token)
      }
      case 'word':
        return this.#word(token)
      case 'symbol':
        return this.#symbol(token)
      case 'end':
        this.#fail(token, 'the query ends too early', 'close every { and (')
    }
  }

  #symbol(token: Token): Expression {
    const { span } = token
    if (token.text === '(') {
      const inner = this.#expression(0)
      this.#expect(')')
      return inner
    }
    if (token.text === '!') return { kind: 'not', of: this.#expression(UNARY_POWER), span }
    if (token.text === '-') return negative(this.#expression(UNARY_POWER), span)
    this.#fail(token, `'${token.text}' stands where a value should`)
  }

  #word(token: Token): Expression {
    const { span, text } = token
    if (text === 'true' || text === 'false')
      return { kind: 'literal', literal: { type: 'boolean', value: text === 'true' }, span }
    if (text === 'nil') return { kind: 'literal', literal: { type: 'nil', value: null }, span }
    if (text === 'minInt') return { kind: 'literal', literal: { type: 'int', value: -(2n ** 63n) }, span }
    if (text === 'maxInt') return { kind: 'literal', literal: { type: 'int', value: 2n ** 63n - 1n }, span }
    if (STATUS_WORDS.some((word) => word === text))
      return { kind: 'literal', literal: { type: 'status', value: text }, span }
    if (KIND_WORDS.some((word) => word === text))
      return { kind: 'literal', literal: { type: 'kind', value: text }, span }
    const intrinsic = intrinsicOf(text)
    if (intrinsic !== undefined) return this.#field({ kind: 'intrinsic', name: intrinsic }, token)
    const close = nearest(text, INTRINSIC_NAMES)
    this.#fail(token, `'${text}' is no field of a span`, close ?? `.${text} for an attribute of that name`)
  }

  #field(field: Field, { text, span }: Token): Expression {
    this.#shown.set(text, field)
    return { kind: 'field', field, text, span }
  }

  // --- tokens

  #check(node: Expression): ReturnType<typeof check> {
    return check(node, (span, message, suggestion) => this.#report(span, message, suggestion))
  }

  #peek(ahead = 0): Token {
    return this.#tokens[Math.min(this.#at + ahead, this.#tokens.length - 1)]!
  }

  #next(): Token {
    const token = this.#peek()
    this.#at++
    return token
  }

  #take(symbol: string): boolean {
    const token = this.#peek()
    if (token.kind !== 'symbol' || token.text !== symbol) return false
    this.#at++
    return true
  }

  #expect(symbol: string): void {
    const token = this.#peek()
    if (!this.#take(symbol))
      this.#fail(token, `${symbol} is missing${token.kind === 'end' ? '' : ` before '${token.text}'`}`)
  }

  #textSince(token: Token): string {
    return this.#tokens
      .slice(this.#tokens.indexOf(token), this.#at)
      .map(({ text }) => text)
      .join('')
  }

  #count(token: Token): void {
    if (++this.#nodes > NODES_MAX) this.#fail(token, `a query may have ${NODES_MAX} parts`)
  }

  #nested<T>(parse: () => T): T {
    if (++this.#depth > DEPTH_MAX) this.#fail(this.#peek(), `a query may be nested ${DEPTH_MAX} deep`)
    const parsed = parse()
    this.#depth--
    return parsed
  }

  #report(span: Span, message: string, suggestion?: string): void {
    this.diagnostics.push(diagnostic(span, message, suggestion))
  }

  #fail(token: Token, message: string, suggestion?: string): never {
    throw new Stop(diagnostic(token.span, message, suggestion))
  }
}

const PIPELINE_WORDS: ReadonlySet<string> = new Set(['by', 'select', 'coalesce'])
const ARITHMETIC: ReadonlySet<string> = new Set(['+', '-', '*', '/', '%', '^'])

const trueAt = (span: Span): Expression => ({
  kind: 'literal',
  literal: { type: 'boolean', value: true },
  span,
})

/** A number with its sign is one literal, so that the pre-filter can use it. */
function negative(of: Expression, span: Span): Expression {
  if (of.kind !== 'literal') return { kind: 'negative', of, span }
  const { type, value } = of.literal
  if (typeof value !== 'number' && typeof value !== 'bigint') return { kind: 'negative', of, span }
  return { kind: 'literal', literal: { type, value: -value }, span }
}

const suggestionFor = (where: Expression): string | undefined =>
  where.kind === 'field' ? `${where.text} != nil` : undefined

function hasAggregate(scalar: Scalar): boolean {
  if (scalar.kind === 'scalar-arithmetic') return hasAggregate(scalar.left) || hasAggregate(scalar.right)
  return scalar.kind === 'aggregate'
}
