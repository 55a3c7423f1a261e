// Steps of a program: typed, shared where equal, and turned into closures.
//
//   text ── parser ──► tree ── check ──► Node graph (equal steps are one node) ── link ──► closures
//
// A node's value is kept where it is asked for more than once: for the whole trace when it says nothing of
// the row, else for the row; what depends on the element at hand in a Filter is never kept. So sixty features
// that begin with the same pipeline walk it once.

import type { AttributeValue } from '#protocol'
import type { FeatureBudget } from './budget.ts'
import { FEATURE_DEPTH_MAX, FEATURE_NODES_MAX } from './limits.ts'
import type { TraceIndex } from './trace-index.ts'
import { type Item, type Type } from './types.ts'

/** One value; many = an array; null = nothing. Elements are numbers (trace-index.ts). */
export type Value = AttributeValue

/** How many values are kept: for the trace, and for each row of it. */
export type SlotCounts = { trace: number; row: number }

/** What the closures of one evaluation share. Owner: `evaluate`; closures write `it` and slots. */
export class Scope {
  readonly index: TraceIndex
  readonly budget: FeatureBudget
  readonly traceSlots: (Value | undefined)[]
  readonly rowSlots: (Value | undefined)[]
  row = 0
  /** The element at hand inside Filter, Map, MaxBy, MinBy. */
  it: Value = null

  constructor(index: TraceIndex, budget: FeatureBudget, slots: SlotCounts) {
    this.index = index
    this.budget = budget
    this.traceSlots = new Array<undefined>(slots.trace).fill(undefined)
    this.rowSlots = new Array<undefined>(slots.row).fill(undefined)
  }
}

export type Run = (scope: Scope) => Value

export type Node = {
  readonly id: number
  readonly type: Type
  /** Depends on the element at hand; on the row. */
  readonly usesIt: boolean
  readonly usesRow: boolean
  readonly depth: number
  /** Costs nothing to ask for: never kept. */
  readonly isLiteral: boolean
  readonly shape: Shape | undefined
  readonly inputs: readonly Node[]
  readonly build: (inputs: readonly Run[]) => Run
  /** How many steps read it, and whether one of them does so once an element. */
  useCount: number
  isInner: boolean
}

/** What a step is, where others look through it (choosing.ts). */
export type Shape =
  | { readonly of: 'literal'; readonly value: string | number | boolean }
  /** A field of the element at hand. */
  | { readonly of: 'field' }
  /** A field that is a text equals one. */
  | { readonly of: 'equal'; readonly field: Node; readonly text: string }
  | { readonly of: 'both'; readonly left: Node; readonly right: Node }

export type Step = {
  /** Equal for equal steps over equal inputs. */
  readonly key: string
  readonly type: Type
  readonly inputs?: readonly Node[]
  readonly usesIt?: boolean
  readonly usesRow?: boolean
  readonly isLiteral?: boolean
  readonly shape?: Shape
  readonly build: (inputs: readonly Run[]) => Run
}

/** The steps of one text. */
export class Steps {
  readonly #known = new Map<string, Node>()
  #isFull = false

  /** More distinct steps, or a longer chain of them, than a program may have. */
  get isFull(): boolean {
    return this.#isFull
  }

  add({ key, type, inputs = [], build, ...flags }: Step): Node {
    const whole = `${key}(${inputs.map(({ id }) => id).join()})`
    const known = this.#known.get(whole)
    if (known !== undefined) return known
    const depth = 1 + inputs.reduce((most, node) => Math.max(most, node.depth), 0)
    if (depth > FEATURE_DEPTH_MAX || this.#known.size >= FEATURE_NODES_MAX) this.#isFull = true
    for (const input of inputs) input.useCount += 1
    const node: Node = {
      id: this.#known.size,
      type,
      inputs,
      build,
      depth,
      usesIt: flags.usesIt ?? inputs.some((input) => input.usesIt),
      usesRow: flags.usesRow ?? inputs.some((input) => input.usesRow),
      isLiteral: flags.isLiteral ?? false,
      shape: flags.shape,
      useCount: 0,
      isInner: false,
    }
    this.#known.set(whole, node)
    return node
  }
}

/** Closures of nodes; a node that is asked for more than once remembers its value. */
export class Linker {
  readonly #runs = new Map<Node, Run>()
  readonly slots: SlotCounts = { trace: 0, row: 0 }

  link(node: Node): Run {
    const known = this.#runs.get(node)
    if (known !== undefined) return known
    const run = this.#keep(node, node.build(node.inputs.map((input) => this.link(input))))
    this.#runs.set(node, run)
    return run
  }

  #keep(node: Node, run: Run): Run {
    if (node.usesIt || node.isLiteral || (node.useCount < 2 && !node.isInner)) return run
    if (node.usesRow) {
      const slot = this.slots.row++
      return (scope) => {
        const known = scope.rowSlots[slot]
        if (known !== undefined) return known
        return (scope.rowSlots[slot] = run(scope))
      }
    }
    const slot = this.slots.trace++
    return (scope) => {
      const known = scope.traceSlots[slot]
      if (known !== undefined) return known
      return (scope.traceSlots[slot] = run(scope))
    }
  }
}

// What the checker has proven of a step's value. These are the only casts: from the language's types to ours.
export const elements = (run: Run) => run as (scope: Scope) => readonly number[] | null
export const numbers = elements
export const values = (run: Run) => run as (scope: Scope) => readonly Value[] | null
export const groupsOf = (run: Run) =>
  run as (scope: Scope) => Readonly<Record<string, readonly Value[]>> | null
export const element = (run: Run) => run as (scope: Scope) => number | null
export const number = element
/** The element at hand. */
export const asElement = (value: Value) => value as number

/** Of each value another one; nothing of nothing. Where there are many, those that have none are left out. */
export function mapped(apply: (scope: Scope, value: Value) => Value, isMany: boolean): Step['build'] {
  if (!isMany) {
    return ([input]) =>
      (scope) => {
        const value = input(scope)
        return value === null ? null : apply(scope, value)
      }
  }
  return ([run]) => {
    const input = values(run)
    return (scope) => {
      const all = input(scope)
      if (all === null) return null
      scope.budget.spend(all.length)
      const found: Value[] = []
      for (const value of all) {
        const made = apply(scope, value)
        if (made !== null) found.push(made)
      }
      return found
    }
  }
}

/** `inner` of an element. A run that gives up half-way leaves `it` behind, and nobody reads it then. */
export function within(scope: Scope, it: Value, inner: Run): Value {
  const outer = scope.it
  scope.it = it
  const made = inner(scope)
  scope.it = outer
  return made
}

export type ElementItem = Exclude<Item, 'number' | 'string' | 'boolean' | 'any'>
