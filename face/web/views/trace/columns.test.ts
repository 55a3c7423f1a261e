// A trace as columns and rows, its state in the address, and the way out as OTLP.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SpanView, TraceView } from '#protocol'
import fc from 'fast-check'
import { searchSpans, selfNs, traceColumns } from './columns.ts'
import { collapsedFrom, hasChildren, revealed, visibleRows } from './rows.ts'
import { readCollapsed, readWindow, toggleCollapsed, writeWindow } from './trace-state.ts'

type Some = Partial<SpanView> & { readonly spanId: string }

function traceOf(spans: readonly Some[]): TraceView {
  const whole = spans.map((span): SpanView => ({
    service: 'web',
    name: `span ${span.spanId}`,
    kind: 'internal',
    startNs: '0',
    endNs: '10',
    shiftNs: '0',
    status: { code: 'unset' },
    attributes: {},
    resource: {},
    scope: { name: '' },
    events: [],
    links: [],
    droppedCount: 0,
    depth: 0,
    ...span,
  }))
  const summary = {
    traceId: 'ff',
    rootService: '',
    rootName: '',
    startNs: '0',
    durationNs: '1',
    spanCount: 1,
    errorCount: 0,
    services: [],
    hasRoot: true,
  }
  return {
    traceId: 'ff',
    summary,
    spans: whole,
    totalSpans: whole.length,
    edges: [],
    repairs: [],
    clocks: [],
  }
}

const family = traceOf([
  { spanId: 'a', startNs: '0', endNs: '100' },
  { spanId: 'c', parentSpanId: 'a', startNs: '50', endNs: '90', attributes: { 'db.system': 'redis' } },
  { spanId: 'b', parentSpanId: 'a', startNs: '10', endNs: '60' },
  { spanId: 'd', parentSpanId: 'b', startNs: '20', endNs: '30', status: { code: 'error', message: 'Boom' } },
])

test('spans come depth first, children by start, whatever the order of arrival', () => {
  const columns = traceColumns(family)
  assert.deepEqual(columns.spanIds, ['a', 'b', 'd', 'c'])
  assert.deepEqual([...columns.depth], [0, 1, 2, 1])
  assert.deepEqual([...columns.subtreeEnd], [4, 3, 3, 4])
  assert.deepEqual([...columns.parent], [-1, 0, 1, 0])
})

test('every span stands exactly once, below its parent if it has one, even in cycles and with missing parents', () => {
  const ids = ['a', 'b', 'c', 'd', 'e', 'f', '1', '2']
  const spans = fc.uniqueArray(
    fc.record({
      spanId: fc.constantFrom(...ids),
      parentSpanId: fc.option(fc.constantFrom(...ids, 'dead'), { nil: undefined }),
      startNs: fc.nat(50).map(String),
    }),
    { selector: (span) => span.spanId, minLength: 1 },
  )
  fc.assert(
    fc.property(spans, (some) => {
      const columns = traceColumns(traceOf(some))
      assert.deepEqual(columns.spanIds.toSorted(), some.map((span) => span.spanId).sort())
      columns.parent.forEach((above, index) => {
        assert.ok(above < index && columns.subtreeEnd[index]! > index)
        if (above >= 0) assert.equal(columns.spanAt(index)!.parentSpanId, columns.spanIds[above])
      })
    }),
  )
})

test('a chain of 50,000 spans needs no stack', () => {
  const chain = Array.from({ length: 50_000 }, (_, index) => ({
    spanId: index.toString(16),
    ...(index > 0 ? { parentSpanId: (index - 1).toString(16) } : {}),
  }))
  assert.equal(traceColumns(traceOf(chain)).depth[49_999], 49_999)
})

test('self time is what no child covers, overlapping children count once', () => {
  assert.equal(selfNs(traceColumns(family), 0), 20n)
})

test('search looks at names, services, keys, values, messages and ids', () => {
  const columns = traceColumns(family)
  const find = (text: string): string[] =>
    [...searchSpans(columns, text, 10)].map((index) => columns.spanIds[index]!)
  assert.deepEqual(
    [find('REDIS'), find('db.system=redis'), find('boom'), find('d'), find('web').length, find(' ')],
    [['c'], ['c'], ['d'], ['d', 'c'], 4, []],
  )
})

test('a collapsed span hides its descendants, and they share its row', () => {
  const columns = traceColumns(family)
  const rows = visibleRows(columns, new Set([1]))
  assert.deepEqual([...rows.spanOf], [0, 1, 3])
  assert.deepEqual([...rows.rowOf], [0, 1, 1, 2])
  assert.deepEqual([...collapsedFrom(columns, 1)], [1])
  assert.equal(hasChildren(columns, 2), false)
  assert.deepEqual([...revealed(columns, new Set([0, 1]), 2)], [])
})

test('collapsing and zooming survive the address, and nonsense there is the whole trace', () => {
  const columns = traceColumns(family)
  const c = toggleCollapsed(new URLSearchParams(), ['b'])
  assert.deepEqual([...readCollapsed(new URLSearchParams({ c: c! }), columns)], [1])
  assert.equal(toggleCollapsed(new URLSearchParams({ c: c! }), ['b']), undefined)
  assert.deepEqual([...readCollapsed(new URLSearchParams({ d: '0', c: 'b' }), columns)], [0])
  const bounds = { startNs: 5n, endNs: 1_000_005n }
  const shown = { startNs: 105n, endNs: 905n }
  assert.deepEqual(readWindow(writeWindow(shown, bounds)!, bounds), shown)
  assert.equal(writeWindow(bounds, bounds), undefined)
  for (const text of [null, '', '9-1', 'x', '99999999-999999999', '-5-7'])
    assert.deepEqual(readWindow(text, bounds), bounds)
})
