// Advice at functions: which of it is at this one, and one run of the function from its entry to its exit.
//
//   store.ts:Store.get            where the body begins     parameters, this and its private fields
//   store.ts:Store.get@return     a value was returned      and `return`, durationMs
//   store.ts:Store.get@throw      an error was thrown       and `error`, durationMs
//   store.ts:Store.get@exit       either
//   store.ts:Store.get@42         before the statement that begins in line 42: and every name it sees there
//
// An async function's exit is when its promise settles. What entry keeps, exit and lines observe.

import { isPattern, matchesTracepoint, placeOf } from '#advice'
import type { CloneFunction, Hook, Invocation, Probe, WovenFunction } from '#weave'
import { valueAt } from './host-values.ts'
import { taken, type ToolMeter } from './tool-meter.ts'
import type { MeteredAdvice } from './tracepoints.ts'

/** Where advice runs, and what it can read there. */
export interface Point {
  readonly name: string
  /** Entry, lines and exit of one invocation share it. */
  readonly invocation: object | undefined
  own(variable: string): unknown
}

/** Gives what an act wants thrown into the invocation. */
export type Run = (woven: readonly MeteredAdvice[], point: Point) => Error | undefined

const DURATION = 'durationMs'
const THIS = 'this'
const NONE: readonly MeteredAdvice[] = Object.freeze([])

/** The hook for a function; undefined where no advice is at it. `run` gets what is taken; it never throws. */
export function hookFor(fn: WovenFunction, advice: readonly MeteredAdvice[], run: Run): Hook | undefined {
  const watched = new Watched(fn, advice, run)
  for (const meter of watched.meters) {
    meter.functions += 1
    if (fn.unseen !== undefined) meter.miss(fn.name, fn.unseen)
  }
  if (watched.isNothing) return undefined
  if (watched.isEntryOnly)
    return (self, args) => {
      const woven = taken(watched.entry)
      if (woven.length === 0) return undefined
      const started = new Started(watched, self, args)
      const fault = run(woven, started)
      return fault && new Ending(started, fault)
    }
  return (self, args) => {
    const started = new Started(watched, self, args)
    return new Ending(started, watched.runAt(watched.entry, started))
  }
}

/** Everything about a watched function that all its invocations share. */
class Watched {
  readonly name: string
  readonly params: ReadonlyMap<string, number>
  readonly entry: readonly MeteredAdvice[]
  readonly atReturn: readonly MeteredAdvice[]
  readonly atThrow: readonly MeteredAdvice[]
  /** In the order of its clone's probes. */
  readonly lines: readonly Line[]
  readonly clone: CloneFunction | undefined
  readonly isTimed: boolean
  readonly #run: Run
  readonly #fn: WovenFunction
  readonly #paths = new Map<string, Path>()

  constructor(fn: WovenFunction, advice: readonly MeteredAdvice[], run: Run) {
    this.#fn = fn
    this.name = fn.name
    this.#run = run
    this.params = new Map(fn.params.map((name, i) => [name, i]))
    const at = (...places: string[]): readonly MeteredAdvice[] => {
      const found = advice.filter((one) => places.some((place) => isAt(one, fn, place)))
      return found.length === 0 ? NONE : found
    }
    this.entry = at('entry')
    this.atReturn = at('return', 'exit')
    this.atThrow = at('throw', 'exit')
    const lines = [fn, ...fn.nested].flatMap((of) => (of.isNested && of === fn ? [] : linesOf(of, advice)))
    const seen = lines.length === 0 ? undefined : this.#clone(lines)
    this.clone = seen?.run
    this.lines = seen === undefined ? [] : lines
    this.isTimed = [...this.meteredAdvice].some(({ vars }) => vars.includes(DURATION))
  }

  /** Undefined where it cannot be; what is not seen is told, but for lines that another function has. */
  #clone(lines: readonly Line[]): { readonly run: CloneFunction } | undefined {
    const clone = this.#fn.clone(lines.map(({ probe }) => probe))
    if ('reason' in clone) {
      for (const line of lines) line.miss(clone.reason)
      return undefined
    }
    const seen = new Set(lines.filter((_, i) => !clone.missed.has(i)).map(({ probe }) => probe.line))
    for (const [i, reason] of clone.missed) if (!seen.has(lines[i].probe.line)) lines[i].miss(reason)
    for (const line of lines) if (line.fn !== this.#fn && seen.has(line.probe.line)) line.miss(MADE_BEFORE)
    return clone
  }

  get meteredAdvice(): ReadonlySet<MeteredAdvice> {
    const lines = this.lines.flatMap(({ advice }) => advice)
    return new Set([...this.entry, ...this.atReturn, ...this.atThrow, ...lines])
  }

  get meters(): ReadonlySet<ToolMeter> {
    return new Set([...this.meteredAdvice].map(({ meter }) => meter))
  }

  get isNothing(): boolean {
    return this.entry === NONE && this.isEntryOnly
  }

  get isEntryOnly(): boolean {
    return this.atReturn === NONE && this.atThrow === NONE && this.clone === undefined
  }

  runAt(advice: readonly MeteredAdvice[], point: Point): Error | undefined {
    const woven = taken(advice)
    return woven.length > 0 ? this.#run(woven, point) : undefined
  }

