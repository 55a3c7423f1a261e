// Laws of the model on random and hostile traces, and two oracles written another way: a recursive critical
// path by definition, and the constraints that alignment must satisfy.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { EPOCH, MS, span, link, path, kinds, partitionFaults, type Brief } from './testing/brief-spans.ts'
import { buildTrace, toTraceView } from './index.ts'
import type { OtlpSpanKind, Trace } from './index.ts'

const SEED = 20261124

// Random traces: any parent (also missing, cyclic), any times, any links.
const brief = fc.record({
  up: fc.integer({ min: -2, max: 14 }),
  at: fc.integer({ min: 0, max: 60 }),
  length: fc.integer({ min: -3, max: 60 }),
  host: fc.constantFrom('A', 'B', 'C'),
  kind: fc.constantFrom<OtlpSpanKind>(0, 1, 2, 3, 4, 5),
  links: fc.array(
    fc.record({
      to: fc.integer({ min: 0, max: 14 }),
      edge: fc.constantFrom('join', 'barrier', 'queue', undefined),
      times: fc.record(
        { from: fc.integer({ min: -9, max: 99 }), to: fc.integer({ min: -9, max: 99 }) },
        { requiredKeys: [] },
      ),
    }),
    { maxLength: 3 },
  ),
})
const hostile = fc.array(brief, { minLength: 1, maxLength: 14 }).map((briefs) =>
  briefs.map((one, index) =>
    span({
      id: `s${index}`,
      up: one.up < 0 ? undefined : `s${one.up}`,
      at: one.at,
      to: one.at + one.length,
      host: one.host,
      kind: one.kind,
      links: one.links.map(({ to, edge, times: at }) => link(`s${to}`, edge, at)),
    }),
  ),
)

test('law: every hostile trace gives a model whose blocks are all there, parents first, depth first', () => {
  fc.assert(
    fc.property(hostile, (spans) => {
      const trace = buildTrace(spans)
      assert.deepEqual(
        trace.blocks.map(({ spanId }) => spanId).sort(),
        spans.map(({ spanId }) => spanId).sort(),
      )
      for (const block of trace.blocks) {
        assert.ok(block.parent < block.index && block.endNs >= block.startNs)
        assert.equal(block.depth, block.parent === -1 ? 0 : trace.blocks[block.parent].depth + 1)
      }
      assert.equal(
        trace.units.reduce((sum, { blockCount }) => sum + blockCount, 0),
        spans.length,
      )
      toTraceView(trace)
    }),
    { seed: SEED, numRuns: 500 },
  )
})

test('law: sections of a critical path partition [from, to] exactly, for the root and for any two points', () => {
  fc.assert(
    fc.property(hostile, fc.nat(13), fc.nat(13), (spans, one, other) => {
      const trace = buildTrace(spans)
      const root = trace.blocks[trace.root]
      assert.deepEqual(partitionFaults(trace, root.startNs, root.endNs, undefined), [])
      const from = trace.blocks[one % trace.blocks.length]
      const to = trace.blocks[other % trace.blocks.length]
      assert.deepEqual(
        partitionFaults(trace, from.startNs, to.endNs, {
          from: { spanId: from.spanId },
          to: { spanId: to.spanId },
        }),
        [],
      )
    }),
    { seed: SEED, numRuns: 1000 },
  )
})

/**
 * The definition, recursively, ns by ns: who holds the path at the end of tick t? Trees without edges, times
 * of the model.
 */
