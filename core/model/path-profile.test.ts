// Profiles through the face: a known answer, and laws: what is added up is all there, and merging is lawful.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seededRandom } from '#base'
import { buildTrace, callPathTimes, criticalPath, PathProfile, whatIf, type OtlpSpan } from './index.ts'
import { anyTrace, span, tidyTrace } from './testing/random-trace.ts'

const SEED = 20261128

test('times stand by call path, roots first, and are those of the critical path', () => {
  const trace = buildTrace([
    span({ id: 'r', at: 0, to: 100, service: 'web', name: 'GET /' }),
    span({ id: 'a', up: 'r', at: 10, to: 90, service: 'cart', name: 'load' }),
    span({ id: 'b', up: 'a', at: 20, to: 50, service: 'db', name: 'SELECT' }),
    span({ id: 'c', up: 'r', at: 10, to: 40, service: 'db', name: 'SELECT' }),
  ])
  assert.deepEqual(
    [...callPathTimes(trace)],
    [
      ['[web] GET /', 20n],
      ['[web] GET / -> [cart] load', 50n],
      ['[web] GET / -> [cart] load -> [db] SELECT', 30n],
    ],
  )
  const profile = new PathProfile({ name: 'SELECT', faster: 50 })
  profile.add(trace)
  const { whole, services, operations, nodes, whatIf: change } = profile.view()
  assert.deepEqual([whole.ns, whole.traces, whole.distribution[0]?.traceId], ['100', 1, trace.traceId])
  assert.deepEqual(
    services.map(({ service, ns }) => [service, ns]),
    [
      ['cart', '50'],
      ['db', '30'],
      ['web', '20'],
    ],
  )
  assert.deepEqual(
    operations.map(({ name, ns, dragNs }) => [name, ns, dragNs]),
    [
      ['load', '50', '50'],
      ['SELECT', '30', '30'],
      ['GET /', '20', '20'],
    ],
  )
  assert.deepEqual(
    nodes.map(({ parent, name, withChildrenNs }) => [parent, name, withChildrenNs]),
    [
      [-1, 'GET /', '100'],
      [0, 'load', '80'],
      [1, 'SELECT', '30'],
    ],
  )
  assert.deepEqual([change?.beforeNs, change?.afterNs, change?.savedTraces], ['100', '85', 1])
})

const sum = (shares: readonly { readonly ns: string }[]): bigint =>
  shares.reduce((all, { ns }) => all + BigInt(ns), 0n)

test('law: services, operations and call paths each partition the time of all traces to the ns', () => {
  fc.assert(
    fc.property(fc.array(anyTrace, { maxLength: 4 }), (all) => {
      const profile = new PathProfile()
      let wholeNs = 0n
      for (const trace of all.map(buildTrace)) {
        profile.add(trace)
        for (const { startNs, endNs } of criticalPath(trace)) wholeNs += endNs - startNs
      }
      const { whole, services, operations, nodes } = profile.view()
      assert.equal(whole.ns, String(wholeNs))
      for (const shares of [services, operations, nodes]) assert.equal(sum(shares), wholeNs)
      for (const [at, node] of nodes.entries()) {
        const below = nodes.filter(({ parent }) => parent === at)
        assert.equal(
          BigInt(node.withChildrenNs),
          below.reduce((ns, child) => ns + BigInt(child.withChildrenNs), BigInt(node.ns)),
        )
      }
    }),
    { seed: SEED, numRuns: 300 },
  )
})

/** Traces of their own ids: an example is told by it. */
const named = (traces: readonly OtlpSpan[][]): OtlpSpan[][] =>
  traces.map((spans, at) => spans.map((one) => ({ ...one, traceId: String(at + 1).padStart(32, '0') })))

test('law: profiles merged in any order and grouping are the profile of all traces', () => {
  fc.assert(
    fc.property(fc.array(tidyTrace, { minLength: 3, maxLength: 6 }), fc.nat(5), (spans, cut) => {
      const traces = named(spans).map(buildTrace)
      const profileOf = (part: typeof traces): PathProfile => {
        const profile = new PathProfile({ service: 'a', faster: 30 })
        for (const trace of part) profile.add(trace)
        return profile
      }
      const one = profileOf(traces.slice(0, cut % traces.length))
      const other = profileOf(traces.slice(cut % traces.length))
      const merged = new PathProfile({ service: 'a', faster: 30 })
      merged.merge(other)
      merged.merge(one)
      assert.deepEqual(sorted(merged), sorted(profileOf(traces)))
    }),
    { seed: SEED, numRuns: 200 },
  )
})

/** Equal shares may stand in either order. */
function sorted(profile: PathProfile): unknown {
  const { whole, services, operations, nodes, whatIf: change } = profile.view()
  const paths: string[] = []
  for (const { parent, service, name } of nodes)
    paths.push(`${parent === -1 ? '' : paths[parent]} > ${service} ${name}`)
  const named = nodes.map((node, at) => ({ ...node, parent: 0, path: paths[at]! }))
  const byText = (a: object, b: object): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)
  return [whole, change, services.toSorted(byText), operations.toSorted(byText), named.toSorted(byText)]
}

