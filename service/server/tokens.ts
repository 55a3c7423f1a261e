// Tokens with names: what somebody else than the operator may do here, and until when.
//
//   create ──► secret, told once      tokens.json keeps SHA-256 of it, the name, the grants, the end
//   bySecret, byId ──► undefined as soon as it is revoked or over
//   hold ──► an answer under way (a stream, say) is cut off with its token
//
// A secret has 192 random bits, so that one plain hash hides it and finding it by its hash tells nothing.

import { createHash, randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { encodeBase64Url } from '#base'
import type { TokenCreated, TokenView } from '#protocol'
import { readIfThere, replaceFile } from './files.ts'
import { grantText, parseGrant, type Grant } from './grants.ts'
import { TOKEN_TICK_MS, TOKENS_MAX } from './limits.ts'
import { RequestError, ServerError } from './server-error.ts'

type Saved = TokenView & { readonly hash: string }
export type Token = Saved & { readonly grants: readonly Grant[] }

type Parts = { readonly file: string; readonly nowMs: () => number }

/** Owned by the server; `close` ends its timer. */
export class Tokens {
  readonly #parts: Parts
  readonly #held = new Map<ServerResponse, string>()
  readonly #timer: NodeJS.Timeout
  #tokens: readonly Token[]

  /** Errors: E_DATA_DAMAGED. */
  constructor(parts: Parts) {
    this.#parts = parts
    this.#tokens = readSaved(parts.file)
    this.#timer = setInterval(() => this.#cutOff(), TOKEN_TICK_MS)
    this.#timer.unref()
  }

  list(): readonly TokenView[] {
    return this.#valid().map(viewOf)
  }

  byId(id: string): Token | undefined {
    return this.#valid().find((token) => token.id === id)
  }

  bySecret(secret: string): Token | undefined {
    const hash = hashOf(secret)
    return this.#valid().find((token) => token.hash === hash)
  }

  /** Call before `create`. Errors: 409. */
  checkRoom(name: string): void {
    const valid = this.#valid()
    if (valid.some((token) => token.name === name))
      throw new RequestError(409, 'E_NAME_TAKEN', `there is a token named ${name}`, 'revoke it first')
    if (valid.length >= TOKENS_MAX)
      throw new RequestError(409, 'E_TOO_MANY_TOKENS', `there are ${TOKENS_MAX} tokens`, 'revoke one')
  }

  create(given: {
    readonly name: string
    readonly grants: readonly Grant[]
    readonly ttlMs: number
  }): TokenCreated {
    const { name, grants, ttlMs } = given
    const secret = `cct_${encodeBase64Url(randomBytes(24))}`
    const createdMs = this.#parts.nowMs()
    const token: Token = {
      id: randomBytes(8).toString('hex'),
      name,
      may: grants.map(grantText),
      createdMs,
      expiresMs: createdMs + ttlMs,
      hash: hashOf(secret),
      grants,
    }
    this.#keep([...this.#valid(), token])
    return { ...viewOf(token), secret }
  }

  revoke(id: string): void {
    this.#keep(this.#valid().filter((token) => token.id !== id))
    // After the answer to whoever revokes the token that it asks with.
    setImmediate(() => this.#cutOff())
  }

  hold(id: string, response: ServerResponse): void {
    this.#held.set(response, id)
    response.once('close', () => this.#held.delete(response))
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #valid(): readonly Token[] {
    const nowMs = this.#parts.nowMs()
    return this.#tokens.filter(({ expiresMs }) => expiresMs > nowMs)
  }

  #cutOff(): void {
    const valid = new Set(this.#valid().map(({ id }) => id))
    for (const [response, id] of this.#held) if (!valid.has(id) && !response.writableEnded) response.destroy()
  }

  /** Written before it holds: a token that was told outlives a crash, one that was revoked does not. */
  #keep(tokens: readonly Token[]): void {
    const saved = tokens.map((token): Saved => ({ ...viewOf(token), hash: token.hash }))
    replaceFile(this.#parts.file, JSON.stringify({ format: 1, tokens: saved }, null, 2))
    this.#tokens = tokens
  }
}

function viewOf({ id, name, may, createdMs, expiresMs }: TokenView): TokenView {
  return { id, name, may, createdMs, expiresMs }
}

function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64')
}

/** Refuses to start on a damaged file: the next change would write it without the tokens that were in it. */
function readSaved(file: string): readonly Token[] {
  const text = readIfThere(file)
  if (text === undefined) return []
  try {
    const value: unknown = JSON.parse(text)
    const saved: unknown = Object(value).tokens
    if (Array.isArray(saved) && saved.every(isSaved))
      return saved.map((one) => ({ ...one, grants: one.may.map(parseGrant) }))
  } catch (cause: unknown) {
    throw damaged(file, cause)
  }
  throw damaged(file)
}

function damaged(file: string, cause?: unknown): ServerError {
  const message = `${file} holds no tokens; restore it, or remove it: then tokens with names are made anew`
  return new ServerError('E_DATA_DAMAGED', message, { cause })
}

function isSaved(value: unknown): value is Saved {
  const { id, name, may, createdMs, expiresMs, hash } = Object(value)
  return (
    [id, name, hash].every((one) => typeof one === 'string') &&
    [createdMs, expiresMs].every((one) => typeof one === 'number') &&
    Array.isArray(may) &&
    may.every((one) => typeof one === 'string')
  )
}
