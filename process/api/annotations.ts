// What an element of a trace may carry besides its name: counters with units, labels, sets and a stack
// (Canopy 3.4). Each of these gives plain attributes, so that they stand on blocks, points and edges alike
// and mix with attributes of the application's own:
//
//   point('evicted', { key, ...counters({ cache: { bytes: 512, entries: 1 } }, { 'cache.bytes': 'By' }) })

import { TRACE_ATTRIBUTES, type HostAnnotations } from '#protocol'
import { COUNTER_DEPTH_MAX, STACK_LENGTH_MAX } from './limits.ts'

/** Numbers by name; nested ones get a name with a dot. */
export type Counters = { readonly [name: string]: number | Counters }

/** Given as they are, or as a function that is called only where something is recorded. */
export type Annotations = HostAnnotations | (() => HostAnnotations)

export const NO_ANNOTATIONS: HostAnnotations = Object.freeze({})

export function annotationsOf(given: Annotations): HostAnnotations {
  return typeof given === 'function' ? given() : given
}

/**
 * Counters: on a point their value then, on a block or an edge what it added. Units by UCUM ('By', 'ms'); a
 * counter without one is a plain count.
 */
export function counters(values: Counters, units: { readonly [name: string]: string } = {}): HostAnnotations {
  const flat: { [key: string]: number | string } = {}
  addCounters(flat, values, '', COUNTER_DEPTH_MAX)
  for (const [name, unit] of Object.entries(units)) flat[TRACE_ATTRIBUTES.unit + name] = unit
  return flat
}

function addCounters(
  flat: { [key: string]: number | string },
  values: Counters,
  prefix: string,
  depth: number,
): void {
  for (const [name, value] of Object.entries(values)) {
    if (typeof value === 'number') flat[TRACE_ATTRIBUTES.counter + prefix + name] = value
    else if (depth > 0) addCounters(flat, value, `${prefix}${name}.`, depth - 1)
  }
}

/** Free words to find an element by. */
export function labels(...texts: readonly string[]): HostAnnotations {
  return { [TRACE_ATTRIBUTES.labels]: [...new Set(texts)] }
}

/** Sets of strings by name: the tables that were read, the shards that were asked. */
export function sets(values: { readonly [name: string]: Iterable<string> }): HostAnnotations {
  return Object.fromEntries(
    Object.entries(values).map(([name, items]) => [TRACE_ATTRIBUTES.set + name, [...new Set(items)]]),
  )
}

/** The stack of here, without us. Cost: some us; V8 walks the stack and makes text of it. */
export function stack(): HostAnnotations {
  const held: { stack?: string } = {}
  Error.captureStackTrace(held, stack)
  const lines = (held.stack ?? '').split('\n').slice(1)
  return {
    [TRACE_ATTRIBUTES.stack]: lines
      .map((line) => line.trim())
      .join('\n')
      .slice(0, STACK_LENGTH_MAX),
  }
}
