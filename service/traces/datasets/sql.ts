// A SELECT as people type it, taken apart into the question that the API takes; what each part says is read
// by the same readers (query-tree.ts), so nothing of the text reaches the engine.
//
//   SELECT item, .. FROM dataset [WHERE condition] [GROUP BY column | time(1m), ..]
//     [ORDER BY name [DESC], ..] [LIMIT n]
//
// `SELECT *` is all columns: whoever knows them puts them in its place.
// Refused by name: everything that is no SELECT over one dataset, as it cannot be said by a question.

import { nearest, spanOf, type Diagnostic } from '#base'
import type { DatasetQuery } from '#protocol'
import { DatasetError } from './query-error.ts'
import { SQL_CHARS_MAX } from './limits.ts'

export type SqlQuestion = { readonly dataset: string; readonly query: DatasetQuery }

const CLAUSES = ['select', 'from', 'where', 'group by', 'order by', 'limit'] as const
type ClauseName = (typeof CLAUSES)[number]
type Clause = {
  readonly name: ClauseName
  readonly text: string
  readonly start: number
  readonly end: number
}

/** Words that begin what is not possible here, and what is. */
const REFUSED: Readonly<Record<string, string>> = {
  join: 'one dataset is asked at a time: put what belongs together into the features of one',
  union: 'ask twice',
  with: 'ask the inner question first',
  having: 'order by it and set a limit, or put the condition into WHERE',
  into: 'answers are shown, or downloaded from the page',
  format: 'answers are JSON',
  settings: 'limits are those of the server',
  over: 'GROUP BY time(1m) gives a series',
  offset: 'raise the limit, or narrow WHERE',
}

/** Errors: DatasetError E_DATASET_QUERY with where it is. */
export function parseSql(text: string): SqlQuestion {
  if (text.length > SQL_CHARS_MAX)
    throw new DatasetError(
      'E_DATASET_QUERY',
      `a statement has at most ${SQL_CHARS_MAX} characters`,
      'shorten it',
    )
  const clauses = clausesOf(text)
  const clause = (name: ClauseName): Clause | undefined => clauses.find((one) => one.name === name)
  const from = clause('from')
  if (from === undefined)
    throw wrong(
      text,
      { start: text.length, end: text.length },
      'FROM is missing',
      'SELECT count FROM requests',
    )
  const order = clause('order by')
  const where = clause('where')
  const grouping = groupingOf(text, clause('group by'))
  // What rows are grouped by is in the answer by itself.
  const isAsked = (item: string): boolean => !TIME.test(item) && grouping.groupBy?.includes(item) !== true
  const select = itemsOf(text, clause('select')).map((item) => selectItem(item.text))
  return {
    dataset: datasetOf(text, from),
    query: {
      select: select.filter(isAsked),
      ...grouping,
      ...(where === undefined ? {} : { where: where.text }),
      ...(order === undefined ? {} : { orderBy: itemsOf(text, order).map((item) => orderItem(text, item)) }),
      ...limitOf(text, clause('limit')),
    },
  }
}

/** Quotes, comments and parentheses keep keywords in them from being any. */
const COMMENT = /--[^\n]*|\/\*[\s\S]*?\*\//.source
const QUOTED = /'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`[^`]*`/.source
const PIECE = new RegExp(
  `(?<skip>\\s+|${COMMENT})|(?<quoted>${QUOTED})|(?<word>[A-Za-z_][\\w.]*)|(?<other>[^])`,
  'y',
)
const KEPT_OR_COMMENT = new RegExp(`(${QUOTED})|${COMMENT}`, 'g')

function clausesOf(text: string): readonly Clause[] {
  const found: { name: ClauseName; at: number; start: number }[] = []
  let depth = 0
  let group: { readonly name: 'group by' | 'order by'; readonly at: number } | undefined
  PIECE.lastIndex = 0
  for (let match = PIECE.exec(text); match !== null; match = PIECE.exec(text)) {
    const [piece] = match
    const { word, other, skip } = match.groups ?? {}
    const span = { start: match.index, end: PIECE.lastIndex }
    if (skip !== undefined) continue
    if (other === '(') depth += 1
    if (other === ')') depth -= 1
    if (other === ';' && text.slice(span.end).trim() !== '')
      throw wrong(text, span, 'one statement at a time', 'leave out what follows the ;')
    if (word === undefined || depth > 0) {
      if (depth > 0 && word !== undefined && /^select$/i.test(word))
        throw wrong(text, span, 'a question in a question cannot be asked', 'ask the inner one first')
      continue
    }
    const name = word.toLowerCase()
    if (group !== undefined) {
      if (name !== 'by') throw wrong(text, span, `BY is missing before '${piece}'`, group.name.toUpperCase())
      found.push({ name: group.name, at: group.at, start: span.end })
      group = undefined
    } else if (name === 'group' || name === 'order') group = { name: `${name} by`, at: span.start }
    else if (isClause(name)) found.push({ name, at: span.start, start: span.end })
    else if (found.length === 0)
      throw wrong(
        text,
        span,
        `a statement begins with SELECT, not '${piece}'`,
        nearest(name, ['select']) ?? 'SELECT',
      )
    else if (Object.hasOwn(REFUSED, name))
      throw wrong(text, span, `${piece} cannot be asked here`, REFUSED[name])
  }
  return found.map(({ name, start }, i) => {
    const before = found.slice(0, i)
    const isLate = before.some((one) => CLAUSES.indexOf(one.name) >= CLAUSES.indexOf(name))
    const end = found[i + 1]?.at ?? text.length
    if (isLate)
      throw wrong(
        text,
        { start, end: start },
        `${name.toUpperCase()} is out of its place`,
        CLAUSES.join(' .. '),
      )
    return { name, text: stripped(text.slice(start, end)), start, end }
  })
}

