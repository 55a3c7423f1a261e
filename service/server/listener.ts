// The HTTP listener: gate, route, authorization, handler, errors; in this order for every request.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { writeTrouble } from './disk-trouble.ts'
import type { Services } from './exchange.ts'
import { checkMay, type Caller } from './grants.ts'
import { checkHost, checkIntent, checkOrigin, readTarget } from './gate.ts'
import { sendJson } from './http-io.ts'
import { CONNECTIONS_MAX, HEADERS_BYTES_MAX, HEADERS_MS_MAX, KEEP_ALIVE_MS } from './limits.ts'
import { matchRoute, type Access } from './routes.ts'
import { errorBody, RequestError } from './server-error.ts'

export function createListener(services: Services): Server {
  const server = createServer(
    {
      maxHeaderSize: HEADERS_BYTES_MAX,
      headersTimeout: HEADERS_MS_MAX,
      keepAliveTimeout: KEEP_ALIVE_MS,
      requestTimeout: 30_000,
      connectionsCheckingInterval: 2_000,
      requireHostHeader: false,
    },
    (request, response) => {
      void serve(request, response, services)
    },
  )
  server.maxConnections = CONNECTIONS_MAX
  // A malformed request has no response object; the default writes a bare 400 and says nothing.
  server.on('clientError', (_error, socket) => {
    if (socket.writable)
      socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
  })
  for (const event of ['upgrade', 'connect'] as const)
    server.on(event, (_request, socket) => {
      socket.destroy()
    })
  return server
}

async function serve(request: IncomingMessage, response: ServerResponse, services: Services): Promise<void> {
  services.counts.requests += 1
  response.on('error', () => {})
  try {
    await route(request, response, services)
  } catch (error: unknown) {
    fail(request, response, error, services)
  }
}

async function route(request: IncomingMessage, response: ServerResponse, services: Services): Promise<void> {
  const { segments, query } = readTarget(request.url)
  const host = checkHost(request, services.config)
  checkOrigin(request, host)
  const method = request.method ?? 'GET'
  const match = matchRoute(method, segments)
  if (match === undefined) {
    const isFile = (method === 'GET' || method === 'HEAD') && segments[0] !== 'api' && segments[0] !== 'agent'
    if (isFile && services.files.serve(segments, response)) return
    const { hasApp } = services.files
    const hint = hasApp ? 'GET /openapi.json lists them' : 'the web app is not built: npm run setup'
    throw new RequestError(404, 'E_NOT_FOUND', 'there is no such route', hint)
  }
  if ('allow' in match) {
    response.setHeader('allow', match.allow.join(', '))
    throw new RequestError(405, 'E_METHOD', `this route answers ${match.allow.join(', ')}`)
  }
  const caller = authorize(request, match.route.access, services)
  if (caller.isBrowser && match.route.method !== 'GET') checkIntent(request, host)
  if (caller.tokenId !== undefined) services.tokens.hold(caller.tokenId, response)
  await match.route.handler({ request, response, params: match.params, query, host, caller }, services)
}

const ANYBODY: Caller = { name: 'anybody', may: [], isBrowser: false, tokenId: undefined }

/** Errors: 401 for nobody, 403 without the verb of the route. */
function authorize(request: IncomingMessage, access: Access, { identity }: Services): Caller {
  if (access === 'public') return ANYBODY
  const caller = identity.of(request.headers)
  if (caller === undefined) {
    throw new RequestError(
      401,
      'E_UNAUTHORIZED',
      'this needs a login or a token',
      'browser: `crosscut login`; CLI and scripts: Authorization: Bearer $CROSSCUT_TOKEN (DIR/admin-token)',
    )
  }
  checkMay(caller, [{ verb: access }])
  return caller
}

function fail(request: IncomingMessage, response: ServerResponse, error: unknown, services: Services): void {
  const known = error instanceof RequestError ? error : writeTrouble(error)
  const status = known?.status ?? 500
  if (status >= 500) services.counts.errors += 1
  else services.counts.refused += 1
  if (known === undefined)
    services.config.log(`${request.method} failed: ${error instanceof Error ? error.stack : String(error)}`)
  // What was not read of the body would be taken for the next request.
  const headers = {
    ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
    ...(status === 503 ? { 'retry-after': '1' } : {}),
    ...(request.complete ? {} : { connection: 'close' }),
  }
  if (response.headersSent) response.destroy()
  else if (known === undefined)
    sendJson(
      response,
      500,
      errorBody({ code: 'E_INTERNAL', message: 'this failed; the server log says why' }),
      headers,
    )
  else sendJson(response, status, errorBody(known), headers)
}
