// Advice at functions: which of it is at this one, and one run of the function from its entry to its exit.
//
//   store.ts:Store.get            where the body begins     parameters, this
//   store.ts:Store.get@return     a value was returned      and `return`, durationMs
//   store.ts:Store.get@throw      an error was thrown       and `error`, durationMs
//   store.ts:Store.get@exit       either
//
// An async function's exit is when its promise settles. What entry keeps, exit observes.

import { matchesTracepoint, placeOf } from '#advice'
import type { Hook, Invocation, WovenFunction } from '#weave'
import type { ToolMeter } from './budget.ts'
import type { MeteredAdvice } from './tracepoints.ts'
import { valueAt } from './host-values.ts'

/** Where advice runs, and what it can read there. */
export interface Point {
  readonly name: string
  /** Entry and exit of one invocation share it. */
  readonly invocation: object | undefined
  own(variable: string): unknown
}

export type Run = (woven: readonly MeteredAdvice[], point: Point) => void

const DURATION = 'durationMs'
const NONE: readonly MeteredAdvice[] = Object.freeze([])

/** The hook for a function; undefined where no advice is at it. `run` must not throw. */
export function hookFor(fn: WovenFunction, advice: readonly MeteredAdvice[], run: Run): Hook | undefined {
  const watched = new Watched(fn, advice, run)
  if (watched.isNothing) return undefined
  for (const meter of watched.meters) meter.functions += 1
  if (!watched.hasExit)
    return (self, args) => {
      run(watched.entry, new Started(watched, self, args))
      return undefined
    }
  return (self, args) => {
    const started = new Started(watched, self, args)
    if (watched.entry !== NONE) run(watched.entry, started)
    return new Ending(started)
  }
}

/** Everything about a watched function that all its invocations share. */
class Watched {
  readonly name: string
  readonly params: ReadonlyMap<string, number>
  readonly entry: readonly MeteredAdvice[]
  readonly atReturn: readonly MeteredAdvice[]
  readonly atThrow: readonly MeteredAdvice[]
  readonly isTimed: boolean
  readonly run: Run
  readonly #paths = new Map<string, Path>()

  constructor(fn: WovenFunction, advice: readonly MeteredAdvice[], run: Run) {
    this.name = fn.name
    this.run = run
    this.params = new Map(fn.params.map((name, i) => [name, i]))
    const at = (...places: string[]): readonly MeteredAdvice[] => {
      const found = advice.filter(({ tracepoint }) =>
        places.some((place) => fits(tracepoint, fn.name, place)),
      )
      return found.length === 0 ? NONE : found
    }
    this.entry = at('entry')
    this.atReturn = at('return', 'exit')
    this.atThrow = at('throw', 'exit')
    this.isTimed = [...this.atReturn, ...this.atThrow].some(({ vars }) => vars.includes(DURATION))
  }

  get meters(): ReadonlySet<ToolMeter> {
    return new Set([...this.entry, ...this.atReturn, ...this.atThrow].map(({ meter }) => meter))
  }

  get isNothing(): boolean {
    return this.entry === NONE && !this.hasExit
  }

  get hasExit(): boolean {
    return this.atReturn !== NONE || this.atThrow !== NONE
  }

  path(variable: string): Path {
    const known = this.#paths.get(variable)
    if (known !== undefined) return known
    const steps = variable.split('.')
    const path = { root: steps[0], param: this.params.get(steps[0]), steps }
    this.#paths.set(variable, path)
    return path
  }
}

type Path = { readonly root: string; readonly param: number | undefined; readonly steps: readonly string[] }

function fits(tracepoint: string, name: string, place: string): boolean {
  return tracepoint
    .split(',')
    .some((one) => placeOf(one).place === place && matchesTracepoint(placeOf(one).of, name))
}

class Started implements Point {
  readonly watched: Watched
  readonly startMs: number
  readonly #self: unknown
  readonly #args: readonly unknown[]

  constructor(watched: Watched, self: unknown, args: readonly unknown[]) {
    this.watched = watched
    this.#self = self
    this.#args = args
    this.startMs = watched.isTimed ? performance.now() : 0
  }

  get name(): string {
    return this.watched.name
  }

  get invocation(): object {
    return this
  }

  own(variable: string): unknown {
    return this.read(this.watched.path(variable))
  }

  read({ root, param, steps }: Path): unknown {
    if (param !== undefined) {
      const value = this.#args[param]
      return steps.length === 1 && typeof value !== 'object' ? value : valueAt(value, steps, 1)
    }
    return root === 'this' ? valueAt(this.#self, steps, 1) : undefined
  }
}

class Ending implements Invocation, Point {
  value: unknown = undefined
  readonly #started: Started
  #thrown: unknown = undefined
  #isThrown = false

  constructor(started: Started) {
    this.#started = started
  }

  error(thrown: unknown): void {
    this.#thrown = thrown
    this.#isThrown = true
  }

  exit(): void {
    const { atThrow, atReturn, run } = this.#started.watched
    const woven = this.#isThrown ? atThrow : atReturn
    if (woven !== NONE) run(woven, this)
  }

  get name(): string {
    return `${this.#started.name}@${this.#isThrown ? 'throw' : 'return'}`
  }

  get invocation(): object {
    return this.#started
  }

  own(variable: string): unknown {
    const path = this.#started.watched.path(variable)
    if (path.param !== undefined) return this.#started.read(path)
    if (path.root === 'return') return this.#isThrown ? undefined : valueAt(this.value, path.steps, 1)
    if (path.root === 'error') return this.#isThrown ? valueAt(this.#thrown, path.steps, 1) : undefined
    if (variable === DURATION) return performance.now() - this.#started.startMs
    return this.#started.read(path)
  }
}
