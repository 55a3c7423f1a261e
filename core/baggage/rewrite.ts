// Replaces one node of a baggage and leaves every other byte as it is.
//
//   [ bags before | F80A  F001  <contents>  ... | bags after ]        path = F80A F001: only <contents> changes
//   missing headers are put where they sort; a node left without contents loses its header
//
// When the first trim marker stood inside what is replaced, its path of headers and the marker are merged back in: what was lost
// stays known as lost.

import { assert } from '#base'
import { ownedOf, withOwned, type Baggage } from './baggage.ts'
import { findChild, firstMarker, type Found, type Region } from './cursor.ts'
import { headerBase } from './header.ts'
import { encodeAtoms, mergeTwo, NO_BYTES } from './wire.ts'
import type { TreeWriter } from './writer.ts'

/** Writes the new contents; `previous` is what stood there. Nothing written = the node goes. */
export type Edit = (writer: TreeWriter, previous: Region | undefined) => void

/** `path`: header atoms from level 0 on. */
export function rewriteNode(writer: TreeWriter, baggage: Baggage, path: readonly Uint8Array[], edit: Edit): Baggage {
  const bytes = baggage.encode()
  let region: Region = { bytes, start: 0, end: bytes.length }
  let depth = 0
  let found: Found = { isFound: true, at: 0, start: 0, end: bytes.length }
  while (depth < path.length) {
    found = findChild(region, path[depth], headerBase(depth))
    if (!found.isFound) break
    region = { bytes, start: found.start, end: found.end }
    depth++
  }
  writer.reset(ownedOf(baggage))
  // The last header found is written again together with its contents, so that both can go.
  const kept = found.isFound ? depth - 1 : depth
  for (let i = kept; i < path.length; i++) writeHeader(writer, path[i])
  const headersEnd = writer.length
  edit(writer, found.isFound ? region : undefined)
  if (writer.length === headersEnd) writer.length = 0
  const spliced = writer.splice(bytes, found.at, found.end)
  return withOwned(keepMarker(bytes, spliced, found), writer.owned)
}

function writeHeader(writer: TreeWriter, header: Uint8Array): void {
  assert(header.length > 0, 'a header has a first byte')
  const at = writer.length
  writer.byte(0)
  writer.raw(header)
  writer.closeAtom(at)
}

function keepMarker(before: Uint8Array, after: Uint8Array, replaced: Found): Uint8Array {
  if (!hasMarkerIn(before, replaced)) return after
  const marker = firstMarker(before)
  if (marker === undefined || marker.at < replaced.at || marker.at >= replaced.end) return after
  return mergeTwo(after, encodeAtoms([...marker.path, NO_BYTES]))
}

/** Cheap first look: a marker is a length of 0, so a stretch without any zero byte has none. */
function hasMarkerIn(bytes: Uint8Array, { at, end }: Found): boolean {
  for (let i = at; i < end; i++) if (bytes[i] === 0) return true
  return false
}
