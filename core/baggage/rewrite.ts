// Replaces one node of a baggage and leaves every other byte as it is.
//
//   [ bags before | F80A  F001  <contents>  ... | bags after ]    path = F80A F001: only <contents> changes
//   missing headers are put where they sort; a node left without contents loses its header
//
// When the first trim marker stood inside what is replaced, its path of headers and the marker are merged
// back in: what was lost stays known as lost.

import { assert } from '#base'
import { ownedOf, rewritten, type Baggage } from './baggage.ts'
import { findChild, firstMarker, type Found, type Region } from './cursor.ts'
import { headerBase } from './header.ts'
import { encodeAtoms, mergeTwo, NO_BYTES } from './wire.ts'
import type { TreeWriter } from './writer.ts'

/**
 * Writes the new contents out of `value`; `previous` is what stood there. Nothing written = the node goes.
 */
export type Edit<T> = (writer: TreeWriter, previous: Region | undefined, value: T) => void

/**
 * `path`: header atoms from level 0 on. `value` is handed to `edit`, so that a caller can make its edit once.
 */
export function rewriteNode<T>(
  writer: TreeWriter,
  baggage: Baggage,
  path: readonly Uint8Array[],
  edit: Edit<T>,
  value: T,
): Baggage {
  const bytes = baggage.encode()
  let region: Region = { bytes, start: 0, end: bytes.length }
  let found = findChild(region, path[0], headerBase(0))
  let depth = 0
  while (found.isFound && ++depth < path.length) {
    region = { bytes, start: found.start, end: found.end }
    found = findChild(region, path[depth], headerBase(depth))
  }
  writer.begin(ownedOf(baggage))
  writer.raw(bytes, 0, found.at)
  const headersStart = writer.length
  // The last header found is written again together with its contents, so that both can go.
  for (let i = found.isFound ? path.length - 1 : depth; i < path.length; i++) writeHeader(writer, path[i])
  const headersEnd = writer.length
  edit(writer, found.isFound ? { bytes, start: found.start, end: found.end } : undefined, value)
  if (writer.length === headersEnd) writer.length = headersStart
  writer.raw(bytes, found.end, bytes.length)
  const written = writer.finish()
  const kept = found.hasMarkerBefore ? keepMarker(bytes, written, found) : written
  return rewritten(baggage, kept, writer.owned)
}

function writeHeader(writer: TreeWriter, header: Uint8Array): void {
  assert(header.length > 0, 'a header has a first byte')
  const at = writer.length
  writer.byte(0)
  writer.raw(header)
  writer.closeAtom(at)
}

function keepMarker(before: Uint8Array, after: Uint8Array, replaced: Found): Uint8Array {
  const marker = firstMarker(before)
  if (marker === undefined || marker.at < replaced.at || marker.at >= replaced.end) return after
  return mergeTwo(after, encodeAtoms([...marker.path, NO_BYTES]))
}
