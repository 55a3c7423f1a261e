// Bytes without Node: order, equality, hex, base64url. Plain loops: for the sizes at hand (10 to 300 bytes) they beat
// calls into the runtime, and run in a browser.

/** -1, 0 or 1; unsigned byte by byte, a prefix sorts first (like Buffer.compare). */
export function compareBytes(a: Uint8Array, b: Uint8Array): -1 | 0 | 1 {
  const shared = Math.min(a.length, b.length)
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0)
    if (difference !== 0) return difference < 0 ? -1 : 1
  }
  return a.length === b.length ? 0 : a.length < b.length ? -1 : 1
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** Lower case. */
export function toHex(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i++) text += HEX[bytes[i] ?? 0]
  return text
}

/** Either case; undefined for an odd length or a foreign character. */
export function fromHex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) return undefined
  const out = new Uint8Array(text.length / 2)
  for (let i = 0; i < out.length; i++) out[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16)
  return out
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
/** Two characters for each 12 bits: half the appends of one at a time. */
const PAIRS = Array.from({ length: 4096 }, (_, bits) => `${ALPHABET[bits >> 6]}${ALPHABET[bits & 63]}`)
const FOREIGN = 255
const VALUES = new Uint8Array(128).fill(FOREIGN)
for (let i = 0; i < 64; i++) VALUES[ALPHABET.charCodeAt(i)] = i

/** RFC 4648 section 5, without padding. */
export function encodeBase64Url(bytes: Uint8Array): string {
  const whole = bytes.length - (bytes.length % 3)
  let text = ''
  for (let i = 0; i < whole; i += 3) {
    const bits = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0)
    text += (PAIRS[bits >> 12] ?? '') + (PAIRS[bits & 4095] ?? '')
  }
  const left = bytes.length - whole
  if (left === 1) return text + (PAIRS[(bytes[whole] ?? 0) << 4] ?? '')
  if (left === 2) {
    const bits = ((bytes[whole] ?? 0) << 10) | ((bytes[whole + 1] ?? 0) << 2)
    return text + (PAIRS[bits >> 6] ?? '') + (ALPHABET[bits & 63] ?? '')
  }
  return text
}

/**
 * The bytes of text[start, end), or undefined for a foreign character, an impossible length, or bits beyond the last byte
 * (so every byte string has exactly one text). Padding is refused.
 */
export function decodeBase64Url(text: string, start = 0, end = text.length): Uint8Array | undefined {
  const length = end - start
  const left = length % 4
  if (left === 1) return undefined
  const out = new Uint8Array((length >> 2) * 3 + (left === 0 ? 0 : left - 1))
  let at = 0
  let seen = 0
  let i = start
  for (const last = end - left; i < last; i += 4) {
    const a = valueAt(text, i)
    const b = valueAt(text, i + 1)
    const c = valueAt(text, i + 2)
    const d = valueAt(text, i + 3)
    seen |= a | b | c | d
    out[at++] = (a << 2) | (b >> 4)
    out[at++] = (b << 4) | (c >> 2)
    out[at++] = (c << 6) | d
  }
  if (left > 0) {
    const a = valueAt(text, i)
    const b = valueAt(text, i + 1)
    const c = left === 3 ? valueAt(text, i + 2) : 0
    seen |= a | b | c
    if ((left === 2 ? b & 15 : c & 3) !== 0) return undefined
    out[at++] = (a << 2) | (b >> 4)
    if (left === 3) out[at] = (b << 4) | (c >> 2)
  }
  return seen > 63 ? undefined : out
}

function valueAt(text: string, i: number): number {
  const code = text.charCodeAt(i)
  return code < 128 ? (VALUES[code] ?? FOREIGN) : FOREIGN
}
