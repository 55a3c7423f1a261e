// What each expression of a query is, before any span is seen, and what cannot be: `{ 1 + "a" = 2 }`,
// `{ status > ok }`, `{ name }`. Attributes are unknown and fit everywhere.

import type { Diagnostic, Span } from '#base'
import { typeOfField, typeOfLiteral } from './fields.ts'
import type { Expression } from './syntax.ts'

export type Type = 'number' | 'string' | 'boolean' | 'status' | 'kind' | 'nil' | 'unknown'
type Report = (span: Span, message: string, suggestion?: string) => void

/** Reports everything that is wrong, and gives the type. */
export function check(node: Expression, report: Report): Type {
  switch (node.kind) {
    case 'literal':
      return typeOfLiteral(node.literal.type)
    case 'field':
      return typeOfField(node.field)
    case 'not':
      want(node.of, 'boolean', '!', report)
      return 'boolean'
    case 'negative':
      want(node.of, 'number', '-', report)
      return 'number'
    case 'arithmetic':
      for (const side of [node.left, node.right]) want(side, 'number', node.op, report)
      return 'number'
    case 'logic':
      for (const side of [node.left, node.right]) want(side, 'boolean', node.op, report)
      return 'boolean'
    case 'match': {
      const type = check(node.left, report)
      if (type !== 'string' && type !== 'unknown')
        report(node.left.span, `${node.op} looks at text, and this is ${A[type]}`)
      return 'boolean'
    }
    case 'compare':
      checkCompare(node, report)
      return 'boolean'
  }
}

const A: { readonly [type in Type]: string } = {
  number: 'a number',
  string: 'text',
  boolean: 'true or false',
  status: 'a status',
  kind: 'a kind',
  nil: 'nil',
  unknown: 'an attribute',
}

function want(node: Expression, wanted: Type, op: string, report: Report): void {
  const type = check(node, report)
  if (type === wanted || type === 'unknown') return
  const suggestion = wanted === 'boolean' && node.kind === 'field' ? `${node.text} != nil` : undefined
  report(node.span, `${op} needs ${A[wanted]}, and this is ${A[type]}`, suggestion)
}

function checkCompare(node: Expression & { readonly kind: 'compare' }, report: Report): void {
  const [left, right] = [check(node.left, report), check(node.right, report)]
  const isEqual = node.op === '=' || node.op === '!='
  const types = [left, right]
  if (types.includes('nil')) {
    if (!isEqual) report(node.span, `nil is compared by = and !=, not by ${node.op}`)
    return
  }
  // `.a = error` never holds: a status is no attribute.
  const word = types.find((type) => type === 'status' || type === 'kind')
  if (word !== undefined) {
    if (left !== right)
      report(node.span, `${A[left]} is never ${A[right]}`, `${word} = ..., or "..." for an attribute`)
    else if (!isEqual) report(node.span, `${A[left]} is compared by = and !=, not by ${node.op}`)
    return
  }
  if (types.includes('unknown')) return
  if (left !== right) report(node.span, `${A[left]} is never ${A[right]}`)
  else if (left === 'boolean' && !isEqual)
    report(node.span, `true and false are compared by = and !=, not by ${node.op}`)
}

/** Whether it looks at the span at all: `by(1)` and `sum(3)` do not. */
export function readsSpan(node: Expression): boolean {
  switch (node.kind) {
    case 'literal':
      return false
    case 'field':
      return true
    case 'not':
    case 'negative':
      return readsSpan(node.of)
    case 'match':
      return readsSpan(node.left)
    case 'arithmetic':
    case 'compare':
    case 'logic':
      return readsSpan(node.left) || readsSpan(node.right)
  }
}

export function diagnostic(span: Span, message: string, suggestion?: string): Diagnostic {
  return { severity: 'error', span, message, ...(suggestion === undefined ? {} : { suggestion }) }
}
