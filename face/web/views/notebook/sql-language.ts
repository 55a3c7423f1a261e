// SQL over datasets, as an editor asks about it. The server reads it; here are the words, the datasets and
// their columns.

import type { DatasetView } from '#protocol'
import type { Candidate, Language } from '../../widgets/code-editor.ts'

const KEYWORDS = [
  'SELECT',
  'FROM',
  'WHERE',
  'GROUP BY',
  'ORDER BY',
  'DESC',
  'LIMIT',
  'and',
  'or',
  'not',
  'in',
]
const FUNCTIONS = [
  'count',
  'sum',
  'avg',
  'min',
  'max',
  'p50',
  'p90',
  'p95',
  'p99',
  'distinct',
  'time',
  'example',
]
const TOKEN = /(?<string>'(?:[^'\\]|\\.)*')|(?<number>\b\d+(?:\.\d+)?)|(?<word>[A-Za-z_]\w*)/g
const WORDS = new Set(
  KEYWORDS.flatMap((word) => word.toLowerCase().split(' ')).concat('by', 'as', 'contains', 'exists'),
)
const OFFERED_MAX = 20

export function sqlLanguage(datasets: () => readonly DatasetView[]): Language {
  return {
    label: 'SQL',
    placeholder: 'SELECT count, p99(duration_ms) FROM requests GROUP BY service',
    mistakes: () => [],
    isOffered: (before) => /\w$/.test(before) || /\bfrom\s+$/i.test(before),
    candidates: (text, at) => candidatesAt(text, at, datasets()),
    highlight: (text) =>
      [...text.matchAll(TOKEN)].flatMap((match) => {
        const kind = kindOf(match)
        return kind === undefined ? [] : [{ start: match.index, end: match.index + match[0].length, kind }]
      }),
  }
}

function kindOf({
  groups,
  0: word,
}: RegExpExecArray): 'string' | 'number' | 'keyword' | 'function' | undefined {
  if (groups?.['string'] !== undefined) return 'string'
  if (groups?.['number'] !== undefined) return 'number'
  if (WORDS.has(word.toLowerCase())) return 'keyword'
  return FUNCTIONS.includes(word.toLowerCase()) ? 'function' : undefined
}

function candidatesAt(text: string, at: number, datasets: readonly DatasetView[]): readonly Candidate[] {
  const before = text.slice(0, at)
  const word = /\w*$/.exec(before)?.[0] ?? ''
  const start = at - word.length
  const wanted = word.toLowerCase()
  const offer = (labels: readonly string[], kind: string): Candidate[] =>
    labels.filter((label) => label.toLowerCase().startsWith(wanted)).map((label) => ({ label, kind, start }))
  const names = datasets.map(({ name }) => name)
  if (/\bfrom\s+\w*$/i.test(before)) return offer(names, 'dataset')
  const asked = /\bfrom\s+([\w-]+)/i.exec(text)?.[1]
  const columns = datasets.find(({ name }) => name === asked)?.columns.map(({ name }) => name) ?? []
  return [...offer(columns, 'column'), ...offer(FUNCTIONS, 'function'), ...offer(KEYWORDS, 'word')].slice(
    0,
    OFFERED_MAX,
  )
}
