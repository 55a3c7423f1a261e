// A datanode: blocks as files on its disk. A write is stored and forwarded to the rest of the pipeline at
// once, and acked when both are done, so that an ack means every replica has the block.

import { mkdirSync } from 'node:fs'
import { open, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { callJson, putBytes } from './http.ts'
import { createService, ridOf, serve } from './service.ts'
import { readSettings } from './settings.ts'
import { Truth } from './truth.ts'

const settings = readSettings()
const truth = new Truth(`datanode-${settings.host}`)
mkdirSync(settings.folder, { recursive: true })
const app = createService(truth)
app.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_request, body, done) =>
  done(null, body),
)

app.get<{ Params: { id: string }; Querystring: { offset: string; bytes: string } }>(
  '/blocks/:id',
  async (request, reply) => {
    const { offset, bytes } = request.query
    const content = await readRange(fileOf(request.params.id), Number(offset), Number(bytes))
    truth.count('datanode.read', ridOf(request.query))
    return await reply.type('application/octet-stream').send(content)
  },
)

app.put<{ Params: { id: string }; Querystring: { pipeline?: string }; Body: Buffer }>(
  '/blocks/:id',
  async (request) => {
    const { id } = request.params
    const rid = ridOf(request.query)
    const [next, ...rest] = (request.query.pipeline ?? '').split(',').filter((url) => url !== '')
    truth.count('datanode.write', rid)
    await Promise.all([
      writeFile(fileOf(id), request.body),
      next === undefined
        ? undefined
        : putBytes(
            `${next}/blocks/${id}?${new URLSearchParams({ pipeline: rest.join(','), rid })}`,
            request.body,
          ),
    ])
    return { stored: request.body.length }
  },
)

const url = await serve(app, settings)
await callJson(`${settings.namenodeUrl}/register`, { method: 'POST', body: { host: settings.host, url } })

/** Only names of our own making reach the disk. */
function fileOf(id: string): string {
  if (!/^blk-\d+$/.test(id)) throw new Error(`not a block id: ${id}`)
  return path.join(settings.folder, id)
}

async function readRange(file: string, offset: number, bytes: number): Promise<Buffer> {
  const handle = await open(file)
  try {
    const content = Buffer.alloc(bytes)
    const { bytesRead } = await handle.read(content, 0, bytes, offset)
    return content.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}