  path(variable: string): Path {
    const known = this.#paths.get(variable)
    if (known !== undefined) return known
    const path = pathOf(variable, this.params, (name) => this.#fn.field(name))
    this.#paths.set(variable, path)
    return path
  }
}

const MADE_BEFORE = 'seen where it was made after the query came: one that is kept from before is not'

/** Where nobody knows where it stands, it says itself that it has no lines. */
const isIn = (line: number, { lines }: WovenFunction): boolean =>
  line > 0 && (lines === undefined || (line >= lines.first && line <= lines.last))

function linesOf(fn: WovenFunction, advice: readonly MeteredAdvice[]): Line[] {
  const numbers = new Set(advice.flatMap(({ tracepoint }) => placesAt(tracepoint, fn.name).map(Number)))
  return [...numbers].flatMap((line) => {
    const at = advice.filter((one) => isAt(one, fn, String(line)))
    const isThere = isIn(line, fn)
    for (const { tracepoint, meter } of at.filter((one) => !isOf(one, fn)))
      if (isThere || (line > 0 && !isPattern(tracepoint))) meter.miss(`${fn.name}@${line}`, OTHER_TEXT)
    const ours = at.filter((one) => isOf(one, fn))
    return isThere && ours.length > 0 ? [new Line(fn, line, ours)] : []
  })
}

const OTHER_TEXT = 'another text of this file is loaded than when it was asked: its lines may be others'

/** Is a line that is asked for one of the text that is loaded here? */
const isOf = ({ sources }: MeteredAdvice, { source }: WovenFunction): boolean =>
  sources === undefined || source === undefined || sources.includes(source)

const isAt = ({ tracepoint }: MeteredAdvice, { name }: WovenFunction, place: string): boolean =>
  placesAt(tracepoint, name).includes(place)

/** Advice before a statement. */
class Line {
  readonly fn: WovenFunction
  readonly probe: Probe
  readonly advice: readonly MeteredAdvice[]

  constructor(fn: WovenFunction, line: number, advice: readonly MeteredAdvice[]) {
    this.fn = fn
    this.advice = advice
    const roots = new Set(advice.flatMap(({ vars }) => vars.map(rootOf)))
    roots.delete(THIS)
    this.probe = { of: fn.path, line, vars: [...roots] }
  }

  miss(reason: string): void {
    for (const { meter } of this.advice) meter.miss(`${this.fn.name}@${this.probe.line}`, reason)
  }
}

type Path = {
  readonly root: string
  readonly param: number | undefined
  /** Reads a private field of `this`. */
  readonly field: ((self: unknown) => unknown) | undefined
  readonly steps: readonly string[]
  /** How many steps the root is. */
  readonly from: number
}

type FieldOf = (name: string) => Path['field']

function pathOf(variable: string, params: ReadonlyMap<string, number>, fieldOf: FieldOf): Path {
  const root = rootOf(variable)
  const steps = variable.split('.')
  const isField = root !== THIS && steps[0] === THIS
  const field = isField ? fieldOf(steps[1]) : undefined
  return { root, param: params.get(root), field, steps, from: isField ? 2 : 1 }
}

/** `book.title` begins with book, `this.#taken.size` with `this.#taken`. */
function rootOf(variable: string): string {
  const [first, second = ''] = variable.split('.', 2)
  return first === THIS && second.startsWith('#') ? `${first}.${second}` : first
}

/** Where in the function of this name an advice is. */
function placesAt(tracepoint: string, name: string): string[] {
  return tracepoint
    .split(',')
    .map(placeOf)
    .filter(({ of }) => matchesTracepoint(of, name))
    .map(({ place }) => place)
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

  read({ root, param, field, steps, from }: Path): unknown {
    if (param !== undefined) {
      const value = this.#args[param]
      return steps.length === 1 && typeof value !== 'object' ? value : valueAt(value, steps, 1)
    }
    if (field !== undefined) return valueAt(field(this.#self), steps, from)
    return root === THIS ? valueAt(this.#self, steps, 1) : undefined
  }

  get durationMs(): number {
    return performance.now() - this.startMs
  }

  /** The body, with a look at each line that advice is at. */
  runClone(clone: CloneFunction): unknown {
    const { watched } = this
    const look = (probe: number, values: readonly unknown[]): void => {
      const line = watched.lines[probe]
      watched.runAt(line.advice, new AtLine(this, line, values))
    }
    return clone.call(this.#self, look, ...this.#args)
  }
}

class AtLine implements Point {
  readonly invocation: Started
  readonly #line: Line
  readonly #values: readonly unknown[]

  constructor(started: Started, line: Line, values: readonly unknown[]) {
    this.invocation = started
    this.#line = line
    this.#values = values
  }

  get name(): string {
    return `${this.#line.fn.name}@${this.#line.probe.line}`
  }

  /** By name where it stands; else parameters, `this` and time since entry of the cloned function. */
  own(variable: string): unknown {
    const path = this.invocation.watched.path(variable)
    const value = this.#values[this.#line.probe.vars.indexOf(path.root)]
    if (value !== undefined) return valueAt(value, path.steps, path.from)
    return variable === DURATION ? this.invocation.durationMs : this.invocation.read(path)
  }
}

const throwing = (fault: Error) => (): never => {
  throw fault
}

class Ending implements Invocation, Point {
  value: unknown = undefined
  readonly clone: (() => unknown) | undefined
  readonly #started: Started
  #thrown: unknown = undefined
  #isThrown = false

  /** A fault is thrown in place of the body: the exit is the function's own, and others see it there. */
  constructor(started: Started, fault: Error | undefined) {
    this.#started = started
    const { clone } = started.watched
    this.clone = fault === undefined ? clone && (() => started.runClone(clone)) : throwing(fault)
  }

  error(thrown: unknown): void {
    this.#thrown = thrown
    this.#isThrown = true
  }

  exit(): void {
    const { watched } = this.#started
    watched.runAt(this.#isThrown ? watched.atThrow : watched.atReturn, this)
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
    return variable === DURATION ? this.#started.durationMs : this.#started.read(path)
  }
}