test('law: an aggregated what-if is the sum of those of its traces', () => {
  fc.assert(
    fc.property(fc.array(anyTrace, { maxLength: 4 }), fc.constantFrom(10, 50, 100), (all, faster) => {
      const change = { service: 'b', faster }
      const profile = new PathProfile(change)
      let afterNs = 0n
      for (const trace of all.map(buildTrace)) {
        profile.add(trace)
        afterNs += whatIf(trace, change).afterNs
      }
      assert.equal(profile.view().whatIf?.afterNs, String(afterNs))
    }),
    { seed: SEED, numRuns: 200 },
  )
})

test('quantiles of durations are at most a bucket off', () => {
  const profile = new PathProfile()
  for (let at = 1; at <= 1000; at++) {
    const traceId = String(at).padStart(32, '0')
    profile.add(buildTrace([{ ...span({ id: 'r', at: 0, to: at * 1000 }), traceId }]))
  }
  const { whole } = profile.view()
  for (const [told, exact] of [
    [whole.p50Ns, 500_000],
    [whole.p95Ns, 950_000],
  ] as const)
    assert.ok(Math.abs(Math.log2(Number(told) / exact)) <= 0.25)
  assert.equal(
    whole.distribution.reduce((all, { count }) => all + count, 0),
    1000,
  )
})

test('names that hold ids fill no memory: past the limit time counts for what is known, and nothing is lost', () => {
  const profile = new PathProfile()
  for (let at = 0; at < 6_000; at++) {
    const calls = Array.from({ length: 4 }, (_, call) =>
      span({ id: `c${call}`, up: 'r', at: call * 10, to: call * 10 + 9, name: `GET /${at}/${call}` }),
    )
    profile.add(buildTrace([span({ id: 'r', at: 0, to: 50, name: 'root' }), ...calls]))
  }
  const { whole, operations, nodes, foldedNodes } = profile.view()
  assert.equal(whole.ns, String(6_000 * 50))
  assert.equal(sum(nodes), 300_000n)
  assert.ok(nodes.length <= 1_001 && foldedNodes > 10_000 && foldedNodes <= 20_000)
  assert.ok(operations.length <= 501)
})

test('law: a trace that stands for some counts as often, in sums, counts and quantiles', () => {
  const change = { service: 'a', faster: 30 }
  fc.assert(
    fc.property(
      fc.array(fc.tuple(anyTrace, fc.integer({ min: 1, max: 5 })), { minLength: 1, maxLength: 5 }),
      (traces) => {
        const [weighed, repeated] = [new PathProfile(change), new PathProfile(change)]
        for (const [spans, weight] of traces) {
          const trace = buildTrace(spans)
          weighed.add(trace, weight)
          for (let i = 0; i < weight; i++) repeated.add(trace)
        }
        assert.deepEqual(weighed.view(), repeated.view())
      },
    ),
    { seed: SEED, numRuns: 200 },
  )
})

test('a sampled population is estimated as the full one is counted, by weights that are not whole', () => {
  const TRACES = 4_000
  const PROBABILITY = 0.3
  const random = seededRandom(7)
  const full = new PathProfile()
  const sampled = new PathProfile()
  let kept = 0
  for (let i = 0; i < TRACES; i++) {
    // One in ten is slow, and kept for that: it stands for itself only.
    const isSlow = i % 10 === 0
    const [length, work] = [isSlow ? 5_000 : 1_000 + (i % 97), 300 + (i % 31)]
    const trace = buildTrace([
      span({ id: 'r', at: 0, to: length, service: 'web', name: 'GET /' }),
      span({ id: 'a', up: 'r', at: 100, to: 100 + work, service: 'db', name: 'SELECT' }),
    ])
    full.add(trace)
    const isKept = isSlow || random.uint32() / 2 ** 32 < PROBABILITY
    if (!isKept) continue
    kept++
    sampled.add(trace, isSlow ? 1 : 1 / PROBABILITY)
  }
  assert.ok(kept < TRACES / 2)
  const [all, some] = [full.view(), sampled.view()]
  // Four sigma of an estimate of 3,600: 360.
  const near = (estimate: number | string, exact: number | string): void =>
    assert.ok(Math.abs(Number(estimate) / Number(exact) - 1) < 0.1, `${estimate} of ${exact}`)
  near(some.whole.traces, TRACES)
  near(some.whole.ns, all.whole.ns)
  assert.deepEqual([some.whole.p50Ns, some.whole.p95Ns], [all.whole.p50Ns, all.whole.p95Ns])
  for (const list of ['services', 'operations', 'nodes'] as const)
    for (const [i, share] of all[list].entries()) near(some[list][i]?.ns ?? 0, share.ns)
  // Rounded once a share, where weights are not whole.
  assert.ok(Math.abs(Number(sum(some.services) - BigInt(some.whole.ns))) <= some.services.length)
})
