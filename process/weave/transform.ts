// A module's text with a door and guards in it.
//
//   "use strict"; var $cc$0, $cc$1, ..; publish({ id, door, set })     first statement of the module
//   { let $cc$e; if (typeof $cc$0 === 'function') $cc$e = $cc$0(this, [a, b]); try { body
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
import type { FunctionShape, ReturnShape } from './functions.ts'

/** Anything of ours in a module begins with this. */
export const MARK = '$cc$'

export type Woven = { readonly text: string; readonly guarded: readonly FunctionShape[] }

/** `guarded[i]` looks at slot i; `channel` takes the door. Undefined: nothing to weave. */
export function weaveText(
  source: string,
  module: { readonly program: Program; readonly functions: readonly FunctionShape[] },
  door: { readonly channel: string; readonly id: number },
): Woven | undefined {
  const at = firstStatement(module.program)
  if (at === undefined) return undefined
  const edits = new Edits()
  const guarded: FunctionShape[] = []
  for (const shape of module.functions) guard(shape, source, { edits, guarded })
  edits.insertFirst(at, doorText(door, guarded.length))
  return guarded.length === 0 ? undefined : { text: edits.applyTo(source), guarded }
}

function doorText({ channel, id }: { readonly channel: string; readonly id: number }, slots: number): string {
  const names = Array.from({ length: slots }, (_, i) => `${MARK}${i}`)
  const cases = names.map((name, i) => `case ${i}:${name}=h;break;`).join('')
  const diagnostics = `globalThis.process.getBuiltinModule('node:diagnostics_channel')`
  return (
    `var ${names.join()};${diagnostics}.channel('${channel}')` +
    `.publish({id:${id},door:c=>eval(c),set:(i,h)=>{switch(i){${cases}}}});`
  )
}

/** Behind directives, which must stay first. */
function firstStatement({ body }: Program): number | undefined {
  return body.find((one) => !('directive' in one) || one.directive === undefined)?.start
}

type Into = { readonly edits: Edits; readonly guarded: FunctionShape[] }

function guard(shape: FunctionShape, source: string, into: Into): void {
  const { edits, guarded } = into
  const slot = shape.isGuarded ? guarded.push(shape) - 1 : undefined
  if (slot !== undefined) edits.insert(shape.body.start, beginText(shape, slot))
  for (const child of shape.children) guard(child, source, into)
  if (slot === undefined) return
  for (const one of shape.returns) returning(one, shape, { source, edits })
  edits.insert(shape.body.end, endText(shape))
}

function beginText(shape: FunctionShape, slot: number): string {
  const self = shape.hasThis ? 'this' : 'void 0'
  const e = `${MARK}e`
  const enter =
    `let ${e};if(typeof ${MARK}${slot}==='function')` +
    `${e}=${MARK}${slot}(${self},[${shape.params.join()}]);try{`
  return shape.isExpression ? `{${enter}${keepText(shape)}(0,` : `;${enter}`
}

function endText(shape: FunctionShape): string {
  const e = `${MARK}e`
  const x = `${MARK}x`
  const leave = `}catch(${x}){if(${e}!==void 0)${e}.error(${x});throw ${x}}finally{if(${e}!==void 0)${e}.exit()}`
  return shape.isExpression ? `);${handOver(shape)}${leave}}` : leave
}

function returning(
  one: ReturnShape,
  shape: FunctionShape,
  { source, edits }: { readonly source: string; readonly edits: Edits },
): void {
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
