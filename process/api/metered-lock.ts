// Locks of async-mutex (Mutex, Semaphore, and either with a timeout): how long each tenant waits for one, and
// holds it.
//
//   acquire() ──wait──► release | [value, release] ──hold──► release()     or lock.release()
//   runExclusive(fn)    acquire, fn, release: while fn runs no control point stops it
//
// The point in front has the lock's name: who is held there holds nothing yet.

import { holding } from './holding.ts'
import { host } from './host.ts'
import { admitted, PendingUse, type Metered } from './pending-use.ts'
import { isMethod, replace } from './user-object.ts'

type Release = () => unknown
type Got = {
  readonly value: unknown
  readonly release: Release
  readonly asGiven: (release: Release) => unknown
}

/** False: it is none. */
export function meterLock(lock: object, metered: Metered): boolean {
  if (!isMethod(lock, 'runExclusive') || !isMethod(lock, 'acquire') || !isMethod(lock, 'isLocked'))
    return false
  /** Who holds it, in the order of getting: for `lock.release()`, which does not say whose. */
  const holders = new Set<PendingUse>()
  const over = (use: PendingUse | undefined) => {
    if (use === undefined) return
    holders.delete(use)
    use.over()
  }
  replace(lock, 'acquire', (acquire) => (...args) => {
    if (host() === undefined) return acquire(...args)
    const use = new PendingUse(metered)
    return admitted(metered, async () => {
      const { release, asGiven } = gotOf(await acquire(...args))
      use.begun()
      holders.add(use)
      return asGiven(() => {
        over(use)
        return release()
      })
    })
  })
  if (isMethod(lock, 'release')) {
    replace(lock, 'release', (release) => (...args) => {
      over(holders.values().next().value)
      return release(...args)
    })
  }
  replace(lock, 'runExclusive', (runExclusive) => async (fn, ...rest) => {
    const agent = host()
    if (agent === undefined || typeof fn !== 'function') return runExclusive(fn, ...rest)
    const { value, release } = gotOf(await Reflect.apply(Reflect.get(lock, 'acquire'), lock, rest))
    try {
      return await holding(agent, () => Reflect.apply(fn, undefined, [value]))
    } finally {
      release()
    }
  })
  return true
}

/** A mutex gives its release, a semaphore its value and its release. */
function gotOf(given: unknown): Got {
  if (Array.isArray(given)) {
    const [value, release] = given
    return { value, release, asGiven: (ours) => [value, ours] }
  }
  if (typeof given !== 'function') throw new TypeError('acquire gave no release')
  const release = () => Reflect.apply(given, undefined, [])
  return { value: undefined, release, asGiven: (ours) => ours }
}
