// What we say about a text that a user wrote (BDL, queries, policies, config): data, so that a CLI and an
// editor can both show it.

/** Half-open range of UTF-16 offsets into the text; line and column count from 1. */
export type Span = {
  readonly start: number
  readonly end: number
  readonly line: number
  readonly column: number
}

export type Diagnostic = {
  readonly severity: 'error' | 'warning'
  readonly span: Span
  readonly message: string
  /** Why it is so. */
  readonly note?: string
  /** What to write instead. */
  readonly suggestion?: string
}

/** The span of text[start, end). */
export function spanOf(text: string, start: number, end: number): Span {
  let line = 1
  let lineStart = 0
  for (let i = text.indexOf('\n'); i >= 0 && i < start; i = text.indexOf('\n', i + 1)) {
    line++
    lineStart = i + 1
  }
  return { start, end, line, column: start - lineStart + 1 }
}

/** `3:14 error: message (hint)`, one line. */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { span, severity, message, note, suggestion } = diagnostic
  const tail = [note, suggestion === undefined ? undefined : `try: ${suggestion}`].filter(
    (part) => part !== undefined,
  )
  const help = tail.length > 0 ? ` (${tail.join('; ')})` : ''
  return `${span.line}:${span.column} ${severity}: ${message}${help}`
}

/**
 * The candidate nearest to a misspelt name, if it is near enough to be meant: at most a third of its letters
 * differ. Cost: O(length^2) for each candidate about as long, for error paths only.
 */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined
  let bestDistance = Math.max(1, Math.floor(name.length / 3)) + 1
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - name.length) >= bestDistance) continue
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase(), bestDistance)
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance]
  }
  return best
}

/** Levenshtein, one row at a time; at least `distanceMax` is as good as that. */
function editDistance(a: string, b: string, distanceMax: number): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const substitute = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(substitute, row[j] + 1, next[j - 1] + 1))
    }
    if (Math.min(...next) >= distanceMax) return distanceMax
    row = next
  }
  return row[b.length]
}
