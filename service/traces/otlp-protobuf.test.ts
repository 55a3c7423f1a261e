// The decoder against protobufjs: every attribute equal, every truncation and mutation judged alike, every
// budget at its edge.

import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import * as limits from './ingest-limits.ts'
import { OtlpError } from './otlp-error.ts'
import type { DecodeReport } from './otlp-error.ts'
import { oracleSpans, plainSpans, requestType } from './testing/otlp-oracle.ts'
import type { PlainSpan } from './testing/otlp-oracle.ts'
import { decodeOtlpProtobuf } from './otlp-protobuf.ts'
import { SpanBatchBuilder } from './span-batch-builder.ts'
import { decodeSpanBlock, encodeSpanBlock } from './span-block.ts'

const builder = new SpanBatchBuilder(7)

function decode(body: Uint8Array): { spans: PlainSpan[]; report: DecodeReport } {
  builder.reset()
  const decoding = decodeOtlpProtobuf(body, builder)
  let step = decoding.next()
  while (step.done !== true) step = decoding.next()
  return { spans: plainSpans(decodeSpanBlock(encodeSpanBlock(builder.finish(5n)))), report: step.value }
}

/** The outcome as the sender sees it. */
function outcome(body: Uint8Array): string {
  try {
    const { spans, report } = decode(body)
    return `${spans.length} spans, ${report.rejectedSpans} rejected`
  } catch (error: unknown) {
    if (error instanceof OtlpError) return error.code
    throw error
  }
}

// --- arbitrary requests within the limits of a span

const id = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const u32 = fc.nat(2 ** 32 - 1)
const u64 = fc.bigInt(0n, 2n ** 64n - 1n).map((value) => ({
  low: Number(BigInt.asIntN(32, value)),
  high: Number(BigInt.asIntN(32, value >> 32n)),
  unsigned: true,
}))
const i64 = fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n).map((value) => ({
  low: Number(BigInt.asIntN(32, value)),
  high: Number(BigInt.asIntN(32, value >> 32n)),
  unsigned: false,
}))
const text = fc.string({ unit: 'binary', maxLength: 40 })
const key = fc.oneof(fc.constantFrom('http.route', 'a', '__proto__', 'constructor', ''), text)
const { anyValue } = fc.letrec<{ anyValue: unknown; keyValue: unknown }>((tie) => ({
  anyValue: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.record({ stringValue: text }),
    fc.constant({}),
    fc.record({ boolValue: fc.boolean() }),
    fc.record({ intValue: i64 }),
    fc.record({ doubleValue: fc.double() }),
    fc.record({ bytesValue: fc.uint8Array({ maxLength: 20 }) }),
    fc.record({ arrayValue: fc.record({ values: fc.array(tie('anyValue'), { maxLength: 3 }) }) }),
    fc.record({ kvlistValue: fc.record({ values: fc.array(tie('keyValue'), { maxLength: 3 }) }) }),
  ),
  keyValue: fc.record({ key, value: tie('anyValue') }),
}))
const attributes = fc.array(fc.record({ key, value: anyValue }), { maxLength: 6 })
const few = { requiredKeys: [] }
const event = fc.record({ timeUnixNano: u64, name: text, attributes, droppedAttributesCount: u32 }, few)
const link = fc.record(
  { traceId: id(16), spanId: fc.oneof(id(8), id(3)), traceState: text, attributes, flags: u32 },
  few,
)
const span = fc.record(
  {
    traceId: fc.oneof(
      { weight: 8, arbitrary: id(16) },
      { weight: 1, arbitrary: id(5) },
      fc.constant(new Uint8Array(16)),
    ),
    spanId: fc.oneof({ weight: 8, arbitrary: id(8) }, fc.constant(new Uint8Array(8))),
    parentSpanId: fc.oneof(fc.constant(new Uint8Array(0)), id(8), id(7)),
    traceState: text,
    name: text,
    kind: fc.integer({ min: -1, max: 7 }),
    startTimeUnixNano: u64,
    endTimeUnixNano: u64,
    attributes,
    droppedAttributesCount: u32,
    events: fc.array(event, { maxLength: 3 }),
    droppedEventsCount: u32,
    links: fc.array(link, { maxLength: 3 }),
    droppedLinksCount: fc.nat(1000),
    status: fc.record({ message: text, code: fc.nat(4) }, few),
    flags: u32,
  },
  { requiredKeys: ['traceId', 'spanId'] },
)
const resourceSpans = fc.record(
  {
    resource: fc.record({ attributes, droppedAttributesCount: u32 }, few),
    schemaUrl: text,
    scopeSpans: fc.array(
      fc.record(
        {
          scope: fc.record({ name: text, version: text, attributes, droppedAttributesCount: u32 }, few),
          schemaUrl: text,
          spans: fc.array(span, { maxLength: 4 }),
        },
        few,
      ),
      { maxLength: 3 },
    ),
  },
  few,
)
const request = fc
  .record({ resourceSpans: fc.array(resourceSpans, { maxLength: 3 }) })
  .map((message) => new Uint8Array(requestType.encode(requestType.fromObject(message)).finish()))

