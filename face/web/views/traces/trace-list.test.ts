// The order of the list, whatever brought its rows.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TraceSummary } from '#protocol'
import { merge } from './trace-list.ts'

const NOW_NS = BigInt(Date.now()) * 1_000_000n
const HOUR_NS = 3_600_000_000_000n

const row = (traceId: string, startNs: bigint, spanCount = 1): TraceSummary => ({
  traceId,
  startNs: String(startNs),
  spanCount,
  rootService: 'shop',
  rootName: 'op',
  durationNs: '1',
  errorCount: 0,
  services: [],
  hasRoot: true,
})

test('rows of all lists are newest first; those dated far ahead come last', () => {
  const rows = merge(
    [row('future', NOW_NS + HOUR_NS), row('old', NOW_NS - HOUR_NS)],
    [row('far', NOW_NS + 9n * HOUR_NS)],
    [row('new', NOW_NS)],
  )
  assert.deepEqual(
    rows.map(({ traceId }) => traceId),
    ['new', 'old', 'far', 'future'],
  )
})

test('of two versions of a trace the one with more spans stands', () => {
  const rows = merge([row('a', NOW_NS, 3)], [row('a', NOW_NS, 2)])
  assert.deepEqual(
    rows.map(({ spanCount }) => spanCount),
    [3],
  )
})
