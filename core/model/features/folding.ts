// Stages that make one value of many. Of nothing at all (the pipeline had nowhere to begin) each gives null;
// of an empty collection Count and Sum give 0, Exists false, the others null: there is no average of nothing.

import { numbers, values, type Run, type Value } from './program.ts'
import type { FunctionSpec } from './spec.ts'
import { one, type Type } from './types.ts'

const count: FunctionSpec = {
  group: 'fold',
  usage: 'Count',
  says: 'how many there are',
  takes: ({ isMany }) => isMany,
  needs: 'many of something',
  apply: ({ steps, input }) => {
    const build = ([run]: readonly Run[]): Run => {
      const all = values(run)
      return (scope) => all(scope)?.length ?? null
    }
    return steps.add({ key: 'Count', type: one('number'), inputs: [input], build })
  },
}

const exists: FunctionSpec = {
  group: 'fold',
  usage: 'Exists',
  says: 'whether there is any',
  takes: () => true,
  needs: 'anything',
  apply: ({ steps, input }) => {
    const build = ([run]: readonly Run[]): Run => {
      if (!input.type.isMany) return (scope) => run(scope) !== null
      const all = values(run)
      return (scope) => (all(scope)?.length ?? 0) > 0
    }
    return steps.add({ key: 'Exists', type: one('boolean'), inputs: [input], build })
  },
}

const isManyNumbers = ({ item, isMany }: Type): boolean => isMany && (item === 'number' || item === 'any')

function fold(name: string, says: string, apply: (all: readonly number[]) => number | null): FunctionSpec {
  return {
    group: 'fold',
    usage: name,
    says,
    takes: isManyNumbers,
    needs: 'many numbers',
    apply: (call) => call.steps.add(foldStep(name, call.numeric(), apply)),
  }
}

function foldStep(
  name: string,
  input: Parameters<FunctionSpec['apply']>[0]['input'],
  apply: (all: readonly number[]) => number | null,
) {
  const build = ([run]: readonly Run[]): Run => {
    const all = numbers(run)
    return (scope): Value => {
      const from = all(scope)
      if (from === null) return null
      scope.budget.spend(from.length)
      const made = apply(from)
      return made === null ? null : scope.budget.finite(made)
    }
  }
  return { key: name, type: one('number', input.type.unit), inputs: [input], build }
}

function sum(all: readonly number[]): number {
  let total = 0
  for (const value of all) total += value
  return total
}

function most(all: readonly number[]): number | null {
  let found: number | null = null
  for (const value of all) if (found === null || value > found) found = value
  return found
}

function least(all: readonly number[]): number | null {
  let found: number | null = null
  for (const value of all) if (found === null || value < found) found = value
  return found
}

/** The smallest value that `percent` % of all do not exceed (nearest rank): a value that occurred. */
const percentile =
  (percent: number) =>
  (all: readonly number[]): number | null => {
    if (all.length === 0) return null
    const sorted = Float64Array.from(all).sort()
    return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)]
  }

const PERCENTILES = { P50: 50, P75: 75, P90: 90, P95: 95, P99: 99, P999: 99.9 } as const

const percentileSpec: FunctionSpec = {
  group: 'fold',
  usage: 'Percentile(p)',
  says: 'the value that p % of all do not exceed (nearest rank)',
  takes: isManyNumbers,
  needs: 'many numbers',
  apply: (call) => {
    const percent = call.numberArg()
    if (percent === undefined) return undefined
    if (percent >= 0 && percent <= 100)
      return call.steps.add(foldStep(`Percentile ${percent}`, call.numeric(), percentile(percent)))
    call.reject('Percentile takes a number from 0 to 100', 'Percentile(99)')
    return undefined
  },
}

export const FOLDING: Readonly<Record<string, FunctionSpec>> = {
  Count: count,
  Exists: exists,
  Sum: fold('Sum', 'their sum; of none 0', sum),
  Avg: fold('Avg', 'their average', (all) => (all.length === 0 ? null : sum(all) / all.length)),
  Min: fold('Min', 'the smallest', least),
  Max: fold('Max', 'the largest', most),
  ...Object.fromEntries(
    Object.entries(PERCENTILES).map(([name, percent]) => [
      name,
      fold(name, `the value that ${percent} % of all do not exceed`, percentile(percent)),
    ]),
  ),
  Percentile: percentileSpec,
}
