// What each node observes, and what it packs for the one above: projection and aggregation pushed down.
//
//   Π   of a term above, the largest parts that read this node's sources alone become columns
//   A   an aggregate whose argument reads them alone is folded here: its state is packed, not the values,
//       and merged above as often as the rows of the other inputs say (Combine with multiplicities)
// Not below an outer join where nothing would then count as something (COALESCE(x, 5)), and not `distinct`,
// whose state is all its values anyway.
// Source: Pivot Tracing table 3, mended by weights (its release turned bags into sets).

import { applyFunction, type Value } from './values.ts'
import { stateKeyOf, type Plan, type PlanNode } from './plan.ts'
import { keyOf, sourcesIn, type Aggregated, type SourceId, type Term } from './resolved.ts'
import { sourcesOf } from './rewrite.ts'

export type Layout = {
  readonly node: PlanNode
  /** Variables of its own. */
  readonly observes: readonly string[]
  /** What the node above gets; of the root: nothing. */
  readonly columns: readonly Term[]
  readonly parts: readonly Aggregated[]
  readonly inputs: readonly Layout[]
}

/** How much is moved down: `none` packs variables as they are, for comparison. */
export type Pushing = 'all' | 'none'

/** Layout of the root; its terms are the output's. */
export function layoutPlan({ root, output }: Plan, pushing: Pushing = 'all'): Layout {
  return layoutNode(root, { columns: [], parts: [], wanted: output.keys, folds: output.folds }, pushing)
}

type Demand = {
  readonly columns: readonly Term[]
  readonly parts: readonly Aggregated[]
  /** Terms evaluated at this node, and aggregates folded there. */
  readonly wanted: readonly Term[]
  readonly folds: readonly Aggregated[]
}

class Wishes {
  readonly #columns = new Map<string, Term>()
  readonly #parts = new Map<string, Aggregated>()

  column(term: Term): void {
    this.#columns.set(keyOf(term), term)
  }

  part(fold: Aggregated): void {
    this.#parts.set(stateKeyOf(fold), fold)
  }

  get columns(): readonly Term[] {
    return [...this.#columns.values()]
  }

  get parts(): readonly Aggregated[] {
    return [...this.#parts.values()]
  }
}

function layoutNode(node: PlanNode, demand: Demand, pushing: Pushing): Layout {
  const wishes = new Map(node.inputs.map((input) => [input.id, new Wishes()]))
  const observes = new Set<string>()
  const want = (term: Term): void => {
    const isWhole = pushing === 'all' || term.kind === 'var' || term.kind === 'matched'
    const input = isWhole ? node.inputs.find((one) => canGive(one, term)) : undefined
    if (input !== undefined) wishes.get(input.id)?.column(term)
    else if (term.kind === 'var') observes.add(term.name)
    else if (term.kind === 'call') term.args.forEach(want)
  }
  for (const term of [...demand.columns, ...demand.wanted, ...node.where]) want(term)
  for (const fold of [...demand.parts, ...demand.folds]) {
    const input = pushing === 'all' ? node.inputs.find((one) => canFold(one, fold)) : undefined
    if (input === undefined) want(fold.arg)
    else wishes.get(input.id)?.part(fold)
  }
  const inputs = node.inputs.map((input) => {
    const given = wishes.get(input.id)
    const columns = given?.columns ?? []
    return layoutNode(input, { columns, parts: given?.parts ?? [], wanted: [], folds: [] }, pushing)
  })
  return { node, observes: [...observes], columns: demand.columns, parts: demand.parts, inputs }
}

function canGive(input: PlanNode, term: Term): boolean {
  return readsOnly(input, term) && (!input.isOuter || isPresence(input, term) || isNullOfNulls(term))
}

/** What tells that an outer input has found something; see compile.ts. */
export const isPresence = (input: PlanNode, term: Term): boolean =>
  term.kind === 'matched' && term.source === input.id

function canFold(input: PlanNode, { fn, arg }: Aggregated): boolean {
  return fn !== 'distinct' && readsOnly(input, arg) && (!input.isOuter || isNullOfNulls(arg))
}

function readsOnly(input: PlanNode, term: Term): boolean {
  const sources = sourcesIn(term)
  const held = sourcesOf(input)
  return sources.size > 0 && [...sources].every((source: SourceId) => held.has(source))
}

/** Nothing in, nothing out. */
function isNullOfNulls(term: Term): boolean {
  return ofNulls(term) === null
}

function ofNulls(term: Term): Value {
  switch (term.kind) {
    case 'literal':
      return term.value
    case 'call':
      return applyFunction(term.fn, term.args.map(ofNulls))
    default:
      return null
  }
}
