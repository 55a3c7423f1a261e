// OTLP/JSON: the same spans as protobuf gives, the rules of the specification, and hostile JSON.

import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import * as limits from './ingest-limits.ts'
import { OtlpError } from './otlp-error.ts'
import type { DecodeReport } from './otlp-error.ts'
import { decodeOtlpJson } from './otlp-json.ts'
import { plainSpans } from './testing/otlp-oracle.ts'
import type { PlainSpan } from './testing/otlp-oracle.ts'
import { SpanBatchBuilder } from './span-batch-builder.ts'

const builder = new SpanBatchBuilder(7)

function decode(body: string | Uint8Array): { spans: PlainSpan[]; report: DecodeReport } {
  builder.reset()
  const decoding = decodeOtlpJson(typeof body === 'string' ? Buffer.from(body) : body, builder)
  let step = decoding.next()
  while (step.done !== true) step = decoding.next()
  return { spans: plainSpans(builder.finish(5n)), report: step.value }
}

function outcome(body: string | Uint8Array): string {
  try {
    const { spans, report } = decode(body)
    return `${spans.length} spans, ${report.rejectedSpans} rejected`
  } catch (error: unknown) {
    if (error instanceof OtlpError) return error.code
    throw error
  }
}

const IDS = '"traceId":"0AF7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331"'
const asRequest = (fields: string): string => `{"resourceSpans":[{"scopeSpans":[{"spans":[{${fields}}]}]}]}`
const span = (fields: string): PlainSpan => decode(asRequest(`${IDS},${fields}`)).spans[0]!
const attribute = (value: string): unknown => {
  const attributes = span(`"attributes":[{"key":"k","value":${value}}]`)['attributes']
  return Array.isArray(attributes) ? attributes[0].slice(1) : undefined
}

test('a whole span, its fields in any order, unknown ones ignored, resource after its spans', () => {
  const { spans } = decode(`{ "x": [[{}, null, "]"]], "resourceSpans": [{"scopeSpans": [{"spans": [{
    "name": "caf\\u00e9 \\ud83d\\ude00", "kind": 3, "flags": 257, "endTimeUnixNano": 1764000000000000001,
    "startTimeUnixNano": "1764000000000000000",
    ${IDS}, "parentSpanId": "", "traceState": "a=b", "status": {"code": 2, "message": "broken"},
    "droppedEventsCount": 4,
    "events": [{"timeUnixNano": "5", "name": "e", "attributes": [{"key": "n", "value": {"intValue": 7}}]}],
    "links": [
      {"traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331"}, {"traceId": "00"}
    ]
  }], "scope": {"name": "s", "version": "1"}}],
  "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}}]} `)
  assert.deepEqual(spans, [
    {
      traceId: '0af7651916cd43dd8448eb211c80319c',
      spanId: 'b7ad6b7169203331',
      parent: '',
      name: 'caf\u00e9 \u{1f600}',
      traceState: 'a=b',
      start: '1764000000000000000',
      end: '1764000000000000001',
      kind: 3,
      flags: 257,
      status: [2, 'broken'],
      dropped: [0, 4, 1],
      attributes: [],
      events: [{ time: '5', name: 'e', dropped: 0, attributes: [['n', 'int', '7']] }],
      links: [
        {
          traceId: '0af7651916cd43dd8448eb211c80319c',
          spanId: 'b7ad6b7169203331',
          traceState: '',
          flags: 0,
          dropped: 0,
          attributes: [],
        },
      ],
      resource: { schemaUrl: '', dropped: 0, attributes: [['service.name', 'string', 'shop']] },
      scope: { name: 's', version: '1', schemaUrl: '', dropped: 0, attributes: [] },
    },
  ])
})

const VALUES: readonly (readonly [json: string, cell: readonly [string, string]])[] = [
  ['{"stringValue":"a"}', ['string', 'a']],
  ['{"stringValue":null}', ['empty', 'null']],
  ['{}', ['empty', 'null']],
  ['null', ['empty', 'null']],
  ['{"boolValue":true}', ['bool', 'true']],
  ['{"intValue":"-9223372036854775808"}', ['int', '-9223372036854775808']],
  ['{"intValue":9007199254740993}', ['int', '9007199254740993']],
  ['{"intValue":1e3}', ['int', '1000']],
  ['{"doubleValue":-0.0}', ['double', '-0']],
  ['{"doubleValue":"NaN"}', ['double', 'NaN']],
  ['{"doubleValue":"-Infinity"}', ['double', '-Infinity']],
  ['{"doubleValue":1.5e300}', ['double', '1.5e+300']],
  ['{"bytesValue":"/+8="}', ['bytes', 'ffef']],
  [
    '{"arrayValue":{"values":[{"stringValue":"\\u00e9"},{"intValue":5}]}}',
    ['array', '[{"stringValue":"\u00e9"},{"intValue":"5"}]'],
  ],
  [
    '{"kvlistValue":{"values":[{"key":"a","value":{"doubleValue":2}}]}}',
    ['kvlist', '[{"key":"a","value":{"doubleValue":2}}]'],
  ],
]

for (const [json, cell] of VALUES)
  test(`the value ${json} is ${cell.join(' ')}`, () => assert.deepEqual(attribute(json), cell))

