// The tenants' clients: one process runs one or more tenants, each an open loop of requests at its rate (a
// slow answer does not slow the asking down, up to a bound), through the gateway. It fills the store first,
// if it is told to.

import { seededRandom } from './faults.ts'
import { inSpan } from './in-span.ts'
import { callJson, getBytes, putBytes } from './http.ts'
import { createService, serve } from './service.ts'
import { readSettings, sizesAt } from './settings.ts'
import { Truth } from './truth.ts'

const settings = readSettings()
const sizes = sizesAt(settings.scale)
const random = seededRandom(settings.seed)
const truth = new Truth(`client-${settings.host}`)

/** Objects and tables that are written before the load begins. */
const OBJECTS = 8
const TABLE = 'table-0'
const TABLE_ROWS = 160
/** More unanswered requests than this a tenant does not keep; it skips its turn, and counts that. */
const IN_FLIGHT_MAX = 32

type Workload = {
  /** As its users call it. */
  readonly name: string
  readonly perSecond: number
  readonly request: (rid: string) => Promise<unknown>
}

/** The papers' workloads by tenant; perSecond at --load 1. */
const WORKLOADS: Readonly<Record<string, Workload>> = {
  web: {
    name: 'get row',
    perSecond: 8,
    request: (rid) => getBytes(to(`/rows/${TABLE}/${pick(TABLE_ROWS)}`, { rid })),
  },
  photos: {
    name: 'view photo',
    perSecond: 3,
    request: (rid) => getBytes(to(`/objects/objects-${pick(OBJECTS)}`, { bytes: sizes.read4m, rid })),
  },
  archive: {
    name: 'restore archive',
    perSecond: 0.25,
    request: (rid) => getBytes(to(`/objects/objects-${pick(OBJECTS)}`, { bytes: sizes.read64m, rid })),
  },
  reports: {
    name: 'scan table',
    perSecond: 0.5,
    request: (rid) => callJson(to(`/scan/${TABLE}`, { bytes: TABLE_ROWS * sizes.row, rid })),
  },
  batch: {
    name: 'sort table',
    perSecond: 0.2,
    request: (rid) =>
      callJson(to('/jobs', { kind: 'sort', table: TABLE, bytes: TABLE_ROWS * sizes.row, rid }), {
        method: 'POST',
      }),
  },
  crawler: { name: 'crawl', perSecond: 3, request: crawl },
}

const tenants = (process.env.SHELF_TENANTS ?? 'web').split(',')
const load = Number(process.env.SHELF_LOAD ?? 1)
const requestsMax = Number(process.env.SHELF_REQUESTS ?? Number.POSITIVE_INFINITY)

const app = createService(truth)
await serve(app, settings)
if (process.env.SHELF_FILL === 'yes') await fill()
process.stdout.write('filled\n')
for (const tenant of tenants) run(tenant)

function run(tenant: string): void {
  const workload = WORKLOADS[tenant]
  if (workload === undefined)
    throw new Error(`no tenant ${tenant}; there are ${Object.keys(WORKLOADS).join(', ')}`)
  let sent = 0
  let inFlight = 0
  const next = (): void => {
    if (sent >= requestsMax) return
    // Poisson arrivals: the gaps of an open loop are exponential.
    setTimeout(next, -Math.log(1 - random()) * (1000 / (workload.perSecond * load)))
    if (inFlight >= IN_FLIGHT_MAX) return truth.count(`client.${tenant}.skipped`, '')
    const rid = `${tenant}-${settings.host}-${sent++}`
    inFlight++
    truth.count(`client.${tenant}.sent`, rid)
    inSpan(workload.name, () => workload.request(rid))
      .then(
        () => truth.count(`client.${tenant}.ok`, rid),
        () => truth.count(`client.${tenant}.failed`, rid),
      )
      .finally(() => {
        inFlight--
      })
  }
  next()
}

/** A crawler looks at a directory, then moves one file to and fro: a storm on the namespace lock. */
async function crawl(rid: string): Promise<void> {
  await callJson(to('/list', { prefix: 'objects', rid }))
  await Promise.all([
    callJson(to('/rename', { from: `tmp-${rid}`, to: `tmp2-${rid}`, rid }), { method: 'POST' }),
    callJson(to('/list', { prefix: 'table', rid })),
  ])
}

async function fill(): Promise<void> {
  for (let i = 0; i < OBJECTS; i++) {
    await putBytes(
      to(`/objects/objects-${i}`, { rid: `fill-${i}` }),
      randomBytes(Math.max(sizes.read64m, sizes.read4m)),
    )
  }
  await putBytes(to(`/objects/${TABLE}`, { rid: 'fill-table' }), randomBytes(TABLE_ROWS * sizes.row))
}

function randomBytes(bytes: number): Buffer {
  const content = Buffer.alloc(bytes)
  for (let i = 0; i + 4 <= bytes; i += 4) content.writeUInt32LE(Math.floor(random() * 2 ** 32), i)
  return content
}

function to(place: string, query: Record<string, string | number>): string {
  const parameters = new URLSearchParams()
  for (const [key, value] of Object.entries(query)) parameters.set(key, String(value))
  return `${settings.gatewayUrl}${place}?${parameters}`
}

function pick(count: number): number {
  return Math.floor(random() * count)
}
