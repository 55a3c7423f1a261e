// What may stand at a place of a text that is being written: for editors.
//
// The word before the cursor is replaced by a name that nobody writes, the text is read as ever, and where
// the checker meets that name it says what it would take there. So completion knows the type of every
// pipeline, and cannot drift from the language.

import { Reporter } from '#base'
import { COUNTER_UNITS } from '#protocol'
import type { CursorPlace } from './application.ts'
import { Checker, SOURCES, type RowPer } from './check.ts'
import { FUNCTIONS, OF_TRACE } from './functions.ts'
import { tokensOf } from './lexer.ts'
import { COMPLETIONS_MAX, FEATURE_CHARS_MAX } from './limits.ts'
import { FIELDS } from './measures.ts'
import { parseStatements } from './parser.ts'
import type { ElementItem } from './program.ts'
import { isElement, UNITS, type Type } from './types.ts'

export type FeatureCompletion = {
  readonly label: string
  readonly kind: 'source' | 'binding' | 'stage' | 'field' | 'attribute' | 'counter' | 'unit'
  /** What it is, in a line. */
  readonly says?: string
  /** The text [start, end) is what the label replaces. */
  readonly start: number
  readonly end: number
}

/** Names that only the traces know. */
export type FeatureVocabulary = {
  readonly attributes?: readonly string[]
  readonly counters?: readonly string[]
}

export type CompleteOptions = {
  readonly rowPer?: RowPer
  /** The text is a condition, as for `compileFilter`. */
  readonly isFilter?: boolean
  readonly vocabulary?: FeatureVocabulary
}

type Offer = Pick<FeatureCompletion, 'label' | 'kind' | 'says'>

/** Candidates for the word that ends at `offset`, those that begin with it first. */
export function completeFeatures(
  text: string,
  offset: number,
  options: CompleteOptions = {},
): readonly FeatureCompletion[] {
  const before = text.slice(0, Math.max(0, offset))
  if (before.length > FEATURE_CHARS_MAX) return []
  const { start, quote } = wordAt(before)
  const word = before.slice(start + quote)
  const wanted = word.toLowerCase()
  const found = placeAt(before.slice(0, start), options)
  if (found === undefined) return []
  return offersAt(found.place, found.bindings, options)
    .filter(({ label }) => label.toLowerCase().includes(wanted))
    .sort((a, b) => rank(a.label, wanted) - rank(b.label, wanted))
    .slice(0, COMPLETIONS_MAX)
    .map((offer) => ({ ...offer, start: start + quote, end: before.length }))
}

const rank = (label: string, wanted: string): number => (label.toLowerCase().startsWith(wanted) ? 0 : 1)

/** Where the word at the end begins; `quote` = 1 where it stands behind a quote that is still open. */
function wordAt(before: string): { start: number; quote: 0 | 1 } {
  const last = tokensOf(before).at(-2)
  if (last === undefined || last.end !== before.length) return { start: before.length, quote: 0 }
  if (last.kind === 'foreign' && /^["'“]/.test(last.text)) return { start: last.start, quote: 1 }
  return { start: last.kind === 'name' ? last.start : before.length, quote: 0 }
}

/** No name of a user: it ends with what no word of a text before a cursor does. */
const CURSOR = '$$cursor$$'

type FoundPlace = { readonly place: CursorPlace; readonly bindings: readonly string[] }

function placeAt(
  before: string,
  { rowPer = 'trace', isFilter = false }: CompleteOptions,
): FoundPlace | undefined {
  const text = before + CURSOR
  const report = new Reporter(text)
  let place: CursorPlace | undefined
  const cursor = { name: CURSOR, found: (one: CursorPlace) => void (place = one) }
  const checker = new Checker(report, { rowPer, cursor })
  const statements = parseStatements(text, report, isFilter ? 'condition' : 'pipeline')
  const last = statements.at(-1)
  if (isFilter && last !== undefined && last.name === undefined) {
    checker.statements(statements.slice(0, -1))
    checker.condition(last.value)
  } else checker.statements(statements)
  return place === undefined ? undefined : { place, bindings: [...checker.bindings.keys()] }
}

function offersAt(place: CursorPlace, bindings: readonly string[], options: CompleteOptions): Offer[] {
  if (place.at === 'stage') return stagesOn(place.input, true)
  if (place.at === 'name') return namesOf(place.what, options.vocabulary)
  const { it, isInner } = place
  const sources = isInner ? [] : [...OF_TRACE]
  return [
    ...fieldsOf(it),
    ...bindings.map((label): Offer => ({ label, kind: 'binding' })),
    ...sources.map((label): Offer => ({ label, kind: 'source', says: FUNCTIONS.get(label)?.says })),
    ...SOURCES.map((label): Offer => ({ label, kind: 'source' })),
    ...stagesOn(it, false).filter(({ label }) => !sources.includes(label)),
    ...attributesFor(it, options.vocabulary),
  ]
}

function stagesOn(input: Type, isLast: boolean): Offer[] {
  const stages = [...FUNCTIONS].filter(([, spec]) => spec.takes(input))
  const offers = stages.map(([name, { usage, says }]): Offer => ({
    label: usage.includes('(') ? `${name}(` : name,
    kind: 'stage',
    says: `${usage}: ${says}`,
  }))
  const isValue = !isElement(input.item) && (!input.isMany || input.item !== 'number')
  return isLast && isValue
    ? [...offers, { label: 'RecordAs(', kind: 'stage', says: 'RecordAs("column"): a column of the row' }]
    : offers
}

function fieldsOf({ item }: Type): Offer[] {
  if (!isElement(item)) return []
  return Object.entries(FIELDS[item as ElementItem]).map(([label, { says }]) => ({
    label,
    kind: 'field',
    says,
  }))
}

function attributesFor({ item }: Type, vocabulary: FeatureVocabulary = {}): Offer[] {
  if (!isElement(item)) return []
  const bare = (vocabulary.attributes ?? []).filter((key) => /^[a-z_$][\w$]*(?:\.[\w$]+)*$/.test(key))
  return bare.map((label) => ({ label, kind: 'attribute' }))
}

function namesOf(what: string, { attributes = [], counters = [] }: FeatureVocabulary = {}): Offer[] {
  switch (what) {
    case 'an attribute':
    case 'a set':
      return attributes.map((label) => ({ label, kind: 'attribute' }))
    case 'a counter':
      return [...new Set([...counters, ...Object.keys(COUNTER_UNITS)])].map((label) => ({
        label,
        kind: 'counter',
      }))
    case 'a unit':
      return UNITS.map((label) => ({ label, kind: 'unit' }))
    default:
      return []
  }
}

export type FeatureHighlight = {
  readonly start: number
  readonly end: number
  readonly kind: 'keyword' | 'function' | 'number' | 'string' | 'source'
}

const WORDS: ReadonlySet<string> = new Set(['and', 'or', 'not', 'like', 'in', 'true', 'false'])

/** The words of a text by what they are, in order; what is not named here is plain. */
export function highlightFeatures(text: string): readonly FeatureHighlight[] {
  const found: FeatureHighlight[] = []
  for (const { kind, text: word, start, end } of tokensOf(text.slice(0, FEATURE_CHARS_MAX))) {
    if (kind === 'number' || kind === 'string') found.push({ start, end, kind })
    if (kind !== 'name') continue
    if (WORDS.has(word.toLowerCase())) found.push({ start, end, kind: 'keyword' })
    else if (SOURCES.some((source) => source === word)) found.push({ start, end, kind: 'source' })
    else if (FUNCTIONS.has(word) || word === 'RecordAs') found.push({ start, end, kind: 'function' })
  }
  return found
}
