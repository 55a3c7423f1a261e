// What is woven in this process: functions by name, and the slot each looks at.
//
//   weaveText ──► add(module) ──► WovenFunction x n ──► arm(hookFor) ──► set(n, hook or undefined)
//                                                        ▲
//   a module that is loaded later is armed as it comes ──┘

import type { CloneFunction, Probe } from './clone.ts'
import type { FunctionShape } from './functions.ts'
import { guardedIn } from './transform.ts'
import { FUNCTIONS_MAX } from './limits.ts'
import type { Clone, WovenModule } from './woven-module.ts'

/** One run of a woven function that somebody looks at. Woven code calls it; nothing in it may throw. */
export interface Invocation {
  /** What it returned, where it did; of an async function, what its promise was fulfilled with. */
  value: unknown
  /**
   * Runs instead of the body: a clone with probes, given what the hook was given; or throws what somebody
   * wants thrown there.
   */
  readonly clone: (() => unknown) | undefined
  error(thrown: unknown): void
  /** The last thing, however it ended. */
  exit(): void
}

/** Called where the body begins. Undefined: nobody waits for the exit. Must not throw. */
export type Hook = (self: unknown, args: readonly unknown[]) => Invocation | undefined

export type { Clone, CloneFunction, Probe }

export interface WovenFunction {
  /** `src/store.ts:Store.get` */
  readonly name: string
  /** Where it is written, 1-based, inclusive; undefined where nobody knows. */
  readonly lines: { readonly first: number; readonly last: number } | undefined
  readonly params: readonly string[]
  readonly hasThis: boolean
  /** Names what was loaded: two processes with another text in this file have another one. */
  readonly source: string | undefined
  /** Its name in the file, as probes name it. */
  readonly path: string
  /** Lines of these are seen by its clone: they are made inside it. */
  readonly nested: readonly WovenFunction[]
  /** It is one of those. */
  readonly isNested: boolean
  /** Calls that no hook sees, and why. */
  readonly unseen: string | undefined
  /** The function with probes at lines. */
  clone(probes: readonly Probe[]): Clone
  /** Reads a private field, `#taken`; undefined where its class has none of that name or no door is open. */
  field(name: string): ((holder: unknown) => unknown) | undefined
}

/** A function with its slot. */
export interface Site extends WovenFunction {
  /** The class that it belongs to is not made yet: nothing can be compiled in its scope. */
  readonly isWaiting: boolean
  set(hook: Hook | undefined): void
}

type HookFor = (fn: WovenFunction) => Hook | undefined
/** What a file is called, by its path. */
export type Labelled = (file: string) => string

/** Owned by one weave. */
export class Sites {
  readonly #functions: Site[] = []
  #waiting: Site[] = []
  #hookFor: HookFor = () => undefined
  /** Functions that have a guard and no name here: there was no room. */
  unnamed = 0

  add(module: WovenModule, guarded: readonly FunctionShape[], labelled: Labelled): void {
    const sites = new Map<FunctionShape, WovenSite>()
    for (const [slot, shape] of guarded.entries())
      this.adopt(() => {
        // Inner ones come after outer ones.
        const nested = (): WovenFunction[] => guardedIn(shape.children).flatMap((one) => sites.get(one) ?? [])
        const site = new WovenSite(module, { slot, shape, labelled, nested })
        sites.set(shape, site)
        return site
      })
  }

  adopt(make: () => Site): void {
    if (this.#functions.length >= FUNCTIONS_MAX) {
      this.unnamed += 1
      return
    }
    const site = make()
    this.#functions.push(site)
    if (site.isWaiting) this.#waiting.push(site)
    else this.#armNow(site)
  }

  /** A class was made: its functions are armed like those of modules before. */
  opened(): void {
    const ready = this.#waiting.filter(({ isWaiting }) => !isWaiting)
    this.#waiting = this.#waiting.filter(({ isWaiting }) => isWaiting)
    for (const site of ready) this.#armNow(site)
  }

  #armNow(site: Site): void {
    const hook = this.#hookFor(site)
    if (hook !== undefined) site.set(hook)
  }

  /** Sets every slot anew, those of modules that are loaded later too. */
  arm(hookFor: HookFor): void {
    this.#hookFor = hookFor
    for (const site of this.#functions) if (!site.isWaiting) site.set(hookFor(site))
  }

  get functions(): readonly WovenFunction[] {
    return this.#functions
  }
}

type Parts = {
  readonly slot: number
  readonly shape: FunctionShape
  readonly labelled: Labelled
  readonly nested: () => readonly WovenFunction[]
}

class WovenSite implements Site {
  readonly name: string
  readonly unseen = undefined
  readonly lines: WovenFunction['lines']
  readonly params: readonly string[]
  readonly hasThis: boolean
  readonly path: string
  readonly isNested: boolean
  readonly #module: WovenModule
  readonly #slot: number
  readonly #door: FunctionShape['door']
  readonly #nested: () => readonly WovenFunction[]

  constructor(module: WovenModule, { slot, shape, labelled, nested }: Parts) {
    const { original, label } = module.text
    const { file, line } = original.at(shape.line, shape.column)
    this.name = `${file === undefined ? label : labelled(file)}:${shape.path}`
    this.lines = { first: line, last: Math.max(line, original.at(shape.lines.last, 0).line) }
    this.params = shape.params
    this.hasThis = shape.hasThis
    this.path = shape.path
    this.isNested = shape.isNested
    this.#nested = nested
    this.#door = shape.door
    this.#module = module
    this.#slot = slot
  }

  get isWaiting(): boolean {
    return typeof this.#door === 'number' && !this.#module.isOpen(this.#door)
  }

  get nested(): readonly WovenFunction[] {
    return this.isNested ? [] : this.#nested()
  }

  get source(): string {
    return this.#module.text.hash
  }

  set(hook: Hook | undefined): void {
    this.#module.set(this.#slot, hook)
  }

  clone(probes: readonly Probe[]): Clone {
    return this.#module.clone(this.#slot, probes)
  }

  field(name: string): ((holder: unknown) => unknown) | undefined {
    return this.#module.field(this.#slot, name)
  }
}
