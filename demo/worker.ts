// The worker: a queue of jobs that sort a table, and a background chore that copies blocks (re-replication).
//
// Two queues with one face. The ordinary one runs each job as a promise chained to the one before it. The
// fault `lost-context` puts the hand-written kind in its place that real code bases have: an array drained by
// a timer that was started when nobody asked for anything.

import { inSpan } from './in-span.ts'
import { createService, ridOf, serve } from './service.ts'
import { readSettings, sizesAt } from './settings.ts'
import { createShelfClient } from './shelf-client.ts'
import { Truth } from './truth.ts'

/** How often the chore copies one object; its tenant is the system itself. */
const REREPLICATE_EVERY_MS = 5_000
/** The timer queue looks this often. */
const DRAIN_EVERY_MS = 5

const settings = readSettings()
const sizes = sizesAt(settings.scale)
const truth = new Truth('worker')
const shelf = createShelfClient({
  namenodeUrl: settings.namenodeUrl,
  host: settings.host,
  blockBytes: sizes.block,
})
const app = createService(truth)
const enqueue = settings.fault === 'lost-context' ? timerQueue() : promiseQueue(2)

app.post<{ Querystring: { kind: string; table: string; bytes: string } }>('/jobs', async (request, reply) => {
  const rid = ridOf(request.query)
  const { kind, table, bytes } = request.query
  if (kind !== 'sort') return reply.code(400).send({ error: `no job of kind ${kind}` })
  return await enqueue(async () => completeJob(rid, await sort(table, Number(bytes), rid)))
})

const chore = setInterval(() => {
  if (settings.load > 0) void inSpan('re-replicate', rereplicate).catch(() => undefined)
}, REREPLICATE_EVERY_MS)
app.addHook('onClose', async () => clearInterval(chore))
await serve(app, settings)

/** The last thing that is done for a job. */
function completeJob(id: string, rows: number): { id: string; rows: number } {
  return { id, rows }
}

/** Reads a table, sorts its rows by their first bytes, writes the result as a new object. */
async function sort(table: string, bytes: number, rid: string): Promise<number> {
  truth.count('worker.sort', rid)
  const content = await shelf.read(table, { offset: 0, bytes }, rid)
  const rows: Buffer[] = []
  for (let at = 0; at + sizes.row <= content.length; at += sizes.row)
    rows.push(content.subarray(at, at + sizes.row))
  rows.sort((a, b) => a.compare(b))
  await shelf.write(`sorted-${rid}`, Buffer.concat(rows), rid)
  return rows.length
}

let copies = 0

async function rereplicate(): Promise<void> {
  const rid = `rereplicate-${++copies}`
  truth.count('worker.rereplicate', rid)
  const content = await shelf.read('objects-0', { offset: 0, bytes: sizes.read4m }, rid)
  await shelf.write(`replica-${rid}`, content, rid)
}

type Job<R> = () => Promise<R>

function promiseQueue(lanes: number): <R>(job: Job<R>) => Promise<R> {
  const tails = Array.from({ length: lanes }, () => Promise.resolve())
  let next = 0
  return async (job) => {
    const lane = next++ % lanes
    const before = tails[lane]
    const done = Promise.withResolvers<void>()
    tails[lane] = done.promise
    await before
    try {
      return await job()
    } finally {
      done.resolve()
    }
  }
}

function timerQueue(): <R>(job: Job<R>) => Promise<R> {
  const waiting: (() => void)[] = []
  setInterval(() => waiting.shift()?.(), DRAIN_EVERY_MS).unref()
  return (job) =>
    new Promise((resolve, reject) => {
      waiting.push(() => {
        job().then(resolve, reject)
      })
    })
}
