// Conditions as people type them, into the tree of DatasetWhere.
//
//   or   := and ('or' and)*           and := not ('and' not)*        not := 'not' not | '(' or ')' | test
//   test := column op value | column 'in' '(' value (',' value)* ')' | column 'contains' text
//         | column 'exists'
//   column := word | `any text`       value := number | 'text' | "text" | true | false
//
// Nothing of the text reaches the engine: columns are looked up, values are bound.

import { nearest, spanOf, type Diagnostic } from '#base'
import type { DatasetOperator, DatasetScalar, DatasetWhere } from '#protocol'
import { WHERE_DEPTH_MAX } from './limits.ts'

type Token = {
  readonly kind: 'word' | 'text' | 'number' | 'mark' | 'end'
  readonly text: string
  readonly start: number
  readonly end: number
}

const TOKEN =
  /\s*(?:(?<name>`(?:[^`])*`)|(?<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(?<number>-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)|(?<word>[A-Za-z_][\w.]*)|(?<mark>!=|<=|>=|==|&&|\|\||[=<>()!,~]))/iy
const OPERATORS: Readonly<Record<string, DatasetOperator>> = {
  '=': '=',
  '==': '=',
  '!=': '!=',
  '<': '<',
  '<=': '<=',
  '>': '>',
  '>=': '>=',
  '~': 'contains',
}
const WORDS = ['and', 'or', 'not', 'in', 'contains', 'exists'] as const

class Mistake extends Error {
  readonly diagnostic: Diagnostic
  constructor(diagnostic: Diagnostic) {
    super(diagnostic.message)
    this.diagnostic = diagnostic
  }
}

/** The tree of a text, or where it is wrong. An empty text holds for all rows. */
export function parseWhere(
  text: string,
): { readonly where: DatasetWhere } | { readonly diagnostic: Diagnostic } {
  try {
    const parser = new Parser(text, tokensOf(text))
    return { where: parser.isEmpty ? { and: [] } : parser.whole() }
  } catch (error: unknown) {
    if (error instanceof Mistake) return { diagnostic: error.diagnostic }
    throw error
  }
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = []
  let at = 0
  while (text.slice(at).trim() !== '') {
    TOKEN.lastIndex = at
    const match = TOKEN.exec(text)
    const start = at + (/^\s*/.exec(text.slice(at))?.[0].length ?? 0)
    if (match?.groups === undefined)
      throw mistake(text, { start, end: start + 1 }, `'${text[start]}' is not understood here`)
    at = TOKEN.lastIndex
    tokens.push({ ...tokenOf(match.groups), start, end: at })
  }
  tokens.push({ kind: 'end', text: '', start: text.length, end: text.length })
  return tokens
}

function tokenOf(groups: { readonly [name: string]: string | undefined }): Pick<Token, 'kind' | 'text'> {
  const { name, text, number, word, mark } = groups
  if (name !== undefined) return { kind: 'word', text: name }
  if (text !== undefined) return { kind: 'text', text: unquoted(text) }
  if (number !== undefined) return { kind: 'number', text: number }
  return word === undefined ? { kind: 'mark', text: mark ?? '' } : { kind: 'word', text: word }
}

const unquoted = (text: string): string => text.slice(1, -1).replaceAll(/\\(.)/gs, '$1')

function mistake(
  text: string,
  place: { readonly start: number; readonly end: number },
  message: string,
  suggestion?: string,
): Mistake {
  const span = spanOf(text, place.start, place.end)
  return new Mistake({
    severity: 'error',
    span,
    message,
    ...(suggestion === undefined ? {} : { suggestion }),
  })
}

class Parser {
  readonly #text: string
  readonly #tokens: readonly Token[]
  #at = 0
  #depth = 0

  constructor(text: string, tokens: readonly Token[]) {
    this.#text = text
    this.#tokens = tokens
  }

  get isEmpty(): boolean {
    return this.#next.kind === 'end'
  }

  whole(): DatasetWhere {
    const where = this.#or()
    if (this.#next.kind === 'end') return where
    const close = nearest(this.#next.text, ['and', 'or'])
    throw this.#wrong(`'${this.#next.text}' comes after a whole condition`, close ?? 'and')
  }

  get #next(): Token {
    return this.#tokens[this.#at]!
  }

  #wrong(message: string, suggestion?: string): Mistake {
    return mistake(this.#text, this.#next, message, suggestion)
  }

  #take(...texts: string[]): boolean {
    const { kind, text } = this.#next
    if ((kind !== 'word' && kind !== 'mark') || !texts.includes(text.toLowerCase())) return false
    this.#at++
    return true
  }

  #or(): DatasetWhere {
    if (++this.#depth > WHERE_DEPTH_MAX) throw this.#wrong(`nested deeper than ${WHERE_DEPTH_MAX}`)
    const parts = [this.#and()]
    while (this.#take('or', '||')) parts.push(this.#and())
    this.#depth--
    return parts.length === 1 ? parts[0]! : { or: parts }
  }

  #and(): DatasetWhere {
    const parts = [this.#not()]
    while (this.#take('and', '&&')) parts.push(this.#not())
    return parts.length === 1 ? parts[0]! : { and: parts }
  }

  #not(): DatasetWhere {
    let isNegated = false
    while (this.#take('not', '!')) isNegated = !isNegated
    const where = this.#take('(') ? this.#group() : this.#test()
    return isNegated ? { not: where } : where
  }

  #group(): DatasetWhere {
    const where = this.#or()
    if (!this.#take(')')) throw this.#wrong('a parenthesis is not closed', ')')
    return where
  }

  #test(): DatasetWhere {
    const column = this.#column()
    if (this.#take('exists')) return { column, op: 'exists' }
    if (this.#take('contains')) return { column, op: 'contains', value: this.#value() }
    if (this.#take('in')) return { column, op: 'in', value: this.#list() }
    const { kind, text } = this.#next
    const op = kind === 'mark' ? OPERATORS[text] : undefined
    if (op === undefined) {
      const close = kind === 'word' ? nearest(text, WORDS) : undefined
      throw this.#wrong(
        `after column ${column} comes =, !=, <, <=, >, >=, in, contains or exists`,
        close ?? `${column} exists`,
      )
    }
    this.#at++
    return { column, op, value: this.#value() }
  }

  #column(): string {
    const { kind, text } = this.#next
    const isReserved = (WORDS as readonly string[]).includes(text.toLowerCase())
    if (kind !== 'word' || isReserved)
      throw this.#wrong(text === '' ? 'a condition is missing' : `a column belongs here, not '${text}'`)
    this.#at++
    return text.startsWith('`') ? text.slice(1, -1) : text
  }

  #list(): DatasetScalar[] {
    if (!this.#take('(')) throw this.#wrong('in takes a list', "in ('a', 'b')")
    const values = [this.#value()]
    while (this.#take(',')) values.push(this.#value())
    if (!this.#take(')')) throw this.#wrong('the list is not closed', ')')
    return values
  }

  #value(): DatasetScalar {
    const { kind, text } = this.#next
    if (kind === 'end' || kind === 'mark') throw this.#wrong('a value is missing')
    if (kind === 'word' && text !== 'true' && text !== 'false')
      throw this.#wrong(`'${text}' is no value: texts stand in quotes`, `'${text.replaceAll('`', '')}'`)
    this.#at++
    return kind === 'text' ? text : kind === 'number' ? Number(text) : text === 'true'
  }
}
