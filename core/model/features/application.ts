// One use of a function while it is checked: it reads its arguments by asking for them, and knows which were
// read, so that one too many is told.

import type { Range, Reporter } from '#base'
import { commonKind, toNumber } from './conditions.ts'
import { FUNCTIONS } from './functions.ts'
import { mapped, type Node, type Steps } from './program.ts'
import type { CheckedCall } from './spec.ts'
import type { Arg, Call, Expr } from './syntax.ts'
import { one, printType, type Type } from './types.ts'

/** What stands at the cursor of an editor. */
export type CursorPlace =
  | { readonly at: 'stage'; readonly input: Type }
  | { readonly at: 'head'; readonly it: Type; readonly isInner: boolean }
  | { readonly at: 'name'; readonly what: string; readonly input: Type }

/** A name that stands for the cursor, and who wants to know what it is found at. */
export type Cursor = { readonly name: string; readonly found: (place: CursorPlace) => void }

/** What the checker does for an application, where that stands. */
export type Tools = {
  readonly steps: Steps
  readonly report: Reporter
  readonly cursor: Cursor | undefined
  readonly check: (expr: Expr) => Node | undefined
  readonly checkInner: (expr: Expr, element: Type) => Node | undefined
  readonly truth: (node: Node | undefined, range: Range) => Node | undefined
  readonly both: (left: Node, right: Node) => Node
}

export class Application implements CheckedCall {
  readonly steps: Steps
  readonly input: Node
  readonly trace: Node
  readonly #tools: Tools
  readonly #call: Call
  #read = 0
  isRejected = false

  constructor(tools: Tools, input: Node, trace: Node, call: Call) {
    this.steps = tools.steps
    this.input = input
    this.trace = trace
    this.#tools = tools
    this.#call = call
  }

  get argCount(): number {
    return this.#call.args.length
  }

  reject(message: string, suggestion?: string): void {
    this.isRejected = true
    this.#tools.report.error(this.#call, message, suggestion === undefined ? {} : { suggestion })
  }

  rejectExtra(): void {
    if (this.isRejected || this.#call.args.length <= this.#read) return
    const { text } = this.#call.fn
    const usage = FUNCTIONS.get(text)?.usage
    this.reject(
      this.#read === 0 ? `${text} takes no arguments` : `${text} takes ${this.#read} argument, not more`,
      usage,
    )
  }

  #arg(at: number, what: string): Arg | undefined {
    this.#read = Math.max(this.#read, at + 1)
    const arg = this.#call.args[at]
    if (arg === undefined) {
      const { text } = this.#call.fn
      this.reject(
        `${text} needs ${what}`,
        FUNCTIONS.get(text)?.usage ?? `${text}("${what.replace(/^an? /, '')}")`,
      )
    }
    return arg
  }

  nameArg(what: string, at = 0): string | undefined {
    const arg = this.#arg(at, what)
    if (arg === undefined) return undefined
    if (arg.kind === 'literal' && typeof arg.value === 'string') {
      if (arg.value !== '') return arg.value
    } else if (arg.kind === 'head' && !arg.call.hasArgs) {
      const { text } = arg.call.fn
      const { cursor } = this.#tools
      if (text !== cursor?.name) return text
      cursor.found({ at: 'name', what, input: this.input.type })
      return undefined
    }
    this.reject(`${this.#call.fn.text} needs ${what}: a word, or a text in quotes`)
    return undefined
  }

  numberArg(): number | undefined {
    const arg = this.#arg(0, 'a number')
    if (arg === undefined) return undefined
    if (arg.kind === 'literal' && typeof arg.value === 'number') return arg.value
    this.reject(`${this.#call.fn.text} needs a number`)
    return undefined
  }

