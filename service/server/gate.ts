// What every request passes once, before anything else looks at it.
//
//   form     origin-form target only, path split and percent-decoded ONCE; empty, dot and encoded-slash
//            segments refused
//   Host     must be a name of ours                      (DNS rebinding)
//   Origin   if sent, must be the page we served         (other sites' scripts)
//   intent   a change that rides on a cookie must prove it came from our page   (CSRF)
// Handlers only ever see the decoded segments, so authorization and routing cannot disagree about a path.
// Source: reliability spec 2.3 rows 23-25; 2.2 (UI).

import type { IncomingMessage } from 'node:http'
import { isLoopback } from './options.ts'
import { RequestError } from './server-error.ts'

export type Target = { readonly segments: readonly string[]; readonly query: URLSearchParams }

/** The path as decoded segments. Errors: 400 E_BAD_PATH. */
export function readTarget(url: string | undefined): Target {
  if (url === undefined || !url.startsWith('/')) throw badPath('the request target must be a path')
  const mark = url.indexOf('?')
  const path = mark === -1 ? url : url.slice(0, mark)
  const segments = path === '/' ? [] : path.slice(1).split('/').map(decodeSegment)
  return { segments, query: new URLSearchParams(mark === -1 ? '' : url.slice(mark + 1)) }
}

function decodeSegment(segment: string): string {
  let decoded: string
  try {
    decoded = decodeURIComponent(segment)
  } catch {
    throw badPath('the path has a broken percent-encoding')
  }
  const isPlain =
    decoded !== '' && decoded !== '.' && decoded !== '..' && !/[/\\\u0000-\u001f\u007f]/.test(decoded)
  if (!isPlain) throw badPath('the path has an empty, dotted or disguised segment')
  return decoded
}

function badPath(message: string): RequestError {
  return new RequestError(400, 'E_BAD_PATH', message, 'GET /openapi.json lists the paths')
}

export type Names = { readonly host: string; readonly allowedHosts: readonly string[] }

/** Errors: 400 E_BAD_HOST without one, 403 with a foreign one. */
export function checkHost(request: IncomingMessage, names: Names): string {
  const header = request.headers.host
  if (header === undefined || header === '')
    throw new RequestError(400, 'E_BAD_HOST', 'the request has no Host header', 'send Host: NAME:PORT')
  const name = (/^(\[[0-9a-f:.]+\]|[^:]+)(?::\d{1,5})?$/i.exec(header)?.[1] ?? '').toLowerCase()
  const isOurs =
    isLoopback(name) ||
    name === names.host.toLowerCase() ||
    names.allowedHosts.some((allowed) => allowed.toLowerCase() === name)
  if (isOurs) return header
  throw new RequestError(
    403,
    'E_BAD_HOST',
    'this server is not addressed by that Host name',
    'start it with --allow-host NAME',
  )
}

/** Errors: 403 E_BAD_ORIGIN. */
export function checkOrigin(request: IncomingMessage, host: string): void {
  const { origin } = request.headers
  if (origin === undefined || isSameOrigin(origin, host)) return
  throw new RequestError(
    403,
    'E_BAD_ORIGIN',
    'requests from other origins are not answered',
    'open the UI of this server',
  )
}

/**
 * For changes that came by cookie (or by nothing): only our own page may make them. Errors: 403 E_BAD_ORIGIN.
 */
export function checkIntent(request: IncomingMessage, host: string): void {
  const { origin } = request.headers
  const site = request.headers['sec-fetch-site']
  if (origin !== undefined && isSameOrigin(origin, host) && (site === undefined || site === 'same-origin'))
    return
  throw new RequestError(
    403,
    'E_BAD_ORIGIN',
    'a change by a browser session must come from our own page',
    'scripts send Authorization: Bearer <token> instead',
  )
}

function isSameOrigin(origin: string, host: string): boolean {
  return origin === `http://${host}` || origin === `https://${host}`
}
