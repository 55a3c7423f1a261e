// W3C Trace Context: what is accepted, what starts a new trace, what survives.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'node:test'
import { TRACESTATE_CHARS_MAX, TRACESTATE_MEMBERS_MAX } from './limits.ts'
import { cleanTracestate, formatTraceparent, parseTraceparent } from './trace-context.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SPAN = '00f067aa0ba902b7'
const GOOD = `00-${TRACE}-${SPAN}-01`

describe('traceparent', () => {
  const accepted: [string, string][] = [
    ['version 00', GOOD],
    ['a later version of the same length', `01-${TRACE}-${SPAN}-01`],
    ['a later version with more fields', `cc-${TRACE}-${SPAN}-01-what-comes`],
    ['a later version that ends in a dash', `01-${TRACE}-${SPAN}-01-`],
    ['unknown flags', `00-${TRACE}-${SPAN}-ff`],
  ]
  for (const [name, value] of accepted) {
    it(`is accepted: ${name}`, () => {
      assert.deepEqual(parseTraceparent(value), {
        traceId: TRACE,
        spanId: SPAN,
        flags: Number.parseInt(value.slice(53, 55), 16),
      })
    })
  }

  const refused: [string, string | string[] | undefined][] = [
    ['nothing', undefined],
    ['empty', ''],
    ['upper case in the trace id', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ['upper case in the version', `AA-${TRACE}-${SPAN}-01`],
    ['version ff', `ff-${TRACE}-${SPAN}-01`],
    ['trace id of zeros', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['span id of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['54 characters', GOOD.slice(0, 54)],
    ['56 characters in version 00', `${GOOD}0`],
    ['a tail in version 00', `${GOOD}-what`],
    ['a tail without a dash in version 01', `01-${TRACE}-${SPAN}-01x`],
    ['flags that are not hex', `00-${TRACE}-${SPAN}-0g`],
    ['underscores for dashes', GOOD.replaceAll('-', '_')],
    ['two headers, kept apart', [GOOD, GOOD]],
    ['two headers, joined by Node', `${GOOD}, ${GOOD}`],
    ['two headers of a later version', `01-${TRACE}-${SPAN}-01, 01-${TRACE}-${SPAN}-01`],
    ['a space before', ` ${GOOD}`],
  ]
  for (const [name, value] of refused) {
    it(`starts a new trace: ${name}`, () => assert.equal(parseTraceparent(value), undefined))
  }

  it('one line in an array is one header', () => assert.notEqual(parseTraceparent([GOOD]), undefined))

  it('is written as it was read', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 25, maxLength: 25 }), (bytes) => {
        bytes[0] = (bytes[0] ?? 0) | 1
        bytes[16] = (bytes[16] ?? 0) | 1
        const hex = Buffer.from(bytes).toString('hex')
        const text = `00-${hex.slice(0, 32)}-${hex.slice(32, 48)}-${hex.slice(48)}`
        const parsed = parseTraceparent(text)
        return parsed !== undefined && formatTraceparent(parsed.traceId, parsed.spanId, parsed.flags) === text
      }),
      { seed: 1 },
    )
  })

  it('never throws, whatever it is given', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (text) => {
        parseTraceparent(text)
      }),
      { seed: 2 },
    )
  })
})

describe('tracestate', () => {
  const kept: [string, string, string][] = [
    ['one member', 'a=1', 'a=1'],
    ['spaces around members, byte for byte', 'a=1 , b=2', 'a=1 , b=2'],
    ['a tenant and odd key characters', 'fw529a3039@dt=x,a_-*/z=;:', 'fw529a3039@dt=x,a_-*/z=;:'],
    ['a bad key is left out', 'A=1,b=2', 'b=2'],
    ['a member without value is left out', 'a,b=2', 'b=2'],
    ['a value with control characters or beyond ASCII is left out', 'a=\u0001,b=é,c=3', 'c=3'],
    ['of duplicate keys the first stays', 'a=1,b=2,a=3', 'a=1,b=2'],
    ['__proto__ is no key', '__proto__=1,a=1', 'a=1'],
    ['constructor is a key like others', 'constructor=1', 'constructor=1'],
    ['only commas', ',,,', ''],
  ]
  for (const [name, value, expected] of kept) {
    it(name, () => assert.equal(cleanTracestate(value).value, expected))
  }

  it('keeps 32 members and cuts the 33rd', () => {
    const members = (count: number): string => Array.from({ length: count }, (_, i) => `k${i}=v`).join(',')
    assert.deepEqual(cleanTracestate(members(TRACESTATE_MEMBERS_MAX)), { value: members(32), isCut: false })
    assert.deepEqual(cleanTracestate(members(TRACESTATE_MEMBERS_MAX + 1)), {
      value: members(32),
      isCut: true,
    })
  })

  it('keeps 512 characters; of 513 it drops a long member first, else the last ones', () => {
    const exact = `a=${'x'.repeat(200)},b=${'y'.repeat(200)},c=${'z'.repeat(104)}`
    assert.equal(exact.length, TRACESTATE_CHARS_MAX)
    assert.deepEqual(cleanTracestate(exact), { value: exact, isCut: false })
    assert.equal(cleanTracestate(`${exact}z`).value, `b=${'y'.repeat(200)},c=${'z'.repeat(105)}`)
    const short = Array.from({ length: 30 }, (_, i) => `k${i}=${'v'.repeat(20)}`)
    assert.equal(cleanTracestate(short.join(',')).value, short.slice(0, 20).join(','))
  })

  it('is bounded and valid whatever comes, and cleaning twice changes nothing', () => {
    const arbitrary = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc
        .array(fc.tuple(fc.string({ maxLength: 4 }), fc.string()), { maxLength: 60 })
        .map((pairs) => pairs.map(([key, value]) => `${key}=${value}`).join(',')),
    )
    fc.assert(
      fc.property(arbitrary, (text) => {
        const { value } = cleanTracestate(text)
        return value.length <= TRACESTATE_CHARS_MAX && cleanTracestate(value).value === value
      }),
      { seed: 3 },
    )
  })
})
