// Law 7: counters are exact under any fork and join, in as few components as there were branches at once; and
// vector clocks, which count events the same way.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seededRandom, toHex } from '#base'
import { Baggage, BaggageError, compareClocks, loadBdl } from '../index.ts'

type Step = {
  readonly kind: 'count' | 'fork' | 'join' | 'other' | 'ship' | 'down'
  readonly at: number
  readonly to: number
  readonly by: number
}
const steps = fc.array(
  fc.record<Step>({
    kind: fc.constantFrom('count', 'count', 'count', 'fork', 'join', 'other', 'ship', 'down'),
    at: fc.nat(7),
    to: fc.nat(7),
    by: fc.integer({ min: 1, max: 300 }),
  }),
  { maxLength: 60 },
)

test('law 7: any program of forks, joins, counts and round trips through other processes gives the exact sum', () => {
  const { C, Other } = loadBdl(
    'bag C = 1 { counter n = 0; pncounter p = 1; } bag Other = 2 { int32 v = 0; }',
    { ports: { random: seededRandom(9) } },
  )
  fc.assert(
    fc.property(steps, (program) => {
      // Each branch knows which counts happened before it: the oracle is a set of events.
      type Branch = { readonly baggage: Baggage; readonly seen: ReadonlyMap<number, number> }
      const branches: Branch[] = [{ baggage: Baggage.empty, seen: new Map() }]
      for (const [event, step] of program.entries()) {
        const i = step.at % branches.length
        const { baggage, seen } = branches[i]
        const other = branches[step.to % branches.length]
        const by = step.kind === 'down' ? -step.by : step.by
        if (step.kind === 'count')
          branches[i] = { baggage: C.increment(baggage, 'n', by), seen: new Map(seen).set(event, by) }
        if (step.kind === 'down')
          branches[i] = { baggage: C.increment(baggage, 'p', by), seen: new Map(seen).set(event, by) }
        if (step.kind === 'fork') branches.push({ baggage: baggage.branch(), seen })
        if (step.kind === 'join')
          branches[i] = { baggage: baggage.join(other.baggage), seen: new Map([...seen, ...other.seen]) }
        if (step.kind === 'other') branches[i] = { baggage: Other.write(baggage, { v: step.by }), seen }
        if (step.kind === 'ship') branches[i] = { baggage: Baggage.decode(baggage.encode().slice()), seen }
        const now = branches[i]
        const sums = [...now.seen.values()].reduce(
          (sum, n) => (n > 0 ? [sum[0] + n, sum[1]] : [sum[0], sum[1] + n]),
          [0, 0],
        )
        const read = C.read(now.baggage) ?? { n: { value: 0n }, p: { value: 0n } }
        assert.deepEqual([read.n.value, read.p.value], sums.map(BigInt))
      }
    }),
    { seed: 27, numRuns: 600 },
  )
})

const componentsIn = (baggage: Baggage): number => baggage.atoms.filter((atom) => atom[0] === 0xec).length

test('law 7: one execution that counts a thousand times, writing other bags between, has one component', () => {
  const { C, Other } = loadBdl('bag C = 1 { counter n = 0; } bag Other = 2 { int32 v = 0; }')
  let baggage = Baggage.empty
  for (let i = 0; i < 1000; i++) baggage = C.increment(Other.write(baggage, { v: i }), 'n', i)
  assert.equal(C.read(baggage).n.value, 499500n)
  assert.equal(componentsIn(baggage), 1)
})

test('law 7: rounds of fork and join have as many components as branches at once, not as rounds', () => {
  const { C } = loadBdl('bag C = 1 { counter n = 0; }')
  let baggage = C.increment(Baggage.empty, 'n')
  for (let round = 0; round < 50; round++)
    baggage = Baggage.join(...[0, 1, 2, 3].map(() => C.increment(C.increment(baggage, 'n'), 'n')))
  assert.equal(C.read(baggage).n.value, 401n)
  assert.equal(componentsIn(baggage), 4)
})

test('ownership by value: an old value begins a new component, a decoded value owns nothing', () => {
  const { C } = loadBdl('bag C = 1 { counter n = 0; }')
  const one = C.increment(Baggage.empty, 'n')
  const two = C.increment(one, 'n')
  assert.equal(componentsIn(two), 1)
  assert.equal(componentsIn(C.increment(one, 'n')), 2)
  assert.equal(componentsIn(C.increment(Baggage.decode(two.encode()), 'n')), 2)
  assert.equal(C.read(two.join(C.increment(one, 'n', 10))).n.value, 12n)
})

test('a new component has an id of eight random bytes', () => {
  const { C } = loadBdl('bag C = 1 { counter n = 0; }')
  const ids = new Set<string>()
  for (let i = 0; i < 100; i++) ids.add(toHex(C.increment(Baggage.empty, 'n').atoms[2] ?? assert.fail()))
  assert.equal(ids.size, 100)
  for (const id of ids) assert.equal(id.length, 2 * 9)
})

