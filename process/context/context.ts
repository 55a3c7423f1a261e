// The public object `context` (export `crosscut/context`): baggage of the current execution, for libraries
// and applications.
//
//   const order = context.run(Baggage.empty, async () => {     // a new execution
//     context.update((b) => Tenant.write(b, { id: 'a' }))
//     await Promise.all([reserve(), charge()])                 // what both packed is here now
//     return context.current()
//   })
//
// Everything is a cheap no-op while stopped. Start and stop here act for the application; the agent starts
// for itself, so that an application's `stop` does not take the agent's context away.
import { Baggage } from '#baggage'
import { frameOf, scopeOf } from './frame.ts'
import { adopt } from './runtime.ts'
import { runtime } from './slot.ts'
import type { MismatchListener } from './strict.ts'

export interface Context {
  /**
   * exact: joins at awaits (default); false: plain AsyncLocalStorage, which only flows forward.
   * strict: development only, told of work that runs in another execution's context, with both stacks.
   */
  start(options?: { exact?: boolean; strict?: MismatchListener }): void
  stop(): void
  /** Runs fn as a new execution. */
  run<R>(baggage: Baggage, fn: () => R): R
  /** `Baggage.empty` outside every execution. */
  current(): Baggage
  /** Replaces what is current from here on. Outside every execution it begins one. */
  set(baggage: Baggage): void
  update(change: (baggage: Baggage) => Baggage): void
  /** Runs fn on a branch: what it packs arrives only where its promise is awaited. */
  branch<R>(fn: () => R): R
  /** The frame of now, restored at each call of fn, on a branch. */
  bind<F extends Function>(fn: F): F
  /** Merges into current. */
  join(baggage: Baggage): void
  /** Runs fn so that no join crosses its border in either direction. */
  isolate<R>(fn: () => R): R
}

const owner = 'application'

export const context: Context = Object.freeze<Context>({
  start: (options) => runtime.start(owner, { exact: options?.exact !== false, strict: options?.strict }),
  stop: () => runtime.stop(owner),
  run: (baggage, fn) => runtime.runWith(frameOf(baggage, scopeOf(runtime.newExecution())), fn),
  current: () => adopt(runtime.frame()?.baggage ?? Baggage.empty),
  set: (baggage) => runtime.setBaggage(baggage),
  update: (change) => {
    if (runtime.isStarted) runtime.setBaggage(change(context.current()))
  },
  branch: (fn) => runtime.runWith(runtime.frame(), fn),
  bind: (fn) => runtime.bind(fn),
  join: (baggage) => runtime.joinBaggage(baggage),
  isolate: (fn) => runtime.isolate(fn),
})
