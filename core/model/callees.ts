// Whom a call went to, also where the callee has told nothing: of services without data what there is, is
// inferred from those that called them (Canopy 4.2).
//
//   client, producer   whose spans hang below it, or were handed something by it: their service
//                      else by its own attributes: peer.service, database, queue, rpc service, address
//
// Source of the attributes: OpenTelemetry's semantic conventions, the older names behind the newer ones.

import type { Attributes } from '#protocol'
import { ownAttribute as own } from './annotations.ts'
import type { Trace } from './trace.ts'

/** One entry a block; undefined: it called nobody, or nothing says whom. Cost: O(blocks + edges). */
export function calleesOf({ blocks, edges }: Trace): readonly (string | undefined)[] {
  const callees: (string | undefined)[] = blocks.map(() => undefined)
  const answer = (call: number, by: number): void => {
    const { kind, unit } = blocks[call]
    if ((kind === 'client' || kind === 'producer') && blocks[by].unit !== unit)
      callees[call] ??= blocks[by].service
  }
  for (const { index, parent } of blocks) if (parent !== -1) answer(parent, index)
  for (const { kind, from, to } of edges)
    if (from !== undefined && kind === 'queue') answer(from.block, to.block)
  for (const { index, kind, span } of blocks)
    if (kind === 'client' || kind === 'producer') callees[index] ??= namedBy(span.attributes)
  return callees
}

/**
 * What a call says of its callee: the first that is there, and a part of it, each under its newer and its
 * older name. The service graph reads them the same way.
 */
export const CALLEE_ATTRIBUTES: readonly {
  readonly whole: readonly string[]
  readonly part?: readonly string[]
}[] = [
  { whole: ['peer.service', 'service.peer.name'] },
  { whole: ['db.system.name', 'db.system'], part: ['db.namespace', 'db.name'] },
  { whole: ['messaging.system'], part: ['messaging.destination.name', 'messaging.destination'] },
  { whole: ['rpc.service'] },
  { whole: ['server.address', 'net.peer.name'] },
]

function namedBy(attributes: Attributes): string | undefined {
  for (const { whole, part = [] } of CALLEE_ATTRIBUTES) {
    const name = firstText(attributes, whole)
    if (name === undefined) continue
    const of = firstText(attributes, part)
    return of === undefined ? name : `${name}/${of}`
  }
  return undefined
}

function firstText(attributes: Attributes, keys: readonly string[]): string | undefined {
  for (const key of keys) {
    const value = own(attributes, key)
    if (typeof value === 'string' && value !== '') return value
  }
  return undefined
}
