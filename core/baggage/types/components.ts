// Components: one count for each branch that ever counted, so that a merge can take the larger of each and
// nothing is lost or counted twice.
//
//   F001 | EC <id of 8 bytes> | 00 ~count | EC <id> | 00 ~count    reverse lexvarint: largest sorts first
//
// OWNERSHIP BY VALUE. JavaScript forks without telling: the same immutable value may go on in two executions.
// So a component has an owner record in memory ({ id, newest }) that travels with the values; it may be
// extended only from a value that shows its newest count, and extending moves `newest` on. Of two branches
// that hold the same value the first to count extends, the other sees an old count and begins a component of
// its own. Decoded values have no records: they own nothing.
//
//   a = {X: 5}, newest(X) = 5
//   a + 1        -> {X: 6}, newest(X) = 6
//   a + 1 again  -> {X: 5, Y: 1}: X shows 5, its newest is 6
//
// So components grow with the width of the execution, never with the number of increments.
// Source: baggage contexts (EuroSys'18) section 5.6; ids there were 4 bytes of a generator seeded by time.

import { compareBytes, equalBytes, readLexUnsigned, readLexUnsignedNumber } from '#base'
import { BaggageError } from '../error.ts'
import { childrenOf, Cursor, PAST_END, type Region } from '../cursor.ts'
import { DATA, headerBase, KEYED } from '../header.ts'
import { COMPONENT_ID_BYTES, OWNED_COMPONENTS_MAX } from '../limits.ts'
import type { TreeWriter } from '../writer.ts'
import { UINT64_MAX } from './integers.ts'

export type Component = { readonly id: Uint8Array; readonly count: bigint }

/**
 * Those below a node with its header at `level`. Without any data, a key is no component: its count was
 * trimmed away.
 */
export function readComponents(region: Region, level: number): Component[] {
  const base = headerBase(level + 1)
  const components: Component[] = []
  for (const child of childrenOf(region, base)) {
    if (child.first !== (base | KEYED)) continue
    const count = readCount(new Cursor(region.bytes, child.start, child.end))
    if (count !== undefined)
      components.push({ id: region.bytes.slice(child.payload + 1, child.start), count: BigInt(count) })
  }
  return components
}

/** The sum, without making objects of components; undefined when there are none. Leaves the node. */
export function readSum(cursor: Cursor, level: number): bigint | undefined {
  const base = headerBase(level)
  const keyed = headerBase(level + 1) | KEYED
  let sum: bigint | undefined
  while (cursor.first !== PAST_END && cursor.first < base) {
    const isKey = cursor.first === keyed
    cursor.advance()
    if (!isKey) continue
    const count = readCount(cursor)
    if (count !== undefined) sum = (sum ?? 0n) + BigInt(count)
  }
  return sum
}

/** The largest = first count of a component; leaves its data. */
function readCount(cursor: Cursor): number | bigint | undefined {
  let count: number | bigint | undefined
  for (; cursor.first !== PAST_END && cursor.first < 0x80; cursor.advance()) {
    if (count !== undefined || cursor.first !== DATA) continue
    const { bytes, payload, next } = cursor
    const wide = readLexUnsigned(bytes, payload + 1, next, 0xff)
    if (wide?.end === next) count = readLexUnsignedNumber(bytes, payload + 1, next, 0xff) ?? wide.value
  }
  return count
}

/** In byte order of their ids; those without a count are left out. */
export function writeComponents(writer: TreeWriter, components: readonly Component[], level: number): void {
  for (const { id, count } of [...components].sort((a, b) => compareBytes(a.id, b.id))) {
    if (count === 0n) continue
    writer.header(level + 1, KEYED, id)
    const at = writer.openData()
    writer.lexUnsigned(count, 0xff)
    writer.closeAtom(at)
  }
}

/** The components with `by` > 0 more: in one that is ours and shows its newest count, else in a new one. */
export function addTo(writer: TreeWriter, components: readonly Component[], by: bigint): Component[] {
  for (const [i, component] of components.entries()) {
    const record = ownRecord(writer, component)
    if (record === undefined) continue
    const count = checkCount(component.count + by)
    record.newest = count
    return components.with(i, { id: component.id, count })
  }
  return [...components, begin(writer, checkCount(by))]
}

/**
 * One component with the sum of all: only where every other branch that counts here has ended and no value
 * that holds the absorbed components will be joined again; else what is absorbed counts twice. Records of
 * absorbed ones are closed.
 */
export function fold(writer: TreeWriter, components: readonly Component[]): Component[] {
  if (components.length < 2) return [...components]
  const sum = checkCount(components.reduce((total, component) => total + component.count, 0n))
  const survivor = components.find((component) => ownRecord(writer, component) !== undefined)
  for (const component of components) {
    const record = ownRecord(writer, component)
    if (record !== undefined) record.newest = component === survivor ? sum : CLOSED
  }
  return [survivor === undefined ? begin(writer, sum) : { id: survivor.id, count: sum }]
}

/** No value shows a negative count, so nobody extends this component again. */
const CLOSED = -1n

function ownRecord(writer: TreeWriter, { id, count }: Component) {
  return writer.owned?.find((owned) => owned.newest === count && equalBytes(owned.id, id))
}

function begin(writer: TreeWriter, count: bigint): Component {
  const id = new Uint8Array(COMPONENT_ID_BYTES)
  writer.ports.random.fill(id)
  writer.owned = [...(writer.owned ?? []), { id, newest: count }].slice(-OWNED_COMPONENTS_MAX)
  return { id, count }
}

function checkCount(count: bigint): bigint {
  if (count > UINT64_MAX)
    throw new BaggageError('E_BAGGAGE_VALUE', 'a counter component holds at most 2^64 - 1')
  return count
}
