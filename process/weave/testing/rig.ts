// Loaded before a fixture: weaves it, and at the end prints as JSON what each watched function was told.

import { writeSync } from 'node:fs'
import { Weave } from '../index.ts'

const told: unknown[] = []
const unwoven: unknown[] = []
const weave = new Weave({
  patterns: (process.env.WEAVE ?? '').split(',').filter((one) => one !== ''),
  matches: (pattern, name) =>
    pattern === name || (pattern.startsWith('**/') && name.endsWith(pattern.slice(3))),
  nonce: 'abc',
  onUnwoven: (reason, label) => void unwoven.push([reason, label]),
})
weave.arm((fn) => {
  const { name, path } = fn
  const clone = path === 'Hidden.take' ? fn.clone([{ of: path, line: 7, vars: ['this.#n'] }]) : undefined
  if (clone !== undefined) told.push('run' in clone ? 'line 7 is seen' : clone.reason)
  return (_self, args) => {
    const one: Record<string, unknown> = {
      name,
      args: args.map((arg) => (typeof arg === 'object' ? '{}' : arg)),
    }
    return {
      set value(given: unknown) {
        one.value = given
      },
      clone: undefined,
      error: (thrown: unknown) => void (one.error = String(thrown)),
      exit: () => void told.push(one),
    }
  }
})
process.on('exit', () => {
  const functions = weave.functions.map(({ name, lines, params }) => [name, lines?.first, params.join()])
  writeSync(1, JSON.stringify({ told, unwoven, functions }))
})
