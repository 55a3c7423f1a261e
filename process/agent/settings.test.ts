// What each variable of the environment means, and that nonsense falls back and is told.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readResource } from './resource.ts'
import { openSampler } from './sampler.ts'
import { readSettings } from './settings.ts'

const ENDPOINTS: readonly (readonly [Record<string, string>, string])[] = [
  [{}, 'http://127.0.0.1:4318/v1/traces'],
  [{ CROSSCUT_SERVER: 'http://watch.internal:7070' }, 'http://watch.internal:4318/v1/traces'],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'https://c:4318/a/' }, 'https://c:4318/a/v1/traces'],
  [
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:1', OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://d:2/x' },
    'http://d:2/x',
  ],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'nonsense' }, 'http://127.0.0.1:4318/v1/traces'],
]
for (const [env, url] of ENDPOINTS) {
  test(`spans go to ${url} with ${JSON.stringify(env)}`, () =>
    assert.equal(readSettings(env).exporter.url.href, url))
}

test('what is not understood falls back to its default and is named', () => {
  const settings = readSettings({
    OTEL_TRACES_SAMPLER: 'sometimes',
    OTEL_TRACES_SAMPLER_ARG: '7',
    OTEL_SPAN_LINK_COUNT_LIMIT: '-1',
    CROSSCUT_SERVER: 'file:///etc',
    CROSSCUT_TOKEN: 'x',
    CROSSCUT_OFF_SIGNAL: 'SIGKILL',
    OTEL_RESOURCE_ATTRIBUTES: 'a=1,b,c=%zz',
    OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
  })
  assert.deepEqual(settings.sampler, { kind: 'always_on', isParentBased: true, ratio: 1 })
  assert.equal(settings.limits.links, 128)
  assert.equal(settings.control, undefined)
  assert.deepEqual([...settings.resourceAttributes], [['a', '1']])
  assert.deepEqual([...settings.misread].sort(), [
    'CROSSCUT_OFF_SIGNAL',
    'CROSSCUT_SERVER',
    'OTEL_EXPORTER_OTLP_PROTOCOL',
    'OTEL_RESOURCE_ATTRIBUTES',
    'OTEL_SPAN_LINK_COUNT_LIMIT',
    'OTEL_TRACES_SAMPLER',
    'OTEL_TRACES_SAMPLER_ARG',
  ])
})

const WORDS: readonly (readonly [name: string, understood: readonly string[], not: readonly string[]])[] = [
  ['CROSSCUT_DISABLED', ['1', '0', 'true', 'False', ''], ['yes', '2']],
  ['OTEL_SDK_DISABLED', ['true', 'FALSE', ''], ['1', 'on']],
  ['OTEL_TRACES_EXPORTER', ['otlp', 'none'], ['zipkin', 'console,otlp']],
  ['OTEL_PROPAGATORS', ['tracecontext,baggage', 'none'], ['b3', 'baggage,b3']],
  ['OTEL_EXPORTER_OTLP_COMPRESSION', ['gzip', 'none'], ['zstd']],
  ['OTEL_EXPORTER_OTLP_TRACES_COMPRESSION', ['gzip'], ['br']],
  ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', ['http/protobuf'], ['http/json', 'grpc']],
]
for (const [name, understood, not] of WORDS) {
  test(`${name} is named when it is ${not.join(' or ')}, and not when it is ${understood.join(' or ')}`, () => {
    for (const text of understood) assert.deepEqual(readSettings({ [name]: text }).misread, [], text)
    for (const text of not) assert.deepEqual(readSettings({ [name]: text }).misread, [name], text)
  })
}

