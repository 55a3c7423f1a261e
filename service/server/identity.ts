// Who is asking: the operator, somebody with a token of a name, an agent, or nobody; and what they may.
//
//   printed URL /login?token=T --once--> Set-Cookie: crosscut-<server>=<expiry>.<nonce>[.<token id>].<HMAC>
// A session that was made with a token of a name may what that token may, and ends with it.
// Cookies know hosts but not ports: the name tells two servers on one host apart, else signing in to one
// would sign out of the other. Sessions are signed, not stored: they outlive a restart, cost nothing. Login
// tokens are stored as hashes and work once. All comparisons take the same time whatever the input, or are of
// hashes. Source: reliability spec 2.2 (AuthN), SURFACES (auth).

import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { encodeBase64Url } from '#base'
import type { Caller } from './grants.ts'
import { LOGIN_TOKEN_MS, LOGIN_TOKENS_MAX, SESSION_MS } from './limits.ts'
import type { Token, Tokens } from './tokens.ts'

export type Secrets = {
  readonly adminToken: string
  readonly agentToken: string
  readonly sessionKey: Uint8Array
}

const COOKIE_CHARS_MAX = 200

const ADMIN: Caller = {
  name: 'admin token',
  may: [{ verb: 'admin', within: undefined }],
  isBrowser: false,
  tokenId: undefined,
}
const AGENT: Caller = { ...ADMIN, name: 'agent token', may: [{ verb: 'agent', within: undefined }] }

type Login = { readonly expiresMs: number; readonly tokenId: string | undefined }

export class Identity {
  readonly #secrets: Secrets
  readonly #tokens: Tokens
  readonly #isOpen: boolean
  readonly #nowMs: () => number
  readonly #cookie: string
  readonly #logins = new Map<string, Login>()

  constructor(options: {
    readonly secrets: Secrets
    readonly tokens: Tokens
    readonly insecureNoAuth: boolean
    readonly nowMs: () => number
  }) {
    this.#secrets = options.secrets
    this.#tokens = options.tokens
    this.#isOpen = options.insecureNoAuth
    this.#nowMs = options.nowMs
    this.#cookie = `crosscut-${this.#sign('cookie').slice(0, 8)}`
  }

  /** undefined = nobody. */
  of(headers: { readonly authorization?: string; readonly cookie?: string }): Caller | undefined {
    const secret = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1]
    const caller = secret === undefined ? this.#inSession(headers.cookie) : this.#withSecret(secret)
    // Pages of other origins are refused before this is asked, so open to all is open to programs and to our
    // page.
    return caller ?? (this.#isOpen ? ADMIN : undefined)
  }

  /** Whoever follows the link may what the token of this id may; undefined = all. */
  newLoginToken(tokenId?: string): string {
    const now = this.#nowMs()
    for (const [hash, { expiresMs }] of this.#logins) if (expiresMs < now) this.#logins.delete(hash)
    const oldest = this.#logins.keys().next().value
    if (this.#logins.size >= LOGIN_TOKENS_MAX && oldest !== undefined) this.#logins.delete(oldest)
    const secret = encodeBase64Url(randomBytes(24))
    this.#logins.set(hashOf(secret), { expiresMs: now + LOGIN_TOKEN_MS, tokenId })
    return secret
  }

  /**
   * The Set-Cookie header of a new session, and whose it is; undefined = not a token of ours, used before, or
   * too old.
   */
  login(secret: string, isSecure: boolean): { readonly cookie: string; readonly name: string } | undefined {
    const hash = hashOf(secret)
    const now = this.#nowMs()
    const login = this.#logins.get(hash)
    this.#logins.delete(hash)
    if (login === undefined || login.expiresMs < now) return undefined
    const caller = this.#browserOf(login.tokenId)
    if (caller === undefined) return undefined
    const session = [
      now + SESSION_MS,
      encodeBase64Url(randomBytes(12)),
      ...(login.tokenId === undefined ? [] : [login.tokenId]),
    ].join('.')
    const attributes = `HttpOnly; SameSite=Strict; Path=/; Max-Age=${SESSION_MS / 1000}${isSecure ? '; Secure' : ''}`
    return {
      cookie: `${this.#cookie}=${session}.${this.#sign(session)}; ${attributes}`,
      name: caller.name,
    }
  }

  #withSecret(secret: string): Caller | undefined {
    if (isSame(secret, this.#secrets.adminToken)) return ADMIN
    if (isSame(secret, this.#secrets.agentToken)) return AGENT
    const token = this.#tokens.bySecret(secret)
    return token === undefined ? undefined : callerOf(token)
  }

  #inSession(cookies: string | undefined): Caller | undefined {
    const prefix = `${this.#cookie}=`
    const value = (cookies ?? '')
      .split('; ')
      .find((cookie) => cookie.startsWith(prefix))
      ?.slice(prefix.length)
    const dot = value?.lastIndexOf('.') ?? -1
    if (value === undefined || value.length > COOKIE_CHARS_MAX || dot < 0) return undefined
    const session = value.slice(0, dot)
    const [expiresMs, , tokenId] = session.split('.')
    const isOurs = isSame(value.slice(dot + 1), this.#sign(session)) && Number(expiresMs) > this.#nowMs()
    return isOurs ? this.#browserOf(tokenId) : undefined
  }

  /** undefined = its token is gone. */
  #browserOf(tokenId: string | undefined): Caller | undefined {
    if (tokenId === undefined) return { ...ADMIN, name: 'browser', isBrowser: true }
    const token = this.#tokens.byId(tokenId)
    if (token === undefined) return undefined
    return { ...callerOf(token), name: `browser of token ${token.name}`, isBrowser: true }
  }

  #sign(session: string): string {
    return encodeBase64Url(
      createHmac('sha256', this.#secrets.sessionKey).update(`session ${session}`).digest(),
    )
  }
}

function callerOf({ id, name, grants }: Token): Caller {
  return { name: `token ${name}`, may: grants, isBrowser: false, tokenId: id }
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
