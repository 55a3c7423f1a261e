// Stages that choose some of many, or of each something of its own.

import { groupsOf, mapped, values, within, type Node, type Run, type Value } from './program.ts'
import type { CheckedCall, FunctionSpec } from './spec.ts'
import { sameShape, type Type } from './types.ts'

const isMany = ({ isMany: yes }: Type): boolean => yes

const filter: FunctionSpec = {
  group: 'choose',
  usage: 'Filter(condition, ..)',
  says: 'those for which every condition holds',
  takes: ({ item }) => item !== 'path',
  needs: 'elements or values',
  apply: (call) => {
    const condition = call.condition(call.input.type)
    return condition && filtered(call, call.input, condition)
  },
}

/** Two conditions are two filters: who shares the first shares its work. */
function filtered(call: CheckedCall, input: Node, condition: Node): Node {
  const { shape } = condition
  if (shape?.of === 'both') return filtered(call, filtered(call, input, shape.left), shape.right)
  if (shape?.of === 'equal' && input.type.isMany && !input.usesIt)
    return pickedGroup(call, grouped(call, input, shape.field), shape.text)
  const build = ([run, holds]: readonly Run[]): Run =>
    input.type.isMany ? filterMany(run, holds) : filterOne(run, holds)
  return call.steps.add({ key: 'Filter', type: input.type, ...call.over([input], [condition]), build })
}

const filterOne =
  (run: Run, holds: Run): Run =>
  (scope) => {
    const value = run(scope)
    return value !== null && within(scope, value, holds) === true ? value : null
  }

function filterMany(run: Run, holds: Run): Run {
  const all = values(run)
  return (scope) => {
    const from = all(scope)
    if (from === null) return null
    scope.budget.spend(from.length)
    const outer = scope.it
    const found: Value[] = []
    for (const value of from) {
      scope.it = value
      if (holds(scope) === true) found.push(value)
    }
    scope.it = outer
    return found
  }
}

/**
 * `service = "a"`, `service = "b"`, .. of one collection: it is walked once and dealt out by the text of the
 * field, in an object without a prototype (a text may be any).
 */
function grouped(call: CheckedCall, input: Node, field: Node): Node {
  const build = ([run, of]: readonly Run[]): Run => {
    const all = values(run)
    return (scope) => {
      const from = all(scope)
      if (from === null) return null
      scope.budget.spend(from.length)
      const outer = scope.it
      const groups: { [text: string]: Value[] } = Object.create(null)
      for (const value of from) {
        scope.it = value
        const text = of(scope)
        if (typeof text === 'string') (groups[text] ??= []).push(value)
      }
      scope.it = outer
      return groups
    }
  }
  return call.steps.add({ key: 'By', type: input.type, ...call.over([input], [field]), build })
}

function pickedGroup({ steps }: CheckedCall, groups: Node, text: string): Node {
  const build = ([run]: readonly Run[]): Run => {
    const all = groupsOf(run)
    return (scope) => {
      const found = all(scope)
      return found === null ? null : (found[text] ?? NONE)
    }
  }
  return steps.add({ key: `Pick ${JSON.stringify(text)}`, type: groups.type, inputs: [groups], build })
}

const NONE: readonly Value[] = Object.freeze([])

const map: FunctionSpec = {
  group: 'choose',
  usage: 'Map(pipeline)',
  says: 'what the pipeline gives for each; It is the element at hand',
  takes: () => true,
  needs: 'anything',
  apply: (call) => {
    const { steps, input } = call
    const inner = call.inner(input.type)
    if (inner === undefined) return undefined
    if (inner.type.isMany) {
      call.reject('Map gives one value for each', 'end it with First, Count, Sum, ..')
      return undefined
    }
    const build = ([run, of]: readonly Run[]): Run =>
      mapped((scope, value) => within(scope, value, of), input.type.isMany)([run])
    const type = sameShape(input.type, inner.type.item, inner.type.unit)
    return steps.add({ key: 'Map', type, ...call.over([input], [inner]), build })
  },
}

function extremeBy(name: 'MaxBy' | 'MinBy'): FunctionSpec {
  const sign = name === 'MaxBy' ? 1 : -1
  return {
    group: 'choose',
    usage: `${name}(pipeline)`,
    says: `the one whose number is ${sign > 0 ? 'largest' : 'smallest'}; the first of equals`,
    takes: isMany,
    needs: 'many of something',
    apply: (call) => {
      const { steps, input } = call
      const measure = call.innerNumber(input.type)
      if (measure === undefined) return undefined
      const build = ([run, of]: readonly Run[]): Run => {
        const all = values(run)
        return (scope) => {
          const from = all(scope)
          if (from === null) return null
          scope.budget.spend(from.length)
          let best: Value = null
          let most = -Infinity
          for (const value of from) {
            const measured = within(scope, value, of)
            if (typeof measured !== 'number' || (best !== null && sign * measured <= most)) continue
            best = value
            most = sign * measured
          }
          return best
        }
      }
      return steps.add({
        key: name,
        type: { ...input.type, isMany: false },
        ...call.over([input], [measure]),
        build,
      })
    },
  }
}

/** 1 = the first, -1 = the last. */
function picked({ steps, input }: CheckedCall, place: number): Node {
  const build = ([run]: readonly Run[]): Run => {
    const all = values(run)
    return (scope) => all(scope)?.at(place > 0 ? place - 1 : place) ?? null
  }
  return steps.add({ key: `Nth ${place}`, type: { ...input.type, isMany: false }, inputs: [input], build })
}

const nth: FunctionSpec = {
  group: 'choose',
  usage: 'Nth(n)',
  says: 'the n-th; Nth(1) is the first, Nth(-1) the last',
  takes: isMany,
  needs: 'many of something',
  apply: (call) => {
    const place = call.numberArg()
    if (place === undefined) return undefined
    if (Number.isInteger(place) && place !== 0) return picked(call, place)
    call.reject('Nth counts from 1, or from -1 backwards', 'Nth(1)')
    return undefined
  },
}

function pickSpec(name: string, place: number, says: string): FunctionSpec {
  return {
    group: 'choose',
    usage: name,
    says,
    takes: isMany,
    needs: 'many of something',
    apply: (call) => picked(call, place),
  }
}

const distinct: FunctionSpec = {
  group: 'choose',
  usage: 'Distinct',
  says: 'each once, where it stands first',
  takes: isMany,
  needs: 'many of something',
  apply: ({ steps, input }) => {
    const build = ([run]: readonly Run[]): Run => {
      const all = values(run)
      return (scope) => {
        const from = all(scope)
        if (from === null) return null
        scope.budget.spend(from.length)
        return [...new Map(from.map((value) => [keyOf(value), value])).values()]
      }
    }
    return steps.add({ key: 'Distinct', type: input.type, inputs: [input], build })
  },
}

/** Lists and maps are attributes too. */
const keyOf = (value: Value): Value => (typeof value === 'object' ? JSON.stringify(value) : value)

export const CHOOSING: Readonly<Record<string, FunctionSpec>> = {
  Filter: filter,
  First: pickSpec('First', 1, 'the first'),
  Last: pickSpec('Last', -1, 'the last'),
  Nth: nth,
  MaxBy: extremeBy('MaxBy'),
  MinBy: extremeBy('MinBy'),
  Distinct: distinct,
  Map: map,
}
