// Feature text to tokens. Comments run from `--`, `//` or `#` to the end of the line.
//
// Names may have dots, as attributes do (`http.route`). Quotes may be curly: that is how papers print them.
// Hand-written and linear: each character is looked at once, and what means nothing is a token of its own.

import type { Range } from '#base'

export type TokenKind = 'name' | 'number' | 'string' | 'symbol' | 'end' | 'foreign'
/** `text` of a string is its value; of a number its digits, the unit in `unit`. */
export type Token = Range & {
  readonly kind: TokenKind
  readonly text: string
  readonly unit?: string
  /** A line begins before it: a statement may. */
  readonly isFirst: boolean
}

const NAME = /[A-Za-z_$][A-Za-z0-9_$]*(?:\.[A-Za-z0-9_$]+)*/y
const NUMBER = /(?<digits>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)(?<unit>[A-Za-zµ%]*)/y
const SPACE = /(?:[^\S\n]|\ufeff)+|\n|(?:--|\/\/|#)[^\n]*/y
const SYMBOL = /->|==|!=|<>|<=|>=|&&|\|\||[-|=<>~!(),;]/y
const STRING = /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|[“”](?:[^“”\\\n]|\\.)*[“”]/y

/** All tokens; the last is the end. */
export function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = []
  let isFirst = true
  let at = 0
  while (at < text.length) {
    const space = matchAt(SPACE, text, at)
    if (space !== undefined) {
      if (space[0] === '\n') isFirst = true
      at += space[0].length
      continue
    }
    const token = tokenAt(text, at, isFirst)
    tokens.push(token)
    isFirst = false
    at = token.end
  }
  tokens.push({ kind: 'end', text: '', start: text.length, end: text.length, isFirst: true })
  return tokens
}

function tokenAt(text: string, start: number, isFirst: boolean): Token {
  const name = matchAt(NAME, text, start)
  if (name !== undefined) return { kind: 'name', text: name[0], start, end: start + name[0].length, isFirst }
  const number = matchAt(NUMBER, text, start)
  if (number !== undefined) {
    const { digits = '', unit = '' } = number.groups ?? {}
    return { kind: 'number', text: digits, unit, start, end: start + number[0].length, isFirst }
  }
  const string = matchAt(STRING, text, start)
  if (string !== undefined) {
    const end = start + string[0].length
    return { kind: 'string', text: unquote(string[0].slice(1, -1)), start, end, isFirst }
  }
  const symbol = matchAt(SYMBOL, text, start)
  if (symbol !== undefined)
    return { kind: 'symbol', text: symbol[0], start, end: start + symbol[0].length, isFirst }
  return foreign(text, start, isFirst)
}

/** The pattern's lastIndex is set before each use: nothing is remembered. */
function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at
  return pattern.exec(text) ?? undefined
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '0': '\0' }

function unquote(quoted: string): string {
  return quoted.replace(/\\(.)/gs, (_, escaped: string) => ESCAPES[escaped] ?? escaped)
}

/**
 * One token for a run of characters that mean nothing here; a string that does not end runs to its line's.
 */
function foreign(text: string, start: number, isFirst: boolean): Token {
  const isOpen = /["'“”]/.test(text[start])
  let end = start + 1
  while (end < text.length && (isOpen ? text[end] !== '\n' : !/[\sA-Za-z0-9_$"'“”(),|;]/.test(text[end])))
    end++
  return { kind: 'foreign', text: text.slice(start, end), start, end, isFirst }
}
