// Reading the host's values without running any of its code.
//
//   request.headers.host     data properties, own or inherited; a getter or a proxy ends the walk
//   result.replicas          a list of simple values            result.replicas.0      one of them
//   result.replicas.host     a step into a list goes into each of its members           .length  how many
//
// What is named like a secret is not read at all (redaction.ts).

import { types } from 'node:util'
import { HOST_LIST_MAX, PROTOTYPES_MAX } from './limits.ts'

/** A value by its path; undefined where there is none, or where reading it could run code. */
export function valueIn(root: unknown, path: string): unknown {
  return valueAt(root, path.split('.'), 0)
}

/** The same by steps, from step `from` on. */
export function valueAt(root: unknown, steps: readonly string[], from: number): unknown {
  let at = root
  for (let i = from; i < steps.length; i++) {
    const step = steps[i]
    if (isReadableList(at) && step !== 'length' && !/^\d+$/.test(step)) return eachAt(at, steps, i)
    at = dataProperty(at, step)
  }
  return simple(at)
}

function eachAt(list: readonly unknown[], steps: readonly string[], from: number): unknown[] {
  return membersOf(list).map((member) => valueAt(member, steps, from) ?? null)
}

/** Simple values as they are, a list of them, an error's message, a date's ms; nothing else says anything. */
function simple(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return typeof value === 'function' ? undefined : value
  if (isReadableList(value)) return membersOf(value).map((one) => (typeof one === 'object' ? null : one))
  if (types.isProxy(value)) return undefined
  if (types.isDate(value)) return Date.prototype.getTime.call(value)
  return types.isNativeError(value) ? simple(dataProperty(value, 'message')) : undefined
}

function isReadableList(value: unknown): value is readonly unknown[] {
  return typeof value === 'object' && !types.isProxy(value) && Array.isArray(value)
}

function membersOf(list: readonly unknown[]): unknown[] {
  const members: unknown[] = []
  for (let i = 0; i < Math.min(list.length, HOST_LIST_MAX); i++) members.push(dataProperty(list, String(i)))
  return members
}

/** Along the prototypes too: a method's class is `this.constructor.name`. */
function dataProperty(holder: unknown, name: string): unknown {
  let at = holder
  for (let i = 0; i < PROTOTYPES_MAX; i++) {
    if ((typeof at !== 'object' && typeof at !== 'function') || at === null || types.isProxy(at))
      return undefined
    const found = Object.getOwnPropertyDescriptor(at, name)
    if (found !== undefined) return found.value
    at = Object.getPrototypeOf(at)
  }
  return undefined
}
