// Whose segments run on the event loop: while open, each callback and each continuation of a promise is timed
// and charged to whoever's frame is current in it.
//
//   loop     |─ callback A ─|microtask B|        |─ callback: parse, then enter(C) ─|
//   marks    ^before        ^after/before^after  ^before              ^switch       ^after
//   charged    A              B            idle    nobody yet ─────────► C            C
//
// Marks come from async_hooks (callbacks), v8.promiseHooks (continuations) and from context/ (a frame entered
// or left in the middle). Time before the first frame of a callback goes to the first that is entered: that
// is where a request is parsed (Retro 4.1, usage before the id is known).
//
// The hooks exist only while open: closed, nothing of this is installed.

import { createHook, type AsyncHook } from 'node:async_hooks'
import { promiseHooks } from 'node:v8'
import { currentFrame, watchSwitches, type Frame } from '#context'
import { Columns } from './columns.ts'
import { CPU_DEPTH_MAX, CPU_MARKS_MAX } from './limits.ts'
import type { Payer } from './payers.ts'
import type { Usage } from './usage.ts'

const nowMs = (): number => performance.now()

export class Segments {
  /** What was seen so far, by workflow: count = callbacks, service = ms. Nobody reports it as it is. */
  readonly seen = new Columns('cpu')
  readonly #usage: Usage
  readonly #hook: AsyncHook
  #closePromises: Function | undefined
  #isOpen = false
  #marks = 0
  /** As many marks as a period may have were made: the rest of it is not looked at. */
  #isPaused = false
  #sinceMs = 0
  /** Callbacks that the current one was called from, with who they are charged to. */
  #outer: (Payer | undefined)[] = []
  #depth = 0
  #deeper = 0
  #isNewCallback = false
  /** undefined: no frame was current yet in this callback. */
  #payer: Payer | undefined
  /** Of this callback, to be charged to the first frame in it. */
  #carriedMs = 0
  /** Of one payer in a row, not charged yet; calls of callbacks among them. */
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
  takeMarks(): number {
    const marks = this.#marks
    this.#marks = 0
    if (this.#isPaused) this.#forget()
    this.#isPaused = false
    return marks
  }

  open(): void {
    if (this.#isOpen) return
    this.#isOpen = true
    this.#forget()
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
    if (this.#depth > 0 && !this.#isPaused) this.#mark()
    this.#forget()
    this.settle()
  }

  #forget(): void {
    this.#depth = 0
    this.#deeper = 0
    this.#payer = undefined
    this.#carriedMs = 0
    this.#isNewCallback = false
  }

  /** What is held goes to the columns. */
  settle(): void {
    const payer = this.#heldBy
    if (payer !== undefined && (this.#heldMs > 0 || this.#heldCount > 0))
      this.#usage.charge(this.seen, payer, {
        count: this.#heldCount,
        load: this.#heldMs,
        waitMs: 0,
        waitSq: 0,
        serviceMs: this.#heldMs,
        serviceSq: this.#heldSq,
      })
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
    if (this.#depth > 0) this.#mark()
    else this.#isNewCallback = isCallback
    this.#outer[this.#depth] = this.#payer
    this.#depth += 1
    this.#sinceMs = nowMs()
    this.#marks += 1
    const frame = currentFrame()
    this.#payer = frame === undefined ? undefined : this.#usage.payerOf(frame)
  }

  #after(): void {
    // Of a callback that began before we did.
    if (this.#isPaused || this.#depth === 0) return
    if (this.#deeper > 0) {
      this.#deeper -= 1
      return
    }
    this.#mark()
    this.#depth -= 1
    this.#payer = this.#outer[this.#depth]
    if (this.#depth > 0) return
    if (this.#carriedMs > 0) this.#charge(this.#usage.payers.background, this.#takeCarried())
    if (this.#marks >= CPU_MARKS_MAX) this.#isPaused = true
  }

  /** A frame is entered or left in the middle of a callback. */
  #switch(frame: Frame | undefined): void {
    if (this.#isPaused || this.#depth === 0) return
    this.#mark()
    // Left for none: what comes is still of the one before, until another is entered or the callback ends.
    if (frame !== undefined) this.#payer = this.#usage.payerOf(frame)
  }

  /** Ends a stretch: it is of who is current, or carried to who comes. */
  #mark(): void {
    const now = nowMs()
    const ms = now - this.#sinceMs
    this.#sinceMs = now
    this.#marks += 1
    if (this.#payer === undefined) this.#carriedMs += ms
    else this.#charge(this.#payer, ms + this.#takeCarried())
  }

  #takeCarried(): number {
    const ms = this.#carriedMs
    this.#carriedMs = 0
    return ms
  }

  #charge(payer: Payer, ms: number): void {
    if (!isSame(payer, this.#heldBy)) {
      this.settle()
      this.#heldBy = payer
    }
    this.#heldMs += ms
    this.#heldSq += ms * ms
    if (this.#isNewCallback) {
      this.#isNewCallback = false
      this.#heldCount += 1
    }
  }
}

/** Payers of one baggage are one object; those of an execution without a name are made each time. */
function isSame(a: Payer, b: Payer | undefined): boolean {
  return a === b || (a.kind === 'unnamed' && b?.kind === 'unnamed' && a.execution === b.execution)
}
