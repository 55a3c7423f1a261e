// Critical paths as steps: between two places of the trace, and how much of one lies in a block or unit.

import { asElement, mapped, number, type ElementItem, type Node, type Run, type Scope } from './program.ts'
import type { CheckedCall, FunctionSpec } from './spec.ts'
import type { Place, TraceIndex } from './trace-index.ts'
import { one, sameShape, type Type } from './types.ts'

export const criticalPathSpec: FunctionSpec = {
  group: 'move',
  usage: 'CriticalPath(from -> to)',
  says: 'what the time between two places was spent on; without them of the whole root, block or unit',
  takes: ({ item, isMany }) => !isMany && isPlace(item),
  needs: 'the trace, a block or a unit',
  apply: (call) => pathNode(call, call.input),
}

const isPlace = (item: string): boolean =>
  item === 'trace' || item === 'block' || item === 'unit' || item === 'point'

/** undefined: an argument is wrong, and was reported. */
function pathNode(call: CheckedCall, input: Node): Node | undefined {
  const range = call.range()
  if (range === undefined) return undefined
  const { from, to } = range ?? { from: input, to: input }
  const build = ([begin, end]: readonly Run[]): Run => {
    const starts = placeReader(from.type, begin, 'begin')
    const ends = placeReader(to.type, end, 'end')
    return (scope) => {
      const a = starts(scope)
      const b = ends(scope)
      if (a === null || b === null) return null
      return walked(scope, a, b)
    }
  }
  return call.steps.add({ key: 'CriticalPath', type: one('path'), inputs: [from, to], build })
}

/** A walk looks at the whole trace, at about 0.3 us a block: 16 steps. It is kept by its places. */
const PATH_WORK = 16

function walked({ index, budget }: Scope, from: Place, to: Place): number | null {
  const known = index.pathCount
  const path = index.pathBetween(from, to)
  if (index.pathCount > known) budget.spend(index.blockCount * PATH_WORK)
  return path === -1 ? null : path
}

function placeReader({ item }: Type, run: Run, side: 'begin' | 'end'): (scope: Scope) => Place | null {
  const read = number(run)
  const placeOf = PLACES[item as ElementItem]
  return (scope) => {
    const element = read(scope)
    return element === null || placeOf === undefined ? null : placeOf(scope.index, element, side)
  }
}

type PlaceOf = (index: TraceIndex, element: number, side: 'begin' | 'end') => Place | null

const ofBlock: PlaceOf = (index, block, side) => ({
  block,
  time: side === 'begin' ? index.start[block] : index.end[block],
})

/**
 * An element that lasts is left at its begin and reached at its end; a unit's end is that of its last block.
 */
const PLACES: Readonly<Partial<Record<ElementItem, PlaceOf>>> = {
  trace: (index, _, side) => (index.trace.root === -1 ? null : ofBlock(index, index.trace.root, side)),
  block: ofBlock,
  point: (index, point) => ({ block: index.pointBlock(point), time: index.pointTime(point) }),
  unit: (index, unit, side) => {
    const blocks = index.blocksOf(unit)
    if (side === 'begin') return ofBlock(index, blocks[0], 'begin')
    const last = blocks.reduce((latest, block) => (index.end[block] > index.end[latest] ? block : latest))
    return ofBlock(index, last, 'end')
  },
}

export const criticalDuration: FunctionSpec = {
  group: 'measure',
  usage: 'CriticalDuration(from -> to)',
  says: "its own time on the critical path; without places on that of the trace's root",
  takes: ({ item }) => item === 'block' || item === 'unit',
  needs: 'block, unit',
  apply: (call) => {
    const { steps, input } = call
    const path = pathNode(call, call.trace)
    if (path === undefined) return undefined
    const isUnit = input.type.item === 'unit'
    const build = ([run, along]: readonly Run[]): Run => {
      const pathOf = number(along)
      return mapped((scope, value) => {
        const found = pathOf(scope)
        if (found === null) return null
        const element = asElement(value)
        return isUnit ? scope.index.unitTimeOn(found, element) : scope.index.timeOn(found, element)
      }, input.type.isMany)([run])
    }
    return steps.add({
      key: 'CriticalDuration',
      type: sameShape(input.type, 'number', 'ns'),
      ...call.over([input], [path]),
      build,
    })
  },
}