const sample = fc
  .sample(request, { numRuns: 40, seed: 11 })
  .find((body) => body.length > 700 && body.length < 2500 && oracleSpans(body).length > 2)!

test('every field and attribute equals what protobufjs decodes', () => {
  fc.assert(
    fc.property(request, (body) => {
      assert.deepEqual(decode(body).spans, oracleSpans(body))
    }),
    { seed: 1, numRuns: 600 },
  )
})

test('a sample cut at any byte is judged as protobufjs judges it', () => {
  for (let length = 0; length < sample.length; length++) compareToOracle(sample.slice(0, length))
})

test('mutated bytes never throw anything but an OtlpError, and what is accepted equals the oracle', () => {
  const mutations = fc.array(fc.tuple(fc.nat(sample.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(mutations, (changes) => {
      const body = sample.slice()
      for (const [at, byte] of changes) body[at] = byte
      compareToOracle(body)
    }),
    { seed: 2, numRuns: 8000 },
  )
})

/**
 * We may refuse what the oracle takes (groups, foreign wire types); we never take what it refuses, nor read
 * it otherwise. Except invalid UTF-8: this protobufjs refuses it, we replace it, for a sender's one bad name
 * must not cost its batch.
 */
function compareToOracle(body: Uint8Array): void {
  let ours: PlainSpan[] | undefined
  try {
    ours = decode(body).spans
  } catch (error: unknown) {
    assert.ok(error instanceof OtlpError, String(error))
    return
  }
  let theirs: PlainSpan[]
  try {
    theirs = oracleSpans(body)
  } catch (error: unknown) {
    if (error instanceof TypeError && 'code' in error && error.code === 'ERR_ENCODING_INVALID_ENCODED_DATA')
      return
    throw error
  }
  assert.deepEqual(ours, theirs)
}

// --- hand-made bodies

const bytes = (...parts: (number | Uint8Array | number[])[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === 'number' ? [part] : [...part])))

function field(tag: number, content: Uint8Array): Uint8Array {
  const length: number[] = []
  let left = content.length
  for (; left >= 0x80; left >>>= 7) length.push((left & 0x7f) | 0x80)
  return Buffer.concat([Buffer.from([tag, ...length, left]), content])
}

const IDS = bytes(0x0a, 16, new Uint8Array(16).fill(1), 0x12, 8, new Uint8Array(8).fill(2))
const asRequest = (spanFields: Uint8Array): Uint8Array => field(0x0a, field(0x12, field(0x12, spanFields)))
const spanWith = (...fields: Uint8Array[]): Uint8Array => asRequest(Buffer.concat([IDS, ...fields]))

const REFUSED: readonly (readonly [name: string, body: Uint8Array, code: string])[] = [
  [
    'a varint of 11 bytes',
    bytes(0x0a, [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]),
    'E_OTLP_MALFORMED',
  ],
  ['a length of 4 GiB', bytes(0x0a, [0x80, 0x80, 0x80, 0x80, 0x10]), 'E_OTLP_MALFORMED'],
  [
    'a length of 2^63',
    bytes(0x0a, [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]),
    'E_OTLP_MALFORMED',
  ],
  ['a group', bytes(0x13, 0x14), 'E_OTLP_MALFORMED'],
  ['the end of a group', bytes(0x14), 'E_OTLP_MALFORMED'],
  ['wire type 6', bytes(0x16, 0), 'E_OTLP_MALFORMED'],
  ['field 0', bytes(0x02, 0), 'E_OTLP_MALFORMED'],
  ['a known field of a foreign wire type', bytes(0x08, 1), 'E_OTLP_MALFORMED'],
  ['a time of wire type varint', spanWith(bytes(0x38, 1)), 'E_OTLP_MALFORMED'],
  ['a tag beyond 32 bits', bytes([0x8a, 0x80, 0x80, 0x80, 0x80, 0x01], 0), 'E_OTLP_MALFORMED'],
  ['a lone tag', bytes(0x0a), 'E_OTLP_MALFORMED'],
  ['text instead of protobuf', Buffer.from('{"resourceSpans":[]}'), 'E_OTLP_MALFORMED'],
]

for (const [name, body, code] of REFUSED) {
  test(`${name} is refused with ${code}`, () => assert.equal(outcome(body), code))
}

test('an empty request and unknown fields are accepted', () => {
  assert.equal(outcome(new Uint8Array(0)), '0 spans, 0 rejected')
  assert.equal(outcome(bytes(0x7a, 2, 1, 2, 0x78, 5)), '0 spans, 0 rejected')
})

test('8 MiB of empty messages end at the object budget, with nothing stored', () => {
  const body = new Uint8Array(8 * 1024 * 1024)
  for (let at = 0; at < body.length; at += 2) body[at] = 0x0a
  assert.equal(outcome(body), 'E_OTLP_OBJECTS')
  assert.equal(builder.spanCount, 0)
})

test('the object budget admits exactly bytes / 4 + 1024 messages', () => {
  const body = (objects: number): Uint8Array => {
    const empty = new Uint8Array(2 * objects)
    for (let at = 0; at < empty.length; at += 2) empty[at] = 0x0a
    return empty
  }
  const edge = 2 * limits.OBJECTS_BASE_MAX // n = 2 n / 4 + base
  assert.equal(outcome(body(edge)), '0 spans, 0 rejected')
  assert.equal(outcome(body(edge + 2)), 'E_OTLP_OBJECTS')
})

function nestedArray(depth: number): Uint8Array {
  let value: Uint8Array = bytes(0x0a, 1, 0x78)
  for (let level = 1; level < depth; level++) value = field(0x2a, field(0x0a, value))
  return spanWith(field(0x4a, Buffer.concat([bytes(0x0a, 1, 0x6b), field(0x12, value)])))
}

test('values nest up to VALUE_DEPTH_MAX and no deeper, also absurdly deep ones', () => {
  assert.equal(outcome(nestedArray(limits.VALUE_DEPTH_MAX)), '1 spans, 0 rejected')
  assert.equal(outcome(nestedArray(limits.VALUE_DEPTH_MAX + 1)), 'E_OTLP_DEPTH')
  assert.equal(outcome(nestedArray(10_000)), 'E_OTLP_DEPTH')
})

const attribute = (name: string, value: string): Uint8Array =>
  field(0x4a, Buffer.concat([field(0x0a, Buffer.from(name)), field(0x12, field(0x0a, Buffer.from(value)))]))

test('attributes, events and links over the limit are dropped and counted', () => {
  const many = (count: number, one: Uint8Array): Uint8Array =>
    Buffer.concat(Array<Uint8Array>(count).fill(one))
  const linkField = field(0x6a, IDS)
  const { spans, report } = decode(
    spanWith(
      many(limits.ATTRIBUTES_PER_ROW_MAX + 3, attribute('k', 'v')),
      many(limits.EVENTS_PER_SPAN_MAX + 2, bytes(0x5a, 0)),
      many(limits.LINKS_PER_SPAN_MAX + 1, linkField),
      bytes(0x50, 10),
    ),
  )
  assert.deepEqual(spans[0]!['dropped'], [13, 2, 1])
  assert.deepEqual([report.droppedAttributes, report.droppedEvents, report.droppedLinks], [3, 2, 1])
  assert.equal(
    report.message,
    '3 attributes over a limit dropped; 2 events over a limit dropped; ' +
      '1 links invalid or over a limit dropped',
  )
})

test('long names and values are cut at a character, attributes with long keys are dropped', () => {
  const name = 'a'.repeat(limits.NAME_BYTES_MAX - 1)
  const { spans, report } = decode(
    spanWith(
      field(0x2a, Buffer.from(`${name}\u00e9xyz`)),
      attribute('k', 'b'.repeat(limits.VALUE_BYTES_MAX + 5)),
      attribute('c'.repeat(limits.KEY_BYTES_MAX + 1), 'v'),
      attribute('d'.repeat(limits.KEY_BYTES_MAX), 'v'),
    ),
  )
  assert.equal(spans[0]!['name'], name)
  assert.deepEqual(spans[0]!['attributes'], [
    ['k', 'string', 'b'.repeat(limits.VALUE_BYTES_MAX)],
    ['d'.repeat(limits.KEY_BYTES_MAX), 'string', 'v'],
  ])
  assert.deepEqual(
    [report.truncatedValues, report.droppedAttributes, spans[0]!['dropped']],
    [2, 1, [1, 0, 0]],
  )
})

test('invalid UTF-8 becomes U+FFFD; NUL, escapes and direction marks stay as they are', () => {
  const { spans } = decode(
    spanWith(
      field(0x2a, bytes(0x61, 0xff, 0x62)),
      attribute('\u202e\u001b[31m\u0000', '<img onerror>'),
      field(0x1a, bytes(0xc0, 0x80)),
    ),
  )
  assert.equal(spans[0]!['name'], 'a\ufffdb')
  assert.deepEqual(spans[0]!['attributes'], [['\u202e\u001b[31m\u0000', 'string', '<img onerror>']])
})

test('a span with a bad id is rejected alone and leaves nothing behind', () => {
  const good = field(0x12, Buffer.concat([IDS, attribute('k', 'v')]))
  const bad = field(
    0x12,
    Buffer.concat([
      bytes(0x0a, 3, 1, 2, 3, 0x12, 8, new Uint8Array(8).fill(2)),
      attribute('x', 'y'),
      bytes(0x5a, 0),
    ]),
  )
  const { spans, report } = decode(field(0x0a, field(0x12, Buffer.concat([good, bad, good]))))
  assert.equal(spans.length, 2)
  assert.deepEqual(spans[1], spans[0])
  assert.equal(report.message, '1 spans rejected (first: invalid trace id)')
})

test('a large body is decoded in slices', () => {
  builder.reset()
  const body = Buffer.concat(
    Array<Uint8Array>(3000).fill(spanWith(...Array<Uint8Array>(20).fill(attribute('key', 'value')))),
  )
  let slices = 0
  for (const decoding = decodeOtlpProtobuf(body, builder); decoding.next().done !== true;) slices++
  assert.equal(builder.spanCount, 3000)
  assert.ok(slices >= 7, `${slices} slices`)
})

test('colliding strings cost space, never time or correctness', () => {
  const values = Array.from({ length: 128 }, (_, i) => attribute(`k${i}`, `v${i}`))
  const spansOf = (seed: number): PlainSpan[] => {
    const seeded = new SpanBatchBuilder(seed)
    for (const decoding = decodeOtlpProtobuf(spanWith(...values), seeded); decoding.next().done !== true;);
    return plainSpans(seeded.finish(5n))
  }
  assert.deepEqual(spansOf(0), spansOf(-1))
})
