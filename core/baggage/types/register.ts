// first<T> and last<T>: the value of the first or last write, ordered by hybrid logical clock and never
// against causality.
//
//   first   00 | stamp          | value      smallest stamp sorts first
//   last    00 | ~stamp         | value      largest stamp sorts first; equal stamps: smaller bytes of value
//
// A write that has seen an earlier one: `first` keeps the earlier one, `last` takes a stamp above it. Writing
// the value that already stands there is no new event, so update() of another field leaves the stamp alone.

import { equalBytes } from '#base'
import type { TreeWriter } from '../writer.ts'
import { standingPayload } from './extremum.ts'
import { nextStamp } from './hlc.ts'
import { put64, UINT64_MAX } from './integers.ts'
import { copyBelow, readFirst } from './scalar-field.ts'
import { payloadOf } from './set.ts'
import type { FieldType, ScalarType } from './type.ts'

const STAMP_BYTES = 8

export function register(kind: 'first' | 'last', of: ScalarType): FieldType {
  const flip = kind === 'first' ? 0n : UINT64_MAX
  const stamped = behindStamp(of)
  return {
    name: `${kind}<${of.name}>`,
    unset: undefined,
    isPlain: false,
    read: (cursor, level) => readFirst(stamped, cursor, level),
    write(writer, value, level, previous, where) {
      const offered = payloadOf(writer, of, of.check(value, where))
      const standing = previous === undefined ? undefined : standingPayload(stamped, previous, level)
      const at = writer.openData()
      if (standing !== undefined && (kind === 'first' || equalBytes(standing.subarray(STAMP_BYTES), offered)))
        writer.raw(standing)
      else putStamped(writer, nextStamp(writer.ports.clock.nowNs(), stampOf(standing, flip)) ^ flip, offered)
      writer.closeAtom(at)
      copyBelow(writer, previous)
    },
  }
}

function putStamped(writer: TreeWriter, stamp: bigint, payload: Uint8Array): void {
  put64(writer, stamp)
  writer.raw(payload)
}

function stampOf(standing: Uint8Array | undefined, flip: bigint): bigint | undefined {
  if (standing === undefined) return undefined
  return new DataView(standing.buffer, standing.byteOffset).getBigUint64(0) ^ flip
}

/** T behind eight bytes that its reader steps over. */
function behindStamp(of: ScalarType): ScalarType {
  return {
    ...of,
    endOf: (bytes, at, limit) => (at + STAMP_BYTES > limit ? -1 : of.endOf(bytes, at + STAMP_BYTES, limit)),
    take: (bytes, at, end) => of.take(bytes, at + STAMP_BYTES, end),
  }
}
