// TraceQL as tokens. Attributes are one token: `span.http.status_code`, `."a name" `, `.foo`.
//
// A dot or a scope begins an attribute; it ends at white space or at a character that an operator or a
// bracket begins with. Inside quotes everything belongs to the name.

import { spanOf, type Span } from '#base'
import type { AttributeScope } from './syntax.ts'

export type Token = { readonly span: Span; readonly text: string } & (
  | { readonly kind: 'word' }
  | { readonly kind: 'symbol' }
  | { readonly kind: 'attribute'; readonly scope: AttributeScope; readonly name: string }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'number'; readonly type: 'int' | 'float' | 'duration'; readonly value: number | bigint }
  | { readonly kind: 'end' }
)

export type LexerFault = { readonly span: Span; readonly message: string; readonly suggestion?: string }

const SCOPES: ReadonlySet<string> = new Set(['span', 'resource', 'event', 'link', 'instrumentation'])

/** Longest first: `!>>` before `!>`. */
const SYMBOLS = [
  '&>>',
  '&<<',
  '!>>',
  '!<<',
  '&>',
  '&<',
  '&~',
  '!>',
  '!<',
  '!~',
  '>>',
  '<<',
  '>=',
  '<=',
  '!=',
  '=~',
  '&&',
  '||',
  '{',
  '}',
  '(',
  ')',
  ',',
  '|',
  '=',
  '>',
  '<',
  '~',
  '!',
  '+',
  '-',
  '*',
  '/',
  '%',
  '^',
] as const

const UNITS_NS: { readonly [unit: string]: number } = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
  d: 86_400e9,
}

/** All tokens, the last is `end`; or where the text stops being TraceQL. */
export function tokensOf(text: string): { readonly tokens: readonly Token[]; readonly fault?: LexerFault } {
  const tokens: Token[] = []
  let at = 0
  for (;;) {
    at += /^\s*/.exec(text.slice(at))![0].length
    if (at >= text.length) break
    const read = next(text, at)
    if ('fault' in read) return { tokens: [...tokens, endAt(text)], fault: read.fault }
    tokens.push(read.token)
    at = read.end
  }
  return { tokens: [...tokens, endAt(text)] }
}

const endAt = (text: string): Token => ({
  kind: 'end',
  text: '',
  span: spanOf(text, text.length, text.length),
})

type Read = { readonly token: Token; readonly end: number } | { readonly fault: LexerFault }

function next(text: string, at: number): Read {
  const rest = text.slice(at)
  const quote = rest[0]
  if (quote === '"' || quote === '`') return readString(text, at, quote)
  if (/^\d|^\.\d/.test(rest)) return readNumber(text, at)
  if (quote === '.') return readAttribute(text, at, 'any', at + 1)
  const word = /^[A-Za-z_]\w*/.exec(rest)?.[0]
  if (word !== undefined) return readWord(text, at, word)
  const symbol = SYMBOLS.find((candidate) => rest.startsWith(candidate))
  if (symbol !== undefined) {
    const end = at + symbol.length
    return { token: { kind: 'symbol', text: symbol, span: spanOf(text, at, end) }, end }
  }
  return { fault: { span: spanOf(text, at, at + 1), message: `'${rest[0]}' has no meaning here` } }
}

/** A scope with its attribute, an intrinsic with its scope (`span:name`), or a plain word. */
function readWord(text: string, at: number, word: string): Read {
  const after = at + word.length
  if (text[after] === '.' && SCOPES.has(word))
    return readAttribute(text, at, word as AttributeScope, after + 1)
  if (text[after] === '.' && word === 'parent') {
    const suggestion = '{ condition of the parent } > { condition of the span }'
    const message = 'parent. is not read here'
    return { fault: { span: spanOf(text, at, after + 1), message, suggestion } }
  }
  const intrinsic = /^:[A-Za-z]\w*/.exec(text.slice(after))?.[0] ?? ''
  const end = after + intrinsic.length
  return { token: { kind: 'word', text: text.slice(at, end), span: spanOf(text, at, end) }, end }
}

const NAME_CHARS = /^[^\s{}()=~!<>&|^,+*/%"`]+/

function readAttribute(text: string, at: number, scope: AttributeScope, from: number): Read {
  let name = ''
  let end = from
  for (;;) {
    if (text[end] === '"') {
      const quoted = readString(text, end, '"')
      if ('fault' in quoted) return quoted
      name += quoted.token.kind === 'string' ? quoted.token.value : ''
      end = quoted.end
      continue
    }
    const part = NAME_CHARS.exec(text.slice(end))?.[0]
    if (part === undefined) break
    name += part
    end += part.length
  }
  if (name === '') {
    const message = 'the name of an attribute is missing after the dot'
    return { fault: { span: spanOf(text, at, end), message, suggestion: '.http.status_code' } }
  }
  return {
    token: { kind: 'attribute', scope, name, text: text.slice(at, end), span: spanOf(text, at, end) },
    end,
  }
}

const ESCAPES: { readonly [char: string]: string | undefined } = {
  n: '\n',
  t: '\t',
  r: '\r',
  '"': '"',
  '\\': '\\',
}

function readString(text: string, at: number, quote: string): Read {
  let value = ''
  for (let end = at + 1; end < text.length; end++) {
    const char = text[end]!
    if (char === quote)
      return {
        token: { kind: 'string', value, text: text.slice(at, end + 1), span: spanOf(text, at, end + 1) },
        end: end + 1,
      }
    if (char !== '\\' || quote === '`') value += char
    // An escape that is not known keeps its backslash: "a\.b" is a pattern that people write.
    else value += ESCAPES[text[++end] ?? ''] ?? `\\${text[end] ?? ''}`
  }
  return {
    fault: { span: spanOf(text, at, text.length), message: `the text is not closed: ${quote} is missing` },
  }
}

const DURATION = /^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h|d))+/

function readNumber(text: string, at: number): Read {
  const rest = text.slice(at)
  const duration = DURATION.exec(rest)?.[0]
  if (duration !== undefined) {
    let value = 0
    for (const [, count, unit] of duration.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d)/g))
      value += Number(count) * UNITS_NS[unit!]!
    return number(text, at, duration, 'duration', value)
  }
  const digits = /^(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?/.exec(rest)![0]
  if (!/^\d+$/.test(digits)) return number(text, at, digits, 'float', Number(digits))
  const exact = BigInt(digits.slice(0, 40))
  const value = exact > BigInt(Number.MAX_SAFE_INTEGER) ? exact : Number(digits)
  return number(text, at, digits, 'int', value)
}

function number(
  text: string,
  at: number,
  read: string,
  type: 'int' | 'float' | 'duration',
  value: number | bigint,
): Read {
  const end = at + read.length
  if (/^[A-Za-z_]/.test(text.slice(end))) {
    const message = 'this is neither a number nor a duration'
    return { fault: { span: spanOf(text, at, end + 1), message, suggestion: '100ms, 1.5s, 2h45m, 500' } }
  }
  return { token: { kind: 'number', type, value, text: read, span: spanOf(text, at, end) }, end }
}
