// A function's body once more, with probes at lines: what a door compiles, and a guard hands invocations to.
//
//   async take(title) {                     (async function ($cc$p, title) { "use strict";
//     const book = this.#find(title)   ──►    const book = this.#find(title)
//     return book                             $cc$p(0, [book, this.#taken]); return book
//   }                                       })
//
// Parameters come in as the first call bound them, so nothing of its head is worked out twice; a method is
// a plain function that is called with its `this`. Functions inside keep their guards. A value is read where
// the line stands; a name that is not there yet is undefined. Names are identifiers that the file declares,
// and private fields, nothing else: no text of a query becomes code.

import type { Program } from 'acorn'
import { Edits } from './edits.ts'
import { boundNames, type FunctionShape, type ModuleShape, type StatementShape } from './functions.ts'
import { guard, guardedIn, MARK } from './transform.ts'

export type Probe = {
  /** Path of the function whose line it is: the one that is cloned, or one inside it. */
  readonly of: string
  /** 1-based: where a statement of that function itself begins. */
  readonly line: number
  /** `book`, `this.#taken`: what it is given, in this order. */
  readonly vars: readonly string[]
}

/** Called with the invocation's `this`, the probes' function and the parameters. */
export type CloneFunction = (this: unknown, at: ProbeFunction, ...args: readonly unknown[]) => unknown
export type ProbeFunction = (probe: number, values: readonly unknown[]) => void

/** By the place of a probe, why it is not there. */
export type Missed = ReadonlyMap<number, string>
export type CloneText = { readonly text: string; readonly missed: Missed } | { readonly reason: string }

/** Where it stands in the file as it was written. */
type LineOf = (line: number, column: number) => number

type Module = {
  readonly source: string
  readonly program: Program
  readonly shape: ModuleShape
  readonly lineOf: LineOf
}

/** Text of a CloneFunction; or why there is none. */
export function cloneText(
  { source, program, shape: { functions, classes }, lineOf }: Module,
  slot: number,
  probes: readonly Probe[],
): CloneText {
  const guarded = guardedIn(functions)
  const shape = guarded[slot]
  const refusal = refusalOf(shape)
  if (refusal !== undefined) return { reason: refusal }
  const fields = typeof shape.door === 'number' ? classes[shape.door].fields : []
  const around = [...moduleNames(program), ...fields.map((name) => `this.${name}`)]
  const edits = new Edits()
  const alone: StatementShape[] = []
  const missed = new Map<number, string>()
  for (const [i, { of, line, vars }] of probes.entries()) {
    const found = statementIn(chainTo(of, shape), { line, lineOf })
    if ('reason' in found) {
      missed.set(i, found.reason)
      continue
    }
    const { statement, locals } = found
    const names = new Set([...locals, ...around])
    const values = vars.map((name) => (names.has(name) ? `(()=>{try{return ${name}}catch{}})()` : 'void 0'))
    edits.insert(statement.start, `${statement.isAlone ? '{' : ''}${MARK}p(${i},[${values.join()}]);`)
    if (statement.isAlone) alone.push(statement)
  }
  const slots = new Map(guarded.map((one, i) => [one, i]))
  for (const child of shape.children) guard(child, { source, edits, slots })
  for (const { end } of alone) edits.insert(end, '}')
  const body = edits.applyTo(source.slice(0, shape.block.end)).slice(shape.block.start)
  return { text: `(${headText(shape)}${body.slice(1)})`, missed }
}

function refusalOf({ path, door, isRepeatable, isExpression }: FunctionShape): string | undefined {
  if (isExpression) return `${path} is a mere expression: it has no lines`
  if (door === undefined) return `no door reaches ${path}: it is made inside a block`
  if (!isRepeatable) return `${path} uses arguments, super, new.target, import() or its own name`
  return undefined
}

/** From the function down to the one of this path, which it holds; empty where it does not. */
function chainTo(path: string, shape: FunctionShape): readonly FunctionShape[] {
  if (shape.path === path) return [shape]
  const below = shape.children.map((child) => chainTo(path, child)).find((chain) => chain.length > 0)
  return below === undefined ? [] : [shape, ...below]
}

type Found =
  | { readonly statement: StatementShape; readonly locals: readonly string[] }
  | { readonly reason: string }

/** What a statement sees: the names of its function and of those around it. */
function statementIn(
  chain: readonly FunctionShape[],
  { line, lineOf }: { readonly line: number; readonly lineOf: LineOf },
): Found {
  const statements = chain.at(-1)?.statements ?? []
  const lines = statements.map((one) => lineOf(one.line, one.column))
  const at = lines.indexOf(line)
  if (at < 0) return { reason: noStatement(line, lines) }
  return { statement: statements[at], locals: chain.flatMap(({ locals }) => [...locals]) }
}

/** The brace is its last character. */
function headText({ isAsync, isGenerator, inClass, params }: FunctionShape): string {
  const kind = `${isAsync ? 'async ' : ''}function${isGenerator ? '*' : ''}`
  return `${kind}(${[`${MARK}p`, ...params].join()}){${inClass ? '"use strict";' : ''}`
}

function noStatement(line: number, lines: readonly number[]): string {
  const next = lines.filter((one) => one > line).toSorted((a, b) => a - b)[0]
  return `no statement begins in line ${line}${next === undefined ? '' : `; one does in line ${next}`}`
}

function moduleNames({ body }: Program): string[] {
  return body.flatMap((one) => {
    if (one.type === 'ImportDeclaration') return one.specifiers.map(({ local }) => local.name)
    const isExport = one.type === 'ExportNamedDeclaration' || one.type === 'ExportDefaultDeclaration'
    const declared = isExport ? one.declaration : one
    if (declared?.type === 'VariableDeclaration')
      return declared.declarations.flatMap(({ id }) => boundNames(id))
    if (declared?.type !== 'FunctionDeclaration' && declared?.type !== 'ClassDeclaration') return []
    return declared.id === null ? [] : [declared.id.name]
  })
}
