// The fleet key: a MAC that says "one of our own processes wrote this", for where addresses say nothing (behind a load balancer).
//
//   value = <base64url of the baggage> . <base64url of the first 16 bytes of HMAC-SHA256(key, ASCII of the part before the dot)>
//
// The MAC is over the text, as in JWS: base64url has several spellings of the same bytes, and what was signed is what is compared.
// It proves origin, not freshness: whoever can read the fleet's headers can replay them. Source: RFC 2104; the idea of W3C's security notes.
import { createHmac, timingSafeEqual } from 'node:crypto'
import { MAC_BYTES, MAC_CHARS, MAC_SUFFIX_CHARS } from './limits.ts'

export interface FleetKey {
  /** `text` with its MAC appended. */
  sign(text: string): string
  /** The text that was signed, or undefined when the MAC is absent or wrong. Constant time in the MAC. */
  verify(signed: string): string | undefined
  /** Characters that sign appends. */
  readonly suffixChars: number
}

export function fleetKey(secret: string): FleetKey {
  const mac = (text: string): Buffer => createHmac('sha256', secret).update(text, 'latin1').digest().subarray(0, MAC_BYTES)
  return {
    suffixChars: MAC_SUFFIX_CHARS,
    sign: (text) => `${text}.${mac(text).toString('base64url')}`,
    verify(signed) {
      const dot = signed.length - MAC_SUFFIX_CHARS
      if (dot < 0 || signed.charCodeAt(dot) !== 0x2e) return undefined
      const given = Buffer.from(signed.slice(dot + 1), 'base64url')
      // Two spellings of the last character decode alike; only the one that sign writes is taken.
      if (given.length !== MAC_BYTES || given.toString('base64url').length !== MAC_CHARS) return undefined
      const text = signed.slice(0, dot)
      return timingSafeEqual(given, mac(text)) ? text : undefined
    },
  }
}
