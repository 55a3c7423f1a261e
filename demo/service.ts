// What all HTTP services of shelf have in common: /truth, /health, listening on loopback, telling main.ts
// their port, and ending when they are told to.

import Fastify, { type FastifyInstance } from 'fastify'
import type { Settings } from './settings.ts'
import type { Truth } from './truth.ts'

/** 64 MB at full scale, and some room. */
const BODY_BYTES_MAX = 80 * 2 ** 20

export function createService(truth: Truth): FastifyInstance {
  const app = Fastify({ bodyLimit: BODY_BYTES_MAX, forceCloseConnections: true })
  app.get('/truth', () => truth.report())
  app.get('/health', () => ({ ok: true }))
  return app
}

/** Listens, then says `ready <url>` on stdout for main.ts. */
export async function serve(app: FastifyInstance, settings: Settings): Promise<string> {
  const url = await app.listen({ host: '127.0.0.1', port: settings.port })
  process.stdout.write(`ready ${url}\n`)
  process.once('SIGTERM', () => {
    void app.close().then(() => process.exit(0))
  })
  process.once('SIGINT', () => undefined)
  return url
}

/** The id of the request on whose behalf a call is made: it travels in every URL. */
export function ridOf(query: unknown): string {
  if (typeof query !== 'object' || query === null || !('rid' in query)) return ''
  return String(query.rid)
}
