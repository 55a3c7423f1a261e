// The tokens of a text, one at a time, with the usual questions to them. A mistake that leaves nothing to go
// on with is reported and thrown as `Unparsable`, which the parser catches where it can go on.

import { nearest, type Reporter } from '#base'
import { tokenAt, type Token } from './lexer.ts'
import type { Name, Range } from './syntax.ts'

/** Words that begin a clause. */
export const CLAUSES = [
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
export const CLAUSE_WORDS: ReadonlySet<string> = new Set(CLAUSES.map((clause) => clause.toLowerCase()))
/** Words that end an expression or name a clause: they are no names. */
export const RESERVED: ReadonlySet<string> = new Set([
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

/** Thrown and caught inside: the rest of a clause makes no sense. Already reported. */
export class Unparsable extends Error {}

/** Owned by one parser. */
export class TokenStream {
  readonly text: string
  readonly report: Reporter
  token: Token
  /** Where the token before ended. */
  lastEnd = 0

  constructor(text: string, report: Reporter) {
    this.text = text
    this.report = report
    this.token = tokenAt(text, 0)
  }

  /** The token behind the current one. */
  get following(): Token {
    return tokenAt(this.text, this.token.end)
  }

  alias(): Name {
    const token = this.token
    if (token.kind === 'name' && RESERVED.has(token.text.toLowerCase()))
      this.report.error(token, `${token.text} is a word of the language, not a name`)
    return this.name('a name')
  }

  name(what: string): Name {
    const { text, start, end } = this.take('name', what)
    return { text, start, end }
  }

  take(kind: Token['kind'], what: string): Token {
    const token = this.token
    if (token.kind !== kind) throw this.unexpected(what)
    this.next()
    return token
  }

  isWord(word: string): boolean {
    return this.token.kind === 'name' && this.token.text.toLowerCase() === word
  }

  acceptWord(word: string): boolean {
    if (!this.isWord(word)) return false
    this.next()
    return true
  }

  word(word: string): void {
    if (!this.acceptWord(word)) throw this.unexpected(word[0].toUpperCase() + word.slice(1))
  }

  accept(symbol: string): boolean {
    if (this.token.kind !== 'symbol' || this.token.text !== symbol) return false
    this.next()
    return true
  }

  symbol(symbol: string): void {
    if (!this.accept(symbol)) throw this.unexpected(`"${symbol}"`)
  }

  next(): void {
    this.goTo(this.token.end)
  }

  goTo(end: number): void {
    this.lastEnd = end
    this.token = tokenAt(this.text, end)
  }

  unexpected(expected: string, candidates: readonly string[] = []): Unparsable {
    const token = this.token
    const found =
      token.kind === 'end' ? 'the text ends' : `${JSON.stringify(excerpt(this.text, token))} stands`
    const meant = token.kind === 'name' ? nearest(token.text, candidates) : undefined
    const range: Range = token
    this.report.error(range, `${expected} belongs here, where ${found}`, {
      ...(meant === undefined ? {} : { suggestion: meant }),
    })
    return new Unparsable()
  }
}

const excerpt = (text: string, { start, end }: Range): string => text.slice(start, Math.min(end, start + 40))
