// The words of a text by what they are, for an editor that colours them.

import { aggregateNamed, scalarNamed } from './functions.ts'
import { tokenAt } from './lexer.ts'
import { RESERVED } from './token-stream.ts'

export type Highlight = {
  readonly start: number
  readonly end: number
  readonly kind: 'keyword' | 'function' | 'number' | 'string' | 'source'
}

/** In order; what is not named here is plain. */
export function highlight(text: string): readonly Highlight[] {
  const found: Highlight[] = []
  let isSource = false
  for (let token = tokenAt(text, 0); token.kind !== 'end'; token = tokenAt(text, token.end)) {
    const { start, end } = token
    const word = token.text.toLowerCase()
    if (token.kind === 'number' || token.kind === 'string') found.push({ start, end, kind: token.kind })
    else if (token.kind === 'name' && (RESERVED.has(word) || word === 'distinct')) {
      found.push({ start, end, kind: 'keyword' })
      isSource = word === 'in'
      continue
    } else if (token.kind === 'name' && isSource && !/^(first|mostrecent)n?$/.test(word))
      found.push({ start, end, kind: 'source' })
    else if (
      token.kind === 'name' &&
      (aggregateNamed(word) ?? scalarNamed(word) ?? FILTER.exec(word)) != null
    )
      found.push({ start, end, kind: 'function' })
  }
  return found
}

const FILTER = /^(first|mostrecent)n?$/
