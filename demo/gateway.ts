// The gateway: what web users see. Objects, rows and scans are read from shelf here; sort jobs go to the
// worker's queue. A row lies at a fixed place of its table's file, so that a get reads one small range of one
// block.

import { callJson } from './http.ts'
import { createService, ridOf, serve } from './service.ts'
import { readSettings, sizesAt } from './settings.ts'
import { createShelfClient } from './shelf-client.ts'
import { Truth } from './truth.ts'

const settings = readSettings()
const sizes = sizesAt(settings.scale)
const truth = new Truth('gateway')
const shelf = createShelfClient({
  namenodeUrl: settings.namenodeUrl,
  host: settings.host,
  blockBytes: sizes.block,
})
const app = createService(truth)
app.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_request, body, done) =>
  done(null, body),
)

/** Known here only: no other process is told. */
app.addHook('preHandler', async (request) => {
  const user = userOf(request.query)
  if (user !== undefined) truth.tally(`user.${user}`, ridOf(request.query))
})

app.get<{ Params: { name: string }; Querystring: { offset?: string; bytes: string } }>(
  '/objects/:name',
  async (request, reply) => {
    const rid = ridOf(request.query)
    truth.count('gateway.read', rid)
    const range = { offset: Number(request.query.offset ?? 0), bytes: Number(request.query.bytes) }
    return await reply
      .type('application/octet-stream')
      .send(await shelf.read(request.params.name, range, rid))
  },
)

app.put<{ Params: { name: string }; Body: Buffer }>('/objects/:name', async (request) => {
  const rid = ridOf(request.query)
  truth.count('gateway.write', rid)
  await shelf.write(request.params.name, request.body, rid)
  return { stored: request.body.length }
})

app.get<{ Params: { table: string; row: string } }>('/rows/:table/:row', async (request, reply) => {
  const rid = ridOf(request.query)
  truth.count('gateway.get', rid)
  const range = { offset: Number(request.params.row) * sizes.row, bytes: sizes.row }
  return await reply.type('application/octet-stream').send(await shelf.read(request.params.table, range, rid))
})

app.get<{ Params: { table: string }; Querystring: { bytes: string } }>('/scan/:table', async (request) => {
  const rid = ridOf(request.query)
  truth.count('gateway.scan', rid)
  const step = sizes.read4m
  let checksum = 0
  for (let offset = 0; offset < Number(request.query.bytes); offset += step) {
    const part = await shelf.read(request.params.table, { offset, bytes: step }, rid)
    for (let i = 0; i < part.length; i += 512) checksum = (checksum + part.readUInt8(i)) >>> 0
  }
  return { checksum }
})

app.get<{ Querystring: { prefix?: string } }>('/list', async (request) => {
  const rid = ridOf(request.query)
  truth.count('gateway.list', rid)
  const query = new URLSearchParams({ prefix: request.query.prefix ?? '', rid })
  return await callJson<string[]>(`${settings.namenodeUrl}/list?${query}`)
})

app.post<{ Querystring: { from: string; to: string } }>('/rename', async (request) => {
  const rid = ridOf(request.query)
  truth.count('gateway.rename', rid)
  const query = new URLSearchParams({ from: request.query.from, to: request.query.to, rid })
  return await callJson(`${settings.namenodeUrl}/rename?${query}`, { method: 'POST' })
})

app.post<{ Querystring: { kind: string; table: string; bytes: string } }>('/jobs', async (request) => {
  const rid = ridOf(request.query)
  truth.count('gateway.job', rid)
  const { kind, table, bytes } = request.query
  return await callJson(`${settings.workerUrl}/jobs?${new URLSearchParams({ kind, table, bytes, rid })}`, {
    method: 'POST',
  })
})

await serve(app, settings)

/** Who asks, as a web server knows it of its session. */
function userOf(query: unknown): string | undefined {
  return typeof query === 'object' && query !== null && 'user' in query ? String(query.user) : undefined
}
