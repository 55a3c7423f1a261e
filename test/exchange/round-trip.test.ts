// What export writes is what came: random requests of OTLP go in, come out by the command line, and nothing
// of them is missing; a second server that imports them exports the same.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { Crosscut, until } from '../system/running.ts'
import { cli, fileOf } from './system.ts'

const [first, second] = [new Crosscut(), new Crosscut()]
before(() => Promise.all([first.start(), second.start()]))
after(() => Promise.all([first.close(), second.close()]))

// --- random requests

const name = fc.string({ unit: 'binary', maxLength: 20 })
const count = fc.oneof(fc.constant(0), fc.nat(2 ** 32 - 1))
const time = fc.bigInt(0n, 2n ** 64n - 1n).map(String)
const hex = (bytes: number): fc.Arbitrary<string> =>
  fc
    .uint8Array({ minLength: bytes, maxLength: bytes })
    .map((id) => Buffer.from(id).toString('hex'))
    .filter((id) => !/^0*$/.test(id))
const double = fc
  .double()
  .map((value) => (Number.isFinite(value) && !Object.is(value, -0) ? value : spell(value)))
const { value } = fc.letrec<{ value: object }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', maxDepth: 4 },
    fc.record({ stringValue: name }),
    fc.record({ boolValue: fc.boolean() }),
    fc.record({ intValue: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n).map(String) }),
    fc.record({ doubleValue: double }),
    fc.record({
      bytesValue: fc.uint8Array({ maxLength: 20 }).map((it) => Buffer.from(it).toString('base64')),
    }),
    fc.constant({}),
    fc.record({ arrayValue: fc.record({ values: fc.array(tie('value'), { maxLength: 3 }) }) }),
    fc.record({ kvlistValue: fc.record({ values: keyed(tie('value')) }) }),
  ),
}))

function spell(number: number): string {
  return Object.is(number, -0) ? '-0' : String(number)
}

function keyed(values: fc.Arbitrary<object>): fc.Arbitrary<{ key: string; value: object }[]> {
  return fc.uniqueArray(fc.record({ key: name, value: values }), {
    selector: ({ key }) => key,
    maxLength: 5,
  })
}

const attributes = keyed(value)
const droppedAttributesCount = count
const event = fc.record({ timeUnixNano: time, name, attributes, droppedAttributesCount })
const link = fc.record({
  traceId: hex(16),
  spanId: hex(8),
  traceState: name,
  flags: count,
  attributes,
  droppedAttributesCount,
})
const span = fc.record({
  spanId: hex(8),
  parentSpanId: fc.oneof(fc.constant(''), hex(8)),
  traceState: name,
  flags: count,
  name,
  kind: fc.nat(5),
  startTimeUnixNano: time,
  endTimeUnixNano: time,
  attributes,
  droppedAttributesCount,
  events: fc.array(event, { maxLength: 3 }),
  droppedEventsCount: count,
  links: fc.array(link, { maxLength: 3 }),
  droppedLinksCount: count,
  status: fc.record({ code: fc.nat(2), message: name }),
})
const scopeSpans = fc.record({
  scope: fc.record({ name, version: name, attributes, droppedAttributesCount }),
  schemaUrl: name,
  spans: fc.uniqueArray(span, { selector: ({ spanId }) => spanId, minLength: 1, maxLength: 3 }),
})
const trace = fc.record({
  traceId: hex(16),
  resource: fc.record({ attributes, droppedAttributesCount }),
  schemaUrl: name,
  scopeSpans,
})
const traces = fc.uniqueArray(trace, { selector: ({ traceId }) => traceId, minLength: 20, maxLength: 40 })

type Trace = typeof trace extends fc.Arbitrary<infer T> ? T : never

const requestOf = ({ traceId, resource, schemaUrl, scopeSpans: one }: Trace): object => ({
  resourceSpans: [
    { resource, schemaUrl, scopeSpans: [{ ...one, spans: one.spans.map((it) => ({ traceId, ...it })) }] },
  ],
})

// --- a request in a form that can be compared: attributes by key, what is absent is '' or 0

type Loose = ReturnType<typeof JSON.parse>

function plainOf(lines: readonly string[]): Map<string, unknown> {
  const spans = new Map<string, unknown>()
  for (const line of lines)
    for (const { resource, schemaUrl = '', scopeSpans: scopes } of (JSON.parse(line) as Loose).resourceSpans)
      for (const { scope, schemaUrl: scopeSchema = '', spans: members } of scopes)
        for (const one of members)
          spans.set(`${one.traceId} ${one.spanId}`, {
            resource: { ...noted(resource), schemaUrl },
            scope: {
              name: scope.name ?? '',
              version: scope.version ?? '',
              ...noted(scope),
              schemaUrl: scopeSchema,
            },
            ...spanOf(one),
          })
  return spans
}

function spanOf(one: Loose): object {
  return {
    ...pick(one, ['name', 'parentSpanId', 'traceState'], ''),
    ...pick(one, ['flags', 'kind', 'droppedEventsCount', 'droppedLinksCount'], 0),
    times: [one.startTimeUnixNano, one.endTimeUnixNano],
    status: [one.status.code, one.status.message ?? ''],
    ...noted(one),
    events: one.events.map((it: Loose) => ({ time: it.timeUnixNano, name: it.name, ...noted(it) })),
    links: one.links.map((it: Loose) => ({
      ...pick(it, ['traceId', 'spanId', 'traceState'], ''),
      ...pick(it, ['flags'], 0),
      ...noted(it),
    })),
  }
}