test('numbers and lists are read where they are set', () => {
  const { batch, limits, weave, redact, budget } = readSettings({
    OTEL_BSP_SCHEDULE_DELAY: '7',
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '8',
    OTEL_BSP_MAX_QUEUE_SIZE: '9',
    OTEL_ATTRIBUTE_COUNT_LIMIT: '10',
    OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT: '11',
    OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: '12',
    OTEL_SPAN_EVENT_COUNT_LIMIT: '13',
    OTEL_SPAN_LINK_COUNT_LIMIT: '14',
    CROSSCUT_WEAVE: 'pg/**, !src/gen/**',
    CROSSCUT_REDACT: 'iban,-token',
    CROSSCUT_BUDGET: '0.02',
  })
  assert.deepEqual(batch, { delayMs: 7, spansMax: 8, queueMax: 9 })
  assert.deepEqual(limits, { attributes: 10, valueLength: 11, events: 13, links: 14 })
  assert.deepEqual([weave, redact, budget], [['pg/**', '!src/gen/**'], ['iban', '-token'], 0.02])
})

test('propagators that we have are taken, of others alone the default', () => {
  const taken = (text: string): readonly string[] => readSettings({ OTEL_PROPAGATORS: text }).propagators
  assert.deepEqual(taken('b3,baggage'), ['baggage'])
  assert.deepEqual(taken('b3'), ['tracecontext', 'baggage'])
  assert.deepEqual(taken('none'), [])
})

test('a signal-specific protocol or compression goes before the general one', () => {
  const settings = readSettings({
    OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: 'none',
    OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/protobuf',
    OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
  })
  assert.deepEqual([settings.exporter.isGzip, settings.misread], [false, []])
})

test('a setting that keeps every span back is named', () => {
  const named = (env: Record<string, string>): string | undefined => readSettings(env).silencedBy
  assert.equal(named({}), undefined)
  assert.equal(named({ OTEL_SDK_DISABLED: 'true' }), 'OTEL_SDK_DISABLED=true')
  assert.equal(named({ OTEL_TRACES_EXPORTER: 'none' }), 'OTEL_TRACES_EXPORTER=none')
  assert.equal(
    named({ OTEL_TRACES_SAMPLER: 'parentbased_always_off' }),
    'OTEL_TRACES_SAMPLER=parentbased_always_off',
  )
  const ratio = { OTEL_TRACES_SAMPLER: 'traceidratio' }
  assert.equal(named({ ...ratio, OTEL_TRACES_SAMPLER_ARG: '0' }), 'OTEL_TRACES_SAMPLER_ARG=0')
  assert.equal(named({ ...ratio, OTEL_TRACES_SAMPLER_ARG: '0.1' }), undefined)
})

test('a token is split into secret and fingerprint at its last dot', () => {
  assert.equal(
    readSettings({ CROSSCUT_SERVER: 'http://s:7070', CROSSCUT_TOKEN: 'a.b.c' }).control?.fingerprint,
    'c',
  )
  assert.equal(readSettings({ CROSSCUT_SERVER: 'http://s:7070', CROSSCUT_TOKEN: 'abc' }).control, undefined)
})

test('service and host names given are honoured over those found', () => {
  const resource = readResource(
    readSettings({
      OTEL_SERVICE_NAME: 'shop',
      OTEL_RESOURCE_ATTRIBUTES: 'host.name=host-A,service.name=other,team=x',
    }),
    '/app.js',
  )
  assert.deepEqual(
    ['service.name', 'host.name', 'team', 'process.pid'].map((key) => resource.get(key)),
    ['shop', 'host-A', 'x', process.pid],
  )
})

const SAMPLERS: readonly (readonly [Record<string, string>, boolean | undefined, string, boolean])[] = [
  [{}, undefined, 'f', true],
  [{}, false, 'f', false],
  [{ OTEL_TRACES_SAMPLER: 'always_on' }, false, 'f', true],
  [{ OTEL_TRACES_SAMPLER: 'always_off' }, true, 'f', false],
  [{ OTEL_TRACES_SAMPLER: 'parentbased_always_off' }, true, 'f', true],
  [{ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.5' }, true, '7', false],
  [{ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.5' }, true, '8', true],
  [{ OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' }, undefined, '0', false],
]
for (const [env, parentSampled, digit, isSampled] of SAMPLERS) {
  test(`${JSON.stringify(env)} with parent ${parentSampled} and trace id ${digit}...: ${isSampled}`, () => {
    assert.equal(
      openSampler(readSettings(env).sampler)({ traceId: digit.repeat(32), parentSampled }),
      isSampled,
    )
  })
}
