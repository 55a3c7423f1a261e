// The namenode: metadata of all files behind one lock. Routes: /register, /blocks, /allocate, /list, /rename.

import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { Namespace } from './namespace.ts'
import { createService, ridOf, serve } from './service.ts'
import { readSettings } from './settings.ts'
import { Truth } from './truth.ts'

const settings = readSettings()
const truth = new Truth('namenode')
mkdirSync(settings.folder, { recursive: true })
const namespace = new Namespace({
  file: path.join(settings.folder, 'namespace.db'),
  seed: settings.seed,
  replication: settings.replication,
  fixedOrder: settings.fault === 'replica-selection',
})
const app = createService(truth)

app.post<{ Body: { host: string; url: string } }>('/register', async (request) => {
  await namespace.register(request.body)
  return { ok: true }
})

app.get<{ Querystring: { name: string; client?: string } }>('/blocks', async (request, reply) => {
  truth.count('namenode.blocks', ridOf(request.query))
  const blocks = await namespace.locate(request.query.name, request.query.client ?? '')
  if (blocks.length === 0) return reply.code(404).send({ error: `no file ${request.query.name}` })
  return blocks
})

app.post<{ Querystring: { name: string; bytes: string } }>('/allocate', async (request) => {
  truth.count('namenode.allocate', ridOf(request.query))
  return await namespace.allocate(request.query.name, Number(request.query.bytes))
})

app.get<{ Querystring: { prefix?: string; limit?: string } }>('/list', async (request) => {
  truth.count('namenode.list', ridOf(request.query))
  return await namespace.list(request.query.prefix ?? '', Number(request.query.limit ?? 100))
})

app.post<{ Querystring: { from: string; to: string } }>('/rename', async (request) => {
  truth.count('namenode.rename', ridOf(request.query))
  return { renamed: await namespace.rename(request.query.from, request.query.to) }
})

app.addHook('onClose', async () => namespace.close())
await serve(app, settings)
