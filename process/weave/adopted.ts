// Functions of modules that were loaded before us (`crosscut attach`): what their modules let others reach is
// replaced while somebody looks, and put back.
//
//   load          a property of what a CommonJS module exports     who took it out before keeps the old one
//   Store.take    a method: on a prototype, on a class, on an      every call finds the new one
//                 exported object
//   load          a binding of an ES module cannot be replaced     refused, with the reason
//
// What stands in for a function is a proxy: name, length, `new` and every property are the function's own.
// Names of parameters are read in its text; lines and private fields need a door, and there is none.

import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { types } from 'node:util'
import { PARAMS_MAX } from './limits.ts'
import type { Clone, Hook, Invocation, Site } from './sites.ts'

/** A module that is loaded: its file, and what it exports. */
export type Loaded = { readonly file: string; readonly exports: unknown; readonly isBinding: boolean }

type Callable = (this: unknown, ...args: readonly unknown[]) => unknown
type Member = {
  readonly holder: object
  readonly key: string
  readonly fn: Callable
  readonly path: string
  readonly isBinding: boolean
}

/** All of CommonJS, and ES modules by their URLs: importing one that is loaded runs nothing of it. */
export async function loadedModules(urls: readonly string[]): Promise<readonly Loaded[]> {
  const { cache } = createRequire(import.meta.url)
  const common = Object.values(cache).flatMap((module): Loaded[] =>
    module?.loaded === true ? [{ file: module.filename, exports: module.exports, isBinding: false }] : [],
  )
  const modules = urls.map(async (url): Promise<Loaded[]> => {
    const exports: unknown = await import(url).catch(() => undefined)
    return exports === undefined ? [] : [{ file: fileURLToPath(url), exports, isBinding: true }]
  })
  return [...common, ...(await Promise.all(modules)).flat()]
}

/** The functions of a module that can be reached from outside, each once. */
export function adoptedFunctions({ exports, isBinding }: Loaded, label: string): Site[] {
  const members: Member[] = isBinding || typeof exports === 'object' ? exported(exports, isBinding) : []
  if (isFunction(exports)) members.push(...ofClass(exports, exports.name), ...exported(exports, false))
  const taken = new Map<object, Set<string>>()
  return members
    .filter(({ holder, key }) => {
      const keys = taken.get(holder) ?? new Set()
      taken.set(holder, keys)
      return !keys.has(key) && keys.add(key)
    })
    .map((member) => new AdoptedFunction(member, label))
}

function exported(exports: unknown, isBinding: boolean): Member[] {
  return dataOf(exports).flatMap(([key, value]) => {
    const path = key === 'default' ? nameOf(value) : key
    if (isFunction(value)) {
      const own: Member = { holder: exports as object, key, fn: value, path, isBinding }
      return isClass(value) ? ofClass(value, path) : [own, ...ofClass(value, path)]
    }
    if (typeof value !== 'object' || value === null || types.isProxy(value)) return []
    const above: unknown = Object.getPrototypeOf(value)
    const isInstance = above !== null && above !== Object.prototype && !isBuiltIn(above)
    return [...membersOf(value, path), ...(isInstance ? membersOf(above, nameOf(value)) : [])]
  })
}

/** Static methods and those of the prototype. */
function ofClass(made: Callable, path: string): Member[] {
  const prototype = dataOf(made).find(([key]) => key === 'prototype')?.[1]
  return [...membersOf(made, path), ...membersOf(prototype, path)]
}

function membersOf(holder: unknown, path: string): Member[] {
  return dataOf(holder).flatMap(([key, fn]) =>
    isFunction(fn) && !isClass(fn) && key !== 'constructor'
      ? [{ holder: holder as object, key, fn, path: `${path}.${key}`, isBinding: false }]
      : [],
  )
}

/** Own data properties: no getter runs. */
function dataOf(holder: unknown): [key: string, value: unknown][] {
  if ((typeof holder !== 'object' && !isFunction(holder)) || holder === null || types.isProxy(holder))
    return []
  return Object.entries(Object.getOwnPropertyDescriptors(holder)).flatMap(([key, { value }]) =>
    value === undefined ? [] : [[key, value] as [string, unknown]],
  )
}

