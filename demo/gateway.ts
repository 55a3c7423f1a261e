// The gateway: what web users see. Objects, rows and scans are read from shelf here; sort jobs go to the
// worker's queue. A row lies at a fixed place of its table's file, so that a get reads one small range of one
// block.

import type { IncomingHttpHeaders } from 'node:http'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { callJson } from './http.ts'
import { lineMs, pageOf, PIECES, styleBytes, styleDelayMs, type Experiment, type Piece } from './page.ts'
import { scriptOf } from './page-files.ts'
import { createService, ridOf, serve } from './service.ts'
import { readSettings, sizesAt } from './settings.ts'
import { createShelfClient } from './shelf-client.ts'
import { Truth } from './truth.ts'

/** Of one body of what pages record. */
const RECORDED_BYTES_MAX = 128 * 1024
const SUGGESTING_MS = 400

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

/** The page of pieces (page.ts), for people with a browser. */
let pages = 0
app.get('/page', async (request, reply) => {
  pages += 1
  const rid = ridOf(request.query) || `page-${settings.host}-${pages}`
  const country = countryOf(request.headers)
  const experiment: Experiment = pages % 2 === 1 ? 'together' : 'none'
  truth.count('gateway.page', rid)
  truth.tally(`gateway.page.${country}`, rid)
  truth.tally(`gateway.page.${experiment}`, rid)
  const visit = { rid, country, experiment, release: settings.release }
  const parts = pageOf({ visit, fault: settings.fault, render: (piece) => render(piece, rid) })
  return await reply.type('text/html; charset=utf-8').send(Readable.from(parts))
})

app.get<{ Params: { file: string } }>('/style/:file', async (request, reply) => {
  const name = request.params.file.replace(/\.css$/, '')
  if (!isPiece(name)) return await reply.code(404).send()
  const bytes = styleBytes(name, settings.fault)
  truth.count(`gateway.style.${name}`, ridOf(request.query))
  truth.tally('gateway.style.bytes', ridOf(request.query), bytes)
  await sleep(styleDelayMs(bytes) + lineMs(countryOf(request.headers), settings.fault))
  return await reply
    .header('cache-control', 'max-age=60')
    .type('text/css')
    .send(`#${name} { display: block }`.padEnd(bytes))
})

for (const place of ['/:script', '/recorder/:script']) {
  app.get<{ Params: { script: string } }>(place, async (request, reply) => {
    const text = await scriptOf(request.params.script)
    if (text === undefined) return await reply.code(404).send()
    return await reply.type('text/javascript').send(text)
  })
}

/** What pages record goes through their own origin: the collector needs to be known to nobody outside. */
app.post('/v1/traces', { bodyLimit: RECORDED_BYTES_MAX }, async (request, reply) => {
  const url = `${process.env.OTEL_EXPORTER_OTLP_ENDPOINT ?? 'http://127.0.0.1:4318'}/v1/traces`
  await callJson(url, { method: 'POST', body: request.body })
  return await reply.code(204).send()
})

await serve(app, settings)

/** Each piece is another view of shelf. */
async function render(piece: Piece, rid: string): Promise<string> {
  truth.count(`gateway.piece.${piece}`, rid)
  const firstBytes = async (table: string, bytes: number): Promise<string> =>
    (await shelf.read(table, { offset: 0, bytes }, rid)).toString('latin1', 0, 16)
  switch (piece) {
    case 'UserInput':
      return (await callJson<string[]>(`${settings.namenodeUrl}/list?${new URLSearchParams({ rid })}`)).join(
        ', ',
      )
    case 'Feed':
      return await firstBytes('table-0', sizes.row)
    case 'Photos':
      return await firstBytes('objects-0', sizes.row)
    case 'Suggestions':
      // Whatever suggests is asked last of all and thinks long.
      await sleep(SUGGESTING_MS)
      return await firstBytes('objects-1', sizes.row)
  }
}

function isPiece(name: string): name is Piece {
  return Object.hasOwn(PIECES, name)
}

/** As a proxy at the edge tells it. */
function countryOf(headers: IncomingHttpHeaders): string {
  const told = headers['cf-ipcountry']
  return typeof told === 'string' && /^[A-Z]{2}$/.test(told) ? told : 'XX'
}

/** Who asks, as a web server knows it of its session. */
function userOf(query: unknown): string | undefined {
  return typeof query === 'object' && query !== null && 'user' in query ? String(query.user) : undefined
}
