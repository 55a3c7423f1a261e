// The one runtime of a process: who wants context, whether it is exact, and the frame's moves.
//
//   owner starts ---> [ armed: nothing installed yet ] --- first frame entered ---> [ installed ]
//        ^                                                                              |
//        +-------------------- last owner stops: everything is removed <----------------+
//
// Nothing is installed before the first frame, because until then no promise has anything to carry; and it is
// installed with the first frame, even of empty baggage, because an await that began before the hooks could
// not join.
//
// Cast: lives in the Symbol.for slot (slot.ts), so that two copies of this module share it; public.ts and
// index.ts are its doors.
// Invariant: nothing here throws into the host because of us; faults are counted.
import { Baggage } from '#baggage'
import { Barrier, type BarrierListener } from './barrier.ts'
import { wrapCalls } from './bind.ts'
import { installCombinators } from './combinators.ts'
import { frameOf, scopeOf, type Execution, type Frame, type Scope } from './frame.ts'
import { FrameStore } from './frame-store.ts'
import { installPromiseFlow } from './promise-flow.ts'
import { installStreamListeners } from './stream-listeners.ts'
import { installStrictMode, type MismatchListener } from './strict.ts'

export type StartOptions = {
  /** Join at awaits (promise hooks). Default true. */
  readonly exact?: boolean
  /** Listeners of streams run in the execution that added them. Default true. */
  readonly streams?: boolean
  /** Development only: told of work that runs in another execution's context. */
  readonly strict?: MismatchListener
}

export class Runtime {
  /** Grows with each change that another copy of the module must know of; see slot.ts. */
  readonly version = 1
  readonly #owners = new Map<string, StartOptions>()
  readonly barrier = new Barrier(() => this.fault())
  #store: FrameStore | undefined
  #uninstalls: (() => void)[] = []
  /** armed: started, and the first frame installs. */
  #installation: 'none' | 'armed' | 'installed' = 'none'
  #executionCount = 0
  #faultCount = 0
  #tidy: ((baggage: Baggage) => Baggage) | undefined
  #onSwitch: ((frame: Frame | undefined) => void) | undefined

  start(owner: string, options: StartOptions = {}): void {
    this.#owners.set(owner, options)
    this.#settle()
  }

