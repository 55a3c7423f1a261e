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
  fault: settings.fault,
  truth,
})
const app = createService(truth)

app.post<{ Body: { host: string; url: string } }>('/register', async (request) => {
  await namespace.register(request.body)
  return { ok: true }
})

app.get<{ Querystring: { name: string; client?: string } }>('/blocks', async (request, reply) => {
  const rid = ridOf(request.query)
  truth.count('namenode.blocks', rid)
  const blocks = await namespace.getBlockLocations(request.query.name, request.query.client ?? '', rid)
  if (blocks.length === 0) return reply.code(404).send({ error: `no file ${request.query.name}` })
  return blocks
})

app.post<{ Querystring: { name: string; bytes: string } }>('/allocate', async (request) => {
  const rid = ridOf(request.query)
  truth.count('namenode.allocate', rid)
  return await namespace.allocate(request.query.name, Number(request.query.bytes), rid)
})

app.get<{ Querystring: { prefix?: string; limit?: string } }>('/list', async (request) => {
  const rid = ridOf(request.query)
  truth.count('namenode.list', rid)
  return await namespace.list(request.query.prefix ?? '', Number(request.query.limit ?? 100), rid)
})

app.post<{ Querystring: { from: string; to: string } }>('/rename', async (request) => {
  const rid = ridOf(request.query)
  truth.count('namenode.rename', rid)
  return { renamed: await namespace.rename(request.query.from, request.query.to, rid) }
})

app.addHook('onClose', async () => namespace.close())
await serve(app, settings)
