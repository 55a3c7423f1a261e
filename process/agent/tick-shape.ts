// Keeps process.nextTick quick.
//
// nextTick builds its record with computed keys, and V8 keeps that quick as long as every record is seen to
// grow through the same hidden classes. These are held weakly: two collections that find no tick pending let
// them go, the next record gets new ones, and V8 then takes the slow path at this place until the process
// ends (120 ns a tick become 600 on Node 24; a request of HTTP has some twenty). Collections without a tick
// are those of an idle process, and those of loading an agent. So one record is kept, and its classes with
// it.

import { executionAsyncResource } from 'node:async_hooks'

/** Owns: a record of nextTick, from the next tick on. */
export type TickShape = { record: object | undefined }

/** Whoever holds the result keeps nextTick quick. */
export function keepTickShape(): TickShape {
  const shape: TickShape = { record: undefined }
  process.nextTick(() => {
    shape.record = executionAsyncResource()
  })
  return shape
}
