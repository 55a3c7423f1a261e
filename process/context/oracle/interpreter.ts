// Runs a program for real, with native await, promises, timers, generators and emitters, and keeps the
// oracle's graph beside it. Every point compares what `context.current()` holds with what the oracle's thread
// knows.
//
//   real:  await child()                        oracle:  child = thread.fork(); ...; thread.after(child.at)
//   real:  p = child()   (synchronous prefix)   oracle:  thread.at = child.at as it is when the call returns
//   real:  emitter.emit, generator.next, plain call: the same thread, for they are calls
//
// Cast: one World for a program: what its executions share. Handlers are keyed by step kind, so a new kind
// fails to compile. Not an edge by definition: state shared through memory (a generator's locals, a queue's
// array). What resumes a generator is its caller.

/* oxlint-disable unicorn/no-unnecessary-await, unicorn/no-thenable -- they are the subject */
import { EventEmitter, once } from 'node:events'
import { MessageChannel } from 'node:worker_threads'
import { Baggage } from '#baggage'
import { context } from '../context.ts'
import { runtime } from '../slot.ts'
import { Thread, type Event, type OracleExecution } from './event-graph.ts'
import type { Body, Combinator, Enter, Program, Step, Tick } from './program.ts'

export type Failure = { readonly where: string; readonly missing: number[]; readonly extra: number[] }

/** Its promise gives or throws its id. */
type Child = { readonly id: number; readonly promise: Promise<number>; readonly thread: Thread }
type Slots = ReadonlyMap<number, Child>
type Waiter = { readonly wake: () => void; by: Thread | undefined }
type Job = {
  readonly run: (worker: Thread) => Promise<Thread>
  readonly resolve: () => void
  settledBy: { execution: OracleExecution; at: Event } | undefined
}

class Stop extends Error {
  /** Which child stopped. */
  readonly id: number
  constructor(id: number) {
    super(`stop ${id}`)
    this.id = id
  }
}

class SubPromise<T> extends Promise<T> {}

export class World {
  readonly failures: Failure[] = []
  readonly edgesExpected = new Set<string>()
  readonly cache = new Map<number, Child>()
  readonly pool: { isTaken: boolean; readonly waiters: Waiter[] } = { isTaken: false, waiters: [] }
  readonly queue: Job[] = []
  /** Runtime's execution ids to the oracle's names. */
  readonly names = new Map<number, number>()
  readonly detached: Promise<unknown>[] = []
  checkCount = 0
  isDraining = false
  #labels = 0
  #executions = 0
  #children = 0

