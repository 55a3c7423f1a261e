// The two shapes of data types. See README.md for how they merge.

import { BaggageError } from '../error.ts'
import type { Cursor, Region } from '../cursor.ts'
import type { TreeWriter } from '../writer.ts'

/** A value inside one atom: alone behind the prefix byte, or one after the other in a struct. */
export interface ScalarType<T = unknown> {
  /** As written in BDL. */
  readonly name: string
  readonly zero: T
  /** False for string and bytes, which take what there is; a struct puts their length in front. */
  readonly isDelimited: boolean
  /** Bytes of a value, where it is always the same. */
  readonly size?: number
  /** What a value given by a user means, or E_BAGGAGE_VALUE. */
  check(value: unknown, where: string): T
  put(writer: TreeWriter, value: T): void
  /** Where the value that begins at `at` ends, or -1 when it is damaged or goes beyond `limit`. */
  endOf(bytes: Uint8Array, at: number, limit: number): number
  /** The value in [at, end), for an end that `endOf` gave. */
  take(bytes: Uint8Array, at: number, end: number): T
}

/** Anything that can stand below a header: a field, or a value of a map. */
export interface FieldType<T = unknown> {
  readonly name: string
  /** What a field without any data reads as. */
  readonly unset: T | undefined
  /**
   * A plain value: of what stood there before, a lone data atom does not matter to `write`, which is then not
   * told of it.
   */
  readonly isPlain: boolean
  /**
   * Of a scalar field: what stands in its one atom, so that a bag reads and writes it without a call in
   * between.
   */
  readonly scalar?: ScalarType<T>
  /** How one data atom alone below the header is read; for types where that is all there usually is. */
  readonly lone?: ScalarType<T>
  /** The cursor stands behind the header of `level`; reads up to the end of the node. undefined = no data. */
  read(cursor: Cursor, level: number): T | undefined
  /**
   * Contents of the node with its header at `level`. `previous`: what stood there before. Writes nothing for
   * an empty value.
   */
  write(writer: TreeWriter, value: unknown, level: number, previous: Region | undefined, where: string): void
}

/** Refuses a user's value. */
export function badValue(where: string, expected: string, value: unknown): BaggageError {
  return new BaggageError('E_BAGGAGE_VALUE', `${where} must be ${expected}, not ${describe(value)}`)
}

function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 40))
  if (typeof value === 'bigint') return `${value}n`
  if (value === null || typeof value === 'number' || typeof value === 'boolean' || value === undefined)
    return String(value)
  return typeof value === 'function'
    ? 'a function'
    : `a ${Object.prototype.toString.call(value).slice(8, -1)}`
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

/**
 * A member of the user's object itself: a field may be called constructor, and what every object inherits is
 * not its value.
 */
export function ownMember(value: Readonly<Record<string, unknown>>, name: string): unknown {
  const member = value[name]
  return member !== undefined && name in Object.prototype && !Object.hasOwn(value, name) ? undefined : member
}
