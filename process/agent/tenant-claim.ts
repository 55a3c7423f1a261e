// The tenant as a signed claim of the request says it: a JSON Web Token behind `Authorization: Bearer`, with
// the key that its issuer signs by (CROSSCUT_TENANT_KEY).
//
//   header.payload.signature     algorithms by the kind of key, never by the token alone:
//   secret                       HS256 HS384 HS512
//   public key (PEM)             RS256 PS256 ES256 EdDSA, whatever the key is for
//
// Expired, not valid yet, signed otherwise or not at all: no claim. A token that was believed is remembered
// until it ends, for each request of a session brings the same. Source: RFC 7515, 7519, 8725.

import type { KeyObject } from 'node:crypto'
import { TENANT_CLAIMS_MAX, TENANT_TOKEN_LENGTH_MAX } from './limits.ts'

const HASHES: ReadonlyMap<string, string> = new Map([
  ['HS256', 'sha256'],
  ['HS384', 'sha384'],
  ['HS512', 'sha512'],
])

export type ClaimKey = { verify(algorithm: string, data: string, signature: Buffer): boolean }

/** undefined = it is neither a secret nor a public key. */
export function readClaimKey(text: string): ClaimKey | undefined {
  const crypto = process.getBuiltinModule('node:crypto')
  if (!text.includes('-----BEGIN')) {
    if (text.length < 16) return undefined
    return {
      verify(algorithm, data, signature) {
        const hash = HASHES.get(algorithm)
        if (hash === undefined) return false
        const ours = crypto.createHmac(hash, text).update(data).digest()
        return ours.length === signature.length && crypto.timingSafeEqual(ours, signature)
      },
    }
  }
  let key: KeyObject
  try {
    // An environment holds one line: \n stands for its breaks.
    key = crypto.createPublicKey(text.replaceAll('\\n', '\n'))
  } catch {
    return undefined
  }
  return { verify: (algorithm, data, signature) => isSignedBy(key, { algorithm, data, signature }) }
}

type Signed = { readonly algorithm: string; readonly data: string; readonly signature: Buffer }

function isSignedBy(key: KeyObject, { algorithm, data, signature }: Signed): boolean {
  const { verify, constants } = process.getBuiltinModule('node:crypto')
  const bytes = Buffer.from(data)
  switch (`${key.asymmetricKeyType} ${algorithm}`) {
    case 'rsa RS256':
      return verify('sha256', bytes, key, signature)
    case 'rsa PS256': {
      const padding = constants.RSA_PKCS1_PSS_PADDING
      return verify('sha256', bytes, { key, padding, saltLength: 32 }, signature)
    }
    case 'ec ES256':
      return verify('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' }, signature)
    case 'ed25519 EdDSA':
      return verify(null, bytes, key, signature)
    default:
      return false
  }
}

type Believed = { readonly value: string; readonly untilMs: number }

/** What the claim of this name says in a header `authorization`, as long as it holds. Never throws. */
export function openClaims(name: string, key: ClaimKey, nowMs: () => number = Date.now) {
  const believed = new Map<string, Believed>()
  return (authorization: string | undefined): string | undefined => {
    const token = /^bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
    if (token === undefined || token.length > TENANT_TOKEN_LENGTH_MAX) return undefined
    const known = believed.get(token)
    if (known !== undefined && known.untilMs > nowMs()) return known.value
    believed.delete(token)
    const found = claimIn(token, { name, key, nowMs: nowMs() })
    if (found === undefined) return undefined
    // The oldest goes: whoever is still there is verified once more.
    const [oldest] = believed.keys()
    if (believed.size >= TENANT_CLAIMS_MAX && oldest !== undefined) believed.delete(oldest)
    believed.set(token, found)
    return found.value
  }
}

type Asked = { readonly name: string; readonly key: ClaimKey; readonly nowMs: number }

function claimIn(token: string, { name, key, nowMs }: Asked): Believed | undefined {
  const [header = '', payload = '', signature = '', ...rest] = token.split('.')
  if (rest.length > 0) return undefined
  const { alg } = jsonOf(header)
  if (typeof alg !== 'string') return undefined
  try {
    if (!key.verify(alg, `${header}.${payload}`, Buffer.from(signature, 'base64url'))) return undefined
  } catch {
    return undefined // a signature of a form that its algorithm does not have
  }
  const claims = jsonOf(payload)
  const untilMs = secondsOf(claims['exp'], Number.POSITIVE_INFINITY) * 1000
  const fromMs = secondsOf(claims['nbf'], 0) * 1000
  const value = claims[name]
  if (!(untilMs > nowMs) || !(fromMs <= nowMs)) return undefined
  return typeof value === 'string' || typeof value === 'number'
    ? { value: String(value), untilMs }
    : undefined
}

/** NaN, which no comparison lets through, where something stands that is no number. */
const secondsOf = (value: unknown, absent: number): number =>
  value === undefined ? absent : typeof value === 'number' ? value : Number.NaN

function jsonOf(part: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString())
    return typeof value === 'object' && value !== null ? Object.assign(Object.create(null), value) : {}
  } catch {
    return {}
  }
}
