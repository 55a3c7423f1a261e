// Says for whom the current execution works, and where it may be slowed down.

import { host } from './host.ts'

/**
 * Names the tenant of this execution: carried as baggage to everything it causes, in this process and in
 * others. Of work for several, as one write of many transactions, their shares: each pays his part of all it
 * uses, and it is named after the largest.
 */
export function tenant(id: string | ReadonlyMap<string, number>): void {
  if (typeof id === 'object') host()?.setMembers?.(id)
  else host()?.setTenant(id)
}

/** Free labels of this execution, carried as baggage. */
export const tags = Object.freeze({
  set(key: string, value: string): void {
    host()?.setTag(key, value)
  },
  get(key: string): string | undefined {
    return host()?.tag(key)
  },
})

/** The log level a tool set for this execution, for a logger to ask; undefined = as configured. */
export function logLevel(): string | undefined {
  return host()?.logLevel()
}

const goOn: Promise<void> = Promise.resolve()

/**
 * A place where a policy may delay this execution. Goes on at once unless one does; never rejects but with
 * the
 * reason of the signal it is given.
 */
export function controlPoint(
  name: string,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<void> {
  return host()?.controlPoint(name, signal) ?? goOn
}

/**
 * For who must not wait, as a worker that has taken a job and would keep others from it: 0 = go on, it
 * passed;
 * else the ms after which to try again, with the job put back meanwhile.
 */
export function tryControlPoint(name: string): number {
  return host()?.tryControlPoint?.(name) ?? 0
}
