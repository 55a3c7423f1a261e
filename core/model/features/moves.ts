// Stages that move through the trace: from elements to others that belong to them.
//
// From many, each element found is given once, in order of time: so that what is counted afterwards is
// counted once (as XPath's node sets; bags would count a block twice because two of its children were asked).

import { elements, mapped, type ElementItem, type Node, type Step as Built, type Steps } from './program.ts'
import type { TraceIndex } from './trace-index.ts'
import { many, sameShape } from './types.ts'

type Move = {
  readonly to: ElementItem
  /** In order of time, each once. */
  readonly find: (index: TraceIndex, element: number) => readonly number[]
}
type Step = {
  readonly to: ElementItem
  /** -1 = there is none. */
  readonly find: (index: TraceIndex, element: number) => number
}
type Moves<T> = Readonly<Partial<Record<ElementItem, T>>>

/** From one to many. */
export const MOVES: Readonly<Record<string, Moves<Move>>> = {
  Units: {
    trace: { to: 'unit', find: (index) => index.units },
    block: { to: 'unit', find: (index, block) => [index.trace.blocks[block].unit] },
    point: { to: 'unit', find: (index, point) => [index.trace.blocks[index.pointBlock(point)].unit] },
    edge: {
      to: 'unit',
      find: (index, edge) => distinct(endsOf(index, edge).map(unitOf(index)), index.byUnit),
    },
    section: { to: 'unit', find: (index, section) => [unitOf(index)(index.sections[section].block)] },
    path: {
      to: 'unit',
      find: (index, path) => distinct(blocksOfPath(index, path).map(unitOf(index)), index.byUnit),
    },
  },
  Blocks: {
    trace: { to: 'block', find: (index) => index.blocks },
    unit: { to: 'block', find: (index, unit) => index.blocksOf(unit) },
    point: { to: 'block', find: (index, point) => [index.pointBlock(point)] },
    edge: { to: 'block', find: (index, edge) => distinct(endsOf(index, edge), index.byBlock) },
    section: { to: 'block', find: (index, section) => [index.sections[section].block] },
    path: { to: 'block', find: (index, path) => distinct(blocksOfPath(index, path), index.byBlock) },
  },
  Points: {
    trace: { to: 'point', find: (index) => index.points },
    unit: {
      to: 'point',
      find: (index, unit) =>
        index
          .blocksOf(unit)
          .flatMap((block) => index.pointsOf(block))
          .sort(index.byPoint),
    },
    block: { to: 'point', find: (index, block) => index.pointsOf(block).sort(index.byPoint) },
    path: { to: 'point', find: pointsOfPath },
  },
  Edges: {
    trace: { to: 'edge', find: (index) => index.edges },
    unit: {
      to: 'edge',
      find: (index, unit) =>
        distinct(
          index.blocksOf(unit).flatMap((block) => index.edgesOf(block)),
          index.byEdge,
        ),
    },
    block: { to: 'edge', find: (index, block) => index.edgesOf(block) },
    path: { to: 'edge', find: ({ paths }, path) => paths[path].edges },
  },
  Sections: { path: { to: 'section', find: (index, path) => index.paths[path].sections } },
  Children: { block: { to: 'block', find: childrenOf } },
  Descendants: {
    block: {
      to: 'block',
      find: (index, block) =>
        Array.from({ length: index.behind[block] - block - 1 }, (_, at) => block + 1 + at).sort(
          index.byBlock,
        ),
    },
  },
  Ancestors: {
    block: { to: 'block', find: (index, block) => ancestorsOf(index, block).sort(index.byBlock) },
  },
}

/** From one to one. */
export const STEPS: Readonly<Record<string, Moves<Step>>> = {
  Parent: {
    block: { to: 'block', find: (index, block) => index.trace.blocks[block].parent },
    unit: { to: 'unit', find: parentUnit },
  },
  Unit: {
    block: { to: 'unit', find: (index, block) => index.trace.blocks[block].unit },
    point: { to: 'unit', find: (index, point) => unitOf(index)(index.pointBlock(point)) },
    section: { to: 'unit', find: (index, section) => unitOf(index)(index.sections[section].block) },
  },
  Block: {
    unit: { to: 'block', find: (index, unit) => index.trace.units[unit].entry },
    point: { to: 'block', find: (index, point) => index.pointBlock(point) },
    section: { to: 'block', find: (index, section) => index.sections[section].block },
  },
  Source: { edge: { to: 'block', find: (index, edge) => index.edgeSource(edge) } },
  Target: { edge: { to: 'block', find: (index, edge) => index.edgeTarget(edge) } },
}

