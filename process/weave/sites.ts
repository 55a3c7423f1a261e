// What is woven in this process: functions by name, and the slot each looks at.
//
//   weaveText ──► add(file) ──► WovenFunction x n ──► arm(hookFor) ──► slots[n] = hook or undefined
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

type Slots = (Hook | undefined)[]
type HookFor = (fn: WovenFunction) => Hook | undefined

/** Owned by one weave. */
export class Sites {
  readonly #functions: { readonly fn: WovenFunction; readonly slots: Slots; readonly slot: number }[] = []
  #hookFor: HookFor = () => undefined
  /** Functions that have a guard and no name here: there was no room. */
  unnamed = 0

  /** The array that the module's guards look at; filled with undefined, so that it has no holes. */
  add(label: string, guarded: readonly FunctionShape[]): Slots {
    const slots: Slots = guarded.map(() => undefined)
    for (const [slot, { path, line, params, hasThis }] of guarded.entries()) {
      if (this.#functions.length >= FUNCTIONS_MAX) {
        this.unnamed += 1
        continue
      }
      const fn = { name: `${label}:${path}`, line, params, hasThis }
      this.#functions.push({ fn, slots, slot })
      slots[slot] = this.#hookFor(fn)
    }
    return slots
  }

  /** Sets every slot anew, those of modules that are loaded later too. */
  arm(hookFor: HookFor): void {
    this.#hookFor = hookFor
    for (const { fn, slots, slot } of this.#functions) slots[slot] = hookFor(fn)
  }

  get functions(): readonly WovenFunction[] {
    return this.#functions.map(({ fn }) => fn)
  }
}
