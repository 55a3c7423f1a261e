// Finds the agent of this process, if there is one. Read at each call: an agent may come later than the
// application.

import { HOST_API_SLOT, type HostApi } from '#protocol'

/**
 * Cost: one property read. The slot's name carries the version of HostApi, so what hangs there has its
 * shape.
 */
export function host(): HostApi | undefined {
  return Reflect.get(globalThis, HOST_API_SLOT)
}
