// The tenants' clients: one process runs one or more tenants, each an open loop of requests at its rate (a
// slow answer does not slow the asking down, up to a bound), through the gateway. It fills the store first,
// if it is told to. `stress` reads files of shelf itself, from the host it runs on. Whose a request is stands
// in its header `x-tenant`, as behind any API gateway.
//
// POST /run?requests=N           each tenant does N requests more, a few at a time; answers when all are done
// POST /flood?tenant=T&clients=N from now on N clients of T ask again as soon as they are answered; 0 = no
//                                more (the fault `noisy-tenant` begins with one)

import { setTimeout as sleep } from 'node:timers/promises'
import { NOISY, seededRandom, shuffle } from './faults.ts'
import { inSpan } from './in-span.ts'
import { callJson, getBytes, putBytes } from './http.ts'
import { createService, serve } from './service.ts'
import { readSettings, sizesAt } from './settings.ts'
import { createShelfClient } from './shelf-client.ts'
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
/** Small files for `stress`: each set of three of eight hosts holds one. */
const STRESS_FILES = 56
/** Users of each tenant. */
const USERS = 3
/** Of POST /flood. */
const FLOOD_CLIENTS_MAX = 256
const FLOOD_PAUSE_MS = 5
/** Of POST /run: so many at a time, looked after so often. */
const RUN_WIDTH = 4
const RUN_EVERY_MS = 2

type Workload = {
  /** As its users call it. */
  readonly name: string
  readonly perSecond: number
  readonly request: (rid: string, user: string) => Promise<unknown>
}

/** The papers' workloads by tenant; perSecond at --load 1. */
const WORKLOADS: Readonly<Record<string, Workload>> = {
  web: {
    name: 'get row',
    perSecond: 8,
    request: (rid, user) => getBytes(to(`/rows/${TABLE}/${pick(TABLE_ROWS)}`, { rid, user }), as(user)),
  },
  photos: {
    name: 'view photo',
    perSecond: 3,
    request: (rid, user) =>
      getBytes(to(`/objects/objects-${pick(OBJECTS)}`, { bytes: sizes.read4m, rid, user }), as(user)),
  },
  archive: {
    name: 'restore archive',
    perSecond: 0.25,
    request: (rid, user) =>
      getBytes(to(`/objects/objects-${pick(OBJECTS)}`, { bytes: sizes.read64m, rid, user }), as(user)),
  },
  reports: {
    name: 'scan table',
    perSecond: 0.5,
    request: (rid, user) =>
      callJson(to(`/scan/${TABLE}`, { bytes: TABLE_ROWS * sizes.row, rid, user }), { headers: as(user) }),
  },
  batch: {
    name: 'sort table',
    perSecond: 0.2,
    request: (rid, user) =>
      callJson(to('/jobs', { kind: 'sort', table: TABLE, bytes: TABLE_ROWS * sizes.row, rid, user }), {
        method: 'POST',
        headers: as(user),
      }),
  },
  crawler: { name: 'crawl', perSecond: 3, request: crawl },
  stress: {
    name: 'stress read',
    perSecond: 20,
    request: (rid) => shelf.read(`stress-${nextStressFile()}`, { offset: 0, bytes: sizes.row }, rid),
  },
}

const tenants = (process.env.SHELF_TENANTS ?? 'web').split(',')
const requestsMax = Number(process.env.SHELF_REQUESTS ?? Number.POSITIVE_INFINITY)

const shelf = createShelfClient({
  namenodeUrl: settings.namenodeUrl,
  host: settings.host,
  blockBytes: sizes.block,
})
/** Clients that a tenant shall have, and has. */
const wantedClients = new Map<string, number>()
const floodClients = new Map<string, number>()

/** Of `stress`: each file as often as any other. */
let stressFiles: number[] = []

const app = createService(truth)
app.post<{ Querystring: { requests: string } }>('/run', async (request) => {
  const each = Number(request.query.requests)
  await Promise.all(tenants.map((tenant) => runOften(tenant, each)))
  return { done: each * tenants.length }
})
app.post<{ Querystring: { tenant: string; clients: string } }>('/flood', async (request) => {
  const { tenant, clients } = request.query
  flood(tenant, Number(clients))
  return { tenant, clients: Number(clients) }
})
await serve(app, settings)
if (process.env.SHELF_FILL === 'yes') await fill()
process.stdout.write('filled\n')
if (settings.load > 0) {
  for (const tenant of tenants) run(tenant)
  if (settings.fault === 'noisy-tenant' && tenants.includes(NOISY.tenant)) flood(NOISY.tenant, NOISY.clients)
}

