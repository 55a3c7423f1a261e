// A module's text with a door and guards in it.
//
//   "use strict"; var $cc$0, $cc$1, .., $cc$d; publish({ id, door, set })     first statement of the module
//   class A { static { $cc$d?.(0, c => eval(c)) }                              where it hides names
//   { let $cc$e; try { if ($cc$0 && ($cc$e = $cc$0(this, [a, b]))?.clone) return $cc$e.value = $cc$e.clone()
//       body
//       return x  ->  { const $cc$v = (0, x); if (..) $cc$e.value = $cc$v; return $cc$v }
//   } catch ($cc$x) { .. throw $cc$x } finally { .. exit() } }
//
// A slot is a variable of the module: an array of slots costs twice as much asleep (bench/weave.bench.ts).
// `var`: hoisted functions that run before the first statement find undefined, not a dead zone; `typeof`: a
// function that was sent elsewhere as text finds nothing. `(0, x)`: a function that is returned does not get
// the name of our variable. An async function waits for the value
// while somebody looks, so that its exit is when it settles.

import type { Program } from 'acorn'
import { Edits } from './edits.ts'
import { isDirective, type FunctionShape, type ModuleShape, type ReturnShape } from './functions.ts'

/** Anything of ours in a module begins with this. */
export const MARK = '$cc$'

export type Woven = {
  readonly text: string
  /** Slot i is that of `guarded[i]`. */
  readonly guarded: readonly FunctionShape[]
}

type Module = { readonly program: Program; readonly shape: ModuleShape }

/** `channel` takes the door. Undefined: nothing to weave. */
export function weaveText(
  source: string,
  { program, shape }: Module,
  door: { readonly channel: string; readonly id: number },
): Woven | undefined {
  const at = program.body.find((one) => !isDirective(one))?.start
  const guarded = guardedIn(shape.functions)
  if (at === undefined || guarded.length === 0) return undefined
  const edits = new Edits()
  const slots = new Map(guarded.map((one, slot) => [one, slot]))
  for (const one of shape.functions) guard(one, { source, edits, slots })
  for (const [i, one] of shape.classes.entries()) edits.insert(one.at, classDoorText(i))
  edits.insertFirst(at, doorText(door, guarded.length))
  return { text: edits.applyTo(source), guarded }
}

/** Outer before inner, in the order of their slots. */
export function guardedIn(functions: readonly FunctionShape[]): readonly FunctionShape[] {
  return functions.flatMap((one) => [...(one.isGuarded ? [one] : []), ...guardedIn(one.children)])
}

function doorText({ channel, id }: { readonly channel: string; readonly id: number }, slots: number): string {
  const names = Array.from({ length: slots }, (_, i) => `${MARK}${i}`)
  const cases = names.map((name, i) => `case ${i}:${name}=h;break;`).join('')
  return (
    `var ${names.join()},${MARK}d=(i,d)=>globalThis.process.getBuiltinModule('node:diagnostics_channel')` +
    `.channel('${channel}').publish({id:${id},class:i,door:d,` +
    `set:(i,h)=>{switch(i){${cases}}}});${MARK}d(-1,c=>eval(c));`
  )
}

/** A class that was sent elsewhere as text finds no `$cc$d`. */
const classDoorText = (i: number): string =>
  `static{if(typeof ${MARK}d==='function')${MARK}d(${i},c=>eval(c))}`

type Into = {
  readonly source: string
  readonly edits: Edits
  readonly slots: ReadonlyMap<FunctionShape, number>
}

/** The function and those in it. */
export function guard(shape: FunctionShape, into: Into): void {
  const { edits, slots } = into
  const slot = slots.get(shape)
  if (slot !== undefined) edits.insert(shape.body.start, beginText(shape, slot))
  for (const child of shape.children) guard(child, into)
  if (slot === undefined) return
  for (const one of shape.returns) returning(one, shape, into)
  edits.insert(shape.body.end, endText(shape))
}

function beginText(shape: FunctionShape, slot: number): string {
  const e = `${MARK}e`
  const self = shape.hasThis ? 'this' : 'void 0'
  const hooked = `(${e}=${MARK}${slot}(${self},[${shape.params.join()}]))`
  const clone = `${shape.isGenerator ? 'yield* ' : ''}${e}.clone()`
  const enter =
    `let ${e};try{if(typeof ${MARK}${slot}==='function'&&${hooked}!==void 0&&${e}.clone!==void 0)` +
    `{${keepText(shape)}${clone};${handOver(shape)}}`
  return shape.isExpression ? `{${enter}${keepText(shape)}(0,` : `;${enter}`
}

function endText(shape: FunctionShape): string {
  const e = `${MARK}e`
  const x = `${MARK}x`
  const leave = `}catch(${x}){if(${e}!==void 0)${e}.error(${x});throw ${x}}finally{if(${e}!==void 0)${e}.exit()}`
  return shape.isExpression ? `);${handOver(shape)}${leave}}` : leave
}

function returning(one: ReturnShape, shape: FunctionShape, { source, edits }: Into): void {
  if (one.argument === undefined) return
  edits.replace(one.start, 'return'.length, `{${keepText(shape)}(0,`)
  edits.insert(one.argument.end, `);${handOver(shape)}}`)
  if (source[one.end - 1] === ';') edits.replace(one.end - 1, 1, '')
}

const keepText = ({ isAsync }: FunctionShape): string => `${isAsync ? 'let' : 'const'} ${MARK}v=`

function handOver({ isAsync }: FunctionShape): string {
  const settled = isAsync ? `${MARK}v=await ${MARK}v` : `${MARK}v`
  return `if(${MARK}e!==void 0)${MARK}e.value=${settled};return ${MARK}v`
}
