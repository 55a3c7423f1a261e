// Pools that hand something out and take it back: how long each tenant waits for a connection, and holds it.
//
//   pg.Pool        connect([callback])      client.release
//   mysql2         getConnection(callback)  connection.release, destroy      pool.query asks by itself
//   generic-pool   acquire([priority])      pool.release, pool.destroy       pool.use too
//
// The smallest patch of each: its one way in and its one way out, on the user's own object. Events of pg and
// mysql2 tell neither who asked nor when; mysql2 has no event for a connection that goes from hand to hand.
// Callbacks run as who asked, and not as who gave the connection back.

import { host } from './host.ts'
import { admitted, admittedThen, PendingUse, type Metered } from './pending-use.ts'
import { isMethod, methodOf, replace, type Method } from './user-object.ts'

/** False: it is none of them. */
export function meterPool(pool: object, metered: Metered): boolean {
  if (isMethod(pool, 'connect') && isMethod(pool, 'query') && 'idleCount' in pool) meterPg(pool, metered)
  else if (isMethod(pool, 'getConnection')) meterMysql(pool, metered)
  else if (isMethod(pool, 'acquire') && isMethod(pool, 'destroy') && 'borrowed' in pool)
    meterGeneric(pool, metered)
  else return false
  return true
}

type Callback = (error: unknown, lent?: unknown, ...rest: unknown[]) => unknown

const isCallback = (value: unknown): value is Callback => typeof value === 'function'
const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

/** It is over when one of these is called. They are of one lending only, and go with it. */
function endsWith(lent: unknown, names: readonly string[], use: PendingUse): void {
  if (!isObject(lent)) return
  use.begun()
  for (const name of names) {
    const before = methodOf(lent, name)
    Reflect.set(lent, name, function (this: unknown, ...args: unknown[]) {
      use.over()
      Reflect.set(lent, name, before)
      return Reflect.apply(before, this, args)
    })
  }
}

/** pg gives each lending a `release` of its own, also as third argument of the callback. */
function meterPg(pool: object, metered: Metered): void {
  replace(pool, 'connect', (connect) => (callback) => {
    if (host() === undefined) return connect(callback)
    const use = new PendingUse(metered)
    const lend = (client: unknown) => endsWith(client, ['release'], use)
    if (!isCallback(callback)) {
      return admitted(metered, async () => {
        const client = await connect()
        lend(client)
        return client
      })
    }
    return admittedThen(metered, callback, () =>
      connect((error: unknown, client: unknown) => {
        lend(client)
        const release = isObject(client) ? Reflect.get(client, 'release') : () => {}
        use.as(() => callback(error, client, release))
      }),
    )
  })
}

/** Its pool of promises stands on one of callbacks, through which all goes. */
function meterMysql(pool: object, metered: Metered): void {
  const core: unknown = Reflect.get(pool, 'pool')
  if (isObject(core) && isMethod(core, 'getConnection')) return meterMysql(core, metered)
  replace(pool, 'getConnection', (getConnection) => (callback) => {
    if (host() === undefined || !isCallback(callback)) return getConnection(callback)
    const use = new PendingUse(metered)
    return admittedThen(metered, callback, () =>
      getConnection((error: unknown, connection: unknown) => {
        endsWith(connection, ['release', 'destroy'], use)
        use.as(() => callback(error, connection))
      }),
    )
  })
}

function meterGeneric(pool: object, metered: Metered): void {
  const lent = new WeakMap<object, PendingUse>()
  replace(pool, 'acquire', (acquire) => (priority) => {
    if (host() === undefined) return acquire(priority)
    const use = new PendingUse(metered)
    return admitted(metered, async () => {
      const resource = await acquire(priority)
      use.begun()
      if (isObject(resource)) lent.set(resource, use)
      return resource
    })
  })
  const over = (taken: Method) => (resource: unknown) => {
    if (isObject(resource)) lent.get(resource)?.over()
    return taken(resource)
  }
  replace(pool, 'release', over)
  replace(pool, 'destroy', over)
}
