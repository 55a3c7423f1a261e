// Which traces are due when, and what their summaries say; time is an argument, so nothing here waits.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Assembler, type Due } from './assembler.ts'
import {
  EVICTED_WAITING_MAX,
  OPERATIONS_PER_SUMMARY_MAX,
  RETAIN_MS,
  SERVICES_PER_SUMMARY_MAX,
  SPANS_PER_TRACE_MAX,
  TEXT_CHARS_IN_MEMORY_MAX,
  TRACES_IN_MEMORY_MAX,
  TRIGGER_MS_MAX,
} from './assembly-limits.ts'
import { batchOf, type FixtureSpan } from './span-batch.fixture.ts'
import { DEFAULT_TRIGGERS } from './triggers.ts'

const { idleMs: IDLE_MS, rootlessIdleMs: ROOTLESS_IDLE_MS, firstMs: FIRST_MS } = DEFAULT_TRIGGERS
const A = 'a'.padStart(32, '0')
const arrival = (ordinal: number, isReplay = false) => ({ sequence: ordinal + 1, ordinal, isReplay })
const ids = (due: Due): string[] => due.traces.map(({ traceId }) => traceId)

const ROOT: FixtureSpan = {
  traceId: 'a',
  spanId: '1',
  service: 'front',
  name: 'GET /',
  startNs: 100n,
  endNs: 200n,
}
const CHILD: FixtureSpan = {
  traceId: 'a',
  spanId: '2',
  parentSpanId: '1',
  service: 'back',
  name: 'read',
  startNs: 120n,
  endNs: 260n,
  status: { code: 2 },
}

