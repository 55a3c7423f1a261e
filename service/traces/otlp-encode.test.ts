// OTLP/JSON as protobuf, against protobufjs: whatever the request, both decode to the same.

import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { encodeOtlp } from './otlp-encode.ts'
import { requestType } from './testing/otlp-oracle.ts'

const hex = (bytes: number) =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((all) => Buffer.from(all).toString('hex'))
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String)
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String)
const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 })

const anyValue = fc.letrec<{ value: object }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    fc.constant({}),
    fc.string({ unit: 'grapheme' }).map((stringValue) => ({ stringValue })),
    fc.boolean().map((boolValue) => ({ boolValue })),
    int64.map((intValue) => ({ intValue })),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((doubleValue) => ({ doubleValue })),
    fc.constantFrom('NaN', 'Infinity', '-Infinity', '-0').map((doubleValue) => ({ doubleValue })),
    fc.uint8Array({ maxLength: 9 }).map((all) => ({ bytesValue: Buffer.from(all).toString('base64') })),
    fc.array(tie('value'), { maxLength: 3 }).map((values) => ({ arrayValue: { values } })),
    fc
      .array(fc.record({ key: fc.string(), value: tie('value') }), { maxLength: 3 })
      .map((values) => ({ kvlistValue: { values } })),
  ),
})).value
const attributes = fc.array(fc.record({ key: fc.string(), value: anyValue }), { maxLength: 4 })

const span = fc.record({
  traceId: hex(16),
  spanId: hex(8),
  parentSpanId: fc.oneof(fc.constant(''), hex(8)),
  traceState: fc.string(),
  flags: uint32,
  name: fc.string({ unit: 'grapheme' }),
  kind: fc.integer({ min: 0, max: 5 }),
  startTimeUnixNano: uint64,
  endTimeUnixNano: uint64,
  attributes,
  droppedAttributesCount: uint32,
  events: fc.array(
    fc.record({ timeUnixNano: uint64, name: fc.string(), attributes, droppedAttributesCount: uint32 }),
    { maxLength: 2 },
  ),
  links: fc.array(
    fc.record({ traceId: hex(16), spanId: hex(8), traceState: fc.string(), flags: uint32, attributes }),
    {
      maxLength: 2,
    },
  ),
  status: fc.record({ code: fc.integer({ min: 0, max: 2 }), message: fc.string() }),
})
const request = fc.record({
  resourceSpans: fc.array(
    fc.record({
      resource: fc.record({ attributes, droppedAttributesCount: uint32 }),
      schemaUrl: fc.string(),
      scopeSpans: fc.array(
        fc.record({
          scope: fc.record({ name: fc.string(), version: fc.string(), attributes }),
          spans: fc.array(span, { maxLength: 3 }),
        }),
        { maxLength: 2 },
      ),
    }),
    { maxLength: 2 },
  ),
})

/** By the oracle: ids are bytes there, and NaN and infinities are numbers. */
function expectedOf(given: object): unknown {
  const prepared: object = JSON.parse(JSON.stringify(given), (key, value: unknown) =>
    /^(traceId|spanId|parentSpanId)$/.test(key)
      ? Buffer.from(String(value), 'hex').toString('base64')
      : value,
  )
  return plain(requestType.decode(requestType.encode(requestType.fromObject(numbersIn(prepared))).finish()))
}

function numbersIn(given: any): any {
  if (Array.isArray(given)) return given.map(numbersIn)
  if (typeof given !== 'object' || given === null) return given
  return Object.fromEntries(
    Object.entries(given).map(([key, value]) => [
      key,
      key === 'doubleValue' ? Number(value) : numbersIn(value),
    ]),
  )
}

const plain = (message: ReturnType<typeof requestType.decode>): unknown =>
  requestType.toObject(message, { longs: String, bytes: String, defaults: true, oneofs: true })

test('every request is what protobufjs would have written of it', () => {
  fc.assert(
    fc.property(request, (given) => {
      assert.deepEqual(plain(requestType.decode(encodeOtlp(given as never))), expectedOf(given))
    }),
    { numRuns: 500 },
  )
})

test('nothing is nothing', () => assert.equal(encodeOtlp({ resourceSpans: [] }).length, 0))
