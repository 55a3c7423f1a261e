// The MAC: only what the fleet signed is taken.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { createHmac } from 'node:crypto'
import { describe, it } from 'node:test'
import { fleetKey } from './fleet-key.ts'

const key = fleetKey('secret')

describe('a signed value', () => {
  it('is the text, a dot, and 16 bytes of HMAC-SHA256 over the text', () => {
    const mac = createHmac('sha256', 'secret').update('AAEC').digest().subarray(0, 16).toString('base64url')
    assert.equal(key.sign('AAEC'), `AAEC.${mac}`)
  })

  it('is verified by the same key and by no other', () => {
    fc.assert(
      fc.property(
        fc.base64String(),
        (text) =>
          key.verify(key.sign(text)) === text && fleetKey('other').verify(key.sign(text)) === undefined,
      ),
      { seed: 8 },
    )
  })

  it('may be empty: a caller with nothing to say still proves who it is', () =>
    assert.equal(key.verify(key.sign('')), ''))

  it('is refused with any one character changed, cut or added', () => {
    const signed = key.sign('AAECAw')
    for (let i = 0; i < signed.length; i++) {
      for (const other of ['A', 'B', '_', '.', 'é', '']) {
        const changed = signed.slice(0, i) + other + signed.slice(i + 1)
        if (changed === signed) continue
        assert.equal(key.verify(changed), undefined, changed)
      }
    }
    assert.equal(key.verify(`${signed}A`), undefined)
  })

  it('is refused without a MAC, however short', () => {
    for (const value of ['', '.', 'AAEC', 'AAEC.', 'x'.repeat(23)]) assert.equal(key.verify(value), undefined)
  })

  it('never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        key.verify(text)
      }),
      { seed: 9 },
    )
  })
})
