// Query text to tokens. Comments run from `--`, `//` or `#` to the end of the line; white space separates.
//
// Behind a dot, `#taken` is a private field and no comment.
//
// A tracepoint name holds characters that are operators elsewhere (file.ts:Class.method, http.*), so the
// parser asks for it as such: `sourceAt` reads one from a position of the text.

import { tracepointAt } from '#advice'
import type { Range } from './syntax.ts'

export type TokenKind = 'name' | 'number' | 'string' | 'symbol' | 'end' | 'foreign'
/** `text` of a string is its value; of a number its digits, the unit in `unit`. */
export type Token = Range & { readonly kind: TokenKind; readonly text: string; readonly unit?: string }

// One alternative a kind, sticky; no nested repetition, so linear in the text.
const KINDS = [
  /(?<name>[A-Za-z_$][A-Za-z0-9_$]*|(?<=\.)#[A-Za-z_$][A-Za-z0-9_$]*)/,
  /(?<space>[\s\u00a0\ufeff]+|(?:--|\/\/|#)[^\n]*)/,
  /(?<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?<unit>[A-Za-zµμ%]*))/,
  /(?<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')/,
  /(?<symbol>->|==|!=|<>|<=|>=|&&|\|\||[-+*/%<>=!(),.;[\]])/,
]
/** Its lastIndex is set before each use: nothing is remembered. */
const PATTERN = new RegExp(KINDS.map((kind) => kind.source).join('|'), 'y')

/** The token at or after `at`, comments and space skipped. */
export function tokenAt(text: string, at: number): Token {
  let start = at
  while (start < text.length) {
    PATTERN.lastIndex = start
    const groups = PATTERN.exec(text)?.groups
    if (groups === undefined) return foreign(text, start)
    const end = PATTERN.lastIndex
    if (groups.space === undefined) return tokenOf(text, groups, start, end)
    start = end
  }
  return { kind: 'end', text: '', start: text.length, end: text.length }
}

/** The name of a tracepoint or view at or after `at`; undefined where none begins. */
export function sourceAt(text: string, at: number): Token | undefined {
  const { start } = tokenAt(text, at)
  const end = tracepointAt(text, start)
  return end === start ? undefined : { kind: 'name', text: text.slice(start, end), start, end }
}

type Groups = Readonly<Record<string, string | undefined>>

function tokenOf(text: string, groups: Groups, start: number, end: number): Token {
  if (groups.name !== undefined) return { kind: 'name', text: groups.name, start, end }
  if (groups.string !== undefined)
    return { kind: 'string', text: unquote(text.slice(start + 1, end - 1)), start, end }
  if (groups.symbol !== undefined) return { kind: 'symbol', text: groups.symbol, start, end }
  const unit = groups.unit ?? ''
  return { kind: 'number', text: text.slice(start, end - unit.length), unit, start, end }
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '0': '\0' }

function unquote(quoted: string): string {
  return quoted.replace(/\\(.)/gs, (_, escaped: string) => ESCAPES[escaped] ?? escaped)
}

/** One token for a run of characters that mean nothing here. */
function foreign(text: string, start: number): Token {
  let end = start + 1
  while (end < text.length && !/[\sA-Za-z0-9_$"'(),]/.test(text[end])) end++
  return { kind: 'foreign', text: text.slice(start, end), start, end }
}