const textOf = (fn: Callable): string => Function.prototype.toString.call(fn)
const isFunction = (value: unknown): value is Callable => typeof value === 'function' && !types.isProxy(value)
const isClass = (fn: Callable): boolean => textOf(fn).startsWith('class')
const isBuiltIn = (prototype: unknown): boolean => {
  const made = dataOf(prototype).find(([key]) => key === 'constructor')?.[1]
  return !isFunction(made) || textOf(made).endsWith('{ [native code] }')
}

/** Of what is exported as default: its own name, or that of its class. */
function nameOf(value: unknown): string {
  const made = isFunction(value)
    ? value
    : dataOf(Object.getPrototypeOf(value)).find(([key]) => key === 'constructor')?.[1]
  const name = dataOf(made).find(([key]) => key === 'name')?.[1]
  return typeof name === 'string' && name !== '' ? name : 'default'
}

/** As far as they are plain names: what stands behind a pattern has another index than in the call. */
function paramsOf(fn: Callable): string[] {
  const text = textOf(fn)
  const single = /^(?:async\s+)?([A-Za-z_$][\w$]*)\s*=>/.exec(text)
  if (single !== null) return [single[1]]
  const names: string[] = []
  const rest = /[(,]\s*([A-Za-z_$][\w$]*)\s*(?==[^,(){}[\]'"`]*[,)]|[,)])/y
  rest.lastIndex = text.indexOf('(')
  for (let found = rest.exec(text); found !== null && names.length < PARAMS_MAX; found = rest.exec(text)) {
    names.push(found[1])
    rest.lastIndex = text.slice(rest.lastIndex).search(/[,)]/) + rest.lastIndex
  }
  return names
}

const NO_DOOR = 'its module was loaded before the agent: lines and private fields are not seen'
const CAPTURED = 'attached: calls through a value that was taken out of its module before are not seen'
const BINDING = 'attached: a function that an ES module exports cannot be replaced; start with crosscut run'

class AdoptedFunction implements Site {
  readonly name: string
  readonly lines = undefined
  readonly nested = []
  readonly isNested = false
  readonly isWaiting = false
  readonly source = undefined
  readonly params: readonly string[]
  readonly hasThis: boolean
  readonly path: string
  readonly unseen: string | undefined
  readonly #member: Member
  #stand: Callable | undefined

  constructor(member: Member, label: string) {
    this.#member = member
    this.name = `${label}:${member.path}`
    this.path = member.path
    this.params = paramsOf(member.fn)
    this.hasThis = member.path.includes('.')
    this.unseen = member.isBinding ? BINDING : this.hasThis ? undefined : CAPTURED
  }

  /** A property that somebody replaced meanwhile is left alone. */
  set(hook: Hook | undefined): void {
    const { holder, key, fn, isBinding } = this.#member
    if (isBinding) return
    const found = Object.getOwnPropertyDescriptor(holder, key)
    if (found === undefined || found.value !== (this.#stand ?? fn)) return
    if (!found.configurable && !found.writable) return
    this.#stand = hook === undefined ? undefined : watched(fn, hook)
    Object.defineProperty(holder, key, { ...found, value: this.#stand ?? fn })
  }

  clone(): Clone {
    return { reason: NO_DOOR }
  }

  field(): undefined {
    return undefined
  }
}

function watched(fn: Callable, hook: Hook): Callable {
  return new Proxy(fn, {
    apply(target, self, args: readonly unknown[]) {
      const invocation = hook(self, args)
      if (invocation === undefined) return Reflect.apply(target, self, args)
      let result: unknown
      try {
        const { clone } = invocation
        result = clone === undefined ? Reflect.apply(target, self, args) : clone()
      } catch (error: unknown) {
        fail(invocation, error)
        if (types.isAsyncFunction(target)) return Promise.reject(error)
        throw error
      }
      return types.isPromise(result) ? followed(result, invocation) : returned(result, invocation)
    },
  })
}

function returned<T>(value: T, invocation: Invocation): T {
  invocation.value = value
  invocation.exit()
  return value
}

function fail(invocation: Invocation, error: unknown): void {
  invocation.error(error)
  invocation.exit()
}

async function followed(result: Promise<unknown>, invocation: Invocation): Promise<unknown> {
  try {
    return returned(await result, invocation)
  } catch (error: unknown) {
    fail(invocation, error)
    throw error
  }
}