  condition(element: Type): Node | undefined {
    if (this.#arg(0, 'a condition') === undefined) return undefined
    this.#read = this.#call.args.length
    let all: Node | undefined
    for (const arg of this.#call.args) {
      if (arg.kind === 'range') {
        this.reject('a condition is a comparison, not a way from one point to another')
        continue
      }
      const one = this.#tools.truth(this.#tools.checkInner(arg, element), arg)
      if (one === undefined) this.isRejected = true
      else all = all === undefined ? one : this.#tools.both(all, one)
    }
    return this.isRejected ? undefined : all
  }

  inner(element: Type): Node | undefined {
    const arg = this.#arg(0, 'a pipeline')
    if (arg === undefined || arg.kind === 'range') return undefined
    return this.#tools.checkInner(arg, element)
  }

  innerNumber(element: Type): Node | undefined {
    const node = this.inner(element)
    return node && this.#oneNumber(node)
  }

  operand(like: Type = one('number')): Node | undefined {
    const arg = this.#arg(0, 'a number or a pipeline')
    if (arg === undefined) return undefined
    if (arg.kind === 'range') {
      this.reject(`${this.#call.fn.text} needs one value`)
      return undefined
    }
    const node = this.#tools.check(arg)
    if (node === undefined) return undefined
    if (like.item === 'number') return this.#oneNumber(node)
    if (!node.type.isMany && commonKind(like.item, node.type.item) !== undefined) return node
    this.reject(
      `${this.#call.fn.text} needs ${printType({ ...like, isMany: false })}; this is ${printType(node.type)}`,
    )
    return undefined
  }

  #oneNumber(node: Node): Node | undefined {
    const { item, isMany } = node.type
    if (!isMany && item === 'number') return node
    if (!isMany && item === 'any') return asNumber(this.steps, node)
    this.reject(
      `${this.#call.fn.text} needs one number; this is ${printType(node.type)}`,
      isMany ? '| Sum, | First, ..' : '| Duration, | Timestamp, | Counter(name)',
    )
    return undefined
  }

  numeric(): Node {
    return this.input.type.item === 'any' ? asNumber(this.steps, this.input) : this.input
  }

  range(): { from: Node; to: Node } | null | undefined {
    const { args } = this.#call
    if (args.length === 0) return null
    const arg = this.#arg(0, 'a range')
    if (arg === undefined) return undefined
    if (arg.kind !== 'range') {
      if (this.#tools.cursor !== undefined) this.#tools.check(arg)
      this.reject(`${this.#call.fn.text} needs two places`, `${this.#call.fn.text}(Begin -> Done)`)
      return undefined
    }
    const from = this.#place(arg.from)
    const to = this.#place(arg.to)
    return from && to && { from, to }
  }

  #place(expr: Expr): Node | undefined {
    const node = this.#tools.check(expr)
    if (node === undefined) return undefined
    const { item, isMany } = node.type
    if (!isMany && ['point', 'block', 'unit', 'trace'].includes(item)) return node
    this.#tools.report.error(
      expr,
      `a path goes between points, blocks or units; this is ${printType(node.type)}`,
      {
        ...(isMany ? { suggestion: '| First' } : {}),
      },
    )
    return undefined
  }

  over(inputs: readonly Node[], inner: readonly Node[]): ReturnType<CheckedCall['over']> {
    for (const node of inner) markInner(node)
    const all = [...inputs, ...inner]
    return {
      inputs: all,
      usesIt: inputs.some(({ usesIt }) => usesIt),
      usesRow: all.some(({ usesRow }) => usesRow),
    }
  }
}

/** Once an element is often: what does not depend on it is kept. */
function markInner(node: Node): void {
  node.isInner = true
  if (node.usesIt) for (const input of node.inputs) if (!input.isInner) markInner(input)
}

function asNumber(steps: Steps, input: Node): Node {
  const { isMany } = input.type
  return steps.add({
    key: 'number',
    type: { ...one('number'), isMany },
    inputs: [input],
    build: mapped((_, value) => toNumber(value) ?? null, isMany),
  })
}
