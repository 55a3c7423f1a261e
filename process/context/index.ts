// The face of context/ for carriers and agent: see README.md.
import { Baggage } from '#baggage'
import type { BarrierListener } from './barrier.ts'
import { frameOf, scopeOf, type Execution, type Frame, type Scope } from './frame.ts'
import type { StartOptions } from './runtime.ts'
import { runtime } from './slot.ts'

export { context, type Context } from './context.ts'
export {
  frameOf,
  HOME,
  HOUSED,
  scopeOf,
  scopeValue,
  withScopeValue,
  type Execution,
  type Frame,
  type Home,
  type Scope,
} from './frame.ts'
export type { BarrierEdge, BarrierListener } from './barrier.ts'
export type { Mismatch, MismatchListener } from './strict.ts'
export type { StartOptions } from './runtime.ts'

/** Starts on behalf of a named owner; context stays on while any owner is started. */
export function startContext(owner: string, options?: StartOptions): void {
  runtime.start(owner, options)
}

export function stopContext(owner: string): void {
  runtime.stop(owner)
}

export function isContextStarted(): boolean {
  return runtime.isStarted
}

/** Promise hooks are in place: started exact, and a first frame was entered. */
export function isContextExact(): boolean {
  return runtime.isExact
}

/** Errors of context/ itself, swallowed; 0 in a healthy process. */
export function contextFaults(): number {
  return runtime.faultCount
}

/** undefined outside every execution, and while stopped. */
export function currentFrame(): Frame | undefined {
  return runtime.frame()
}

export function newExecution(): Execution {
  return runtime.newExecution()
}

/** A frame that begins an execution: what a carrier enters when a request arrives. */
export function newFrame(baggage: Baggage): Frame {
  return frameOf(baggage, scopeOf(runtime.newExecution()))
}

/** From here on, until the callback that Node called us from returns: for diagnostics channels and events. */
export function enter(frame: Frame | undefined): void {
  runtime.enter(frame)
}

/** Inside fn, and whatever fn starts; the frame of before is restored. undefined: outside every execution. */
export function runWith<R>(frame: Frame | undefined, fn: () => R): R {
  return runtime.runWith(frame, fn)
}

/**
 * Runs fn under a changed scope of the same execution (say, a new active span). The scope is left again when
 * fn returns; baggage that fn packed in its synchronous part stays, as it does after any call.
 */
export function withScope<R>(change: (scope: Scope) => Scope, fn: () => R): R {
  return runtime.withScope(change, fn)
}

/**
 * Replaces the baggage of the current frame; begins an execution where there is none. No-op while stopped.
 */
export function setBaggage(baggage: Baggage): void {
  runtime.setBaggage(baggage)
}

/** Merges into the baggage of the current frame: what a carrier does when a response arrives. */
export function joinBaggage(baggage: Baggage): void {
  runtime.joinBaggage(baggage)
}

/** The frame of now around every call of fn. */
export function bindFrame<F extends Function>(fn: F): F {
  return runtime.bind(fn)
}

/** Told of every meeting of two executions that did not join. Gives what stops it. */
export function onBarrier(listener: BarrierListener): () => void {
  return runtime.onBarrier(listener)
}

/** Baggage that a join made passes `tidy` first. Gives what stops it. */
export function tidyJoins(tidy: (baggage: Baggage) => Baggage): () => void {
  return runtime.tidyJoins(tidy)
}

/**
 * Told of each frame that is entered or left in the middle of a callback: for who measures. Must be quick and
 * must not throw; one at a time, undefined ends it.
 */
export function watchSwitches(listener: ((frame: Frame | undefined) => void) | undefined): void {
  runtime.watchSwitches(listener)
}
