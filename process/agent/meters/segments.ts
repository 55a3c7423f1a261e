// Whose segments run on the event loop: while open, each callback and each continuation of a promise is
// looked at, and the time between two of different tenants is charged to whose frame was current in it.
//
//   loop     |─ callback: parse, then enter(A) ─|tick A|microtask B|  idle  |─ callback C ─| ...
//   clock    ^turn                                     ^           ^        ^turn
//   charged  |──────────────── A ──────────────────────|──── B ────|        |──── C ────
//
// Looks come from async_hooks (callbacks and ticks), v8.promiseHooks (continuations) and from context/ (a
// frame entered or left in the middle). Clocks are read only where whose it is changes and where the loop
// calls back, for a request has a dozen ticks and continuations of one tenant in a row. Time before the first
// frame of a turn goes to the first that is entered: that is where a request is parsed (Retro 4.1, usage
// before the id is known). What the loop does between callbacks, reading and writing, goes with the one
// before.
//
// The hooks exist only while open: closed, nothing of this is installed.

import { createHook, executionAsyncResource, type AsyncHook } from 'node:async_hooks'
import { promiseHooks } from 'node:v8'
import { currentFrame, watchSwitches, type Frame } from '#context'
import { Columns } from './columns.ts'
import { CPU_DEPTH_MAX, CPU_LOOKS_MAX } from './limits.ts'
import type { Payer } from './payers.ts'
import type { Usage } from './usage.ts'

const nowMs = (): number => performance.now()
/** The loop of this thread, waiting for events. */
const idleMs = (): number => performance.nodeTiming.idleTime

export class Segments {
  /** What was seen so far, by workflow: count = callbacks, service = ms. Nobody reports it as it is. */
  readonly seen = new Columns('cpu')
  readonly #usage: Usage
  readonly #hook: AsyncHook
  #closePromises: Function | undefined
  #isOpen = false
  #looks = 0
  /** As many looks as a period may have were made: the rest of it is not looked at. */
  #isPaused = false
  /** Begin of the stretch, and what the loop had been idle by then. */
  #sinceMs = 0
  #idleMs = 0
  /** Callbacks that the current one was called from, with who they are charged to. */
  #outer: (Payer | undefined)[] = []
  #depth = 0
  #deeper = 0
  #isNewTurn = false
  /** Some frame was current in this turn. */
  #isNamed = false
  /** Of the stretch; undefined: outside every execution. Goes on between callbacks. */
  #payer: Payer | undefined
  /** Of one payer in a row, not charged yet; turns of the loop among them. */
  #heldMs = 0
  #heldSq = 0
  #heldCount = 0
  #heldBy: Payer | undefined