test('compaction keeps the sum and one component, and what was absorbed is never extended again', () => {
  const { C } = loadBdl('bag C = 1 { counter n = 0; pncounter p = 1; }')
  const start = C.increment(C.increment(Baggage.empty, 'n', 5), 'p', -5)
  const parts = [1, 2, 3].map((by) => C.increment(C.increment(start, 'n', by), 'p', by))
  const joined = Baggage.join(...parts)
  const compacted = C.compact(C.compact(joined, 'n'), 'p')
  assert.deepEqual(C.read(compacted), C.read(joined))
  assert.deepEqual(C.read(compacted), { n: { value: 11n }, p: { value: 1n } })
  assert.ok(componentsIn(compacted) < componentsIn(joined))
  const after = C.increment(compacted, 'n', 100)
  assert.equal(C.read(after).n.value, 111n)
  assert.equal(componentsIn(after), componentsIn(compacted))
  // A decoded value owns none of its components: the sum goes into a new one.
  assert.deepEqual(C.read(C.compact(Baggage.decode(joined.encode()), 'n')), C.read(joined))
})

test('counters anywhere: in nested bags, below map keys, by dotted path or by list', () => {
  const { X } = loadBdl(
    `bag In { counter n = 0; } bag X = 1 { In in = 0; map<string, counter> m = 1; map<int64, In> deep = 2; clock(vector) c = 3; }`,
  )
  let baggage = X.increment(Baggage.empty, 'in.n', 2)
  baggage = X.increment(baggage, ['m', 'a.b'], 3)
  baggage = X.increment(baggage, 'm.c', 4n)
  baggage = X.increment(baggage, 'deep.77.n', 5)
  baggage = X.increment(baggage, ['deep', 77n, 'n'], 1)
  const value = X.read(baggage)
  assert.deepEqual(
    { ...value, c: undefined },
    {
      in: { n: { value: 2n } },
      m: new Map([
        ['a.b', { value: 3n }],
        ['c', { value: 4n }],
      ]),
      deep: new Map([[77n, { n: { value: 6n } }]]),
      c: undefined,
    },
  )
  assert.deepEqual(
    X.update(baggage, (same) => same),
    baggage,
  )
  assert.ok(X.update(baggage, (same) => same).equals(baggage))
  for (const path of ['in', 'in.m', 'm', 'm.c.d', 'deep.x.n', '', [], 'nope'])
    assert.throws(
      () => X.increment(baggage, path),
      (error) => error instanceof BaggageError && error.code === 'E_BAGGAGE_VALUE',
      String(path),
    )
  assert.throws(() => X.compact(baggage, 'c'), { code: 'E_BAGGAGE_VALUE' })
  assert.equal(X.increment(baggage, 'm.c', 0), baggage)
})

test('a counter written larger counts up by the difference, written smaller is refused', () => {
  const { C } = loadBdl('bag C = 1 { counter n = 0; pncounter p = 1; }')
  const five = C.write(Baggage.empty, { n: { value: 5n }, p: { value: -5n } })
  const seven = C.update(five, (value) => ({ n: { value: value.n.value + 2n }, p: { value: 3n } }))
  assert.deepEqual(C.read(seven), { n: { value: 7n }, p: { value: 3n } })
  assert.equal(C.read(seven.join(five)).n.value, 7n)
  assert.throws(() => C.write(five, { n: { value: 4n } }), { code: 'E_BAGGAGE_VALUE' })
  assert.throws(() => C.increment(five, 'n', -1), { code: 'E_BAGGAGE_VALUE' })
  assert.throws(() => C.increment(five, 'n', 1.5), { code: 'E_BAGGAGE_VALUE' })
  assert.throws(() => C.increment(seven, 'n', (1n << 64n) - 7n), { code: 'E_BAGGAGE_VALUE' })
  assert.equal(C.read(C.increment(seven, 'n', (1n << 64n) - 8n)).n.value, (1n << 64n) - 1n)
})

test('vector clocks: the order of events is their happened-before, in any program', () => {
  const { V } = loadBdl('bag V = 1 { clock c = 0; }', { ports: { random: seededRandom(10) } })
  fc.assert(
    fc.property(steps, (program) => {
      const events: { readonly clock: Map<string, bigint>; readonly past: ReadonlySet<number> }[] = []
      const branches: { readonly baggage: Baggage; readonly past: ReadonlySet<number> }[] = [
        { baggage: Baggage.empty, past: new Set() },
      ]
      for (const step of program) {
        const i = step.at % branches.length
        const { baggage, past } = branches[i]
        const other = branches[step.to % branches.length]
        if (step.kind === 'fork') branches.push({ baggage, past })
        else if (step.kind === 'join')
          branches[i] = { baggage: baggage.join(other.baggage), past: new Set([...past, ...other.past]) }
        else {
          const ticked = V.increment(step.kind === 'ship' ? Baggage.decode(baggage.encode()) : baggage, 'c')
          const seen = new Set(past).add(events.length)
          events.push({ clock: V.read(ticked).c, past: seen })
          branches[i] = { baggage: ticked, past: seen }
        }
      }
      for (const [i, a] of events.entries()) {
        for (const [j, b] of events.entries()) {
          const expected =
            i === j ? 'equal' : b.past.has(i) ? 'before' : a.past.has(j) ? 'after' : 'concurrent'
          assert.equal(compareClocks(a.clock, b.clock), expected)
        }
      }
    }),
    { seed: 28, numRuns: 200 },
  )
})
