// Stages that read what an element carries.

import { COUNTER_UNITS } from '#protocol'
import { attributeOf, COUNTED, counterReader, FIELDS, LABELLED, LISTS, setReader, TIMES } from './measures.ts'
import { asElement, elements, mapped, number, type ElementItem, type Run, type Value } from './program.ts'
import { criticalDuration } from './paths.ts'
import type { FunctionSpec } from './spec.ts'
import { many, sameShape, unitNamed } from './types.ts'

function timeSpec(name: keyof typeof TIMES, says: string): FunctionSpec {
  const readers = TIMES[name]
  return {
    group: 'measure',
    usage: name,
    says,
    takes: ({ item }) => Object.hasOwn(readers, item),
    needs: Object.keys(readers).join(', '),
    apply: ({ steps, input }) => {
      const read = readers[input.type.item as ElementItem]
      if (read === undefined) return undefined
      const build = mapped(({ index }, value) => read(index, asElement(value)), input.type.isMany)
      return steps.add({ key: name, type: sameShape(input.type, 'number', 'ns'), inputs: [input], build })
    },
  }
}

const label: FunctionSpec = {
  group: 'measure',
  usage: 'Label("attribute")',
  says: 'the text of an attribute, or of a field',
  takes: ({ item }) => LABELLED.has(item),
  needs: [...LABELLED].join(', '),
  apply: (call) => {
    const { steps, input } = call
    const key = call.nameArg('an attribute')
    if (key === undefined) return undefined
    const item = input.type.item as ElementItem
    const field = Object.hasOwn(FIELDS[item], key) ? FIELDS[item][key] : undefined
    const build = mapped(({ index }, value) => {
      const found = attributeOf(index, item, asElement(value), key)
      return textOf(found ?? field?.read(index, asElement(value)) ?? null)
    }, input.type.isMany)
    const type = sameShape(input.type, 'string')
    return steps.add({ key: `Label ${JSON.stringify(key)}`, type, inputs: [input], build })
  },
}

/** As a row shows it. */
export function textOf(value: Value): string | null {
  if (value === null || typeof value === 'string') return value
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

const BYTES = /(?:^|[._])bytes$/

/** What is known of a counter before a trace is there. */
function unitOfCounter(name: string): string | undefined {
  if (Object.hasOwn(COUNTER_UNITS, name)) return COUNTER_UNITS[name]
  return BYTES.test(name) ? 'By' : undefined
}

const counter: FunctionSpec = {
  group: 'measure',
  usage: 'Counter(name, unit)',
  says: 'a counter, else a numeric attribute; the unit converts and may be left out',
  takes: ({ item }) => COUNTED.has(item),
  needs: [...COUNTED].join(', '),
  apply: (call) => {
    const { steps, input } = call
    const name = call.nameArg('a counter')
    if (name === undefined) return undefined
    const told = call.argCount > 1 ? call.nameArg('a unit', 1) : unitOfCounter(name)
    const unit = told === undefined ? undefined : unitNamed(told)
    const read = counterReader(input.type.item as 'block' | 'point' | 'edge', name, unit)
    const build = mapped(({ index }, value) => read(index, asElement(value)), input.type.isMany)
    const key = `Counter ${JSON.stringify([name, unit])}`
    return steps.add({ key, type: sameShape(input.type, 'number', unit), inputs: [input], build })
  },
}

function listSpec(name: string, usage: string, says: string): FunctionSpec {
  return {
    group: 'measure',
    usage,
    says,
    takes: ({ item }) => COUNTED.has(item),
    needs: [...COUNTED].join(', '),
    apply: (call) => {
      const { steps, input } = call
      const key = name === 'Set' ? call.nameArg('a set') : ''
      if (key === undefined) return undefined
      const item = input.type.item as 'block' | 'point' | 'edge'
      const read = name === 'Set' ? setReader(key) : LISTS[name]
      const build = ([run]: readonly Run[]): Run => {
        const one = number(run)
        const all = elements(run)
        return (scope) => {
          const { index, budget } = scope
          const from = input.type.isMany ? all(scope) : [one(scope)].filter((value) => value !== null)
          if (from === null || (!input.type.isMany && from.length === 0)) return null
          const found: string[] = []
          for (const value of from) {
            const texts = read(index, item, value)
            budget.spend(texts.length + 1)
            for (const text of texts) found.push(text)
          }
          return found
        }
      }
      return steps.add({
        key: `${name} ${JSON.stringify(key)}`,
        type: many('string'),
        inputs: [input],
        build,
      })
    },
  }
}

const repairs: FunctionSpec = {
  group: 'measure',
  usage: 'Repairs',
  says: 'the kind of each repair that the model made',
  takes: ({ item, isMany }) => item === 'trace' && !isMany,
  needs: 'the trace',
  apply: ({ steps, input }) => {
    const build = mapped(({ index, budget }) => {
      budget.spend(index.trace.repairs.length)
      return index.trace.repairs.map(({ kind }) => kind)
    }, false)
    return steps.add({ key: 'Repairs', type: many('string'), inputs: [input], build })
  },
}

export const MEASURING: Readonly<Record<string, FunctionSpec>> = {
  Duration: timeSpec('Duration', 'how long it took; of an edge, how long it was under way'),
  ExclusiveDuration: timeSpec('ExclusiveDuration', 'its time that no child covers'),
  CriticalDuration: criticalDuration,
  Timestamp: timeSpec('Timestamp', 'when it began, since the trace began; of an edge, when it left'),
  EndTimestamp: timeSpec('EndTimestamp', 'when it ended, since the trace began'),
  Label: label,
  Counter: counter,
  Set: listSpec('Set', 'Set("name")', 'the values of a set, else of a list attribute'),
  Labels: listSpec('Labels', 'Labels', 'the plain labels it was given'),
  Messages: listSpec('Messages', 'Messages', 'messages: of its status, of exceptions'),
  Stacks: listSpec('Stacks', 'Stacks', 'stack traces, the innermost call first'),
  Repairs: repairs,
}
