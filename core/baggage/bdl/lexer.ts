// BDL text to tokens. Comments (// and /* */) and white space, carriage returns included, are dropped.

import type { Range, Report } from './syntax.ts'

export type TokenKind = 'name' | 'number' | 'string' | 'symbol' | 'end'
export type Token = Range & { readonly kind: TokenKind; readonly text: string }

// One alternative a kind; sticky, so each match starts where the last one ended. No nested repetition: linear
// time.
const KINDS = [
  /(?<space>[ \t\r\n\f\v\u00a0\ufeff]+|\/\/[^\n]*)/,
  /(?<comment>\/\*)/,
  /(?<name>[A-Za-z_][A-Za-z0-9_]*)/,
  /(?<number>-?[0-9]+)/,
  /(?<string>"[^"\n]*"|'[^'\n]*')/,
  /(?<symbol>[{}<>()=;,.])/,
]
const SOURCE = KINDS.map((kind) => kind.source).join('|')

export function tokenize(text: string, report: Report): Token[] {
  const pattern = new RegExp(SOURCE, 'y')
  const tokens: Token[] = []
  let at = 0
  while (at < text.length) {
    pattern.lastIndex = at
    const groups = pattern.exec(text)?.groups
    if (groups === undefined) {
      at = skipForeign(text, at, report)
      continue
    }
    const end = pattern.lastIndex
    if (groups.comment !== undefined) {
      at = commentEnd(text, at, report)
      continue
    }
    const kind = kindOf(groups)
    if (kind !== undefined) {
      const isQuoted = kind === 'string'
      tokens.push({
        kind,
        text: isQuoted ? text.slice(at + 1, end - 1) : text.slice(at, end),
        start: at,
        end,
      })
    }
    at = end
  }
  tokens.push({ kind: 'end', text: '', start: text.length, end: text.length })
  return tokens
}

function kindOf(groups: Readonly<Record<string, string | undefined>>): TokenKind | undefined {
  if (groups.name !== undefined) return 'name'
  if (groups.number !== undefined) return 'number'
  if (groups.string !== undefined) return 'string'
  return groups.symbol !== undefined ? 'symbol' : undefined
}

function commentEnd(text: string, at: number, report: Report): number {
  const close = text.indexOf('*/', at + 2)
  if (close >= 0) return close + 2
  report({ start: at, end: at + 2 }, 'this comment has no end', { suggestion: '*/' })
  return text.length
}

/** One message for a run of characters that mean nothing here. */
function skipForeign(text: string, at: number, report: Report): number {
  let end = at
  while (end < text.length && !/[\sA-Za-z0-9_{}<>()=;,./]/.test(text[end])) end++
  end = Math.max(end, at + 1)
  const isQuote = text[at] === '"' || text[at] === "'"
  report(
    { start: at, end },
    isQuote
      ? 'this quotation has no end on its line'
      : `unexpected ${JSON.stringify(text.slice(at, end).slice(0, 20))}`,
  )
  return end
}