describe('assembler', () => {
  it('summarises a trace with a root when it was quiet long enough, and not before', () => {
    const assembler = new Assembler([])
    assembler.add(batchOf([ROOT, CHILD]), arrival(0), 0)
    assert.deepEqual(assembler.due(IDLE_MS - 1), { traces: [], settledBefore: 0 })
    const due = assembler.due(IDLE_MS)
    assert.deepEqual(due, {
      settledBefore: Infinity,
      traces: [
        {
          traceId: A,
          sequence: 1,
          movedFromNs: undefined,
          isAgain: false,
          summary: {
            traceId: A,
            startNs: 100n,
            durationNs: 160n,
            rootService: 'front',
            rootName: 'GET /',
            hasRoot: true,
            spanCount: 2,
            errorCount: 1,
            rootTraceState: '',
            headWeight: 1,
            services: new Map([
              ['front', 1],
              ['back', 1],
            ]),
            operations: ['front\0GET /', 'back\0read'],
          },
        },
      ],
    })
    assert.deepEqual(ids(assembler.due(IDLE_MS * 2)), [])
  })

  it('takes children before their parent', () => {
    const assembler = new Assembler([])
    assembler.add(batchOf([CHILD]), arrival(0), 0)
    assembler.add(batchOf([ROOT]), arrival(1), 10)
    const [trace] = assembler.due(10 + IDLE_MS).traces
    assert.equal(trace?.summary?.rootName, 'GET /')
    assert.equal(trace?.summary?.spanCount, 2)
  })

  it('leaves a trace without a root to the store, after a little longer', () => {
    const assembler = new Assembler([])
    assembler.add(batchOf([CHILD]), arrival(0), 0)
    assert.deepEqual(ids(assembler.due(ROOTLESS_IDLE_MS - 1)), [])
    assert.deepEqual(assembler.due(ROOTLESS_IDLE_MS).traces, [
      { traceId: A, sequence: 1, summary: undefined, movedFromNs: undefined, isAgain: false },
    ])
  })

  it('recognises a span sent twice and lets the store say which content stands', () => {
    const assembler = new Assembler([])
    assembler.add(batchOf([ROOT]), arrival(0), 0)
    assembler.add(batchOf([{ ...ROOT, name: 'other' }]), arrival(1), 1)
    assert.equal(assembler.stats().duplicateSpans, 1)
    assert.deepEqual(assembler.due(5000).traces, [
      { traceId: A, sequence: 2, summary: undefined, movedFromNs: undefined, isAgain: true },
    ])
  })

  it('writes a new version when a span comes later, and takes back the row of the old start', () => {
    const assembler = new Assembler([])
    assembler.add(batchOf([ROOT]), arrival(0), 0)
    assembler.due(1000)
    assembler.add(batchOf([{ ...CHILD, startNs: 50n }]), arrival(1), 2000)
    const [trace] = assembler.due(3000).traces
    assert.equal(trace?.movedFromNs, 100n)
    assert.equal(trace?.summary?.startNs, 50n)
    assert.equal(trace?.sequence, 2)
  })

  it('knows a span to be late after its trace has left memory, and after a restart', () => {
    const assembler = new Assembler([Buffer.from('b'.padStart(32, '0'), 'hex').toString('latin1')])
    assembler.add(batchOf([ROOT]), arrival(0), 0)
    assembler.due(1000)
    assembler.due(RETAIN_MS)
    assert.equal(assembler.stats().tracesInMemory, 0)
    assert.equal(assembler.stats().spansInMemory, 0)
    assembler.add(
      batchOf([
        { ...ROOT, spanId: '9' },
        { ...ROOT, traceId: 'b' },
      ]),
      arrival(1),
      RETAIN_MS + 1,
    )
    assert.deepEqual(
      assembler.due(RETAIN_MS + 1000).traces.map(({ summary }) => summary),
      [undefined, undefined],
    )
  })

  it('computes traces of replayed records from the store', () => {
    const assembler = new Assembler([])
    assembler.add(batchOf([ROOT]), arrival(0, true), 0)
    assert.equal(assembler.due(1000).traces[0]?.summary, undefined)
  })

  it('summarises a trace that never falls quiet all the same', () => {
    const assembler = new Assembler([])
    let summaries = 0
    for (let ms = 0; ms <= FIRST_MS; ms += 100) {
      assembler.add(batchOf([{ ...ROOT, spanId: (ms + 1).toString(16) }]), arrival(ms), ms)
      summaries += assembler.due(ms).traces.length
    }
    assert.equal(summaries, 1)
  })

  it('has triggers that can be set: quiet with its root, quiet without, after the first span, and again', () => {
    const triggers = { idleMs: 2_000, rootlessIdleMs: 3_000, firstMs: 5_000, againMs: 7_000 }
    const quiet = new Assembler([], triggers)
    quiet.add(batchOf([ROOT, { ...CHILD, traceId: 'b' }]), arrival(0), 0)
    assert.deepEqual(
      [1_999, 2_000, 2_999, 3_000].map((ms) => ids(quiet.due(ms)).length),
      [0, 1, 0, 1],
    )
    const busy = new Assembler([], triggers)
    const dueAt: number[] = []
    for (let ms = 0; ms <= 20_000; ms += 500) {
      busy.add(batchOf([{ ...ROOT, spanId: (ms + 1).toString(16) }]), arrival(ms), ms)
      if (busy.due(ms).traces.length > 0) dueAt.push(ms)
    }
    assert.deepEqual(dueAt, [5_000, 12_000, 19_000])
  })

  it('loses nothing to triggers that wait as long as memory keeps a quiet trace', () => {
    const [idleMs, rootlessIdleMs] = [TRIGGER_MS_MAX, TRIGGER_MS_MAX]
    const assembler = new Assembler([], { idleMs, rootlessIdleMs, firstMs: TRIGGER_MS_MAX, againMs: 100 })
    assembler.add(batchOf([ROOT, CHILD]), arrival(0), 0)
    assert.deepEqual(assembler.due(TRIGGER_MS_MAX - 1), { traces: [], settledBefore: 0 })
    const { traces, settledBefore } = assembler.due(TRIGGER_MS_MAX)
    assert.deepEqual([traces[0]?.summary?.spanCount, settledBefore], [2, Infinity])
  })

  it('names the first segment that has spans in no summary yet', () => {
    const assembler = new Assembler([])
    assembler.add(batchOf([ROOT]), arrival(3), 0)
    assembler.add(batchOf([{ ...ROOT, traceId: 'b' }]), arrival(4), 500)
    assert.equal(assembler.due(IDLE_MS).settledBefore, 4)
    assert.equal(assembler.flush(IDLE_MS).settledBefore, Infinity)
  })

  it('bounds the services of a summary', () => {
    const assembler = new Assembler([])
    assembler.add(
      batchOf(
        Array.from({ length: 1000 }, (_, i) => ({
          ...ROOT,
          spanId: (i + 1).toString(16),
          parentSpanId: i === 0 ? undefined : '1',
          service: `s${i}`,
          name: `n${i}`,
        })),
      ),
      arrival(0),
      0,
    )
    const summary = assembler.due(1000).traces[0]?.summary
    assert.equal(summary?.services.size, SERVICES_PER_SUMMARY_MAX + 1)
    assert.equal(summary?.services.get('*'), 1000 - SERVICES_PER_SUMMARY_MAX)
    assert.equal(summary?.operations.length, 256)
  })

  it('puts the least recently used trace out of memory when it is full, summarised and counted', () => {
    const assembler = new Assembler([])
    const roots = (from: number, count: number): FixtureSpan[] =>
      Array.from({ length: count }, (_, i) => ({ ...ROOT, traceId: (from + i + 1).toString(16) }))
    assembler.add(batchOf(roots(0, TRACES_IN_MEMORY_MAX)), arrival(0), 0)
    assert.deepEqual(assembler.stats(), {
      duplicateSpans: 0,
      evictedTraces: 0,
      fencedTraces: 0,
      tracesInMemory: TRACES_IN_MEMORY_MAX,
      spansInMemory: TRACES_IN_MEMORY_MAX,
    })
    assembler.add(batchOf(roots(TRACES_IN_MEMORY_MAX, 1)), arrival(1), 1)
    assert.equal(assembler.stats().tracesInMemory, TRACES_IN_MEMORY_MAX)
    assert.equal(assembler.stats().evictedTraces, 1)
    assert.deepEqual(ids(assembler.due(2)), ['1'.padStart(32, '0')])
  })

  it('holds no more names than it may, however long they are', () => {
    const assembler = new Assembler([])
    const service = 's'.repeat(1024)
    const charsOfTrace = OPERATIONS_PER_SUMMARY_MAX * 2048
    const traceCount = Math.ceil(TEXT_CHARS_IN_MEMORY_MAX / charsOfTrace) + 2
    for (let t = 1; t <= traceCount; t++) {
      const spans = Array.from({ length: OPERATIONS_PER_SUMMARY_MAX }, (_, i) => ({
        ...ROOT,
        traceId: t.toString(16),
        spanId: (i + 1).toString(16),
        service,
        name: String(i).padEnd(1023, '.'),
      }))
      assembler.add(batchOf(spans), arrival(t), t)
    }
    assert.ok(assembler.stats().tracesInMemory <= TEXT_CHARS_IN_MEMORY_MAX / charsOfTrace)
    assert.ok(assembler.stats().evictedTraces > 0)
  })

  it('says that it has no room while too many evicted traces wait for their summary', () => {
    const assembler = new Assembler([])
    const count = TRACES_IN_MEMORY_MAX + EVICTED_WAITING_MAX
    const roots = (from: number, to: number): FixtureSpan[] =>
      Array.from({ length: to - from }, (_, i) => ({ ...ROOT, traceId: (from + i + 1).toString(16) }))
    assembler.add(batchOf(roots(0, count - 1)), arrival(0), 0)
    assert.equal(assembler.hasRoom(), true)
    assembler.add(batchOf(roots(count - 1, count)), arrival(1), 1)
    assert.equal(assembler.hasRoom(), false)
    assert.equal(assembler.due(2).traces.length, EVICTED_WAITING_MAX)
    assert.equal(assembler.hasRoom(), true)
  })

  it('leaves a trace to the store that lasted longer than memory keeps a quiet one', () => {
    const lasting = (ns: bigint): Due => {
      const assembler = new Assembler([])
      assembler.add(batchOf([{ ...ROOT, startNs: 1n, endNs: 1n + ns }]), arrival(0), 0)
      return assembler.due(IDLE_MS)
    }
    const retainNs = BigInt(RETAIN_MS) * 1_000_000n
    assert.notEqual(lasting(retainNs).traces[0]?.summary, undefined)
    assert.equal(lasting(retainNs + 1n).traces[0]?.summary, undefined)
  })

  it('fences a trace that grows beyond the limit: counted on, its ids no longer kept', () => {
    const assembler = new Assembler([])
    const spans = (from: number, count: number): FixtureSpan[] =>
      Array.from({ length: count }, (_, i) => ({ ...ROOT, spanId: (from + i + 1).toString(16) }))
    assembler.add(batchOf(spans(0, SPANS_PER_TRACE_MAX - 1)), arrival(0), 0)
    assert.equal(assembler.stats().fencedTraces, 0)
    assembler.add(batchOf(spans(SPANS_PER_TRACE_MAX - 1, 11)), arrival(1), 0)
    assert.equal(assembler.stats().fencedTraces, 1)
    assert.equal(assembler.stats().spansInMemory, SPANS_PER_TRACE_MAX)
    assert.equal(assembler.due(1000).traces[0]?.summary?.spanCount, SPANS_PER_TRACE_MAX + 10)
  })

  it('keeps a self-parent, a cycle and impossible times apart from crashing', () => {
    const assembler = new Assembler([])
    const max = 2n ** 64n - 1n
    assembler.add(
      batchOf([
        { traceId: 'a', spanId: '1', parentSpanId: '1', startNs: 0n, endNs: max },
        { traceId: 'a', spanId: '2', parentSpanId: '3' },
        { traceId: 'a', spanId: '3', parentSpanId: '2', startNs: 9n, endNs: 1n },
        { traceId: 'b', spanId: '1', startNs: max, endNs: 0n },
      ]),
      arrival(0),
      0,
    )
    const due = assembler.due(5000)
    assert.deepEqual(ids(due).sort(), [A, 'b'.padStart(32, '0')])
    assert.equal(due.traces.find(({ traceId }) => traceId !== A)?.summary?.durationNs, 0n)
  })

  it('gives the same summary however spans are cut into batches', () => {
    const spans = fc.uniqueArray(
      fc.record({
        spanId: fc.integer({ min: 1, max: 60 }).map((n) => n.toString(16)),
        service: fc.constantFrom('x', 'y', 'z'),
        name: fc.constantFrom('p', 'q'),
        startNs: fc.bigInt({ min: 0n, max: 1000n }),
        length: fc.bigInt({ min: 0n, max: 100n }),
        code: fc.constantFrom(0, 2),
      }),
      { selector: ({ spanId }) => spanId, minLength: 2, maxLength: 40 },
    )
    fc.assert(
      fc.property(spans, fc.integer({ min: 1, max: 39 }), (drawn, cut) => {
        const made = drawn.map(({ length, code, ...span }, i): FixtureSpan => ({
          ...span,
          traceId: 'a',
          endNs: span.startNs + length,
          status: { code },
          parentSpanId: i === 0 ? undefined : '77',
        }))
        const summaryOf = (parts: FixtureSpan[][]) => {
          const assembler = new Assembler([])
          parts
            .filter((part) => part.length > 0)
            .forEach((part, i) => assembler.add(batchOf(part), arrival(i), i))
          const summary = assembler.due(1000).traces[0]?.summary
          return {
            ...summary,
            services: [...(summary?.services ?? [])].sort(),
            operations: [...(summary?.operations ?? [])].sort(),
          }
        }
        assert.deepEqual(summaryOf([made.slice(cut), made.slice(0, cut)]), summaryOf([made]))
      }),
      { seed: 7, numRuns: 100 },
    )
  })
})
