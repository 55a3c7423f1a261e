// What a function of the language is, and what it is given when it is applied.

import type { Node, Steps } from './program.ts'
import type { Type } from './types.ts'

export type FunctionSpec = {
  readonly group: 'move' | 'choose' | 'measure' | 'fold' | 'compute'
  /** As it is written: `Filter(condition, ..)`. */
  readonly usage: string
  readonly says: string
  readonly takes: (input: Type) => boolean
  /** Of what it is, for the message when it is applied to something else. */
  readonly needs: string
  /** Undefined: an argument is wrong, and was reported. */
  readonly apply: (call: CheckedCall) => Node | undefined
}

/** One use of a function: its input is typed, its arguments are read by asking for them. */
export type CheckedCall = {
  readonly steps: Steps
  readonly input: Node
  /** The trace itself. */
  readonly trace: Node
  readonly argCount: number
  /** A bare word or a text. */
  nameArg(what: string, at?: number): string | undefined
  /** A literal number. */
  numberArg(): number | undefined
  /** All arguments, of an element: they must all hold. */
  condition(element: Type): Node | undefined
  /** A pipeline that begins at an element. */
  inner(element: Type): Node | undefined
  innerNumber(element: Type): Node | undefined
  /** A pipeline or literal that gives one value where the call itself stands: a number, or of this type. */
  operand(like?: Type): Node | undefined
  /** The input with attributes read as numbers. */
  numeric(): Node
  /** `a -> b`; null: it was left out. */
  range(): { readonly from: Node; readonly to: Node } | null | undefined
  /** Inputs of a step, and what it runs once an element. */
  over(
    inputs: readonly Node[],
    inner: readonly Node[],
  ): { readonly inputs: readonly Node[]; readonly usesIt: boolean; readonly usesRow: boolean }
  reject(message: string, suggestion?: string): void
}
