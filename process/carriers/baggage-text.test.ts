// The text of baggage: one for each byte string, whichever coder reads or writes it.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'node:test'
import { decodeBase64Url, encodeBase64Url } from '#base'
import { fromText, toText } from './baggage-text.ts'
import { NATIVE_TEXT_CHARS } from './limits.ts'

const bytes = fc.uint8Array({ maxLength: 2 * NATIVE_TEXT_CHARS })
const plain = (read: Uint8Array | undefined): readonly number[] | undefined => read && [...read]

describe('the text of baggage', () => {
  it('is base64url without padding, and comes back as it was', () => {
    fc.assert(
      fc.property(bytes, (given) => {
        assert.equal(toText(given), encodeBase64Url(given))
        assert.deepEqual(plain(fromText(toText(given))), [...given])
      }),
      { numRuns: 1000 },
    )
  })

  it('is read the same by both coders, whatever is wrong with it', () => {
    const wrong = fc.constantFrom('', '+', '/', '=', ' ', '\n', 'é', '\u{4e00}', 'B', '_')
    fc.assert(
      fc.property(bytes, fc.nat(), wrong, fc.nat(3), (given, at, put, cut) => {
        const right = toText(given)
        const place = at % (right.length + 1)
        const text = right.slice(0, place) + put + right.slice(place + cut)
        assert.deepEqual(plain(fromText(text)), plain(decodeBase64Url(text)), JSON.stringify(text))
      }),
      { numRuns: 5000 },
    )
  })
})