const isClause = (word: string): word is ClauseName => CLAUSES.some((name) => name === word)

/** Without comments and the last semicolon; of the same meaning. */
const stripped = (text: string): string =>
  text
    .replace(KEPT_OR_COMMENT, (_, quoted?: string) => quoted ?? ' ')
    .replace(/;\s*$/, '')
    .trim()

type Item = { readonly text: string; readonly start: number; readonly end: number }

/** What stands between commas that are in no parentheses. */
function itemsOf(whole: string, clause: Clause | undefined): readonly Item[] {
  if (clause === undefined || clause.text === '') {
    const at = clause?.start ?? whole.length
    throw wrong(whole, { start: at, end: at }, 'a list is missing here', 'count')
  }
  const place = { start: clause.start, end: clause.end }
  const items: string[] = []
  let depth = 0
  let begin = 0
  for (let at = 0; at <= clause.text.length; at += 1) {
    const char = clause.text[at]
    if (char === '(') depth += 1
    if (char === ')') depth -= 1
    if (at < clause.text.length && (char !== ',' || depth > 0)) continue
    items.push(clause.text.slice(begin, at).trim())
    begin = at + 1
  }
  return items.map((text) => {
    if (text === '') throw wrong(whole, place, 'nothing stands between two commas', 'count')
    return { text, ...place }
  })
}

/** `count(*)` is count. */
const selectItem = (item: string): string => unquotedName(item.replace(/^count\s*\(\s*\*?\s*\)/i, 'count'))

const unquotedName = (item: string): string => item.replaceAll(/["`]([^"`]+)["`]/g, '$1')

function datasetOf(text: string, clause: Clause): string {
  const name = /^(?:([A-Za-z_][\w.-]*)|["`]([^"`]+)["`])$/.exec(clause.text)
  if (name !== null) return name[1] ?? name[2]
  throw wrong(
    text,
    { start: clause.start, end: clause.end },
    `FROM takes the name of one dataset, not '${clause.text.slice(0, 40)}'`,
    'crosscut dataset ls names them',
  )
}

const TIME = /^time\s*\(\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)\s*\)$/i
const SECONDS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 }

function groupingOf(
  text: string,
  clause: Clause | undefined,
): Pick<DatasetQuery, 'groupBy' | 'everySeconds'> {
  if (clause === undefined) return {}
  const items = itemsOf(text, clause)
  const times = items.flatMap((item) => {
    const [, count, unit] = TIME.exec(item.text) ?? []
    return count === undefined ? [] : [Number(count) * SECONDS[unit.toLowerCase()]]
  })
  if (times.length > 1) throw wrong(text, items[0], 'time stands in GROUP BY twice', 'leave one of them')
  const groupBy = items.filter((item) => !TIME.test(item.text)).map((item) => unquotedName(item.text))
  return { groupBy, ...(times.length === 0 ? {} : { everySeconds: times[0] }) }
}

function orderItem(text: string, item: Item): string {
  const [, name = '', direction = 'asc'] = /^([\s\S]*?)(?:\s+(asc|desc))?$/i.exec(item.text) ?? []
  if (/^\d+$/.test(name))
    throw wrong(text, item, 'ORDER BY takes names, not places', 'the name of what is selected')
  return `${direction.toLowerCase() === 'desc' ? '-' : ''}${selectItem(name)}`
}

function limitOf(text: string, clause: Clause | undefined): Pick<DatasetQuery, 'limit'> {
  if (clause === undefined) return {}
  if (!/^\d{1,9}$/.test(clause.text))
    throw wrong(text, { start: clause.start, end: clause.end }, 'LIMIT takes a whole number', 'LIMIT 100')
  return { limit: Number(clause.text) }
}

function wrong(
  text: string,
  place: { readonly start: number; readonly end: number },
  message: string,
  suggestion: string,
): DatasetError {
  const diagnostic: Diagnostic = {
    severity: 'error',
    span: spanOf(text, place.start, Math.max(place.end, place.start)),
    message,
    suggestion,
  }
  return new DatasetError('E_DATASET_QUERY', message, suggestion, [diagnostic])
}
