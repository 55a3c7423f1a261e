// Tokens to declarations, by recursive descent. A mistake is reported and parsing goes on behind the next ;
// or }, so that one pass finds all.
//
//   file  := [ package name(.name)* ; ]  ( import "path" ; )*  ( bag | struct )*
//   bag   := bag Name [ = ID ] { ( type name = INDEX ; )* }            the last ; may be left out
//   struct:= struct Name { ( type name ; )* }
//   type  := name(.name)* [ < [type (, type)*] > ] | clock(vector)

import { BDL_TYPE_DEPTH_MAX } from '../limits.ts'
import { tokenize, type Token, type TokenKind } from './lexer.ts'
import type {
  Declaration,
  FieldSyntax,
  FileSyntax,
  ImportSyntax,
  Index,
  Name,
  Report,
  TypeSyntax,
} from './syntax.ts'

export function parse(text: string, report: Report): FileSyntax {
  return new Parser(text, report).file()
}

/** Thrown and caught inside: the rest of a field or declaration makes no sense. Already reported. */
class Unparsable extends Error {}

class Parser {
  readonly #text: string
  readonly #report: Report
  readonly #tokens: readonly Token[]
  #at = 0

  constructor(text: string, report: Report) {
    this.#text = text
    this.#report = report
    this.#tokens = tokenize(text, report)
  }

  file(): FileSyntax {
    let packageName = ''
    const imports: ImportSyntax[] = []
    const declarations: Declaration[] = []
    while (this.#token.kind !== 'end') {
      this.#recovering(() => {
        if (this.#acceptWord('package'))
          packageName = this.#packageName(declarations.length + imports.length > 0)
        else if (this.#acceptWord('import')) imports.push(this.#import())
        else declarations.push(this.#declaration())
      }, '}')
    }
    return { text: this.#text, packageName, imports, declarations }
  }

  #packageName(isLate: boolean): string {
    if (isLate) this.#report(this.#token, 'the package comes first in a file')
    const name = this.#qualified()
    this.#expect(';')
    return name.text
  }

  #import(): ImportSyntax {
    const path = this.#take('string', 'the path of a file in quotes')
    this.#expect(';')
    return { path: path.text, start: path.start, end: path.end }
  }

  #declaration(): Declaration {
    const { start } = this.#token
    const kind = this.#acceptWord('bag') ? 'bag' : this.#acceptWord('struct') ? 'struct' : undefined
    if (kind === undefined) throw this.#unexpected('"bag" or "struct"')
    const name = this.#name('a name')
    const id = this.#accept('=') ? this.#index() : undefined
    this.#expect('{')
    const fields: FieldSyntax[] = []
    while (this.#token.kind !== 'end' && this.#token.text !== '}')
      this.#recovering(() => fields.push(this.#field()), ';')
    this.#expect('}')
    // Published schemas put a ; behind the brace here and there.
    this.#accept(';')
    return { kind, name, id, fields, start, end: this.#tokens[this.#at - 1].end }
  }

  #field(): FieldSyntax {
    const { start } = this.#token
    const type = this.#type(0)
    const name = this.#name('the name of the field')
    const index = this.#accept('=') ? this.#index() : undefined
    const { end } = this.#tokens[this.#at - 1]
    if (this.#token.text !== '}') this.#expect(';')
    return { type, name, index, start, end }
  }

  #type(depth: number): TypeSyntax {
    const name = this.#qualified()
    if (depth > BDL_TYPE_DEPTH_MAX) {
      this.#report(name, `types nest at most ${BDL_TYPE_DEPTH_MAX} deep`)
      throw new Unparsable()
    }
    if (name.text === 'clock' && this.#accept('(')) {
      const variety = this.#take('name', '"vector"')
      if (variety.text !== 'vector')
        this.#report(variety, `there is no ${variety.text} clock`, { suggestion: 'clock(vector)' })
      this.#expect(')')
    }
    let args: TypeSyntax[] | undefined
    if (this.#accept('<')) {
      args = []
      while (this.#token.text !== '>') {
        args.push(this.#type(depth + 1))
        if (!this.#accept(',')) break
      }
      this.#expect('>')
    }
    return { name: name.text, args, start: name.start, end: this.#tokens[this.#at - 1].end }
  }

  #qualified(): Name {
    const first = this.#name('a type or name')
    let { text, end } = first
    while (this.#accept('.')) {
      const next = this.#name('a name')
      text += `.${next.text}`
      end = next.end
    }
    return { text, start: first.start, end }
  }

  #name(what: string): Name {
    const { text, start, end } = this.#take('name', what)
    if (text.startsWith('_')) this.#report({ start, end }, 'a name begins with a letter')
    return { text, start, end }
  }

  #index(): Index {
    const { text, start, end } = this.#take('number', 'a number')
    return { digits: text, start, end }
  }

  get #token(): Token {
    return this.#tokens[this.#at]
  }

  /** The end token stays current for ever. */
  #advance(): Token {
    const token = this.#token
    if (token.kind !== 'end') this.#at++
    return token
  }

  #accept(symbol: string): boolean {
    if (this.#token.kind !== 'symbol' || this.#token.text !== symbol) return false
    this.#advance()
    return true
  }

  #acceptWord(word: string): boolean {
    if (this.#token.kind !== 'name' || this.#token.text !== word) return false
    this.#advance()
    return true
  }

  #expect(symbol: string): void {
    if (!this.#accept(symbol)) throw this.#unexpected(`"${symbol}"`, symbol)
  }

  #take(kind: TokenKind, what: string): Token {
    if (this.#token.kind !== kind) throw this.#unexpected(what)
    return this.#advance()
  }

  #unexpected(expected: string, suggestion?: string): Unparsable {
    const { kind, text } = this.#token
    const found = kind === 'end' ? 'the end of the text' : JSON.stringify(text.slice(0, 40))
    // What is missing belongs behind what stands there, not to the next line.
    const at = suggestion === ';' && this.#at > 0 ? this.#tokens[this.#at - 1] : this.#token
    this.#report(at, `expected ${expected}, found ${found}`, suggestion === undefined ? {} : { suggestion })
    return new Unparsable()
  }

  /**
   * Runs a step; after a mistake goes on behind `stop`, or before the } or declaration that ends the
   * surroundings.
   */
  #recovering(step: () => void, stop: ';' | '}'): void {
    const before = this.#at
    try {
      step()
    } catch (error: unknown) {
      if (!(error instanceof Unparsable)) throw error
      if (this.#at === before && !(stop === ';' && this.#token.text === '}')) this.#advance()
      this.#skipTo(stop)
    }
  }

  #skipTo(stop: ';' | '}'): void {
    while (this.#token.kind !== 'end' && !this.#isDeclarationStart()) {
      if (this.#token.text === stop && this.#token.kind === 'symbol') {
        this.#advance()
        return
      }
      if (stop === ';' && this.#token.text === '}') return
      this.#advance()
    }
  }

  #isDeclarationStart(): boolean {
    const { kind, text } = this.#token
    return (
      kind === 'name' &&
      (text === 'bag' || text === 'struct') &&
      this.#tokens[this.#at + 1]?.kind === 'name' &&
      ['{', '='].includes(this.#tokens[this.#at + 2]?.text ?? '') &&
      this.#tokens[this.#at + 2]?.kind === 'symbol'
    )
  }
}
