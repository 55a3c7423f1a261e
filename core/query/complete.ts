// What may stand at a place of a text that is being written: for editors.

import { callableNames } from './functions.ts'
import { tokenAt, type Token } from './lexer.ts'
import { QUERY_CHARS_MAX } from './limits.ts'
import type { Surroundings } from './resolve.ts'
import { DEFAULT_VARS, fitting, varsAt } from './vocabulary.ts'
import { isCode, tracepointAt } from '#advice'

export type Completion = {
  readonly label: string
  readonly kind: 'keyword' | 'tracepoint' | 'view' | 'source' | 'variable' | 'function'
  /** The text [start, end) is what the label replaces. */
  readonly start: number
  readonly end: number
}

const CLAUSES = ['From', 'Join', 'Left Join', 'Where', 'Let', 'GroupBy', 'Select', 'Top', 'Every']
const FILTERS = ['First', 'FirstN', 'MostRecent', 'MostRecentN']
/** A line is a number that the text of the function says. */
const PLACES = ['return', 'throw', 'exit']
const COMPLETIONS_MAX = 200

/** Candidates for the word that ends at `offset`, those that begin with it first. */
export function complete(text: string, offset: number, around: Surroundings): readonly Completion[] {
  const before = text.slice(0, Math.min(offset, QUERY_CHARS_MAX))
  const tokens = tokensOf(before)
  // A tracepoint's name has points in it, a variable's word begins behind one.
  const source = runBefore(before, /[A-Za-z0-9_$.:*/<>@#~-]/)
  const isSource = isSourcePlace(tokens, before.length - source.length)
  const word = isSource ? source : runBefore(before, /[A-Za-z0-9_$]/)
  const start = before.length - word.length
  const offers = isSource
    ? [...placeOffers(word, around), ...sourceOffers(around)]
    : (variableOffers(before, start, around) ?? generalOffers(tokens, start, around))
  const wanted = word.toLowerCase()
  return offers
    .filter(({ label }) => label.toLowerCase().includes(wanted))
    .sort((a, b) => rank(a.label, wanted) - rank(b.label, wanted))
    .slice(0, COMPLETIONS_MAX)
    .map((offer) => ({ ...offer, start, end: before.length }))
}

type Offer = Pick<Completion, 'label' | 'kind'>

const rank = (label: string, wanted: string): number => (label.toLowerCase().startsWith(wanted) ? 0 : 1)

function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = []
  for (let token = tokenAt(text, 0); token.kind !== 'end'; token = tokenAt(text, token.end))
    tokens.push(token)
  return tokens
}

/** The longest run of such characters up to the end. */
function runBefore(text: string, character: RegExp): string {
  let start = text.length
  while (start > 0 && character.test(text[start - 1])) start--
  return text.slice(start)
}

/** Behind `In`, a filter's parenthesis, or a comma of a union. */
function isSourcePlace(tokens: readonly Token[], start: number): boolean {
  const words = tokens.filter(({ end }) => end <= start).map(({ text }) => text.toLowerCase())
  const at = words.findLastIndex((word) =>
    ['in', 'on', 'from', 'where', 'let', 'select', 'by', 'groupby'].includes(word),
  )
  if (words[at] !== 'in' && words[at] !== 'from') return false
  const last = words.at(-1)
  return last === 'in' || last === 'from' || last === '(' || last === ','
}

function sourceOffers({ vocabulary, views }: Surroundings): Offer[] {
  return [
    ...Object.keys(views ?? {}).map((label) => ({ label, kind: 'view' }) as const),
    ...(vocabulary ?? []).map(({ name }) => ({ label: name, kind: 'tracepoint' }) as const),
    ...FILTERS.map((label) => ({ label: `${label}(`, kind: 'keyword' }) as const),
  ]
}

/** Behind the `@` of a function, where in it advice can be. */
function placeOffers(word: string, { vocabulary }: Surroundings): Offer[] {
  const of = word.slice(0, Math.max(0, word.lastIndexOf('@')))
  if (!isCode(of) || fitting(vocabulary ?? [], of).length === 0) return []
  return PLACES.map((place) => ({ label: `${of}@${place}`, kind: 'tracepoint' }))
}

/** Behind `alias.` the variables of its tracepoints. */
function variableOffers(text: string, start: number, { vocabulary }: Surroundings): Offer[] | undefined {
  if (text[start - 1] !== '.') return undefined
  const names = aliases(text).get(runBefore(text.slice(0, start - 1), /[A-Za-z0-9_$]/)) ?? []
  const known = names.flatMap((wanted) => varsAt(vocabulary ?? [], wanted))
  const vars = new Set([...known, ...DEFAULT_VARS])
  return [...vars].map((label) => ({ label, kind: 'variable' }))
}

function generalOffers(tokens: readonly Token[], start: number, around: Surroundings): Offer[] {
  const isFirst = tokens.every(({ end }) => end > start)
  if (isFirst) return [{ label: 'From', kind: 'keyword' }]
  const text = tokens.map((token) => token.text).join(' ')
  return [
    ...[...aliases(text).keys()].map((label) => ({ label, kind: 'source' }) as const),
    ...callableNames().map((label) => ({ label, kind: 'function' }) as const),
    ...CLAUSES.map((label) => ({ label, kind: 'keyword' }) as const),
    ...(Object.keys(around.views ?? {}).length === 0 ? [] : [{ label: 'In', kind: 'keyword' } as const]),
  ]
}

/** `alias In sources`, wherever it stands; the text need not be a query yet. */
function aliases(text: string): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>()
  for (const match of text.matchAll(/([A-Za-z_$][A-Za-z0-9_$]*)\s+in\s+/gi)) {
    const names: string[] = []
    let at = match.index + match[0].length
    const filter = /^(?:first|firstn|mostrecent|mostrecentn)\s*\((?:\s*\d+\s*,)?\s*/i.exec(text.slice(at))
    at += filter?.[0].length ?? 0
    for (let end = tracepointAt(text, at); end > at; end = tracepointAt(text, at)) {
      names.push(text.slice(at, end))
      const comma = /^\s*,\s*/.exec(text.slice(end))
      if (comma === null) break
      at = end + comma[0].length
    }
    found.set(match[1], names)
  }
  return found
}
