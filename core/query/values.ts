// Values as advice has them, and how they are read off recorded events.

export {
  AGGREGATES,
  applyFunction,
  ascendingOf,
  canonicalKey,
  compareValues,
  histogramFrom,
  type HistogramState,
  type Value,
} from '#advice'
import { valueFrom, type Value } from '#advice'

/** A variable by its full name, else by steps into objects; own members only. */
export function observed(vars: Readonly<Record<string, unknown>>, name: string): Value {
  if (Object.hasOwn(vars, name)) return valueFrom(vars[name])
  let at: unknown = vars
  for (const step of name.split('.')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return null
    at = Reflect.get(at, step)
  }
  return valueFrom(at)
}
