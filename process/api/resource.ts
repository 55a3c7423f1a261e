// A resource of the application's own, measured like those that the agent knows: who waits for it, and who
// has it.
//
//   const encoder = resource('encoder', { kind: 'cpu' })
//   await encoder.use(() => encode(frame))              times it
//   encoder.used({ waitMs, serviceMs, load: bytes })    for who knows the times already

import type { ResourceMeasurementKind } from '#protocol'
import { host } from './host.ts'
import { timed } from './timed.ts'

export type ResourceKind = ResourceMeasurementKind

export interface ResourceUse {
  /** ms before it was theirs; default 0. */
  readonly waitMs?: number
  /** In a unit of the resource's own, as bytes; default ms of service. */
  readonly load?: number
}

export interface Resource {
  readonly name: string
  readonly kind: ResourceKind
  /** Calls fn and charges the workflow of this execution with how long it took. */
  use<R>(fn: () => Promise<R>, use?: ResourceUse): Promise<R>
  use<R>(fn: () => R, use?: ResourceUse): R
  /** Charges the workflow of this execution. Numbers that make no sense count as 0. */
  used(use: ResourceUse & { readonly serviceMs: number }): void
}

type Times = Parameters<Resource['used']>[0]

const NO_TIME: Times = Object.freeze({ serviceMs: 0 })

/** Declares a resource by its name, which is unique in its process; declared again it is the same. */
export function resource(name: string, { kind = 'other' }: { readonly kind?: ResourceKind } = {}): Resource {
  const used = ({ waitMs = 0, serviceMs, load = serviceMs }: Times = NO_TIME): void =>
    host()?.used({ resource: name, kind, tenant: '', waitMs, serviceMs, load })
  function use<R>(fn: () => Promise<R>, how?: ResourceUse): Promise<R>
  function use<R>(fn: () => R, how?: ResourceUse): R
  function use(fn: () => unknown, how: ResourceUse = {}): unknown {
    return host() === undefined ? fn() : timed(fn, (serviceMs) => used({ ...how, serviceMs }))
  }
  return Object.freeze({ name, kind, use, used })
}
