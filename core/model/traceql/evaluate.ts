// A query over one trace: stages from spansets to spansets, the first from all spans of the trace.
//
//   { blocks of the trace } --stage--> spansets --stage--> ... --> those that are left, none empty
//
// Cost: O(blocks x nodes of the query), patterns in linear time under a budget; no recursion over the trace.

import type { Block, Trace } from '../trace.ts'
import { GROUPS_MAX, PATTERN_STEPS_TOTAL_MAX } from './limits.ts'
import { compileRegular } from './regular.ts'
import { INVERSE, related, type Mask } from './relations.ts'
import type { AggregateName, Expression, Field, Scalar, Spanset, Stage, TraceQuery } from './syntax.ts'
import { TraceFields } from './trace-fields.ts'
import { calculate, compare, isNil, isTrue, numbersOf, textsOf, type Values } from './values.ts'

/** `field` is absent where the value is of an expression. */
export type FieldValue = { readonly text: string; readonly field?: Field; readonly values: Values }

/** Spans of one trace that belong together, in the order of the trace; never empty. */
export type FoundSpanset = {
  readonly blocks: readonly Block[]
  /** What by() grouped them by. */
  readonly groupedBy: readonly FieldValue[]
}

export type TraceMatch = {
  /** Empty = the trace does not match. */
  readonly spansets: readonly FoundSpanset[]
  /** A bound was met: more may match than is told. */
  readonly isCut: boolean
  /** The fields that the query names, at a span; nil ones left out. */
  show(block: Block): readonly FieldValue[]
}

/** `cost`: what patterns have cost so far, where many traces share a bound. */
export function evaluateTraceQuery(
  query: TraceQuery,
  trace: Trace,
  cost: { steps: number } = { steps: 0 },
): TraceMatch {
  const evaluation = new Evaluation(trace, cost)
  let sets: readonly FoundSpanset[] =
    trace.blocks.length === 0 ? [] : [{ blocks: trace.blocks, groupedBy: [] }]
  for (const stage of query.stages) sets = evaluation.stage(stage, sets)
  const readers = [...new Map(fieldsShown(query)).entries()].map(([text, field]) => ({
    text,
    field,
    read: evaluation.fields.reader(field),
  }))
  return {
    spansets: sets,
    isCut: evaluation.isCut,
    show: (block) =>
      readers
        .map(({ text, field, read }) => ({ text, field, values: read(block) }))
        .filter(({ values }) => !isNil(values)),
  }
}

function fieldsShown({ shown, stages }: TraceQuery): readonly (readonly [string, Field])[] {
  const selected = stages.flatMap((stage) => (stage.kind === 'select' ? stage.fields : []))
  return [...shown, ...selected].map(({ text, field }) => [text, field])
}

type Reader = (block: Block) => Values

class Evaluation {
  readonly fields: TraceFields
  isCut = false
  readonly #readers = new Map<Expression, Reader>()
  readonly #cost: { steps: number }

  constructor(trace: Trace, cost: { steps: number }) {
    this.#cost = cost
    this.fields = new TraceFields(trace)
  }

  stage(stage: Stage, sets: readonly FoundSpanset[]): readonly FoundSpanset[] {
    switch (stage.kind) {
      case 'spansets':
        return sets.flatMap((set) => this.#kept(set, this.#spanset(stage.spanset, set.blocks)))
      case 'having':
        return sets.filter((set) => {
          const [left, right] = [this.#scalar(stage.left, set), this.#scalar(stage.right, set)]
          return left !== undefined && right !== undefined && compare(stage.op, left, right)
        })
      case 'by':
        return sets.flatMap((set) => this.#groups(stage.of, stage.text, set))
      case 'coalesce':
        return this.#joined(sets)
      case 'select':
        return sets
    }
  }

  #kept({ groupedBy }: FoundSpanset, blocks: readonly Block[]): FoundSpanset[] {
    return blocks.length === 0 ? [] : [{ blocks, groupedBy }]
  }

  #joined(sets: readonly FoundSpanset[]): readonly FoundSpanset[] {
    const blocks = this.#blocksOf(this.#mask(sets.flatMap((set) => set.blocks)))
    return this.#kept({ blocks, groupedBy: [] }, blocks)
  }

  #groups(of: Expression, text: string, { blocks, groupedBy }: FoundSpanset): FoundSpanset[] {
    const read = this.#reader(of)
    const groups = new Map<string, { readonly blocks: Block[]; readonly values: Values }>()
    for (const block of blocks) {
      const values = read(block)
      const key = groupKey(values)
      const group = groups.get(key)
      if (group !== undefined) group.blocks.push(block)
      else if (groups.size < GROUPS_MAX) groups.set(key, { blocks: [block], values })
      else this.isCut = true
    }
    return [...groups.values()].map((group) => ({
      blocks: group.blocks,
      groupedBy: [...groupedBy, { text, values: group.values }],
    }))
  }

  // --- spansets: which of `among` are chosen, in their order

  #spanset(node: Spanset, among: readonly Block[]): readonly Block[] {
    switch (node.kind) {
      case 'filter': {
        const read = this.#reader(node.where)
        return among.filter((block) => isTrue(read(block)))
      }
      case 'combine': {
        const [left, right] = [this.#spanset(node.left, among), this.#spanset(node.right, among)]
        if (node.op === '&&' && (left.length === 0 || right.length === 0)) return []
        return this.#blocksOf(either(this.#mask(left), this.#mask(right)))
      }
      case 'relation':
        return this.#relation(node, among)
      case 'pipeline': {
        let sets: readonly FoundSpanset[] = this.#kept({ blocks: among, groupedBy: [] }, among)
        for (const stage of node.stages) sets = this.stage(stage, sets)
        return this.#blocksOf(this.#mask(sets.flatMap((set) => set.blocks)))
      }
    }
  }