function run(tenant: string): void {
  const { perSecond } = workloadOf(tenant)
  let sent = 0
  let inFlight = 0
  const next = (): void => {
    if (sent >= requestsMax) return
    // Poisson arrivals: the gaps of an open loop are exponential.
    setTimeout(next, -Math.log(1 - random()) * (1000 / (perSecond * settings.load)))
    if (inFlight >= IN_FLIGHT_MAX) return truth.count(`client.${tenant}.skipped`, '')
    inFlight++
    void doNextOp(tenant, `${tenant}-${settings.host}-${sent++}`).finally(() => {
      inFlight--
    })
  }
  next()
}

function flood(tenant: string, clients: number): void {
  workloadOf(tenant)
  wantedClients.set(tenant, Math.min(FLOOD_CLIENTS_MAX, clients))
  for (let i = floodClients.get(tenant) ?? 0; i < clients && i < FLOOD_CLIENTS_MAX; i++)
    void askOnAndOn(tenant, i)
}

async function askOnAndOn(tenant: string, client: number): Promise<void> {
  floodClients.set(tenant, (floodClients.get(tenant) ?? 0) + 1)
  for (let sent = 0; client < (wantedClients.get(tenant) ?? 0); sent++) {
    await doNextOp(tenant, `${tenant}-${settings.host}-flood${client}-${sent}`)
    // Who is refused at once does not burn a processor by asking.
    await sleep(FLOOD_PAUSE_MS)
  }
  floodClients.set(tenant, (floodClients.get(tenant) ?? 0) - 1)
}

let runs = 0
let inRun = 0
const waiting: (() => Promise<void>)[] = []
// A clock of its own, one request a beat: each begins by itself, after no other, and belongs to nobody's
// POST /run.
setInterval(() => {
  if (inRun >= RUN_WIDTH) return
  const next = waiting.shift()
  if (next === undefined) return
  inRun++
  void next().finally(() => {
    inRun--
  })
}, RUN_EVERY_MS).unref()

/** Settles when all are done. */
function runOften(tenant: string, requests: number): Promise<void> {
  const run = `run${++runs}`
  const { promise, resolve } = Promise.withResolvers<void>()
  let left = requests
  for (let i = 0; i < requests; i++)
    waiting.push(async () => {
      await doNextOp(tenant, `${tenant}-${settings.host}-${run}-${i}`)
      left -= 1
      if (left === 0) resolve()
    })
  return promise
}

/** One request of a tenant, of one of its users in turn. Never rejects. */
async function doNextOp(tenant: string, rid: string): Promise<void> {
  const { name, request } = workloadOf(tenant)
  const user = `${tenant}-${Number(rid.split('-').at(-1)) % USERS}`
  truth.count(`client.${tenant}.sent`, rid)
  try {
    await inSpan(name, () => request(rid, user))
    truth.count(`client.${tenant}.ok`, rid)
  } catch {
    truth.count(`client.${tenant}.failed`, rid)
  }
}

function workloadOf(tenant: string): Workload {
  const workload = WORKLOADS[tenant]
  if (workload !== undefined) return workload
  throw new Error(`no tenant ${tenant}; there are ${Object.keys(WORKLOADS).join(', ')}`)
}

/** A crawler looks at a directory, then moves one file to and fro: a storm on the namespace lock. */
async function crawl(rid: string, user: string): Promise<void> {
  const headers = as(user)
  await callJson(to('/list', { prefix: 'objects', rid, user }), { headers })
  await Promise.all([
    callJson(to('/rename', { from: `tmp-${rid}`, to: `tmp2-${rid}`, rid, user }), {
      method: 'POST',
      headers,
    }),
    callJson(to('/list', { prefix: 'table', rid, user }), { headers }),
  ])
}

/** A user belongs to a tenant by his name: `web-0` to `web`. */
function as(user: string): Record<string, string> {
  return { 'x-tenant': user.replace(/-\d+$/, '') }
}

function nextStressFile(): number {
  if (stressFiles.length === 0) stressFiles = shuffle([...Array(STRESS_FILES).keys()], random)
  return stressFiles.pop() ?? 0
}

async function fill(): Promise<void> {
  if (tenants.includes('stress')) return await fillStress()
  for (let i = 0; i < OBJECTS; i++) {
    await putBytes(
      to(`/objects/objects-${i}`, { rid: `fill-${i}` }),
      randomBytes(Math.max(sizes.read64m, sizes.read4m)),
    )
  }
  await putBytes(to(`/objects/${TABLE}`, { rid: 'fill-table' }), randomBytes(TABLE_ROWS * sizes.row))
}

async function fillStress(): Promise<void> {
  for (let i = 0; i < STRESS_FILES; i++) await shelf.write(`stress-${i}`, randomBytes(sizes.row), `fill-${i}`)
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
