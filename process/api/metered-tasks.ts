// What runs tasks for its callers: how long each tenant's lie in line, and run.
//
//   p-queue             add(fn)       fn itself is seen beginning: exact
//   tinypool, piscina   run(task)     begins in a thread: by its threads, which take the oldest first
//
// While a task of a queue runs no control point stops it: others wait for its place.

import { SlotTimes } from '#fair'
import { holding } from './holding.ts'
import { host } from './host.ts'
import { admitted, PendingUse, type Metered } from './pending-use.ts'
import { isMethod, replace } from './user-object.ts'

/** False: it is none of them. */
export function meterTasks(queue: object, metered: Metered): boolean {
  const threads = threadsOf(queue)
  if (threads !== undefined && isMethod(queue, 'run')) meterThreads(queue, threads, metered)
  else if (isMethod(queue, 'add') && isMethod(queue, 'onIdle')) meterQueue(queue, metered)
  else return false
  return true
}

function meterQueue(queue: object, metered: Metered): void {
  replace(queue, 'add', (add) => (fn, ...rest) => {
    if (host() === undefined || typeof fn !== 'function') return add(fn, ...rest)
    const use = new PendingUse(metered)
    const task = async (...args: unknown[]): Promise<unknown> => {
      use.begun()
      try {
        return await holding(host(), () => Reflect.apply(fn, undefined, args))
      } finally {
        use.over()
      }
    }
    return admitted(metered, async () => add(task, ...rest))
  })
}

function meterThreads(pool: object, threads: number, metered: Metered): void {
  const slots = new SlotTimes(threads)
  replace(pool, 'run', (run) => (...args) => {
    if (host() === undefined) return run(...args)
    const use = new PendingUse(metered)
    const waitedMs = performance.now()
    return admitted(metered, async () => {
      const nowMs = performance.now()
      const job = slots.enter(nowMs)
      try {
        return await run(...args)
      } finally {
        const { waitMs, serviceMs } = slots.leave(job, performance.now())
        use.told({ waitMs: waitMs + (nowMs - waitedMs), serviceMs })
      }
    })
  })
}

/** As many tasks as run at once when all of its threads are there. */
function threadsOf(pool: object): number | undefined {
  const options: unknown = Reflect.get(pool, 'options')
  if (typeof options !== 'object' || options === null) return undefined
  const threads = Number(Reflect.get(options, 'maxThreads'))
  const each = Number(Reflect.get(options, 'concurrentTasksPerWorker') ?? 1)
  return Number.isSafeInteger(threads * each) && threads * each > 0 ? threads * each : undefined
}
