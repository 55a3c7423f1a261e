// Where services stand, by small graphs and by laws over any.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { placeServices, type GraphEdge } from './layout.ts'

const edgeOf = (call: string): GraphEdge => {
  const [from = '', to = '', count] = call.split(/[>*]/)
  return { from, to, ...(count === undefined ? {} : { count: Number(count) }) }
}
const columnsOf = (calls: readonly string[]): Record<string, number> => {
  const edges = calls.map(edgeOf)
  const names = [...new Set(edges.flatMap(({ from, to }) => [from, to]))]
  return Object.fromEntries(placeServices(names, edges).placed.map(({ name, column }) => [name, column]))
}

test('callers stand left of whom they call', () => {
  assert.deepEqual(columnsOf(['web>cart', 'cart>db', 'web>db']), { web: 0, cart: 1, db: 2 })
})

test('services that call each other around stand in one column, and what they call right of it', () => {
  const columns = columnsOf(['gw>a', 'gw>b', 'a>b', 'b>c', 'c>a', 'c>log', 'job>b'])
  assert.deepEqual(columns, { gw: 0, job: 0, a: 1, b: 1, c: 1, log: 2 })
})

test('replicas that hand data on stand below each other, not in one long line', () => {
  const calls = ['a>b*86', 'b>c*85', 'c>d*85', 'a>c*43', 'b>d*43', 'd>names*1']
  const reads = ['gw>a*454', 'gw>b*656', 'gw>c*654', 'gw>d*277', 'gw>names*2840']
  const jobs = ['gw>job*19', 'job>a*166', 'job>b*49', 'job>c*57', 'job>d*51', 'job>names*307']
  const columns = columnsOf(['web>gw*900', ...reads, ...jobs, ...calls])
  assert.deepEqual(columns, { web: 0, gw: 1, job: 2, a: 3, b: 3, c: 3, d: 3, names: 3 })
})

test('who calls itself stands where it stood; each place of a column is taken once', () => {
  const { placed } = placeServices(['x', 'y', 'z'], ['x>x', 'x>y', 'x>z', 'gone>y'].map(edgeOf))
  assert.deepEqual(placed.map(({ name, column, y }) => `${name} ${column}.${y}`).sort(), [
    'x 0.1',
    'y 1.0.5',
    'z 1.1.5',
  ])
})

test('whatever calls whom: no two boxes overlap, and an arrow over columns passes between boxes', () => {
  const name = fc.constantFrom(...'abcdefghij')
  const edge = fc.record({ from: name, to: name, count: fc.integer({ min: 1, max: 1_000 }) })
  fc.assert(
    fc.property(fc.array(edge, { maxLength: 40 }), (edges) => {
      const names = [...new Set(edges.flatMap(({ from, to }) => [from, to]))]
      const { placed, columns, height, via } = placeServices(names, edges)
      assert.deepEqual(placed.map((one) => one.name).sort(), names.toSorted())
      for (const one of placed) {
        assert.ok(one.column < columns && one.y >= 0.5 && one.y <= height - 0.5)
        const others = placed.filter((other) => other !== one && other.column === one.column)
        for (const other of others) assert.ok(Math.abs(other.y - one.y) >= 0.999)
      }
      const columnOf = new Map(placed.map((one) => [one.name, one.column]))
      for (const call of edges) {
        const between = via(call)
        const passed = columnOf.get(call.to)! - columnOf.get(call.from)! - 1
        assert.equal(between.length, Math.max(0, passed))
        for (const { column, y } of between)
          for (const box of placed.filter((one) => one.column === column))
            assert.ok(Math.abs(box.y - y) >= 0.5, 'it does not run through a box')
      }
    }),
    { numRuns: 200 },
  )
})
