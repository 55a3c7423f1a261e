// The plan of a query: a tree of happened-before joins, the root's events at the top.
//
//        root        emits        keys, folds        each node's advice runs at its tracepoints: it joins
//       /    \                                       what its inputs packed, keeps the rows that its
//      a      b      pack                            conditions allow, and packs for the node above
//      |
//      c             pack, first / most recent
//
// Building it inlines views and leaves every condition at the root of the query or view that states it;
// `rewrite.ts` moves things down. Nodes are frozen data; passes are functions from tree to tree.

import type { Keep } from '#protocol'
import {
  isAggregating,
  keyOf,
  mapVariables,
  type Aggregated,
  type Column,
  type ResolvedQuery,
  type ResolvedSource,
  type SourceId,
  type Term,
} from './resolved.ts'

export type PlanNode = {
  readonly id: SourceId
  readonly alias: string
  /** Its tracepoints. */
  readonly names: readonly string[]
  readonly keep: Keep | undefined
  /** What it is joined to goes on without it. */
  readonly isOuter: boolean
  /** Joined to a source from outside of a view or filter, which chose its events without it. */
  readonly isOutside: boolean
  /** Of the rows joined here. */
  readonly where: readonly Term[]
  readonly inputs: readonly PlanNode[]
}

/** What the root makes of its rows. */
export type Output = {
  /** Equal keys are one group. */
  readonly keys: readonly Term[]
  readonly folds: readonly Aggregated[]
  /** Over keys and folds. */
  readonly columns: readonly Column[]
  /** One row of the result for each tuple of a group, not one for the group. */
  readonly isRaw: boolean
  /** The first key, and the first column, is the window of `Every`. */
  readonly isWindowed: boolean
  readonly top: ResolvedQuery['top']
}

export type Plan = { readonly root: PlanNode; readonly output: Output }

export function buildPlan(query: ResolvedQuery): Plan {
  const { root, terms } = build(query, '')
  return { root, output: outputOf(terms, root.id) }
}

type Built = {
  readonly root: PlanNode
  /** The query with variables of views replaced by what they stand for. */
  readonly terms: Pick<
    ResolvedQuery,
    'root' | 'groupBy' | 'columns' | 'isDistinct' | 'everyNs' | 'top' | 'joins' | 'wheres'
  >
}

function build(query: ResolvedQuery, prefix: string): Built {
  const views = new Map<SourceId, Built>()
  const rootOf = new Map<SourceId, SourceId>()
  for (const source of [query.root, ...query.joins]) {
    if (source.of.kind === 'tracepoints') rootOf.set(source.id, source.id)
    else {
      const view = build(source.of.query, `${prefix}${source.alias}/`)
      views.set(source.id, view)
      rootOf.set(source.id, view.root.id)
    }
  }
  const inlined = (term: Term): Term => mapVariables(term, (variable) => inline(variable, views))
  const terms = {
    ...query,
    wheres: query.wheres.map(inlined),
    groupBy: query.groupBy.map(inlined),
    columns: query.columns.map(({ name, value }) => ({ name, value: inlined(value) })),
    top: query.top === undefined ? undefined : { ...query.top, by: inlined(query.top.by) },
  }
  const nodeOf = (source: ResolvedSource): PlanNode => {
    const joined = query.joins.filter(({ after }) => after === source.id).map(nodeOf)
    const view = views.get(source.id)?.root
    const { keep, isOuter } = source
    const isOutside = source.id !== query.root.id && isApart(query, source)
    const alias = `${prefix}${source.alias}`
    if (view === undefined) {
      const names = source.of.kind === 'tracepoints' ? source.of.names : []
      return { id: source.id, alias, names, keep, isOuter, isOutside, where: [], inputs: joined }
    }
    const inputs = [...view.inputs, ...joined]
    return { ...view, alias: `${alias}/${view.alias}`, keep, isOuter, isOutside, inputs }
  }
  const root = nodeOf(query.root)
  return { root: { ...root, where: [...root.where, ...terms.wheres] }, terms }
}

/** Its events are joined to a source that is a view or is filtered. */
function isApart(query: ResolvedQuery, { after }: ResolvedSource): boolean {
  const target = [query.root, ...query.joins].find(({ id }) => id === after)
  return target !== undefined && (target.keep !== undefined || target.isOuter)
}

function inline(variable: Extract<Term, { kind: 'var' | 'matched' }>, views: Map<SourceId, Built>): Term {
  const view = views.get(variable.source)
  if (view === undefined) return variable
  if (variable.kind === 'matched') return { ...variable, source: view.root.id }
  const column = view.terms.columns.find(({ name }) => name === variable.name)
  return column === undefined ? variable : column.value
}

function outputOf(query: Built['terms'], root: SourceId): Output {
  const { everyNs, columns, groupBy, isDistinct, top } = query
  const isGrouped = isAggregating(query)
  const windows = everyNs === undefined ? [] : [windowOf(root, everyNs)]
  const shown = top === undefined || isGrouped ? columns : [...columns, { name: '', value: top.by }]
  const keys = unique([...windows, ...(isGrouped ? groupBy : shown.map(({ value }) => value))])
  const aggregates = [...columns.map(({ value }) => value), ...(top === undefined ? [] : [top.by])]
  const isRaw = !isGrouped && !isDistinct
  return {
    keys,
    folds: isRaw ? [COUNT_ROWS] : uniqueFolds(aggregates.flatMap(aggregatesIn)),
    columns: [...windows.map((value) => ({ name: 'window', value })), ...columns],
    isRaw,
    isWindowed: windows.length > 0,
    top,
  }
}

const NOWHERE = { start: 0, end: 0 } as const

/** How many tuples a group stands for. */
export const COUNT_ROWS: Aggregated = {
  kind: 'aggregate',
  fn: 'count',
  arg: { kind: 'literal', value: true, ...NOWHERE },
  ...NOWHERE,
}

function windowOf(source: SourceId, everyNs: number): Term {
  const time: Term = { kind: 'var', source, name: 'time', ...NOWHERE }
  return {
    kind: 'call',
    fn: 'bucket',
    args: [time, { kind: 'literal', value: everyNs, ...NOWHERE }],
    ...NOWHERE,
  }
}

/** A histogram and its quantiles share one state. */
export const stateKeyOf = ({ fn, arg }: Aggregated): string => `${fn}[${keyOf(arg)}]`

export function aggregatesIn(term: Term): readonly Aggregated[] {
  if (term.kind === 'aggregate') return [term]
  return term.kind === 'call' ? term.args.flatMap(aggregatesIn) : []
}

function unique(terms: readonly Term[]): Term[] {
  return [...new Map(terms.map((term) => [keyOf(term), term])).values()]
}

function uniqueFolds(folds: readonly Aggregated[]): Aggregated[] {
  return [...new Map(folds.map((fold) => [stateKeyOf(fold), fold])).values()]
}

/** All nodes, the root first, each above its inputs. */
export function nodesOf(node: PlanNode): readonly PlanNode[] {
  return [node, ...node.inputs.flatMap(nodesOf)]
}
