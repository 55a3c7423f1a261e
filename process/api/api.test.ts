// The entry without an agent: primitives that are right by themselves, and everything else a no-op.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  after,
  annotate,
  block,
  controlPoint,
  count,
  counters,
  type Counters,
  FairGate,
  logLevel,
  mark,
  measure,
  Mutex,
  point,
  Queue,
  resource,
  RwLock,
  tags,
  tenant,
  tracepoint,
} from './index.ts'

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** A job that tells when it starts and stays until it is let go. */
function jobs() {
  const started: string[] = []
  const release = new Map<string, () => void>()
  const job = (name: string) => () =>
    new Promise<string>((resolve) => {
      started.push(name)
      release.set(name, () => resolve(name))
    })
  return {
    started,
    job,
    finish: async (name: string) => {
      release.get(name)?.()
      await sleep(0)
    },
  }
}

test('without an agent every call does nothing and gives what the function given to it gives', async () => {
  tracepoint('t', () => {
    throw new Error('variables are not even collected')
  })
  point('p', { a: 1 })
  tenant('x')
  tags.set('k', 'v')
  assert.deepEqual([tags.get('k'), logLevel()], [undefined, undefined])
  assert.equal(
    block('b', () => 1),
    1,
  )
  assert.equal(
    measure('m', () => 2),
    2,
  )
  const failing = Promise.reject(new Error('mine'))
  assert.equal(
    measure('m', () => failing),
    failing,
  )
  await assert.rejects(failing, /mine/)
  const begun = block('b')
  begun.end()
  begun[Symbol.dispose]()
  assert.equal(await controlPoint('c'), undefined)
  const mine = resource('r', { kind: 'pool' })
  assert.deepEqual([mine.name, mine.kind], ['r', 'pool'])
  mine.used({ serviceMs: Number.NaN })
  Reflect.apply(mine.used, undefined, [])
  assert.equal(resource('of no kind').kind, 'other')
  assert.equal(
    mine.use(() => 3),
    3,
  )
  assert.equal(
    mine.use(() => failing),
    failing,
  )
})

test('queues, annotations and marks without an agent: work is done, values pass, nothing is called for nothing', async () => {
  const never = () => {
    throw new Error('annotations are not even made')
  }
  const begun = block('b', { a: 1 })
  const typed: { readonly a: number } = block('b', () => ({ a: 1 }))
  assert.deepEqual(typed, { a: 1 })
  begun.annotate(never)
  begun.point('p', never)
  begun.count('c')
  point('p', never)
  annotate(never)
  count('c', 2)
  assert.equal(
    block('b', never, () => 3),
    3,
  )
  assert.equal(mark(), undefined)
  after(undefined, 'nothing')
  const queue = new Queue('q')
  const [first, second] = [queue.enqueue(), queue.enqueue(never)]
  assert.equal(
    first.process(() => 4),
    4,
  )
  await first.finished()
  const failing = second.process(async () => {
    throw new Error('mine')
  })
  await assert.rejects(failing, /mine/)
  await second.finished()
  assert.equal(
    queue.processAll([], () => 5),
    5,
  )
  assert.throws(
    () =>
      queue.processAll([queue.enqueue()], () => {
        throw new Error('at once')
      }),
    /at once/,
  )
})

test('counters are flat numbers by name; nesting ends, also where it is a circle', () => {
  const circle: { [name: string]: Counters } = { hits: {} }
  circle.hits = { n: 1, again: circle }
  const flat = counters(circle, { 'hits.n': '{hit}' })
  assert.equal(flat['crosscut.counter.hits.n'], 1)
  assert.equal(flat['crosscut.unit.hits.n'], '{hit}')
  assert.ok(Object.keys(flat).length < 10)
  assert.deepEqual(counters({ a: { b: 1 }, c: Number.NaN }), {
    'crosscut.counter.a.b': 1,
    'crosscut.counter.c': Number.NaN,
  })
})

test('a gate runs as many as it has slots, and then in order of arrival', async () => {
  const { started, job, finish } = jobs()
  const gate = new FairGate({ name: 'g', slots: 2 })
  const runs = ['a', 'b', 'c', 'd'].map((name) => gate.run(job(name)))
  await sleep(0)
  assert.deepEqual([started, gate.queued], [['a', 'b'], 2])
  await finish('b')
  assert.deepEqual(started, ['a', 'b', 'c'])
  for (const name of ['a', 'c', 'd']) await finish(name)
  assert.deepEqual(await Promise.all(runs), ['a', 'b', 'c', 'd'])
})

test('a slot comes back when its holder throws, at once or later', async () => {
  const gate = new FairGate({ name: 'g', slots: 1 })
  await assert.rejects(
    gate.run(() => {
      throw new Error('at once')
    }),
    /at once/,
  )
  await assert.rejects(
    gate.run(async () => {
      await sleep(0)
      throw new Error('later')
    }),
    /later/,
  )
  assert.equal(await gate.run(() => 'free'), 'free')
})

test('who gives up waiting leaves the line, and nobody behind loses the turn', async () => {
  const { started, job, finish } = jobs()
  const gate = new FairGate({ name: 'g', slots: 1 })
  const giveUp = new AbortController()
  const first = gate.run(job('first'))
  const second = gate.run(job('second'), { signal: giveUp.signal })
  const third = gate.run(job('third'))
  giveUp.abort(new Error('enough'))
  await assert.rejects(second, /enough/)
  await finish('first')
  assert.deepEqual(started, ['first', 'third'])
  await finish('third')
  await Promise.all([first, third])
  await assert.rejects(
    gate.run(() => 1, { signal: giveUp.signal }),
    /enough/,
  )
})

for (const slots of [0, -1, 1.5, Number.NaN, 4_097]) {
  test(`a gate of ${slots} slots is a mistake`, () =>
    assert.throws(() => new FairGate({ name: 'g', slots }), RangeError))
}

test('ten thousand who wait cost no quadratic time, and all are served in order', async () => {
  const mutex = new Mutex()
  const order: number[] = []
  await Promise.all(Array.from({ length: 10_000 }, (_, i) => mutex.run(() => order.push(i))))
  assert.deepEqual(
    order,
    Array.from({ length: 10_000 }, (_, i) => i),
  )
})

test('readers share, a writer is alone, and a waiting writer is not overtaken', async () => {
  const { started, job, finish } = jobs()
  const lock = new RwLock()
  const runs = [
    lock.read(job('r1')),
    lock.read(job('r2')),
    lock.write(job('w')),
    lock.read(job('r3')),
    lock.read(job('r4')),
  ]
  await sleep(0)
  assert.deepEqual([started, lock.queued], [['r1', 'r2'], 3])
  await finish('r1')
  assert.deepEqual(started, ['r1', 'r2'])
  await finish('r2')
  assert.deepEqual(started, ['r1', 'r2', 'w'])
  await finish('w')
  assert.deepEqual(started, ['r1', 'r2', 'w', 'r3', 'r4'])
  await finish('r3')
  await finish('r4')
  await Promise.all(runs)
})

test('a writer that gives up lets the readers behind it in', async () => {
  const { started, job, finish } = jobs()
  const lock = new RwLock()
  const giveUp = new AbortController()
  const reading = lock.read(job('r1'))
  const writing = lock.write(job('w'), { signal: giveUp.signal })
  const later = lock.read(job('r2'))
  giveUp.abort(new Error('enough'))
  await assert.rejects(writing, /enough/)
  await sleep(0)
  assert.deepEqual(started, ['r1', 'r2'])
  await finish('r1')
  await finish('r2')
  await Promise.all([reading, later])
})