  #relation(node: Spanset & { readonly kind: 'relation' }, among: readonly Block[]): readonly Block[] {
    const left = this.#mask(this.#spanset(node.left, among))
    const right = this.#mask(this.#spanset(node.right, among))
    const { blocks } = this.fields
    const siblingKey = (block: Block) => this.fields.siblingKey(block)
    const found = related(node.relation, left, blocks, siblingKey)
    const chosen = right.map((is, i) => is & (node.mode === 'not' ? 1 - found[i]! : found[i]!))
    if (node.mode !== 'union') return this.#blocksOf(chosen)
    const back = related(INVERSE[node.relation], right, blocks, siblingKey)
    return this.#blocksOf(
      either(
        chosen,
        left.map((is, i) => is & back[i]!),
      ),
    )
  }

  #mask(blocks: readonly Block[]): Mask {
    const mask = new Uint8Array(this.fields.blocks.length)
    for (const { index } of blocks) mask[index] = 1
    return mask
  }

  #blocksOf(mask: Mask): readonly Block[] {
    return this.fields.blocks.filter(({ index }) => mask[index] === 1)
  }

  // --- numbers of a spanset

  #scalar(node: Scalar, set: FoundSpanset): Values {
    switch (node.kind) {
      case 'number':
        return node.literal.value ?? undefined
      case 'scalar-arithmetic':
        return calculate(node.op, this.#scalar(node.left, set), this.#scalar(node.right, set))
      case 'aggregate': {
        if (node.of === undefined) return set.blocks.length
        const read = this.#reader(node.of)
        return AGGREGATES[node.name](set.blocks.flatMap((block) => numbersOf(read(block))))
      }
    }
  }

  // --- values of a span

  #reader(node: Expression): Reader {
    let reader = this.#readers.get(node)
    if (reader === undefined) this.#readers.set(node, (reader = this.#compiled(node)))
    return reader
  }

  #compiled(node: Expression): Reader {
    switch (node.kind) {
      case 'literal': {
        const value = node.literal.value ?? undefined
        return () => value
      }
      case 'field':
        return this.fields.reader(node.field)
      case 'not': {
        const read = this.#compiled(node.of)
        return (block) => {
          const value = read(block)
          return typeof value === 'boolean' ? !value : undefined
        }
      }
      case 'negative': {
        const read = this.#compiled(node.of)
        return (block) => calculate('-', 0, read(block))
      }
      case 'arithmetic': {
        const [left, right] = [this.#compiled(node.left), this.#compiled(node.right)]
        return (block) => calculate(node.op, left(block), right(block))
      }
      case 'logic': {
        const [left, right] = [this.#compiled(node.left), this.#compiled(node.right)]
        return node.op === '&&'
          ? (block) => isTrue(left(block)) && isTrue(right(block))
          : (block) => isTrue(left(block)) || isTrue(right(block))
      }
      case 'match':
        return this.#match(node)
      case 'compare':
        return this.#compare(node)
    }
  }

  #compare(node: Expression & { readonly kind: 'compare' }): Reader {
    const [left, right] = [this.#compiled(node.left), this.#compiled(node.right)]
    const other = isNilLiteral(node.right) ? left : isNilLiteral(node.left) ? right : undefined
    if (other !== undefined)
      return node.op === '=' ? (block) => isNil(other(block)) : (block) => !isNil(other(block))
    return (block) => compare(node.op, left(block), right(block))
  }

  #match(node: Expression & { readonly kind: 'match' }): Reader {
    const read = this.#compiled(node.left)
    const regular = compileRegular(node.pattern)
    const isWanted = node.op === '=~'
    return (block) => {
      const texts = textsOf(read(block))
      if (texts.length === 0) return false
      const isMatch = texts.some((text) => regular.matches(text, this.#cost))
      // What was not looked at to its end is neither a match nor none.
      if (this.#cost.steps <= PATTERN_STEPS_TOTAL_MAX) return isMatch === isWanted
      this.isCut = true
      return false
    }
  }
}

const isNilLiteral = (node: Expression): boolean => node.kind === 'literal' && node.literal.type === 'nil'

const either = (a: Mask, b: Mask): Mask => a.map((is, i) => is | b[i]!)

/** 1 and "1" are two groups. */
function groupKey(values: Values): string {
  return Array.isArray(values) ? values.map(groupKey).join('\u0000') : `${typeof values} ${String(values)}`
}

const AGGREGATES: { readonly [name in AggregateName]: (numbers: readonly number[]) => number | undefined } = {
  count: (numbers) => numbers.length,
  sum: (numbers) => (numbers.length === 0 ? undefined : numbers.reduce((sum, number) => sum + number, 0)),
  avg: (numbers) =>
    numbers.length === 0 ? undefined : numbers.reduce((sum, number) => sum + number, 0) / numbers.length,
  min: (numbers) =>
    numbers.reduce<number | undefined>((a, b) => (a === undefined || b < a ? b : a), undefined),
  max: (numbers) =>
    numbers.reduce<number | undefined>((a, b) => (a === undefined || b > a ? b : a), undefined),
}
