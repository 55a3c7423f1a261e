// The fleet key: a MAC that says "one of our own processes wrote this", for where addresses say nothing
// (behind a load balancer).
//
//   value = <base64url of the baggage> . <base64url of MAC>
//   MAC   = the first 16 bytes of HMAC-SHA256(key, ASCII of the part before the dot)
//
// The MAC is over the text, as in JWS: base64url has several spellings of the same bytes, and what was signed
// is what is compared. It proves origin, not freshness: whoever can read the fleet's headers can replay them.
// Source: RFC 2104; the idea of W3C's security notes.
import { MAC_BYTES, MAC_SUFFIX_CHARS } from './limits.ts'

export interface FleetKey {
  /** `text` with its MAC appended. */
  sign(text: string): string
  /** The text that was signed, or undefined when the MAC is absent or wrong. Constant time in the MAC. */
  verify(signed: string): string | undefined
  /** Characters that sign appends. */
  readonly suffixChars: number
}

export function fleetKey(secret: string): FleetKey {
  // Loaded only where there is a key: it would be a good part of the agent's start.
  const { createHmac, timingSafeEqual } = process.getBuiltinModule('node:crypto')
  const mac = (text: string): string =>
    createHmac('sha256', secret).update(text, 'utf8').digest().subarray(0, MAC_BYTES).toString('base64url')
  return {
    suffixChars: MAC_SUFFIX_CHARS,
    sign: (text) => `${text}.${mac(text)}`,
    verify(signed) {
      const dot = signed.length - MAC_SUFFIX_CHARS
      if (dot < 0 || signed.charCodeAt(dot) !== 0x2e) return undefined
      const text = signed.slice(0, dot)
      // Compared as text: base64url has several spellings of the last bits, and only the one that sign writes
      // is taken.
      const given = Buffer.from(signed.slice(dot + 1), 'latin1')
      const expected = Buffer.from(mac(text), 'latin1')
      return given.length === expected.length && timingSafeEqual(given, expected) ? text : undefined
    },
  }
}
