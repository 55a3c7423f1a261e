// string (UTF-8, never the platform's charset) and bytes. Alone in an atom they take all of it.

import type { TreeWriter } from '../writer.ts'
import { badValue, type ScalarType } from './type.ts'

const ENCODER = new TextEncoder()
// A byte order mark is data like any other; damaged UTF-8 reads as U+FFFD, as everywhere on the web.
const DECODER = new TextDecoder('utf-8', { ignoreBOM: true })

/**
 * Short ASCII, nearly all there is in baggage, goes by hand: a call into the codec costs more than the text
 * (40 against 150 ns).
 */
const BY_HAND_CHARS_MAX = 40

export const string: ScalarType<string> = {
  name: 'string',
  zero: '',
  isDelimited: false,
  check(value, where) {
    if (typeof value !== 'string') throw badValue(where, 'a string', value)
    return value
  },
  put(writer, value) {
    if (value.length > BY_HAND_CHARS_MAX || !putAscii(writer, value)) writer.raw(ENCODER.encode(value))
  },
  endOf: (_bytes, _at, limit) => limit,
  take(bytes, at, end) {
    return (
      (end - at <= BY_HAND_CHARS_MAX ? takeAscii(bytes, at, end) : undefined) ??
      DECODER.decode(bytes.subarray(at, end))
    )
  },
}

/** False, and nothing written, when a character is not ASCII. */
function putAscii(writer: TreeWriter, value: string): boolean {
  writer.reserve(value.length)
  const { bytes, length } = writer
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i)
    if (code >= 0x80) return false
    bytes[length + i] = code
  }
  writer.length = length + value.length
  return true
}

function takeAscii(bytes: Uint8Array, at: number, end: number): string | undefined {
  let text = ''
  for (let i = at; i < end; i++) {
    const byte = bytes[i]
    if (byte >= 0x80) return undefined
    text += String.fromCharCode(byte)
  }
  return text
}

/** Reads as a copy, so that nobody can change the baggage through it. */
export const bytes: ScalarType<Uint8Array> = {
  name: 'bytes',
  zero: new Uint8Array(0),
  isDelimited: false,
  check(value, where) {
    if (!(value instanceof Uint8Array)) throw badValue(where, 'a Uint8Array', value)
    return value
  },
  put: (writer, value) => writer.raw(value),
  endOf: (_bytes, _at, limit) => limit,
  take: (from, at, end) => from.slice(at, end),
}
