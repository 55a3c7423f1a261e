// Who may send spans: the host name they use, the page they come from, the token they bear. The same for
// OTLP/HTTP and OTLP/gRPC.
//
// Source: DNS rebinding and CORS: reliability 2.1, rows 23 and 24.

import { createHash, timingSafeEqual } from 'node:crypto'
import { Refusal } from './ingest-refusal.ts'

export type SenderAccess = {
  readonly host: string
  readonly token?: string
  readonly allowedOrigins?: readonly string[]
  readonly allowedHosts?: readonly string[]
  /** What pages show where others show the token; public. */
  readonly pageKey?: string
  /** A header in which a proxy tells the country of who opened a page. */
  readonly countryHeader?: string
}

const LOOPBACK_HOSTS = ['localhost', '127.0.0.1', '[::1]']

export class SenderCheck {
  readonly #access: SenderAccess
  readonly #hosts: ReadonlySet<string>
  readonly #tokenHash: Buffer | undefined

  constructor(access: SenderAccess) {
    this.#access = access
    this.#hosts = new Set(
      [...LOOPBACK_HOSTS, access.host, ...(access.allowedHosts ?? [])].map((host) => host.toLowerCase()),
    )
    this.#tokenHash = access.token === undefined ? undefined : sha256(access.token)
  }

  /** `authority`: Host, or :authority of HTTP/2. Errors: Refusal 400, 403. */
  sender(authority: string | undefined, origin: string | undefined): void {
    const host = hostOf(authority)
    if (host === undefined) throw REFUSALS.noHost()
    if (!this.#isAllowedHost(host)) throw REFUSALS.host(host)
    if (origin !== undefined && !this.isAllowedOrigin(origin)) throw REFUSALS.origin(origin)
  }

  isAllowedOrigin(origin: string): boolean {
    return this.#access.allowedOrigins?.includes(origin) === true
  }

  /** Errors: Refusal 401. */
  token(authorization: string | undefined): void {
    if (this.#tokenHash === undefined) return
    const sent = /^Bearer (\S+)$/i.exec(authorization ?? '')?.[1] ?? ''
    if (!timingSafeEqual(sha256(sent), this.#tokenHash)) throw REFUSALS.token()
  }

  /**
   * Bound to every address we can not know our names, but a name that resolves to us still must be listed:
   * only literals pass.
   */
  #isAllowedHost(host: string): boolean {
    if (this.#hosts.has(host)) return true
    const isUnspecified = this.#access.host === '0.0.0.0' || this.#access.host === '::'
    return isUnspecified && /^(\d+\.\d+\.\d+\.\d+|\[[0-9a-f:.]+\])$/.test(host)
  }
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()

/** The name without its port, in lower case. */
function hostOf(authority: string | undefined): string | undefined {
  return /^(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::\d{1,5})?$/.exec((authority ?? '').toLowerCase())?.[1]
}

const REFUSALS = {
  noHost: () =>
    new Refusal(400, {
      code: 'E_BAD_HOST',
      message: 'the Host header is missing or malformed',
      hint: 'send Host: NAME:PORT',
    }),
  host: (host: string) =>
    new Refusal(403, {
      code: 'E_BAD_HOST',
      message: `requests for host ${host} are not served here`,
      hint: 'start the server with --allow-host NAME',
    }),
  origin: (origin: string) =>
    new Refusal(403, {
      code: 'E_BAD_ORIGIN',
      message: `origin ${origin} may not post here`,
      hint: 'start the server with --allow-origin URL',
    }),
  token: () =>
    new Refusal(
      401,
      {
        code: 'E_UNAUTHORIZED',
        message: 'a bearer token is required',
        hint: 'OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20TOKEN, the one in DIR/agent-token',
      },
      { 'www-authenticate': 'Bearer' },
    ),
}
