// A datanode: blocks as files on its disk, behind two routes.

import { DataTransferProtocol } from './data-transfer.ts'
import { DataNodeMetrics } from './datanode-metrics.ts'
import { Disk } from './disk.ts'
import { SLOW_DISK } from './faults.ts'
import { callJson } from './http.ts'
import { createService, ridOf, serve } from './service.ts'
import { readSettings } from './settings.ts'
import { Truth } from './truth.ts'

const settings = readSettings()
const truth = new Truth(`datanode-${settings.host}`)
const isLimping = settings.fault === 'slow-disk' && settings.host === SLOW_DISK.host
const disk = new Disk(settings.folder, isLimping ? SLOW_DISK.ms : 0)
const transfer = new DataTransferProtocol(disk, new DataNodeMetrics(truth))
const app = createService(truth)
app.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_request, body, done) =>
  done(null, body),
)

app.get<{ Params: { id: string }; Querystring: { offset: string; bytes: string } }>(
  '/blocks/:id',
  async (request, reply) => {
    const rid = ridOf(request.query)
    const { offset, bytes } = request.query
    const range = { block: request.params.id, offset: Number(offset), bytes: Number(bytes) }
    const content = await transfer.readBlock(range, rid)
    truth.count('datanode.read', rid)
    return await reply.type('application/octet-stream').send(content)
  },
)

app.put<{ Params: { id: string }; Querystring: { pipeline?: string }; Body: Buffer }>(
  '/blocks/:id',
  async (request) => {
    const rid = ridOf(request.query)
    const pipeline = (request.query.pipeline ?? '').split(',').filter((url) => url !== '')
    truth.count('datanode.write', rid)
    await transfer.writeBlock(request.params.id, request.body, pipeline, rid)
    return { stored: request.body.length }
  },
)

const url = await serve(app, settings)
await callJson(`${settings.namenodeUrl}/register`, { method: 'POST', body: { host: settings.host, url } })
