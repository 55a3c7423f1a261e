// A module's text with a door and guards in it.
//
//   "use strict"; var $cc$ = {door}; publish; $cc$ = its slots;     first statement of the module
//   { let $cc$e = slots[n]; if (..) $cc$e = $cc$e(this, [a, b]); try { body
//       return x    ->   { const $cc$v = (0, x); if (..) $cc$e.value = $cc$v; return $cc$v }
//   } catch ($cc$x) { .. throw $cc$x } finally { .. exit() } }
//
// `var`: hoisted functions that run before the first statement find undefined, not a dead zone. `(0, x)`: a
// function that is returned does not get the name of our variable. An async function waits for the value
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
  edits.insert(at, doorText(door))
  const guarded: FunctionShape[] = []
  for (const shape of module.functions) guard(shape, source, { edits, guarded })
  return guarded.length === 0 ? undefined : { text: edits.applyTo(source), guarded }
}

function doorText({ channel, id }: { readonly channel: string; readonly id: number }): string {
  const diagnostics = `globalThis.process.getBuiltinModule('node:diagnostics_channel')`
  return (
    `var ${MARK}={id:${id},door:c=>eval(c),slots:void 0};` +
    `${diagnostics}.channel('${channel}').publish(${MARK});${MARK}=${MARK}.slots;`
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
    `let ${e}=typeof ${MARK}==='object'?${MARK}[${slot}]:void 0;` +
    `if(${e}!==void 0)${e}=${e}(${self},[${shape.params.join()}]);try{`
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
