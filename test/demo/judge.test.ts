// The judge itself: it must see each kind of damage in an otherwise right trace.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SpanView, TraceView } from '#protocol'
import { judge, type TruthReport } from './judge.ts'

const CALL = '/rows/table-0/1?rid=web-I-0'
const LOOKUP = '/blocks?name=table-0&client=G&rid=web-I-0'

function span(
  spanId: string,
  parentSpanId: string | undefined,
  service: string,
  kind: SpanView['kind'],
  target: string,
): SpanView {
  const [urlPath = '', urlQuery = ''] = target.split('?')
  const place: Record<string, string> =
    kind === 'client'
      ? { 'url.full': `http://127.0.0.1:1${target}` }
      : { 'url.path': urlPath, 'url.query': urlQuery }
  return {
    spanId,
    parentSpanId,
    service,
    kind,
    name: 'GET',
    startNs: '0',
    endNs: '1',
    shiftNs: '0',
    status: { code: 'unset' },
    attributes: { 'http.request.method': 'GET', ...place },
    resource: {},
    scope: { name: '' },
    events: [],
    links: [],
    droppedCount: 0,
    depth: 0,
  }
}

const RIGHT = [
  span('0', undefined, 'client-web', 'internal', ''),
  span('1', '0', 'client-web', 'client', CALL),
  span('2', '1', 'gateway', 'server', CALL),
  span('3', '2', 'gateway', 'client', LOOKUP),
  span('4', '3', 'namenode', 'server', LOOKUP),
]
const TRUTH: TruthReport[] = [
  { process: 'gateway', counts: {}, recent: [{ rid: 'web-I-0', op: 'gateway.get' }] },
  { process: 'namenode', counts: {}, recent: [{ rid: 'web-I-0', op: 'namenode.blocks' }] },
]

function verdictOn(spans: readonly SpanView[]): { wrong: number; lost: number; foreign: number } {
  const summary = {
    traceId: 't',
    rootService: '',
    rootName: '',
    startNs: '0',
    durationNs: '1',
    spanCount: 0,
    errorCount: 0,
    services: [],
    hasRoot: true,
  }
  const trace: TraceView = {
    traceId: 't',
    summary,
    spans,
    totalSpans: spans.length,
    edges: [],
    repairs: [],
    clocks: [],
  }
  const { wrong, lost, foreign } = judge([trace], TRUTH, () => true)
  return { wrong: wrong.length, lost: lost.length, foreign: foreign.length }
}

test('a right trace passes', () => {
  assert.deepEqual(verdictOn(RIGHT), { wrong: 0, lost: 0, foreign: 0 })
})

test('a missing span is lost', () => {
  assert.deepEqual(verdictOn(RIGHT.slice(0, 4)), { wrong: 0, lost: 1, foreign: 0 })
})

test('a parent that is another call is wrong', () => {
  const moved = RIGHT.map((each) => (each.spanId === '4' ? { ...each, parentSpanId: '1' } : each))
  assert.deepEqual(verdictOn(moved), { wrong: 1, lost: 0, foreign: 0 })
})

test("another request's span in the trace is foreign", () => {
  const other = span('5', '2', 'gateway', 'client', LOOKUP.replace('web-I-0', 'web-I-9'))
  assert.deepEqual(verdictOn([...RIGHT, other]), { wrong: 0, lost: 0, foreign: 1 })
})
