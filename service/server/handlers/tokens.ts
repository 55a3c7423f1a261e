// Tokens with names over HTTP: made, listed without their secrets, revoked. Audited before it holds.

import type { Handler } from '../exchange.ts'
import { parseGrant } from '../grants.ts'
import { readJson, sendJson } from '../http-io.ts'
import { GRANT_CHARS_MAX, GRANTS_MAX, TOKEN_TTL_MS_DEFAULT, TOKEN_TTL_MS_MAX } from '../limits.ts'
import { list, number, object, optional, text } from '../parse.ts'
import { RequestError } from '../server-error.ts'
import { whoIs } from './who.ts'

const body = object({
  name: text(64),
  may: list(text(GRANT_CHARS_MAX), GRANTS_MAX),
  ttlSeconds: optional(number),
})

export const createToken: Handler = async (exchange, { audit, tokens }) => {
  const { name, may, ttlSeconds } = body(await readJson(exchange.request), '')
  if (!/^[A-Za-z][\w.-]{0,63}$/.test(name))
    throw bad('a token name is a letter, then up to 63 of A-Z a-z 0-9 _ . -')
  const ttlMs = (ttlSeconds ?? TOKEN_TTL_MS_DEFAULT / 1000) * 1000
  if (!(ttlMs >= 1000 && ttlMs <= TOKEN_TTL_MS_MAX))
    throw bad(`ttlSeconds is from 1 to ${TOKEN_TTL_MS_MAX / 1000}`)
  if (may.length === 0) throw bad('may names at least one verb')
  const grants = may.map(parseGrant)
  tokens.checkRoom(name)
  audit.add(whoIs(exchange), 'token.create', { name, may: may.join(' '), ttlMs })
  sendJson(exchange.response, 201, tokens.create({ name, grants, ttlMs }))
}

export const listTokens: Handler = ({ response }, { tokens }) =>
  sendJson(response, 200, { tokens: tokens.list() })

/** Sessions of browsers and streams that it opened end with it. */
export const revokeToken: Handler = (exchange, { audit, tokens }) => {
  const id = exchange.params.id ?? ''
  const token = tokens.byId(id)
  if (token === undefined)
    throw new RequestError(404, 'E_NOT_FOUND', `there is no token ${id.slice(0, 40)}`, 'crosscut token list')
  audit.add(whoIs(exchange), 'token.revoke', { id, name: token.name })
  tokens.revoke(id)
  sendJson(exchange.response, 200, { id })
}

function bad(message: string): RequestError {
  return new RequestError(400, 'E_BAD_REQUEST', message, 'crosscut token create --help shows how')
}
