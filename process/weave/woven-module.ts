// One module that runs woven: its doors, its slots, and its text, to look at a function once more.
//
//   new(door of the module) ── open(door of a class) ..       clone(slot, probes) ──► parse ──► door
//
// The tree is not kept: a module is parsed again when somebody asks for a line of it, some ms for 100 kB.

import { cloneText, type CloneFunction, type Missed, type Probe } from './clone.ts'
import { shapeOf } from './functions.ts'
import { CLONES_MAX } from './limits.ts'
import type { Original } from './original.ts'
import type * as Parser from './parser.ts'
import type { Hook } from './sites.ts'
import { guardedIn } from './transform.ts'

export type Door = (code: string) => unknown

/** What was handed to the parser, how, and what it was made of. */
export type ModuleText = {
  readonly label: string
  readonly url: string
  readonly source: string
  /** Of what was loaded, before types were taken off: 16 hexadecimal digits of its SHA-256. */
  readonly hash: string
  readonly type: Parser.SourceType
  readonly original: Original
}

/** A function that sees lines, but for those missed; or why there is none. */
export type Clone = { readonly run: CloneFunction; readonly missed: Missed } | { readonly reason: string }

/** What the first statement of a woven module publishes, and each class that hides names. */
export type Registration = {
  readonly id: number
  /** -1: the module's. */
  readonly class: number
  readonly door: Door
  /** A slot is a variable of the module. */
  set(slot: number, hook: Hook | undefined): void
}

type Parse = (source: string, type: Parser.SourceType) => Parser.Program

/** Owned by the sites of one weave. */
export class WovenModule {
  readonly text: ModuleText
  readonly #parse: Parse
  readonly #doors = new Map<number, Door>()
  readonly #clones = new Map<string, Clone>()
  readonly set: Registration['set']

  constructor(text: ModuleText, parse: Parse, first: Registration) {
    this.text = text
    this.#parse = parse
    this.set = first.set
    this.open(first)
  }

  open({ class: of, door }: Registration): void {
    this.#doors.set(of, door)
  }

  isOpen(door: number): boolean {
    return this.#doors.has(door)
  }

  clone(slot: number, probes: readonly Probe[]): Clone {
    const key = JSON.stringify([slot, probes])
    const clone = this.#clones.get(key) ?? this.#compile(slot, probes)
    if (this.#clones.size >= CLONES_MAX) this.#clones.clear()
    this.#clones.set(key, clone)
    return clone
  }

  /** Reads a private field of an instance; undefined where this function's class has none of that name. */
  field(slot: number, name: string): ((holder: unknown) => unknown) | undefined {
    const { shape } = this.#shape()
    const { door } = guardedIn(shape.functions)[slot]
    if (typeof door !== 'number' || !shape.classes[door].fields.includes(name)) return undefined
    const read = this.#evaluate(door, `(o)=>{try{return o.${name}}catch{}}`)
    return typeof read === 'function' ? (read as (holder: unknown) => unknown) : undefined
  }

  #compile(slot: number, probes: readonly Probe[]): Clone {
    const { program, shape } = this.#shape()
    const { source, original, url } = this.text
    const made = cloneText(
      { source, program, shape, lineOf: (line, column) => original.at(line, column).line },
      slot,
      probes,
    )
    if ('reason' in made) return made
    const { door, lines } = guardedIn(shape.functions)[slot]
    // Its lines in a stack trace are those of the file.
    const text = `${'\n'.repeat(lines.first - 1)}${made.text}\n//# sourceURL=${url}`
    const run = this.#evaluate(typeof door === 'number' ? door : -1, text)
    return typeof run === 'function'
      ? { run: run as CloneFunction, missed: made.missed }
      : { reason: String(run) }
  }

  /** An error is its value: code generation may be disallowed, a library may have renamed its own text. */
  #evaluate(of: number, text: string): unknown {
    try {
      return this.#doors.get(of)?.(text) ?? 'its class is not made yet'
    } catch (error: unknown) {
      return error instanceof EvalError ? NO_CODE : `it does not compile alone: ${String(error)}`
    }
  }

  #shape() {
    const program = this.#parse(this.text.source, this.text.type)
    return { program, shape: shapeOf(program) }
  }
}

const NO_CODE =
  'code generation from strings is disallowed in this process: no line and no private field is seen'
