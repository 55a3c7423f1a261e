// The HTTP listener: gate, route, authorization, handler, errors; in this order for every request.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { nearest } from '#base'
import { writeTrouble } from './disk-trouble.ts'
import type { Services } from './exchange.ts'
import { checkMay, type Caller } from './grants.ts'
import { checkHost, checkIntent, checkOrigin, readTarget } from './gate.ts'
import { sendJson } from './http-io.ts'
import { CONNECTIONS_MAX, HEADERS_BYTES_MAX, HEADERS_MS_MAX, KEEP_ALIVE_MS } from './limits.ts'
import { matchRoute, type Access, type RouteDoc } from './routes.ts'
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
  // A malformed request has no response object.
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end(NO_HTTP)
  })
  for (const event of ['upgrade', 'connect'] as const)
    server.on(event, (_request, socket) => {
      socket.destroy()
    })
  return server
}

/** What begins so is no page of the web app. */
const APIS: ReadonlySet<string> = new Set(['api', 'agent', 'jaeger', 'tempo'])

const NO_HTTP = malformed('this is not HTTP/1.1, or its headers are larger than 16 KiB')

function malformed(message: string): string {
  const hint = 'send HTTP/1.1 without TLS; fewer or shorter headers'
  const body = JSON.stringify(errorBody({ code: 'E_BAD_HTTP', message, hint }))
  const head = `Connection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}`
  return `HTTP/1.1 400 Bad Request\r\n${head}\r\n\r\n${body}`
}

const INTERNAL = {
  code: 'E_INTERNAL',
  message: 'this failed; the server log says why',
  hint: 'report it with the log of the server',
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
    const isFile = (method === 'GET' || method === 'HEAD') && !APIS.has(segments[0] ?? '')
    if (isFile && services.files.serve(segments, response)) return
    const { hasApp } = services.files
    const hint = hasApp ? 'GET /openapi.json lists them' : 'the web app is not built: npm run setup'
    throw new RequestError(404, 'E_NOT_FOUND', 'there is no such route', hint)
  }
  if ('allow' in match) {
    response.setHeader('allow', match.allow.join(', '))
    throw new RequestError(
      405,
      'E_METHOD',
      `this route answers ${match.allow.join(', ')}`,
      'use one of these',
    )
  }
  const caller = authorize(request, match.route.access, services)
  checkParameters(match.route, query)
  if (caller.isBrowser && match.route.method !== 'GET') checkIntent(request, host)
  if (caller.tokenId !== undefined) services.tokens.hold(caller.tokenId, response)
  await match.route.handler({ request, response, params: match.params, query, host, caller }, services)
}

/**
 * A mistyped filter would answer what was not asked. Only of the API: probes and pages may be asked with
 * anything. Errors: 400 E_UNKNOWN_PARAMETER.
 */
function checkParameters({ path, query: known = {} }: RouteDoc, given: URLSearchParams): void {
  if (!path.startsWith('/api/')) return
  const names = Object.keys(known)
  for (const name of given.keys()) {
    if (Object.hasOwn(known, name) || (name.startsWith('attr.') && Object.hasOwn(known, 'attr.KEY'))) continue
    const close = nearest(name, names)
    const list = names.length === 0 ? 'it takes none' : `it takes ${names.join(', ')}`
    const hint = close === undefined ? list : `did you mean ${close}?`
    const message = `${path} has no parameter '${name.slice(0, 40)}'`
    throw new RequestError(400, 'E_UNKNOWN_PARAMETER', message, hint)
  }
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
  // The rest of a refused body is read and thrown away, within the time a request may take: closed at once, a
  // sender that is still writing sees a broken pipe instead of the reason.
  request.resume()
  const headers = {
    ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
    ...(status === 503 ? { 'retry-after': '1' } : {}),
    ...(request.destroyed ? { connection: 'close' } : {}),
  }
  if (response.headersSent) response.destroy()
  else if (known === undefined) sendJson(response, 500, errorBody(INTERNAL), headers)
  else sendJson(response, status, errorBody(known), headers)
}
