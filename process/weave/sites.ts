// What is woven in this process: functions by name, and the slot each looks at.
//
//   weaveText ──► add(file) ──► WovenFunction x n ──► arm(hookFor) ──► set(n, hook or undefined)
//                                                        ▲
//   a module that is loaded later is armed as it comes ──┘

import type { FunctionShape } from './functions.ts'
import { FUNCTIONS_MAX } from './limits.ts'

/** One run of a woven function that somebody looks at. Woven code calls it; nothing in it may throw. */
export interface Invocation {
  /** What it returned, where it did; of an async function, what its promise was fulfilled with. */
  value: unknown
  error(thrown: unknown): void
  /** The last thing, however it ended. */
  exit(): void
}

/** Called where the body begins. Undefined: nobody waits for the exit. Must not throw. */
export type Hook = (self: unknown, args: readonly unknown[]) => Invocation | undefined

export type WovenFunction = {
  /** `src/store.ts:Store.get` */
  readonly name: string
  /** Where it is written, 1-based. */
  readonly line: number
  readonly params: readonly string[]
  readonly hasThis: boolean
}

/** The module's own: a slot is a variable there. */
export type SetSlot = (slot: number, hook: Hook | undefined) => void
type HookFor = (fn: WovenFunction) => Hook | undefined

/** Owned by one weave. */
export class Sites {
  readonly #functions: { readonly fn: WovenFunction; readonly set: SetSlot; readonly slot: number }[] = []
  #hookFor: HookFor = () => undefined
  /** Functions that have a guard and no name here: there was no room. */
  unnamed = 0

  add(label: string, guarded: readonly FunctionShape[], set: SetSlot): void {
    for (const [slot, { path, line, params, hasThis }] of guarded.entries()) {
      if (this.#functions.length >= FUNCTIONS_MAX) {
        this.unnamed += 1
        continue
      }
      const fn = { name: `${label}:${path}`, line, params, hasThis }
      this.#functions.push({ fn, set, slot })
      const hook = this.#hookFor(fn)
      if (hook !== undefined) set(slot, hook)
    }
  }

  /** Sets every slot anew, those of modules that are loaded later too. */
  arm(hookFor: HookFor): void {
    this.#hookFor = hookFor
    for (const { fn, set, slot } of this.#functions) set(slot, hookFor(fn))
  }

  get functions(): readonly WovenFunction[] {
    return this.#functions.map(({ fn }) => fn)
  }
}