const REFUSED: readonly (readonly [body: string, code: string])[] = [
  ['', 'E_OTLP_MALFORMED'],
  ['[]', 'E_OTLP_MALFORMED'],
  ['null', 'E_OTLP_MALFORMED'],
  ['{', 'E_OTLP_MALFORMED'],
  ['{"a":1,}', 'E_OTLP_MALFORMED'],
  ['{} x', 'E_OTLP_MALFORMED'],
  ['{"a":01}', 'E_OTLP_MALFORMED'],
  ['{"a":"\u0001"}', 'E_OTLP_MALFORMED'],
  ['{"resourceSpans":{}}', 'E_OTLP_MALFORMED'],
  ['{"resourceSpans":[1]}', 'E_OTLP_MALFORMED'],
  ['{"a":tru}', 'E_OTLP_MALFORMED'],
  [asRequest(`${IDS},"kind":"SPAN_KIND_SERVER"`), 'E_OTLP_MALFORMED'],
  [asRequest(`${IDS},"name":5`), 'E_OTLP_MALFORMED'],
  [asRequest(`${IDS},"name":"\\x"`), 'E_OTLP_MALFORMED'],
  [asRequest(`${IDS},"startTimeUnixNano":"soon"`), 'E_OTLP_MALFORMED'],
  [`{"x":${'['.repeat(1_000_000)}`, 'E_OTLP_DEPTH'],
  [`{"x":${'{"x":'.repeat(100_000)}`, 'E_OTLP_DEPTH'],
]

for (const [body, code] of REFUSED)
  test(`${body.slice(0, 40)} is refused with ${code}`, () => assert.equal(outcome(body), code))

test('ids that are not hex of their length reject their span alone', () => {
  for (const bad of [
    '"traceId":"CvdlGRbNQ92ESOshHIAxnA==","spanId":"b7ad6b7169203331"',
    '"traceId":"","spanId":""',
    '"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"0000000000000000"',
    `${IDS},"parentSpanId":"xyz"`,
  ]) {
    assert.equal(outcome(asRequest(bad)), '0 spans, 1 rejected', bad)
  }
})

test('times that do not fit are clamped and counted', () => {
  const { spans, report } = decode(asRequest(`${IDS},"startTimeUnixNano":-5,"endTimeUnixNano":1e30`))
  assert.deepEqual(
    [spans[0]!['start'], spans[0]!['end'], report.truncatedValues],
    ['0', '18446744073709551615', 2],
  )
  assert.equal(span('"startTimeUnixNano":1.764e18')['start'], '1764000000000000000')
})

test('values nest up to VALUE_DEPTH_MAX and no deeper', () => {
  const nested = (depth: number): string => {
    let value = '{"stringValue":"x"}'
    for (let level = 1; level < depth; level++) value = `{"arrayValue":{"values":[${value}]}}`
    return asRequest(`${IDS},"attributes":[{"key":"k","value":${value}}]`)
  }
  assert.equal(outcome(nested(limits.VALUE_DEPTH_MAX)), '1 spans, 0 rejected')
  assert.equal(outcome(nested(limits.VALUE_DEPTH_MAX + 1)), 'E_OTLP_DEPTH')
  assert.equal(outcome(nested(2000)), 'E_OTLP_DEPTH')
})

test('a body of empty objects ends at the object budget', () => {
  const body = `{"resourceSpans":[${'{},'.repeat(1_000_000)}{}]}`
  assert.equal(outcome(body), 'E_OTLP_OBJECTS')
})

test('attributes over the limit are dropped and counted; lists over their size too', () => {
  const many = Array.from(
    { length: limits.ATTRIBUTES_PER_ROW_MAX + 2 },
    (_, i) => `{"key":"k${i}","value":{"boolValue":true}}`,
  )
  const values = Array(30_000).fill('{"intValue":1}').join()
  const long = `{"key":"list","value":{"arrayValue":{"values":[${values}]}}}`
  const { spans, report } = decode(asRequest(`${IDS},"attributes":[${long},${many.join()}]`))
  assert.deepEqual(spans[0]!['dropped'], [3, 0, 0])
  assert.equal(report.droppedAttributes, 3)
})

test('what JSON.parse refuses is refused, and nothing but an OtlpError is ever thrown', () => {
  const sample = asRequest(
    `${IDS},"name":"a\\n","x":[1.5e3,true],` +
      `"attributes":[{"key":"k","value":{"arrayValue":{"values":[{"intValue":"5"},{}]}}}]`,
  )
  const mutations = fc.array(
    fc.tuple(
      fc.nat(sample.length - 1),
      fc.oneof(fc.constantFrom(...Buffer.from('{}[]",:\\0-.eu')), fc.nat(255)),
    ),
    { maxLength: 3 },
  )
  fc.assert(
    fc.property(mutations, fc.nat(sample.length), (changes, length) => {
      const body = Buffer.from(sample)
      for (const [at, byte] of changes) body[at] = byte
      const cut = changes.length === 0 ? body.subarray(0, length) : body
      const result = outcome(cut)
      if (!result.startsWith('E_')) JSON.parse(cut.toString())
    }),
    { seed: 5, numRuns: 20_000 },
  )
})
