// Names that can never be a tracepoint: what the language and Node bring along, and the agent itself.
//
// Guards stand in modules that Node loads from files. `Math.random` is machine code that whole programs
// share, `node:fs` is loaded before anybody, and an agent that watched itself would ask about its own answer.

const OWN = 'crosscut/'
const NODE = 'node:'

export type OutOfReach = { readonly message: string; readonly note: string }

/** Why there is nothing to ask at this name; undefined where there may be. */
export function outOfReach(name: string): OutOfReach | undefined {
  if (name.startsWith(OWN))
    return { message: `${name} is the agent itself, which is never woven`, note: INSTEAD }
  if (!name.startsWith(NODE) && !isOfLanguage(name)) return undefined
  const message = `${name} is no function of the application: it comes with Node`
  return { message, note: INSTEAD }
}

const INSTEAD =
  'possible are functions of your files (file.ts:name, crosscut tracepoints lists them), of libraries that ' +
  'CROSSCUT_WEAVE names, your own tracepoint(), http.*, span.*, channel:NAME, node.gc, node.eventloop.delay'

/** `Math.random`, `Promise.then`, `console.log`: a method that a global has, or its prototype. */
function isOfLanguage(name: string): boolean {
  const [first, second, ...rest] = name.split('.')
  const isName = second !== undefined && rest.length === 0 && Object.hasOwn(globalThis, first)
  const holder: unknown = isName ? Reflect.get(globalThis, first) : undefined
  return hasMethod(holder, second) || hasMethod(dataOf(holder, 'prototype'), second)
}

const hasMethod = (holder: unknown, name: string): boolean => typeof dataOf(holder, name) === 'function'

function dataOf(holder: unknown, name: string): unknown {
  const isHolder = (typeof holder === 'object' || typeof holder === 'function') && holder !== null
  return isHolder ? Object.getOwnPropertyDescriptor(holder, name)?.value : undefined
}