/** The order of time of an element. */
export function orderOf(index: TraceIndex, item: ElementItem): (a: number, b: number) => number {
  switch (item) {
    case 'unit':
      return index.byUnit
    case 'block':
      return index.byBlock
    case 'point':
      return index.byPoint
    case 'edge':
      return index.byEdge
    case 'section':
      return (a, b) => index.sections[a].start - index.sections[b].start || a - b
    case 'trace':
    case 'path':
      return (a, b) => a - b
  }
}

/** The step of a move; undefined: it does not begin at such elements. */
export function moved(steps: Steps, name: string, input: Node): Node | undefined {
  const { item, isMany } = input.type
  const from = item as ElementItem
  const step = Object.hasOwn(STEPS, name) ? STEPS[name][from] : undefined
  if (step !== undefined) {
    const { to, find } = step
    const build = isMany
      ? gathered(to, (index, element, found) => {
          const one = find(index, element)
          if (one !== -1) found.add(one)
          return 1
        })
      : mapped(({ index }, element) => {
          const found = find(index, element as number)
          return found === -1 ? null : found
        }, false)
    return steps.add({ key: name, type: sameShape(input.type, to), inputs: [input], build })
  }
  const move = Object.hasOwn(MOVES, name) ? MOVES[name][from] : undefined
  if (move === undefined) return undefined
  const { to, find } = move
  const build = isMany
    ? gathered(to, name === 'Ancestors' ? gatherAncestors : gatherBy(find), CLOSED.has(name))
    : mapped((scope, element) => {
        const found = find(scope.index, element as number)
        scope.budget.spend(found.length + 1)
        return found
      }, false)
  return steps.add({ key: name, type: many(to), inputs: [input], build })
}

/** Whoever was found by these brought its own finds along: a chain is walked once, not once a link. */
const CLOSED: ReadonlySet<string> = new Set(['Descendants', 'Ancestors'])

type Build = Built['build']
/** Adds what it finds; how much it looked at. */
type Gather = (index: TraceIndex, element: number, found: Set<number>) => number

/** All that are found from many, each once, in order of time. */
function gathered(to: ElementItem, gather: Gather, isClosed = false): Build {
  return ([run]) => {
    const input = elements(run)
    return (scope) => {
      const all = input(scope)
      if (all === null) return null
      const { index, budget } = scope
      const found = new Set<number>()
      for (const element of all) {
        if (!isClosed || !found.has(element)) budget.spend(1 + gather(index, element, found))
      }
      return inOrder([...found], orderOf(index, to))
    }
  }
}

const gatherBy =
  (find: Move['find']): Gather =>
  (index, element, found) => {
    const all = find(index, element)
    for (const one of all) found.add(one)
    return all.length
  }

/** Up to the first that is known: whoever found it went on from there. */
const gatherAncestors: Gather = ({ trace }, block, found) => {
  let looked = 0
  for (let { parent } = trace.blocks[block]; parent !== -1 && !found.has(parent); looked++) {
    found.add(parent)
    parent = trace.blocks[parent].parent
  }
  return looked
}

/** Sorting is only paid for by those that came out of order. */
function inOrder(found: number[], order: (a: number, b: number) => number): number[] {
  for (let at = 1; at < found.length; at++) if (order(found[at - 1], found[at]) > 0) return found.sort(order)
  return found
}

const unitOf =
  ({ trace }: TraceIndex) =>
  (block: number): number =>
    trace.blocks[block].unit

function parentUnit({ trace }: TraceIndex, unit: number): number {
  const { parent } = trace.blocks[trace.units[unit].entry]
  return parent === -1 ? -1 : trace.blocks[parent].unit
}

const endsOf = (index: TraceIndex, edge: number): number[] =>
  [index.edgeSource(edge), index.edgeTarget(edge)].filter((block) => block !== -1)

const blocksOfPath = ({ paths, sections }: TraceIndex, path: number): number[] =>
  paths[path].sections.map((section) => sections[section].block)

function pointsOfPath(index: TraceIndex, path: number): readonly number[] {
  const found = index.paths[path].sections.flatMap((section) => {
    const { block, start, end } = index.sections[section]
    return index.pointsOf(block).filter((point) => {
      const time = index.pointTime(point)
      return time >= start && time <= end
    })
  })
  return distinct(found, index.byPoint)
}

function childrenOf({ behind }: TraceIndex, block: number): readonly number[] {
  const found: number[] = []
  for (let child = block + 1; child < behind[block]; child = behind[child]) found.push(child)
  return found
}

function ancestorsOf({ trace }: TraceIndex, block: number): number[] {
  const found: number[] = []
  for (let { parent } = trace.blocks[block]; parent !== -1; { parent } = trace.blocks[parent])
    found.push(parent)
  return found
}

const distinct = (found: readonly number[], order: (a: number, b: number) => number): readonly number[] =>
  [...new Set(found)].sort(order)
