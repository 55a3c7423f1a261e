// Pools, queues, worker threads and locks of others, measured like our own: who waits for them, and who has
// them. Each is a control point of its name too, in front of its line.
//
//   const pool = metered(new pg.Pool({ max: 10 }), { name: 'db' })
//
// They are known by what they can do, not by the package they come from: nothing is imported here.

import { meterLock } from './metered-lock.ts'
import { meterPool } from './metered-pool.ts'
import { meterTasks } from './metered-tasks.ts'
import type { ResourceKind } from './resource.ts'

const done = new WeakSet<object>()

const KNOWN = 'pools of pg, mysql2 and generic-pool, locks of async-mutex, p-queue, tinypool and piscina'

/**
 * Gives what it was given. Measured again it keeps its first name.
 * Errors: TypeError E_METERED when it is none of those that are known.
 */
export function metered<T extends object>(
  target: T,
  { name, kind }: { readonly name: string; readonly kind?: ResourceKind },
): T {
  if (done.has(target)) return target
  const isKnown =
    meterLock(target, { name, kind: kind ?? 'lock' }) ||
    meterPool(target, { name, kind: kind ?? 'pool' }) ||
    meterTasks(target, { name, kind: kind ?? 'queue' })
  if (!isKnown) throw Object.assign(new TypeError(`${name}: not one of ${KNOWN}`), { code: 'E_METERED' })
  done.add(target)
  return target
}
