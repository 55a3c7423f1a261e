// What would be done for a query, before anything is done.

import { verifyPackage } from '#advice'
import type { Advice } from '#protocol'
import { compilePlan } from './compile.ts'
import { readQuery } from './evaluate.ts'
import { layoutPlan, type Layout } from './layout.ts'
import { buildPlan, nodesOf, type Plan } from './plan.ts'
import {
  aliasesOf,
  instructionsOf,
  packsOf,
  printAdvice,
  printAggregate,
  printLayout,
  printPlan,
  printTerm,
  type Names,
} from './print.ts'
import type { Aggregated } from './resolved.ts'
import { rewritePlan } from './rewrite.ts'

export type AdviceExplanation = {
  readonly tracepoint: string
  /** OBSERVE, UNPACK, FILTER, PACK, EMIT, one a line. */
  readonly instructions: readonly string[]
  /** At most, in units of ~50 ns. */
  readonly cost: number
  /** Estimate for each tuple it packs; 0 = it packs nothing. */
  readonly bytesPacked: number
}

/** What flows from one tracepoint to another, for a picture. */
export type Flow = {
  readonly from: readonly string[]
  readonly to: readonly string[]
  readonly alias: string
  readonly kind: 'all' | 'first' | 'recent'
  readonly isOuter: boolean
  /** Columns and folded aggregates, as printed. */
  readonly packs: readonly string[]
}

/** A node of the plan, for a picture: what is done with events of its tracepoints, and what goes on. */
export type Stage = {
  readonly alias: string
  readonly tracepoints: readonly string[]
  /** Which of its events take part. */
  readonly kind: 'all' | 'first' | 'recent'
  readonly count: number
  readonly isOuter: boolean
  /** Own variables that are read. */
  readonly observes: readonly string[]
  /** Conditions that are asked here. */
  readonly conditions: readonly string[]
  /** Values that a tuple carries on; of the root: what names a group. */
  readonly values: readonly string[]
  /** Aggregates that are made here. */
  readonly folds: readonly string[]
  /** Estimate for a tuple that it packs; 0 = nothing is packed. */
  readonly bytes: number
  /** Of a hit, in units of ~50 ns; null = this is not what runs. */
  readonly cost: number | null
  /** What happened before. */
  readonly inputs: readonly Stage[]
}

export type Explanation = {
  readonly columns: readonly string[]
  /** The query as a tree of happened-before joins, as written and as it will run. */
  readonly plan: { readonly before: string; readonly after: string }
  readonly advice: readonly AdviceExplanation[]
  /** All advice in the paper's form. */
  readonly text: string
  /** BDL of the bag the tuples ride in; '' = nothing is packed. */
  readonly schema: string
  /** Estimate: one tuple of each join. */
  readonly bytesPerRequest: number
  /** Of the dearest advice, in units of ~50 ns. */
  readonly cost: number
  readonly flows: readonly Flow[]
  /** The root, as written (all at its end) and as it runs. */
  readonly stages: { readonly before: Stage; readonly after: Stage }
}

export type ExplainOptions = { readonly views?: Readonly<Record<string, string>> }

/** Errors: QueryError E_QUERY with all diagnostics. */
export function explain(text: string, options: ExplainOptions = {}): Explanation {
  const before = buildPlan(readQuery(text, options))
  const plan = rewritePlan(before)
  const layout = layoutPlan(plan)
  const tool = compilePlan(plan, { name: 'explain', version: 1, bagId: 64 })
  const { costs } = verifyPackage(tool)
  const advice = tool.advice.map((one, i) => ({
    tracepoint: one.tracepoint,
    instructions: instructionsOf(one),
    cost: costs[i].typical,
    bytesPacked: bytesPacked(one),
  }))
  const inputs = nodesOf(plan.root).length - 1
  return {
    columns: plan.output.columns.map(({ name }) => name),
    plan: { before: printPlan(before), after: printLayout(layout, plan) },
    advice,
    text: printAdvice(tool),
    schema: tool.schema,
    bytesPerRequest:
      inputs === 0 ? 0 : BAG_BYTES + layout.inputs.reduce((sum, input) => sum + bytesOf(input), 0),
    cost: Math.max(...costs.map(({ typical }) => typical)),
    flows: flowsOf(layout, aliasesOf(plan.root)),
    stages: {
      before: rootStage(layoutPlan(before, 'none'), before, []),
      after: rootStage(
        layout,
        plan,
        costs.map(({ typical }) => typical),
      ),
    },
  }
}

/** Header of the bag, with its length. */
const BAG_BYTES = 4
/** Header of the field; length, prefix, component id, version and weight of an element. */
const FIELD_BYTES = 3
const ELEMENT_BYTES = 12
/** A host name, a path, a number: what values took in the demo on average. */
const COLUMN_BYTES = 10
const PART_BYTES = 4

function bytesOf(layout: Layout): number {
  const own =
    FIELD_BYTES + ELEMENT_BYTES + layout.columns.length * COLUMN_BYTES + layout.parts.length * PART_BYTES
  return layout.inputs.reduce((sum, input) => sum + bytesOf(input), own)
}

function bytesPacked({ instructions }: Advice): number {
  const pack = instructions.find(({ op }) => op === 'pack')
  if (pack?.op !== 'pack') return 0
  return ELEMENT_BYTES + pack.columns.length * COLUMN_BYTES + pack.parts.length * PART_BYTES
}

function flowsOf(layout: Layout, names: Names): Flow[] {
  return layout.inputs.flatMap((input) => [
    {
      from: input.node.names,
      to: layout.node.names,
      alias: input.node.alias,
      kind: input.node.keep?.which ?? 'all',
      isOuter: input.node.isOuter,
      packs: packsOf(input, names),
    },
    ...flowsOf(input, names),
  ])
}

/** `costs`: of each node, the root first, each above its inputs; empty = not known. */
function rootStage(layout: Layout, { root, output }: Plan, costs: readonly number[]): Stage {
  const names = aliasesOf(root)
  const left = [...costs]
  const stage = stageOf(layout, names, () => left.shift() ?? null)
  return {
    ...stage,
    values: output.keys.map((key) => printTerm(key, names)),
    folds: output.isRaw ? [] : output.folds.map((fold) => foldText(fold, names)),
    bytes: 0,
  }
}

function stageOf(layout: Layout, names: Names, nextCost: () => number | null): Stage {
  const { node, observes, columns, parts, inputs } = layout
  return {
    alias: node.alias,
    tracepoints: node.names,
    kind: node.keep?.which ?? 'all',
    count: node.keep?.count ?? 0,
    isOuter: node.isOuter,
    observes,
    conditions: node.where.map((where) => printTerm(where, names)),
    values: columns.map((column) => printTerm(column, names)),
    folds: parts.map((part) => foldText(part, names)),
    bytes: ELEMENT_BYTES + columns.length * COLUMN_BYTES + parts.length * PART_BYTES,
    cost: nextCost(),
    inputs: inputs.map((input) => stageOf(input, names, nextCost)),
  }
}

/** Percentiles are read off a histogram at the end: what is kept and packed is the histogram. */
const foldText = (fold: Aggregated, names: Names): string =>
  printAggregate({ ...fold, quantile: undefined }, names)