function noted({ attributes: given, droppedAttributesCount: dropped = 0 }: Loose): object {
  const pairs = given.map((one: Loose) => [one.key, JSON.stringify(one.value)])
  return { dropped, attributes: pairs.toSorted(([a]: [string], [b]: [string]) => (a < b ? -1 : 1)) }
}

function pick(from: Loose, keys: readonly string[], absent: unknown): object {
  return Object.fromEntries(keys.map((key) => [key, from[key] ?? absent]))
}

// --- through servers

async function importInto(crosscut: Crosscut, lines: readonly string[], spanCount: number): Promise<void> {
  const file = fileOf(crosscut, 'in.jsonl', lines.join('\n'))
  const { out, err } = await cli(crosscut, ['import', file, '--json'])
  const { message, ...counts } = JSON.parse(out)
  assert.deepEqual(
    { ...counts, message },
    { ...counts, acceptedSpans: spanCount, rejectedSpans: 0, message: '' },
    err,
  )
}

/** Once it has come through the log: what one import brought, all at once. */
async function exportOf(crosscut: Crosscut, ids: readonly string[]): Promise<string[]> {
  const headers = { authorization: `Bearer ${crosscut.token}` }
  await until(
    async () => (await fetch(`${crosscut.url}/api/v1/traces/${ids[0]}/otlp`, { headers })).ok,
    () => `${ids[0]} has not come back`,
  )
  const { out, err } = await cli(crosscut, ['export', ...ids])
  assert.match(err, new RegExp(`^exported ${ids.length} trace`))
  return out.split('\n').slice(0, -1)
}

test('what export writes holds all that was imported, and so does its import into another server', async () => {
  await fc.assert(
    fc.asyncProperty(traces, async (given) => {
      const lines = given.map((one) => JSON.stringify(requestOf(one)))
      const spanCount = given.reduce((sum, one) => sum + one.scopeSpans.spans.length, 0)
      const ids = given.map(({ traceId }) => traceId)
      await importInto(first, lines, spanCount)
      const exported = await exportOf(first, ids)
      assert.deepEqual(plainOf(exported), plainOf(lines))
      await importInto(second, exported, spanCount)
      assert.deepEqual(plainOf(await exportOf(second, ids)), plainOf(lines))
    }),
    { numRuns: 2, endOnFailure: true },
  )
})

const START_MS = Date.UTC(2026, 0, 1)

function simple(index: number, service: string): string {
  const traceId = (index + 1).toString(16).padStart(32, '5')
  const startTimeUnixNano = String(BigInt(START_MS + index * 1_000) * 1_000_000n)
  const one = {
    traceId,
    spanId: 'a'.repeat(16),
    name: 'op',
    startTimeUnixNano,
    endTimeUnixNano: startTimeUnixNano,
  }
  const service_ = [{ key: 'service.name', value: { stringValue: service } }]
  return JSON.stringify({
    resourceSpans: [{ resource: { attributes: service_ }, scopeSpans: [{ spans: [one] }] }],
  })
}

test('a search within a time range goes into one file, or into a file for each trace', async () => {
  await importInto(
    first,
    Array.from({ length: 10 }, (_, i) => simple(i, 'range')),
    10,
  )
  await until(
    async () => (await first.traces({ service: 'range' })).length === 10,
    () => 'not all traces are listed',
  )
  const at = (second_: number): string => new Date(START_MS + second_ * 1_000).toISOString()
  const search = ['--service', 'range', '--from', at(2), '--to', at(6)]
  const one = await cli(first, ['export', ...search, '-o', 'range.jsonl'])
  assert.deepEqual([one.code, one.out], [0, ''], one.err)
  assert.match(one.err, /^exported 5 traces to .*range\.jsonl\n$/)
  const file = readFileSync(path.join(first.folder, 'range.jsonl'), 'utf8')
  assert.equal(plainOf(file.trim().split('\n')).size, 5)

  const few = await cli(first, ['export', ...search, '--limit', '3', '--dir', 'range'])
  assert.match(few.err, /^older traces fit too: .*\nexported 3 traces to .*range\n$/)
  const names = readdirSync(path.join(first.folder, 'range'))
  assert.deepEqual(
    names,
    [5, 6, 7].map((index) => `${String(index).padStart(32, '5')}.json`),
  )
  assert.equal((await cli(second, ['import', path.join(first.folder, 'range', names[0] ?? '')])).code, 0)
})

test('a trace of more spans than a page is several lines, all of them there', async () => {
  const traceId = '6'.repeat(32)
  const spans = Array.from({ length: 12_000 }, (_, i) => ({
    traceId,
    spanId: (i + 1).toString(16).padStart(16, '0'),
    name: `op ${i}`,
    startTimeUnixNano: '1',
    endTimeUnixNano: '2',
  }))
  await importInto(first, [JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] })], 12_000)
  const lines = await exportOf(first, [traceId])
  assert.deepEqual([lines.length, plainOf(lines).size], [3, 12_000])
})

test('what cannot be exported is said: no such trace, none that fits, a place that cannot be written', async () => {
  const missing = await cli(first, ['export', '7'.repeat(32)])
  assert.deepEqual([missing.code, /\(E_NOT_FOUND\)/.test(missing.err)], [1, true], missing.err)
  const none = await cli(first, ['export', '--service', 'nobody'])
  assert.deepEqual([none.code, none.out, none.err], [1, '', 'exported 0 traces\n'])
  const place = await cli(first, ['export', '--service', 'range', '-o', 'no/such/folder.json'])
  assert.match(place.err, /\(E_NO_WRITE\)\n {2}give a place/)
  for (const args of [
    ['7'.repeat(32), '--service', 'range'],
    ['-o', 'a', '--dir', 'b'],
  ])
    assert.equal((await cli(first, ['export', ...args])).code, 2, args.join(' '))
})
