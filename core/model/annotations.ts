// What an element carries besides its times: counters with units, labels, sets, stacks and messages. They
// travel as attributes (docs/formats/trace-attributes.md) of a span, a span event or a link, and are read
// when they are asked for: most never are.
//
// Source: Canopy 3.4. A counter is a delta over a block or an edge, and absolute at a point.

import { COUNTER_UNITS, TRACE_ATTRIBUTES, type Attributes, type AttributeValue } from '#protocol'

export type Counter = { readonly name: string; readonly value: number; readonly unit?: string }

export type Annotations = {
  readonly counters: readonly Counter[]
  readonly labels: readonly string[]
  readonly sets: readonly { readonly name: string; readonly values: readonly string[] }[]
  /** Innermost call first, a frame a line. */
  readonly stacks: readonly string[]
  readonly messages: readonly string[]
}

/** Whether a key is one of ours that `annotationsOf` reads, and no attribute to show as such. */
export const isAnnotation = (key: string): boolean =>
  PREFIXES.some((prefix) => key.startsWith(prefix)) ||
  key === TRACE_ATTRIBUTES.labels ||
  STACKS.includes(key) ||
  MESSAGES.includes(key)

const PREFIXES = [TRACE_ATTRIBUTES.counter, TRACE_ATTRIBUTES.unit, TRACE_ATTRIBUTES.set]
const STACKS: readonly string[] = [TRACE_ATTRIBUTES.stack, 'exception.stacktrace']
const MESSAGES: readonly string[] = ['exception.message', 'message']

/** Everything that the attributes of one element say. Cost: O(attributes). */
export function annotationsOf(attributes: Attributes): Annotations {
  const counters: Counter[] = []
  const sets: { name: string; values: readonly string[] }[] = []
  for (const key of Object.keys(attributes)) {
    if (key.startsWith(TRACE_ATTRIBUTES.counter)) {
      const counter = counterOf(attributes, key.slice(TRACE_ATTRIBUTES.counter.length))
      if (counter !== undefined) counters.push(counter)
    } else if (key.startsWith(TRACE_ATTRIBUTES.set)) {
      const name = key.slice(TRACE_ATTRIBUTES.set.length)
      sets.push({ name, values: setOf(attributes, name) })
    }
  }
  return {
    counters,
    labels: labelsOf(attributes),
    sets,
    stacks: stacksOf(attributes),
    messages: messagesOf(attributes),
  }
}

/** A counter of ours; else a numeric attribute of that name, whose unit nobody said. */
export const counterOf = (attributes: Attributes, name: string): Counter | undefined =>
  counterNamed(name)(attributes)

/** As `counterOf`, for many elements: a key is a text that is made once. */
export function counterNamed(name: string): (attributes: Attributes) => Counter | undefined {
  const key = TRACE_ATTRIBUTES.counter + name
  const unitKey = TRACE_ATTRIBUTES.unit + name
  const known = Object.hasOwn(COUNTER_UNITS, name) ? COUNTER_UNITS[name] : undefined
  return (attributes) => {
    const told = numeric(ownAttribute(attributes, key))
    if (told === undefined) {
      const plain = ownAttribute(attributes, name)
      return typeof plain === 'number' && Number.isFinite(plain) ? { name, value: plain } : undefined
    }
    const unit = ownAttribute(attributes, unitKey) ?? known
    return typeof unit === 'string' && unit !== '' ? { name, value: told, unit } : { name, value: told }
  }
}

/** A set of ours, else a list attribute of that name. */
export function setOf(attributes: Attributes, name: string): readonly string[] {
  return texts(ownAttribute(attributes, TRACE_ATTRIBUTES.set + name) ?? ownAttribute(attributes, name))
}

export const labelsOf = (attributes: Attributes): readonly string[] =>
  texts(ownAttribute(attributes, TRACE_ATTRIBUTES.labels))

export const stacksOf = (attributes: Attributes): readonly string[] =>
  STACKS.flatMap((key) => texts(ownAttribute(attributes, key)))

export const messagesOf = (attributes: Attributes): readonly string[] =>
  MESSAGES.flatMap((key) => texts(ownAttribute(attributes, key)))

/** 64-bit integers beyond 2^53 are decimal strings in OTLP/JSON. */
function numeric(value: AttributeValue | undefined): number | undefined {
  const number = typeof value === 'string' && /^-?\d{1,20}$/.test(value) ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined
}

function texts(value: AttributeValue | undefined): readonly string[] {
  if (typeof value === 'string') return value === '' ? [] : [value]
  if (!Array.isArray(value)) return []
  return value.filter((item) => typeof item === 'string')
}

/**
 * An attribute by its name, which is its sender's: what objects inherit is none. Looked up once where the
 * value is of a kind that an inherited member cannot have.
 */
export function ownAttribute(attributes: Attributes, key: string): AttributeValue | undefined {
  const value = attributes[key]
  if (typeof value !== 'function' && key !== '__proto__') return value
  return Object.hasOwn(attributes, key) ? value : undefined
}
