// Values that a wire has met before are read as by a wire that meets them for the first time.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { test } from 'node:test'
import { Baggage } from '#baggage'
import { addressRules } from './address-rules.ts'
import { toText } from './baggage-text.ts'
import { fleetKey } from './fleet-key.ts'
import { RequestLines } from './head-lines.ts'
import { HoldSwitch } from './holds.ts'
import { RECENT_TEXT_CHARS_MAX } from './limits.ts'
import { Wire } from './wire.ts'

function openWire(secret?: string): Wire {
  return new Wire({
    observer: {},
    steering: {},
    metering: undefined,
    holds: new HoldSwitch({ server: () => () => {}, departures: () => Promise.reject(), failed: () => {} }),
    trust: addressRules('loopback'),
    egress: addressRules('loopback'),
    key: secret === undefined ? undefined : fleetKey(secret),
  })
}

const linesOf = (header: string): RequestLines =>
  new RequestLines({ rawHeaders: ['baggage', header], headers: {} })

const bytes = fc.array(fc.uint8Array({ minLength: 1, maxLength: 24 }), { maxLength: 3 })
const text = bytes.map((atoms) => toText(Baggage.of(atoms).encode()))
/** Whole, cut, of others too, signed by us, by a stranger, or changed after it was signed. */
const header = fc
  .tuple(text, fc.constantFrom('', 'a=b,', 'a=b;c , '), fc.nat(6))
  .map(([value, before, what]) => {
    const signed = fleetKey(what === 1 ? 'other' : 'secret').sign(value)
    const told =
      what === 2 ? `${signed.slice(0, -1)}A` : what === 3 ? value.slice(0, -1) : what > 4 ? value : signed
    return `${before}cc=${told}`
  })

for (const secret of [undefined, 'secret'])
  test(`values come again${secret === undefined ? '' : ', signed'}: as the first time, and counted as often`, () => {
    const few = fc.uniqueArray(header, { minLength: 1, maxLength: 5 })
    const again = few.chain((headers) => fc.array(fc.constantFrom(...headers), { maxLength: 20 }))
    fc.assert(
      fc.property(again, fc.boolean(), (headers, isTrusted) => {
        const wire = openWire(secret)
        const sums = new Map<string, number>()
        for (const one of headers) {
          const fresh = openWire(secret)
          const [got, expected] = [wire, fresh].map((each) => each.read(linesOf(one), isTrusted))
          assert.deepEqual(
            [got?.baggage.encode(), got?.foreign, got?.isAccepting],
            [expected?.baggage.encode(), expected?.foreign, expected?.isAccepting],
          )
          for (const [reason, count] of Object.entries(fresh.counts))
            sums.set(reason, (sums.get(reason) ?? 0) + count)
        }
        if (headers.length > 0) assert.deepEqual({ ...wire.counts }, Object.fromEntries(sums))
      }),
    )
  })

test('the same text is the same object, up to its limit; a MAC is asked for each time', () => {
  const of = (size: number): string => toText(Baggage.of([new Uint8Array(size - 2).fill(7)]).encode())
  // 4 characters for 3 bytes, of which 2 are the length.
  const longest = of((RECENT_TEXT_CHARS_MAX / 4) * 3)
  assert.equal(longest.length, RECENT_TEXT_CHARS_MAX)
  const wire = openWire()
  assert.equal(wire.decodeValue(longest), wire.decodeValue(longest))
  assert.notEqual(wire.decodeValue(`${longest}AAAA`), wire.decodeValue(`${longest}AAAA`))

  const keyed = openWire('secret')
  const signed = fleetKey('secret').sign('AWE')
  assert.equal(keyed.decodeValue(signed), keyed.decodeValue(signed))
  assert.equal(keyed.decodeValue(`${signed.slice(0, -1)}B`), undefined)
  assert.equal(keyed.decodeValue('AWE'), undefined)
  assert.deepEqual([keyed.counts.mac_invalid, keyed.counts.mac_missing], [1, 1])
})
