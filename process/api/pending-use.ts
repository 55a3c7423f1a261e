// One use of a resource, from asking for it until it is given back, charged to the execution that asked.
//
//   asked ──wait──► begun ──service──► over: told to the agent, in the frame of who asked
//
// The frame is kept, for who gives a connection back is often another: a driver's socket, the next in line.
// Given up before it began, or over twice, it tells nothing.

import { AsyncLocalStorage } from 'node:async_hooks'
import type { ResourceMeasurementKind } from '#protocol'
import { host } from './host.ts'

export type Metered = { readonly name: string; readonly kind: ResourceMeasurementKind }

export class PendingUse {
  readonly #of: Metered
  readonly #there = AsyncLocalStorage.snapshot()
  readonly #askedMs = performance.now()
  #begunMs: number | undefined
  #isOver = false

  constructor(of: Metered) {
    this.#of = of
  }

  begun(): void {
    this.#begunMs ??= performance.now()
  }

  /** `share`: of a time that is paid by several. `load` in another unit than the time of service. */
  over({ share = 1, load }: { readonly share?: number; readonly load?: number } = {}): void {
    if (this.#begunMs === undefined) return
    const serviceMs = share * (performance.now() - this.#begunMs)
    this.told({ waitMs: this.#begunMs - this.#askedMs, serviceMs, load: load ?? serviceMs })
  }

  /** For who knows the times from elsewhere. */
  told(times: { readonly waitMs: number; readonly serviceMs: number; readonly load?: number }): void {
    if (this.#isOver) return
    this.#isOver = true
    const { name, kind } = this.#of
    this.#there(() => host()?.used({ resource: name, kind, tenant: '', ...times }))
  }

  /** Runs fn as the one who asked. */
  as<R>(fn: () => R): R {
    return this.#there(fn)
  }
}

/** Waits at the control point of this name, where a policy may hold the tenant. undefined: nobody is held. */
export function heldAt({ name }: Metered): Promise<void> | undefined {
  return host()?.controlPoint(name)
}

/** Where that waits, fn is called afterwards. */
export function admitted<R>(metered: Metered, fn: () => Promise<R>): Promise<R> {
  const held = heldAt(metered)
  return held === undefined ? fn() : held.then(fn)
}

type Callback = (error: unknown, ...rest: readonly unknown[]) => unknown

/** For who asks with a callback: what goes wrong after waiting is told to that, and thrown otherwise. */
export function admittedThen(metered: Metered, callback: Callback, ask: () => unknown): unknown {
  const held = heldAt(metered)
  if (held === undefined) return ask()
  held.then(ask).catch((error: unknown) => callback(error))
  return undefined
}