function oracle(trace: Trace): string[] {
  type Node = { id: string; start: number; end: number; children: Node[] }
  const grow = (index: number, low: number, high: number): Node => {
    const { spanId, startNs, endNs } = trace.blocks[index]
    const node: Node = {
      id: spanId,
      start: Number(startNs - EPOCH),
      end: Math.min(Number(endNs - EPOCH), high),
      children: [],
    }
    node.children = trace.blocks
      .filter(({ parent }) => parent === index)
      .filter((child) => !(trace.blocks[index].kind === 'producer' && child.kind === 'consumer'))
      .filter((child) => Number(child.startNs - EPOCH) < node.end && Number(child.endNs - EPOCH) > node.start)
      .map((child) => grow(child.index, node.start, node.end))
    return node
  }
  const root = grow(trace.root, -Infinity, Infinity)
  const owner: string[] = new Array(Math.max(0, root.end - root.start)).fill('')
  const visit = (node: Node, until: number, isFirst: boolean): void => {
    const before = node.children
      .filter(({ end }) => (isFirst ? end <= until : end < until))
      .sort((a, b) => b.end - a.end)
    const last = before[0]
    const from = last === undefined ? node.start : last.end
    for (let t = Math.max(from, root.start); t < until; t++) owner[t - root.start] = node.id
    if (last === undefined) return
    visit(last, last.end, true)
    if (last.start > root.start) visit(node, Math.min(last.start, until), false)
  }
  visit(root, root.end, true)
  return owner
}

test("oracle: on traces without edges the path is Jaeger's, ns by ns", () => {
  const tree = fc.array(
    fc.record({
      up: fc.nat(9),
      at: fc.integer({ min: 0, max: 40 }),
      length: fc.integer({ min: 1, max: 40 }),
    }),
    { minLength: 0, maxLength: 9 },
  )
  fc.assert(
    fc.property(tree, (briefs) => {
      // Distinct ends: of two children that end together either may be taken.
      const nodes = briefs.map(({ up, at, length }, index) => ({
        id: `s${index + 1}`,
        up: `s${up % (index + 1)}`,
        at: (at + 1) * 20 + index,
        to: (at + 1 + length) * 20 + index,
      }))
      const trace = buildTrace([{ id: 's0', at: 0, to: 2100 }, ...nodes].map(span))
      const mine = new Array<string>(2100).fill('')
      for (const [id, from, to] of path(trace)) mine.fill(String(id), Number(from), Number(to))
      // A child that starts before its parent leaves the parent's interval: then the walk may clip otherwise.
      if (trace.repairCount === 0) assert.deepEqual(mine, oracle(trace))
    }),
    { seed: SEED, numRuns: 300 },
  )
})

test('oracle: after alignment every call between aligned hosts starts after it was made and ends before it was answered', () => {
  const calls = fc.array(
    fc.record({
      from: fc.nat(3),
      to: fc.nat(3),
      length: fc.integer({ min: 10, max: 400 }),
      inset: fc.nat(4),
      tail: fc.nat(4),
    }),
    { minLength: 1, maxLength: 12 },
  )
  const skews = fc.tuple(...[0, 1, 2, 3].map(() => fc.integer({ min: -100_000, max: 100_000 })))
  fc.assert(
    fc.property(calls, skews, (made, skew) => {
      const spans: Brief[] = [{ id: 'root', at: skew[0] * MS, to: (skew[0] + 100_000) * MS, host: 'h0' }]
      for (const [index, { from, to, length, inset, tail }] of made.entries()) {
        const at = index * 500 + 1
        spans.push({
          id: `c${index}`,
          up: 'root',
          at: (at + skew[from]) * MS,
          to: (at + length + skew[from]) * MS,
          host: `h${from}`,
          kind: 3,
        })
        spans.push({
          id: `s${index}`,
          up: `c${index}`,
          at: (at + inset + skew[to]) * MS,
          to: (at + length - tail + skew[to]) * MS,
          host: `h${to}`,
          kind: 2,
        })
      }
      const trace = buildTrace(spans.map(span))
      assert.ok(!kinds(trace).includes('clock-infeasible'), 'true clocks are always a solution')
      for (const block of trace.blocks) {
        const up = trace.blocks[block.parent]
        const tenth = (block.endNs - block.startNs) / 10n
        const lateNs = tenth > 5n * BigInt(MS) ? tenth : 5n * BigInt(MS)
        if (up !== undefined) {
          const isWithin = block.startNs >= up.startNs && block.endNs <= up.endNs + lateNs
          assert.ok(isWithin, `${block.spanId} within ${up.spanId}`)
        }
        assert.equal(block.startNs - block.shiftNs, block.span.startTimeUnixNano)
      }
    }),
    { seed: SEED, numRuns: 300 },
  )
})