  constructor(usage: Usage) {
    this.#usage = usage
    // Promises have hooks of their own: with those of async_hooks each gets an id, at twice the price. Where
    // the option is not known (Node 22), marks are made twice, which is dear and not wrong.
    this.#hook = createHook({
      before: () => this.#before(true),
      after: () => this.#after(),
      ...{ trackPromises: false },
    })
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Since it was last asked; a new period begins. */
  takeLooks(): number {
    const looks = this.#looks
    this.#looks = 0
    if (this.#isPaused) this.#begin()
    this.#isPaused = false
    return looks
  }

  open(): void {
    if (this.#isOpen) return
    this.#isOpen = true
    this.#begin()
    this.#hook.enable()
    this.#closePromises = promiseHooks.createHook({
      before: () => this.#before(false),
      after: () => this.#after(),
    })
    watchSwitches((frame) => this.#switch(frame))
  }

  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#hook.disable()
    this.#closePromises?.()
    watchSwitches(undefined)
    if (!this.#isPaused) this.#end()
    this.settle()
  }

  /** In the middle of a callback, which is nobody's we know of. */
  #begin(): void {
    this.#depth = 0
    this.#deeper = 0
    this.#payer = undefined
    this.#isNewTurn = false
    this.#isNamed = false
    this.#sinceMs = nowMs()
    this.#idleMs = idleMs()
  }

  /** What is held goes to the columns. */
  settle(): void {
    const payer = this.#heldBy
    if (payer !== undefined && (this.#heldMs > 0 || this.#heldCount > 0))
      this.#usage.chargeTime(this.seen, payer, this.#heldCount, this.#heldMs, this.#heldSq)
    this.#heldBy = undefined
    this.#heldMs = 0
    this.#heldSq = 0
    this.#heldCount = 0
  }

  #before(isCallback: boolean): void {
    if (this.#isPaused) return
    if (this.#depth >= CPU_DEPTH_MAX) {
      this.#deeper += 1
      return
    }
    this.#looks += 1
    const payer = this.#payerOf(currentFrame())
    if (isCallback && this.#depth === 0 && !isTick()) this.#turn(payer)
    else {
      this.#outer[this.#depth] = this.#payer
      this.#become(payer)
    }
    this.#depth += 1
  }

  #after(): void {
    // Of a callback that began before we did.
    if (this.#isPaused || this.#depth === 0) return
    if (this.#deeper > 0) {
      this.#deeper -= 1
      return
    }
    this.#depth -= 1
    if (this.#depth > 0) this.#become(this.#outer[this.#depth])
    else if (this.#looks >= CPU_LOOKS_MAX) {
      this.#end()
      this.#isPaused = true
    }
  }

  /** A frame is entered or left in the middle of a callback. */
  #switch(frame: Frame | undefined): void {
    if (this.#isPaused || this.#depth === 0) return
    // Left for none: what comes is still of the one before, until another is entered or the callback ends.
    if (frame !== undefined) this.#become(this.#payerOf(frame))
  }

  /** Who is named in the execution that the last stretch was of takes it over: nobody need owe it. */
  #payerOf(frame: Frame | undefined): Payer | undefined {
    if (frame === undefined) return undefined
    const payer = this.#usage.payerOf(frame)
    if (payer.kind !== 'unnamed' && this.#payer?.kind === 'unnamed')
      if (this.#payer.execution === frame.scope.execution.root) this.#name(payer)
    return payer
  }

  #name(payer: Payer): void {
    if (isSame(this.#heldBy, this.#payer)) this.#heldBy = payer
    this.#payer = payer
  }

  /** The loop calls. */
  #turn(payer: Payer | undefined): void {
    this.#end()
    this.#payer = payer
    this.#isNamed = payer !== undefined
    this.#isNewTurn = true
  }

  #become(payer: Payer | undefined): void {
    if (isSame(payer, this.#payer)) return
    // The begin of a turn goes with the first frame in it.
    if (this.#isNamed) this.#mark()
    this.#payer = payer
    this.#isNamed ||= payer !== undefined
  }

  /** Between two turns the loop may have waited. */
  #end(): void {
    const idle = idleMs()
    this.#sinceMs += idle - this.#idleMs
    this.#idleMs = idle
    this.#mark()
  }

  /** Ends a stretch. */
  #mark(): void {
    const now = nowMs()
    const ms = now - this.#sinceMs
    this.#sinceMs = now
    if (ms > 0) this.#charge(this.#payer ?? this.#usage.payers.background, ms)
  }

  #charge(payer: Payer, ms: number): void {
    if (!isSame(payer, this.#heldBy)) {
      this.settle()
      this.#heldBy = payer
    }
    this.#heldMs += ms
    this.#heldSq += ms * ms
    if (this.#isNewTurn) {
      this.#isNewTurn = false
      this.#heldCount += 1
    }
  }
}

/** Ticks run before the loop goes on: they are part of the turn of who asked for them. */
const isTick = (): boolean => Object.getPrototypeOf(executionAsyncResource()) === Object.prototype

/** Baggages that name one tenant have a payer each; those of unnamed executions are made each time. */
function isSame(a: Payer | undefined, b: Payer | undefined): boolean {
  if (a === b) return true
  if (a?.kind === 'one') return b?.kind === 'one' && a.place === b.place
  return a?.kind === 'unnamed' && b?.kind === 'unnamed' && a.execution === b.execution
}
