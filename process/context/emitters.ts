// One emitter bound to one execution: for carriers, whose requests, responses and connections belong to
// somebody for sure.
import type { Frame } from './frame.ts'
import { runListener, type ListenerHost } from './stream-listeners.ts'

export type Emits = { emit(event: string | symbol, ...args: unknown[]): boolean }

export type BoundEmitter = {
  /** From now on events run in this frame: say, the one in which the response was ended. */
  rebind(frame: Frame): void
  /** Gives the emitter its own `emit` back. */
  release(): void
}

/**
 * All listeners of this emitter run in `frame`'s execution: in place where that is current, else in the
 * frame.
 */
export function bindEmitter(host: ListenerHost, emitter: Emits, frame: Frame): BoundEmitter {
  let current = frame
  const before = Object.getOwnPropertyDescriptor(emitter, 'emit')
  const native = emitter.emit
  const emit = function (this: unknown, ...args: unknown[]): unknown {
    return runListener(host, current, native, this, args)
  }
  const isBound = Reflect.defineProperty(emitter, 'emit', {
    value: emit,
    writable: true,
    configurable: true,
    enumerable: false,
  })
  return {
    rebind(frame) {
      current = frame
    },
    release() {
      if (!isBound || Object.getOwnPropertyDescriptor(emitter, 'emit')?.value !== emit) return
      if (before === undefined) Reflect.deleteProperty(emitter, 'emit')
      else Object.defineProperty(emitter, 'emit', before)
    },
  }
}
