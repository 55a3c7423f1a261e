// Weights of traces, through the face of model/.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildTrace, weightOf, type OtlpSpan } from './index.ts'

const TRACE_ID = `${'1'.repeat(18)}f0000000000000`

const span = (id: number, traceState: string, parent?: number): OtlpSpan => ({
  traceId: TRACE_ID,
  spanId: id.toString(16).padStart(16, '0'),
  ...(parent === undefined ? {} : { parentSpanId: parent.toString(16).padStart(16, '0') }),
  traceState,
  name: 'x',
  kind: 2,
  startTimeUnixNano: BigInt(1_000_000 + id),
  endTimeUnixNano: 2_000_000n,
  status: { code: 0 },
  attributes: {},
  events: [],
  links: [],
  resource: { attributes: { 'service.name': 's' } },
  scope: { name: '' },
})

for (const [says, spans, tail, weight] of [
  ['no sampling', [span(1, '')], 1, 1],
  ['a quarter kept at the head', [span(1, 'ot=th:c')], 1, 4],
  ['a tenth kept at the tail', [span(1, '')], 10, 10],
  ['both', [span(1, 'ot=th:c'), span(2, 'ot=th:8', 1)], 10, 40],
  ['a debt beside the threshold', [span(1, 'ot=th:8,crosscut=w:1.5')], 1, 3],
  ['a root that says nothing above a child that does', [span(1, ''), span(2, 'ot=th:c', 1)], 1, 1],
  ['a page above a request that a policy asked for', [span(1, ''), span(2, 'ot=th:c,crosscut=k:1', 1)], 1, 4],
  ['its root missing', [span(2, '', 1), span(3, 'ot=th:c', 2)], 1, 4],
  ['a threshold that cannot have kept it', [span(1, 'ot=th:f8')], 1, 1],
  ['a tail that is none', [span(1, '')], 0, 1],
] as const) {
  test(`a trace with ${says} stands for ${weight}`, () =>
    assert.equal(weightOf(buildTrace([...spans]), tail), weight))
}

test('an empty trace stands for itself', () => assert.equal(weightOf(buildTrace([])), 1))

test('spans as OTLP/JSON has them weigh the same', () => {
  const json = {
    traceId: TRACE_ID,
    spanId: '0'.repeat(15) + '1',
    startTimeUnixNano: '1000000',
    endTimeUnixNano: '2000000',
    traceState: 'ot=th:c',
  }
  assert.equal(weightOf(buildTrace([json])), 4)
})