  stop(owner: string): void {
    if (this.#owners.delete(owner)) this.#settle()
  }

  get isStarted(): boolean {
    return this.#store !== undefined
  }

  /** Hooks are in place. */
  get isExact(): boolean {
    return this.#installation === 'installed' && this.#wants('exact')
  }

  /** Errors of ours, swallowed: 0 in a healthy process. */
  get faultCount(): number {
    return this.#faultCount
  }

  frame(): Frame | undefined {
    return this.#store?.get()
  }

  enter(frame: Frame | undefined): void {
    this.#store?.enter(frame)
    if (this.#installation === 'armed' && frame !== undefined) this.#install()
  }

  runWith<R>(frame: Frame | undefined, fn: () => R): R {
    if (this.#store === undefined) return fn()
    if (this.#installation === 'armed' && frame !== undefined) this.#installWithin(frame)
    return this.#store.run(frame, fn)
  }

  /**
   * Runs fn under another scope of the same execution: the scope is left again, the baggage that fn's start
   * packed stays.
   */
  withScope<R>(change: (scope: Scope) => Scope, fn: () => R): R {
    const store = this.#store
    const outer = store?.get()
    if (store === undefined || outer === undefined) return fn()
    return callWithin(store, frameOf(outer.baggage, change(outer.scope)), outer, fn)
  }

  /**
   * Calls a listener that was added in `frame`, from wherever its event is emitted. Within one execution the
   * call comes after both, so it sees both baggages, under the scope of who added it, and what it packs
   * stays; from elsewhere it runs in `frame`, with an edge.
   */
  callListener(frame: Frame, call: () => unknown): unknown {
    const current = this.frame()
    const store = this.#store
    if (store === undefined || current === undefined) return this.runWith(frame, call)
    if (current.scope.execution !== frame.scope.execution) {
      this.barrier.report('listener', current, frame)
      return this.runWith(frame, call)
    }
    const both = this.join(frame, current)
    const isInPlace = both.scope === current.scope && both.baggage === current.baggage
    return isInPlace ? call() : callWithin(store, both, current, call)
  }

  /** The frame of now around every call of fn. While stopped: fn itself. */
  bind<F extends Function>(fn: F): F {
    if (!this.isStarted) return fn
    const frame = this.frame()
    return wrapCalls(fn, (call) => this.runWith(frame, call))
  }

  /**
   * An execution cut out of this one: baggage and scope go in, and no join crosses its border in either
   * direction.
   */
  isolate<R>(fn: () => R): R {
    const outer = this.frame()
    const scope = scopeOf(this.newExecution(outer?.scope.execution), outer?.scope.values)
    return this.runWith(frameOf(outer?.baggage ?? Baggage.empty, scope), fn)
  }

  newExecution(within?: Execution): Execution {
    this.#executionCount += 1
    const id = this.#executionCount
    return { id, root: within === undefined ? id : within.root }
  }

  setBaggage(baggage: Baggage): void {
    const frame = this.frame()
    if (!this.isStarted || frame?.baggage === baggage) return
    this.enter(frameOf(baggage, frame === undefined ? scopeOf(this.newExecution()) : frame.scope))
  }

  joinBaggage(baggage: Baggage): void {
    const frame = this.frame()
    this.setBaggage(frame === undefined ? baggage : joinOf(frame.baggage, baggage))
  }

  /**
   * What a continuation sees: joined within an execution; across executions unchanged, with an edge. Never
   * throws.
   */
  join(waiting: Frame, settled: Frame): Frame {
    try {
      if (settled.scope.execution === waiting.scope.execution) {
        return this.#tidied(waiting, joinFrames(waiting, settled))
      }
      this.barrier.report('promise', settled, waiting)
    } catch {
      this.fault()
    }
    return waiting
  }

  /** Gives whoever owns a bag the chance to shorten what grew at joins: a loop of awaits has no other end. */
  tidyJoins(tidy: (baggage: Baggage) => Baggage): () => void {
    this.#tidy = tidy
    return () => {
      this.#tidy = undefined
    }
  }

  #tidied(before: Frame, joined: Frame): Frame {
    if (this.#tidy === undefined || joined === before) return joined
    const baggage = this.#tidy(joined.baggage)
    return baggage === joined.baggage ? joined : frameOf(baggage, joined.scope)
  }

  /**
   * For combinators: the same, without edges, which the single inputs have reported already. Never throws.
   */
  joinAll(current: Frame, others: Iterable<Frame>): Frame {
    try {
      let joined = current
      for (const other of others) {
        if (other.scope.execution === current.scope.execution) joined = joinFrames(joined, other)
      }
      return this.#tidied(current, joined)
    } catch {
      this.fault()
      return current
    }
  }

  /** For who measures: the listener must be quick and must not throw. undefined ends it. */
  watchSwitches(listener: ((frame: Frame | undefined) => void) | undefined): void {
    this.#onSwitch = listener
    if (this.#store !== undefined) this.#store.onSwitch = listener
  }

  onBarrier(listener: BarrierListener): () => void {
    return this.barrier.listen(listener)
  }

  #strictListener(): MismatchListener | undefined {
    return [...this.#owners.values()].find((options) => options.strict !== undefined)?.strict
  }

  #wants(what: 'exact' | 'streams'): boolean {
    return [...this.#owners.values()].some((options) => options[what] !== false)
  }

  /** Makes it so: owners' wishes into what is installed. */
  #settle(): void {
    const wasInstalled = this.#installation === 'installed'
    this.#uninstall()
    if (this.#owners.size === 0) {
      this.#store?.disable()
      this.#store = undefined
      return
    }
    this.#store ??= new FrameStore()
    this.#store.onSwitch = this.#onSwitch
    this.#installation = 'armed'
    // Requests may be under way while somebody else starts: no await of theirs may slip through.
    if (wasInstalled) this.#install()
  }

  /** AsyncLocalStorage must be active before the hooks are installed (Node 22 orders them by that). */
  #installWithin(frame: Frame): void {
    this.#store?.run(frame, () => this.#install())
  }

  #install(): void {
    const store = this.#store
    if (store === undefined) return
    this.#installation = 'installed'
    if (this.#wants('exact')) {
      store.locate()
      this.#uninstalls.push(installPromiseFlow(store, (waiting, settled) => this.join(waiting, settled)))
      this.#uninstalls.push(installCombinators(store, (current, others) => this.joinAll(current, others)))
    }
    if (this.#wants('streams')) this.#uninstalls.push(installStreamListeners(this))
    const strict = this.#strictListener()
    if (strict !== undefined) this.#uninstalls.push(installStrictMode(this, strict))
  }

  #uninstall(): void {
    for (const uninstall of this.#uninstalls.splice(0)) uninstall()
    this.#installation = 'none'
  }

  /** Our own errors never reach the host; the agent reports their number. */
  fault(): void {
    this.#faultCount += 1
  }
}

/**
 * Calls fn in a frame of outer's execution; then outer's scope is back, with the baggage as fn's start left
 * it.
 */
function callWithin<R>(store: FrameStore, frame: Frame, outer: Frame, fn: () => R): R {
  store.enter(frame)
  try {
    return fn()
  } finally {
    const inner = store.get()
    const baggage = inner === undefined ? outer.baggage : inner.baggage
    store.enter(baggage === outer.baggage ? outer : frameOf(baggage, outer.scope))
  }
}

/** One of the two where that says it all, so that frames met again are found to be the same. */
function joinFrames(waiting: Frame, settled: Frame): Frame {
  if (settled.baggage === waiting.baggage) return waiting
  const joined = joinOf(waiting.baggage, settled.baggage)
  if (joined === waiting.baggage) return waiting
  const isAllOfSettled = joined === settled.baggage && waiting.scope === settled.scope
  return isAllOfSettled ? settled : frameOf(joined, waiting.scope)
}

/** Values of another copy of baggage/ have private fields of their own, so they meet as bytes. */
function joinOf(a: Baggage, b: Baggage): Baggage {
  return adopt(a).join(adopt(b))
}

export function adopt(baggage: Baggage): Baggage {
  return baggage instanceof Baggage ? baggage : Baggage.decodeLenient(Object(baggage).encode())
}
