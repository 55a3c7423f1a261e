// Who is asking: the operator (bearer token or browser session), an agent (its token), or nobody.
//
//   printed URL /login?token=T --once--> Set-Cookie: crosscut-<server>=<expiry>.<nonce>.<HMAC>
// Cookies know hosts but not ports: the name tells two servers on one host apart, else signing in to one
// would sign out of the other. Sessions are signed, not stored: they outlive a restart, cost nothing. Login
// tokens are stored as hashes and work once. All comparisons take the same time whatever the input. Source:
// reliability spec 2.2 (AuthN), SURFACES (auth).

import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { encodeBase64Url } from '#base'
import { LOGIN_TOKEN_MS, LOGIN_TOKENS_MAX, SESSION_MS } from './limits.ts'

export type Who = 'admin' | 'agent' | 'nobody'

export type Secrets = {
  readonly adminToken: string
  readonly agentToken: string
  readonly sessionKey: Uint8Array
}

const COOKIE_CHARS_MAX = 200

export class Identity {
  readonly #secrets: Secrets
  readonly #isOpen: boolean
  readonly #nowMs: () => number
  readonly #cookie: string
  readonly #logins = new Map<string, number>()

  constructor(options: {
    readonly secrets: Secrets
    readonly insecureNoAuth: boolean
    readonly nowMs: () => number
  }) {
    this.#secrets = options.secrets
    this.#isOpen = options.insecureNoAuth
    this.#nowMs = options.nowMs
    this.#cookie = `crosscut-${this.#sign('cookie').slice(0, 8)}`
  }

  /**
   * `viaCookie`: the browser sent it by itself, so requests that change something must prove their origin.
   */
  of(headers: { readonly authorization?: string; readonly cookie?: string }): {
    readonly who: Who
    readonly viaCookie: boolean
  } {
    const token = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1]
    if (token !== undefined && isSame(token, this.#secrets.adminToken))
      return { who: 'admin', viaCookie: false }
    if (token !== undefined && isSame(token, this.#secrets.agentToken))
      return { who: 'agent', viaCookie: false }
    if (token === undefined && this.#isSession(headers.cookie)) return { who: 'admin', viaCookie: true }
    // Pages of other origins are refused before this is asked, so open to all is open to programs and to our
    // page.
    return { who: this.#isOpen ? 'admin' : 'nobody', viaCookie: false }
  }

  newLoginToken(): string {
    const now = this.#nowMs()
    for (const [hash, expiresMs] of this.#logins) if (expiresMs < now) this.#logins.delete(hash)
    const oldest = this.#logins.keys().next().value
    if (this.#logins.size >= LOGIN_TOKENS_MAX && oldest !== undefined) this.#logins.delete(oldest)
    const token = encodeBase64Url(randomBytes(24))
    this.#logins.set(hashOf(token), now + LOGIN_TOKEN_MS)
    return token
  }

  /** The Set-Cookie header of a new session; undefined = not a token of ours, used before, or too old. */
  login(token: string, isSecure: boolean): string | undefined {
    const hash = hashOf(token)
    const expiresMs = this.#logins.get(hash)
    this.#logins.delete(hash)
    if (expiresMs === undefined || expiresMs < this.#nowMs()) return undefined
    const session = `${this.#nowMs() + SESSION_MS}.${encodeBase64Url(randomBytes(12))}`
    const attributes = `HttpOnly; SameSite=Strict; Path=/; Max-Age=${SESSION_MS / 1000}${isSecure ? '; Secure' : ''}`
    return `${this.#cookie}=${session}.${this.#sign(session)}; ${attributes}`
  }

  #isSession(cookies: string | undefined): boolean {
    const prefix = `${this.#cookie}=`
    const value = (cookies ?? '')
      .split('; ')
      .find((cookie) => cookie.startsWith(prefix))
      ?.slice(prefix.length)
    const dot = value?.lastIndexOf('.') ?? -1
    if (value === undefined || value.length > COOKIE_CHARS_MAX || dot < 0) return false
    const session = value.slice(0, dot)
    return isSame(value.slice(dot + 1), this.#sign(session)) && Number(session.split('.')[0]) > this.#nowMs()
  }

  #sign(session: string): string {
    return encodeBase64Url(
      createHmac('sha256', this.#secrets.sessionKey).update(`session ${session}`).digest(),
    )
  }
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('base64')
}

/** Hashes first, so that neither content nor length shows in the time. */
function isSame(given: string, wanted: string): boolean {
  return timingSafeEqual(
    createHash('sha256').update(given).digest(),
    createHash('sha256').update(wanted).digest(),
  )
}
