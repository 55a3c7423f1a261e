// Rewrites a plan so that less is packed and emitted, and so that what runs at each node means what the text
// means. Sound with multiplicities, since every packed tuple carries how many it stands for.
//
//   1  outer, then inner     (E ⟕ P) ⋈ M on m -> p          = (E ⋈ P) ⋈ M: without p no m comes before it
//   2  filter before joins   First(P) chooses among all P, also those that M will drop: M joins below it as
//                            an outer join, and `matched(M)` is asked for above
//   3  σ(P ⋈ Q)              = σ(P) ⋈ Q for a condition on P alone; never through First, MostRecent or ⟕
//   4  Π, A, GA              see layout.ts: only what is needed above is packed, aggregated where it can be
// Source: Pivot Tracing table 3; 1 and 2 are ours, as is leaving filters and outer joins alone in 3.

import type { Plan, PlanNode } from './plan.ts'
import { sourcesIn, type SourceId, type Term } from './resolved.ts'

export function rewritePlan(plan: Plan): Plan {
  const { root, output } = settlePlan(plan)
  return { root: pushConditions(root), output }
}

/** 1 and 2: what a plan needs to mean what its text means when advice runs it. */
export function settlePlan(plan: Plan): Plan {
  const { node, matched } = filterBeforeJoins(outerThenInner(plan.root))
  return { root: { ...node, where: [...node.where, ...matched] }, output: plan.output }
}

function outerThenInner(node: PlanNode): PlanNode {
  const inputs = node.inputs.map(outerThenInner)
  const hasInner = inputs.some((input) => input.isOutside && !input.isOuter)
  return { ...node, inputs, isOuter: node.isOuter && !hasInner }
}

type Filtered = { readonly node: PlanNode; readonly matched: readonly Term[] }

function filterBeforeJoins(node: PlanNode): Filtered {
  const matched: Term[] = []
  const inputs = node.inputs.map((input) => {
    const filtered = filterBeforeJoins(input)
    matched.push(...filtered.matched)
    const mustMatch = node.keep !== undefined && input.isOutside && !input.isOuter
    if (!mustMatch) return filtered.node
    matched.push({ kind: 'matched', source: input.id, start: 0, end: 0 })
    return { ...filtered.node, isOuter: true }
  })
  return { node: { ...node, inputs }, matched }
}

/** Each condition goes to the lowest node that has all its variables; splits `and` first. */
function pushConditions(node: PlanNode): PlanNode {
  const here: Term[] = []
  const below = new Map<SourceId, Term[]>()
  for (const condition of node.where.flatMap(conjuncts)) {
    const input = node.inputs.find((one) => isPushable(one) && hasAll(one, condition))
    if (input === undefined) here.push(condition)
    else below.set(input.id, [...(below.get(input.id) ?? []), condition])
  }
  const inputs = node.inputs.map((input) =>
    pushConditions({ ...input, where: [...input.where, ...(below.get(input.id) ?? [])] }),
  )
  return { ...node, where: here, inputs }
}

const isPushable = ({ keep, isOuter }: PlanNode): boolean => keep === undefined && !isOuter

const conjuncts = (term: Term): readonly Term[] =>
  term.kind === 'call' && term.fn === 'and' ? term.args.flatMap(conjuncts) : [term]

function hasAll(node: PlanNode, term: Term): boolean {
  const sources = sourcesIn(term)
  const held = sourcesOf(node)
  return sources.size > 0 && [...sources].every((source) => held.has(source))
}

/** This node and all below it. */
export function sourcesOf(node: PlanNode): ReadonlySet<SourceId> {
  return new Set([node.id, ...node.inputs.flatMap((input) => [...sourcesOf(input)])])
}