  newExecution(): OracleExecution {
    this.#executions += 1
    return { name: this.#executions }
  }

  newChild(): number {
    this.#children += 1
    return this.#children
  }

  newLabel(): number {
    this.#labels += 1
    return this.#labels
  }

  /** Called at the first point of an execution. */
  learnName(thread: Thread): void {
    const frame = runtime.frame()
    if (frame !== undefined) this.names.set(frame.scope.execution.id, thread.execution.name)
  }

  check(thread: Thread, where: string): void {
    this.checkCount += 1
    const actual = labelsOf(context.current())
    if (actual === thread.at.knows) return
    this.failures.push({
      where,
      missing: bitsOf(thread.at.knows & ~actual),
      extra: bitsOf(actual & ~thread.at.knows),
    })
  }

  /** What the oracle says of a wait for something that `other` settled at `at`. */
  meet(thread: Thread, other: OracleExecution, at: Event): void {
    if (other === thread.execution) thread.after(at)
    else this.expectEdge(other, thread)
  }

  expectEdge(from: OracleExecution, to: Thread): void {
    if (from !== to.execution) this.edgesExpected.add(`${from.name}>${to.execution.name}`)
  }
}

/** Labels are atoms of two bytes. */
function atomOf(label: number): Uint8Array {
  return Uint8Array.of(label >> 8, label & 255)
}

function labelsOf(baggage: Baggage): bigint {
  let known = 0n
  for (const atom of baggage.atoms) known |= 1n << BigInt(((atom[0] ?? 0) << 8) | (atom[1] ?? 0))
  return known
}

function bitsOf(mask: bigint): number[] {
  const bits: number[] = []
  for (let bit = 0; mask >> BigInt(bit) > 0n; bit++) if ((mask >> BigInt(bit)) & 1n) bits.push(bit)
  return bits
}

/**
 * Runs every execution of the program at once and waits until all its work, detached work included, has
 * ended.
 */
export async function runProgram(program: Program): Promise<World> {
  const world = new World()
  await Promise.all(program.executions.map((body) => startExecution(world, body, new Map()).promise))
  while (world.detached.length > 0) await Promise.allSettled(world.detached.splice(0))
  return world
}

function startExecution(world: World, body: Body, slots: Slots): Child {
  const label = world.newLabel()
  const id = world.newChild()
  const thread = new Thread(world.newExecution())
  thread.pack(label)
  const promise = context.run(Baggage.of([atomOf(label)]), () => {
    world.learnName(thread)
    return run(world, body, thread, slots, id).catch(() => id)
  })
  return { id, promise, thread }
}

async function run(world: World, body: Body, thread: Thread, slots: Slots, id: number): Promise<number> {
  const own = new Map(slots)
  for (const step of body) {
    if (step.kind === 'throw') throw new Stop(id)
    await perform(step, { world, thread, slots: own })
    world.check(thread, step.kind)
  }
  return id
}

type Point = { readonly world: World; readonly thread: Thread; readonly slots: Map<number, Child> }
type Performers = {
  readonly [K in Step['kind']]: (step: Extract<Step, { kind: K }>, point: Point) => Promise<void> | void
}

function perform(step: Step, point: Point): Promise<void> | void {
  const performer = performers[step.kind]
  return Reflect.apply(performer, undefined, [step, point])
}

/**
 * Starts a body as a child; afterwards the caller has seen its synchronous start, unless a branch was
 * entered.
 */
function spawn(point: Point, how: Enter, body: Body): Child {
  const { world, thread, slots } = point
  if (how === 'run') return startExecution(world, body, slots)
  const id = world.newChild()
  const child = thread.fork(how === 'isolate' ? world.newExecution() : undefined)
  const call = (): Promise<number> => {
    if (how === 'isolate') world.learnName(child)
    return run(world, body, child, slots, id)
  }
  const promise = entered[how](call)
  if (how === 'plain' || how === 'adopted') thread.at = child.at
  return { id, promise, thread: child }
}

const entered: Record<Exclude<Enter, 'run'>, (call: () => Promise<number>) => Promise<number>> = {
  plain: (call) => call(),
  branch: (call) => context.branch(call),
  isolate: (call) => context.isolate(call),
  bound: (call) => context.bind(call)(),
  adopted: async (call) => call(),
}

async function awaitChild({ world, thread }: Point, child: Child): Promise<void> {
  try {
    await child.promise
  } catch (error: unknown) {
    if (!(error instanceof Stop)) throw error
  }
  world.meet(thread, child.thread.execution, child.thread.at)
  world.check(thread, 'awaited')
}

function runSync(world: World, body: Body, thread: Thread): void {
  for (const step of body) if (step.kind === 'pack') pack(world, thread)
  world.check(thread, 'callback')
}

function pack(world: World, thread: Thread): void {
  const label = world.newLabel()
  context.update((baggage) => baggage.join(Baggage.of([atomOf(label)])))
  thread.pack(label)
}

function schedule(how: Tick, fn: () => void): void {
  if (how === 'immediate') setImmediate(fn)
  else if (how === 'nextTick') process.nextTick(fn)
  else if (how === 'timer') setTimeout(fn, 1)
  else queueMicrotask(fn)
}

function tick(how: Tick): Promise<void> | null {
  if (how === 'null') return null
  if (how === 'resolved') return Promise.resolve()
  return new Promise((resolve) => schedule(how, resolve))
}

const performers: Performers = {
  pack: (_step, { world, thread }) => pack(world, thread),
  throw: () => {},
  tick: async ({ how }) => {
    await tick(how)
  },
  call: (step, point) => awaitChild(point, spawn(point, step.how, step.body)),
  start: (step, point) => {
    const child = spawn(point, step.how, step.body)
    // Outside every execution: minding the rejection is the interpreter's own, not the program's wait.
    point.world.detached.push(runtime.runWith(undefined, () => child.promise.catch(() => 0)))
    point.slots.set(step.slot, child)
  },
  await: (step, point) => {
    const child = point.slots.get(step.slot)
    return child === undefined ? undefined : awaitChild(point, child)
  },
  combine,
  then: thenChain,
  callback: async (step, { world, thread }) => {
    const inside = thread.fork()
    const done = new Promise<void>((resolve) =>
      schedule(step.how, () => {
        runSync(world, step.body, inside)
        resolve()
      }),
    )
    world.detached.push(done)
    if (!step.isAwaited) return
    await done
    thread.after(inside.at)
  },
  thenable: async (step, { world, thread }) => {
    const inside = thread.fork()
    await {
      then(resolve: () => void) {
        runSync(world, step.body, inside)
        if (step.isLater) setImmediate(resolve)
        else resolve()
      },
    }
    thread.after(inside.at)
  },
  emit,
  generator: (step, { world, thread }) => {
    function* produce(): Generator<void> {
      for (const body of step.bodies) {
        runSync(world, body, thread)
        yield
      }
    }
    for (const _ of produce()) runSync(world, step.consumer, thread)
  },
  asyncGenerator,
  shared: async (step, point) => {
    const { world } = point
    const child = world.cache.get(step.key) ?? spawn(point, 'plain', step.body)
    world.cache.set(step.key, child)
    await awaitChild(point, child)
  },
  pooled,
  queued,
  message: async () => {
    const { port1, port2 } = new MessageChannel()
    await new Promise<void>((resolve) => {
      port2.once('message', () => resolve())
      port1.postMessage(0)
    })
    port1.close()
  },
  adopt: async (step, point) => {
    const { promise, resolve } = Promise.withResolvers<number>()
    const child = spawn(point, step.how, step.body)
    resolve(child.promise)
    await awaitChild(point, { ...child, promise })
  },
  sequence,
}

async function combine(step: Extract<Step, { kind: 'combine' }>, point: Point): Promise<void> {
  const { world, thread } = point
  const earlier = step.slots.flatMap((slot) => point.slots.get(slot) ?? [])
  const children = [...step.bodies.map((body) => spawn(point, 'plain', body)), ...earlier]
  for (const child of children)
    world.detached.push(runtime.runWith(undefined, () => child.promise.catch(() => 0)))
  function* promises(): Generator<Promise<number>> {
    for (const child of children) yield child.promise
  }
  const inputs = step.isLazy ? promises() : children.map((child) => child.promise)
  const outcome = await settledOf(step.how, step.isSubclass ? SubPromise : Promise, inputs)
  const seen = outcome === 'all' ? children : children.filter((child) => child.id === outcome)
  for (const child of seen) world.meet(thread, child.thread.execution, child.thread.at)
  // Losers of a race are met too, when they come in: no join, but the edge of a foreign one is told.
  for (const child of earlier) world.expectEdge(child.thread.execution, thread)
}

/**
 * `for await` over promises in an array. V8 does not say what these continuations wait for, so this is the
 * one known shape that only flows forward (docs/concepts/exact-causality.md, bounds); the oracle holds us to
 * that.
 */
async function sequence(step: Extract<Step, { kind: 'sequence' }>, point: Point): Promise<void> {
  const { world } = point
  const children = step.bodies.map((body) => spawn(point, 'plain', body))
  for (const child of children)
    world.detached.push(runtime.runWith(undefined, () => child.promise.catch(() => 0)))
  try {
    for await (const _ of children.map((child) => child.promise)) continue
  } catch (error: unknown) {
    if (!(error instanceof Stop)) throw error
  }
}

/** Which input settled the result, or 'all' of them. */
async function settledOf(
  how: Combinator,
  on: PromiseConstructor,
  inputs: Iterable<Promise<number>>,
): Promise<number | 'all'> {
  try {
    if (how === 'any') return await on.any(inputs)
    if (how === 'race') return await on.race(inputs)
    await (how === 'all' ? on.all(inputs) : on.allSettled(inputs))
    return 'all'
  } catch (error: unknown) {
    if (error instanceof AggregateError) return 'all'
    if (error instanceof Stop) return error.id
    throw error
  }
}

async function thenChain(step: Extract<Step, { kind: 'then' }>, point: Point): Promise<void> {
  const { world, thread } = point
  const child = spawn(point, 'plain', step.body)
  const link = thread.fork()
  let returned: Child | undefined
  const handler = (): Promise<number> | number => {
    link.after(child.thread.at)
    runSync(world, step.handler, link)
    if (step.returned === undefined) return 0
    returned = spawn({ world, thread: link, slots: point.slots }, 'plain', step.returned)
    return returned.promise
  }
  try {
    await (step.how === 'then' ? child.promise.then(handler) : child.promise[step.how](handler))
  } catch (error: unknown) {
    if (!(error instanceof Stop)) throw error
  }
  thread.after(child.thread.at)
  thread.after(link.at)
  if (returned !== undefined) thread.after(returned.thread.at)
}

async function emit(step: Extract<Step, { kind: 'emit' }>, point: Point): Promise<void> {
  const { world, thread } = point
  const emitter = new EventEmitter()
  let emitting = thread
  emitter.on('event', () => runSync(world, step.body, emitting))
  if (!step.isByChild) {
    emitter.emit('event')
    return
  }
  const child = thread.fork()
  emitting = child
  let emittedAt: Event | undefined
  const heard = once(emitter, 'event')
  const emits = async (): Promise<void> => {
    await null
    pack(world, child)
    emitter.emit('event')
    emittedAt = child.at
    pack(world, child)
  }
  world.detached.push(emits())
  await heard
  if (emittedAt !== undefined) thread.after(emittedAt)
}

async function asyncGenerator(step: Extract<Step, { kind: 'asyncGenerator' }>, point: Point): Promise<void> {
  const { world, thread, slots } = point
  const inside = thread.fork()
  async function* produce(): AsyncGenerator<void> {
    try {
      for (const body of step.bodies) {
        await run(world, body, inside, slots, 0)
        yield
      }
    } finally {
      runSync(world, step.last, inside)
    }
  }
  let count = 0
  try {
    for await (const _ of calledBy(thread, inside, produce())) {
      thread.after(inside.at)
      world.check(thread, 'yielded')
      await run(world, step.consumer, thread, slots, 0)
      count += 1
      if (count > step.breakAfter) break
    }
  } catch (error: unknown) {
    if (!(error instanceof Stop)) throw error
  }
  thread.after(inside.at)
}

/**
 * Each `next` and `return` is a call: the generator goes on after its caller, and its synchronous part before
 * what follows.
 */
function calledBy(caller: Thread, inside: Thread, generator: AsyncGenerator<void>): AsyncIterable<void> {
  const called = (call: () => Promise<IteratorResult<void>>): Promise<IteratorResult<void>> => {
    inside.at = caller.at
    const result = call()
    caller.at = inside.at
    return result
  }
  const iterator = {
    next: () => called(() => generator.next()),
    return: () => called(() => generator.return(undefined)),
  }
  return { [Symbol.asyncIterator]: () => iterator }
}

/**
 * A resource that one holds and the others wait for: the releaser wakes the next, whoever's request that is.
 */
async function pooled(
  step: Extract<Step, { kind: 'pooled' }>,
  { world, thread, slots }: Point,
): Promise<void> {
  const { pool } = world
  if (pool.isTaken) {
    const { promise, resolve } = Promise.withResolvers<void>()
    const waiter: Waiter = { wake: resolve, by: undefined }
    pool.waiters.push(waiter)
    await promise
    if (waiter.by !== undefined) world.meet(thread, waiter.by.execution, waiter.by.at)
    world.check(thread, 'acquired')
  }
  pool.isTaken = true
  await run(world, step.body, thread, slots, 0)
  const next = pool.waiters.shift()
  if (next === undefined) pool.isTaken = false
  else {
    next.by = thread.fork()
    next.wake()
  }
}

/**
 * A hand-written queue: the loop of whoever came first works for all. Unbound jobs are the worker's own
 * calls.
 */
async function queued(step: Extract<Step, { kind: 'queued' }>, point: Point): Promise<void> {
  const { world, thread } = point
  const mine = thread.fork()
  const work = async (inside: Thread): Promise<Thread> => {
    await run(world, step.body, inside, new Map(), 0)
    return inside
  }
  const bound = context.bind(() => work(mine))
  const { promise, resolve } = Promise.withResolvers<void>()
  const job: Job = { run: step.isBound ? () => bound() : work, resolve, settledBy: undefined }
  world.queue.push(job)
  if (!world.isDraining) {
    const worker = thread.fork()
    const loop = drain(world, worker)
    thread.at = worker.at
    world.detached.push(loop)
  }
  await promise
  if (job.settledBy !== undefined) world.meet(thread, job.settledBy.execution, job.settledBy.at)
}

async function drain(world: World, worker: Thread): Promise<void> {
  world.isDraining = true
  await null
  for (let job = world.queue.shift(); job !== undefined; job = world.queue.shift()) {
    const inside = await job.run(worker)
    if (inside !== worker) world.meet(worker, inside.execution, inside.at)
    world.check(worker, 'worked')
    job.settledBy = { execution: worker.execution, at: worker.at }
    job.resolve()
  }
  world.isDraining = false
}
