// The first byte of an atom says what it is; so a flat merge of atoms equals a merge of trees, field by
// field.
//
//   bit   7      6 5 4 3        2           1        0
//         1=hdr  15 - level     0=indexed   unused   TakeFirst    level 0 (a bag): F8 indexed, FC keyed
//                               1=keyed                  level 1 (a field): F0, F4 .. level 15: 80, 84
//         0 0 0 0 0 0 0 0 = data; then the payload
//
// Deeper headers sort before shallower ones and data before all of them: when one side of a merge leaves a
// node, the other's rest of that node sorts first and comes along.  Source: baggage contexts (EuroSys'18)
// section 5.3.

import { LEXVARINT_BYTES_MAX, writeLexUnsigned } from '#base'
import { BaggageError } from './error.ts'
import { LEVELS } from './limits.ts'

export const DATA = 0
export const KEYED = 4

/** The least first byte of a header at `level`; every byte >= it ends a node at that level or deeper. */
export function headerBase(level: number): number {
  return 0x80 | ((LEVELS - 1 - level) << 3)
}

/** Errors: E_BAGGAGE_DEPTH for the 17th level. */
export function checkLevel(level: number): void {
  if (level >= LEVELS) throw new BaggageError('E_BAGGAGE_DEPTH', `bags nest at most ${LEVELS} levels deep`)
}

/** Payload of an indexed header. */
export function indexPayload(index: number): Uint8Array {
  const out = new Uint8Array(LEXVARINT_BYTES_MAX)
  return out.slice(0, writeLexUnsigned(out, 0, index))
}

/** A header as an atom, without its length. */
export function headerAtom(level: number, type: 0 | typeof KEYED, payload: Uint8Array): Uint8Array {
  checkLevel(level)
  const atom = new Uint8Array(1 + payload.length)
  atom[0] = headerBase(level) | type
  atom.set(payload, 1)
  return atom
}
