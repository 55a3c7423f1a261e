// What a trace must have for a query to match it at all: conditions on single spans that a store can look
// up. Evaluation over the whole trace decides; this only leaves out what cannot match.
//
//   { a && b } >> { c }   ->   some span with (a and b), and some span with c
//   { a } !>> { c }       ->   some span with c: a need not exist
//
// A test that the store cannot answer is `any`: it excludes nothing.

import type { CompareOp, Expression, Field, Literal, Spanset, Stage, TraceQuery } from './syntax.ts'

/** Of one span. Never stricter than the expression it comes from. */
export type SpanTest =
  | { readonly kind: 'any' }
  | { readonly kind: 'all'; readonly of: readonly SpanTest[] }
  | { readonly kind: 'one'; readonly of: readonly SpanTest[] }
  | { readonly kind: 'compare'; readonly field: Field; readonly op: CompareOp; readonly literal: Literal }
  | { readonly kind: 'match'; readonly field: Field; readonly pattern: string }
  | { readonly kind: 'exists'; readonly field: Field }

/** Of one trace. */
export type TraceNeed =
  | { readonly kind: 'anything' }
  | { readonly kind: 'span'; readonly test: SpanTest }
  /** A test of fields of the trace itself (trace:duration, ...). */
  | { readonly kind: 'trace'; readonly test: SpanTest }
  | { readonly kind: 'all'; readonly of: readonly TraceNeed[] }
  | { readonly kind: 'one'; readonly of: readonly TraceNeed[] }

export function needOf(query: TraceQuery): TraceNeed {
  return ofStages(query.stages)
}

const ANY: SpanTest = { kind: 'any' }
const ANYTHING: TraceNeed = { kind: 'anything' }

function ofStages(stages: readonly Stage[]): TraceNeed {
  return all(stages.map((stage) => (stage.kind === 'spansets' ? ofSpanset(stage.spanset) : ANYTHING)))
}

function ofSpanset(node: Spanset): TraceNeed {
  switch (node.kind) {
    case 'filter':
      return ofFilter(node.where)
    case 'combine':
      return node.op === '&&'
        ? all([ofSpanset(node.left), ofSpanset(node.right)])
        : one([ofSpanset(node.left), ofSpanset(node.right)])
    case 'relation':
      return node.mode === 'not' ? ofSpanset(node.right) : all([ofSpanset(node.left), ofSpanset(node.right)])
    case 'pipeline':
      return ofStages(node.stages)
  }
}

/** Conditions on the trace are told apart: they are of another table. */
function ofFilter(where: Expression): TraceNeed {
  const tests = conjuncts(where).map(testOf)
  const ofTrace = tests.filter(isOfTrace)
  const ofSpan = tests.filter((test) => !isOfTrace(test) && test.kind !== 'any')
  return all([
    ...ofTrace.map((test): TraceNeed => ({ kind: 'trace', test })),
    ...(ofSpan.length === 0 ? [] : [{ kind: 'span', test: { kind: 'all', of: ofSpan } } as const]),
  ])
}

function conjuncts(node: Expression): readonly Expression[] {
  if (node.kind !== 'logic' || node.op !== '&&') return [node]
  return [...conjuncts(node.left), ...conjuncts(node.right)]
}

const isTraceField = (field: Field): boolean => field.kind === 'intrinsic' && field.name.startsWith('trace:')
const isOfTrace = (test: SpanTest): boolean => 'field' in test && isTraceField(test.field)

function testOf(node: Expression): SpanTest {
  switch (node.kind) {
    case 'logic': {
      const sides = [testOf(node.left), testOf(node.right)]
      // Below an "or" a field of the trace cannot be told apart any more.
      if (sides.some(isOfTrace)) return ANY
      if (node.op === '||') return sides.some(({ kind }) => kind === 'any') ? ANY : { kind: 'one', of: sides }
      return { kind: 'all', of: sides.filter(({ kind }) => kind !== 'any') }
    }
    case 'field':
      return { kind: 'compare', field: node.field, op: '=', literal: { type: 'boolean', value: true } }
    case 'match':
      if (node.left.kind !== 'field') return ANY
      return node.op === '=~'
        ? { kind: 'match', field: node.left.field, pattern: node.pattern }
        : { kind: 'exists', field: node.left.field }
    case 'compare':
      return compareOf(node)
    default:
      return ANY
  }
}

function compareOf({ op, left, right }: Expression & { readonly kind: 'compare' }): SpanTest {
  if (left.kind === 'field' && right.kind === 'literal') return withLiteral(left.field, op, right.literal)
  if (left.kind === 'literal' && right.kind === 'field')
    return withLiteral(right.field, FLIPPED[op], left.literal)
  return ANY
}

function withLiteral(field: Field, op: CompareOp, literal: Literal): SpanTest {
  if (literal.type !== 'nil') return { kind: 'compare', field, op, literal }
  return op === '!=' ? { kind: 'exists', field } : ANY
}

const FLIPPED: { readonly [op in CompareOp]: CompareOp } = {
  '=': '=',
  '!=': '!=',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
}

function all(needs: readonly TraceNeed[]): TraceNeed {
  const real = needs.filter(({ kind }) => kind !== 'anything')
  return real.length === 0 ? ANYTHING : real.length === 1 ? real[0]! : { kind: 'all', of: real }
}

function one(needs: readonly TraceNeed[]): TraceNeed {
  return needs.some(({ kind }) => kind === 'anything') ? ANYTHING : { kind: 'one', of: needs }
}
