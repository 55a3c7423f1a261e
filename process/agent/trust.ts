// Whether a desired state may be believed. The four attacks of The Update Framework, each refused with a
// code of its own.
//
//   forgery        the key must hash to the fingerprint in CROSSCUT_TOKEN       E_STATE_KEY
//                  and the signature must hold                                  E_STATE_SIGNATURE
//   rollback       within a fleet the version never falls                       E_STATE_ROLLBACK
//   freeze         nothing is believed after its expiry                         E_STATE_EXPIRED
//   mix and match  one value, bound to the first fleet that was believed        E_STATE_FLEET

import type { ControlOrder, DesiredState, SignedState } from '#protocol'
import { STATE_BYTES_MAX } from './limits.ts'

export type TrustCode =
  | 'E_STATE_FORMAT'
  | 'E_STATE_TOO_LARGE'
  | 'E_STATE_KEY'
  | 'E_STATE_SIGNATURE'
  | 'E_STATE_FLEET'
  | 'E_STATE_ROLLBACK'
  | 'E_STATE_EXPIRED'

export class TrustError extends Error {
  override readonly name = 'TrustError'
  readonly code: TrustCode

  constructor(code: TrustCode, message: string) {
    super(message)
    this.code = code
  }
}

/** A state whose frame is understood; its packages and policies are still unknown JSON. */
export type TrustedState = Omit<DesiredState, 'packages' | 'sampling'> & {
  readonly packages: readonly unknown[]
  readonly sampling: unknown
}

/** What this process believed last. */
export type Believed = { readonly fleet: string; readonly version: number } | undefined

const FINGERPRINT_BYTES = 16
const KEY_BYTES = 32

/** Errors: TrustError. Cost: ~0.2 ms, once a change. */
export function believe(
  data: string,
  pinned: { readonly fingerprint: string; readonly believed: Believed; readonly nowMs: number },
): TrustedState {
  if (data.length > STATE_BYTES_MAX * 2)
    throw new TrustError('E_STATE_TOO_LARGE', `${data.length} characters`)
  const signed = parseSigned(data)
  const payload = Buffer.from(signed.payload, 'base64url')
  checkSignature(signed, payload, pinned.fingerprint)
  const state = parseState(payload.toString('utf8'))
  const { believed, nowMs } = pinned
  if (state.expiresMs <= nowMs)
    throw new TrustError('E_STATE_EXPIRED', `expired at ${new Date(state.expiresMs).toISOString()}`)
  if (believed !== undefined && believed.fleet !== state.fleet)
    throw new TrustError('E_STATE_FLEET', `is for fleet ${state.fleet}`)
  if (believed !== undefined && state.version < believed.version) {
    throw new TrustError('E_STATE_ROLLBACK', `version ${state.version} is older than ${believed.version}`)
  }
  return state
}

/**
 * An order of the controller, for this agent. Whether it is late or came before is order-book.ts's question.
 * Errors: TrustError. A state is no order and an order no state: each lacks what the other needs.
 */
export function believeOrder(
  data: string,
  pinned: { readonly fingerprint: string; readonly agent: string },
): ControlOrder {
  if (data.length > STATE_BYTES_MAX * 2)
    throw new TrustError('E_STATE_TOO_LARGE', `${data.length} characters`)
  const signed = parseSigned(data)
  const payload = Buffer.from(signed.payload, 'base64url')
  checkSignature(signed, payload, pinned.fingerprint)
  const { control, agent, sentMs, forMs, settings } = parseObject(payload.toString('utf8'))
  const isRight = control === 1 && isCount(sentMs) && isCount(forMs) && Array.isArray(settings)
  if (!isRight || !settings.every(isSetting)) throw new TrustError('E_STATE_FORMAT', 'is no order')
  if (agent !== pinned.agent) throw new TrustError('E_STATE_FLEET', 'is for another agent')
  return { control, agent: pinned.agent, sentMs, forMs, settings }
}

function isSetting(value: unknown): value is ControlOrder['settings'][number] {
  if (typeof value !== 'object' || value === null) return false
  const { point, workflow, rate, weight, limitMs }: Partial<Record<string, unknown>> = { ...value }
  const isNamed = typeof point === 'string' && typeof workflow === 'string'
  const isRate = rate === undefined || isAmount(rate)
  return isNamed && isRate && isAmount(weight) && weight > 0 && (limitMs === undefined || isAmount(limitMs))
}

/** JSON has no NaN, but `1e999` is Infinity. */
const isAmount = (value: unknown): value is number =>
  typeof value === 'number' && value >= 0 && value < Number.POSITIVE_INFINITY

/** base64url of the first 16 bytes of SHA-256 over the raw public key. */
export function fingerprintOf(publicKey: Uint8Array): string {
  const { createHash } = process.getBuiltinModule('node:crypto')
  return createHash('sha256').update(publicKey).digest().subarray(0, FINGERPRINT_BYTES).toString('base64url')
}

function checkSignature(signed: SignedState, payload: Uint8Array, fingerprint: string): void {
  const { createPublicKey, verify } = process.getBuiltinModule('node:crypto')
  const raw = Buffer.from(signed.publicKey, 'base64url')
  if (raw.length !== KEY_BYTES || fingerprintOf(raw) !== fingerprint) {
    throw new TrustError('E_STATE_KEY', 'the key is not the one that CROSSCUT_TOKEN names')
  }
  const key = createPublicKey({
    key: { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') },
    format: 'jwk',
  })
  if (!verify(null, payload, key, Buffer.from(signed.signature, 'base64url'))) {
    throw new TrustError('E_STATE_SIGNATURE', 'the signature does not fit the payload')
  }
}

function parseSigned(data: string): SignedState {
  const json = parseObject(data)
  const { payload, signature, publicKey } = json
  if (typeof payload === 'string' && typeof signature === 'string' && typeof publicKey === 'string')
    return { payload, signature, publicKey }
  throw new TrustError('E_STATE_FORMAT', 'is no signed state')
}

function parseState(text: string): TrustedState {
  const { format, fleet, version, expiresMs, disabled, packages, sampling } = parseObject(text)
  const isRight =
    format === 1 &&
    typeof fleet === 'string' &&
    isCount(version) &&
    isCount(expiresMs) &&
    typeof disabled === 'boolean' &&
    Array.isArray(packages)
  if (isRight) return { format, fleet, version, expiresMs, disabled, packages, sampling }
  throw new TrustError(
    'E_STATE_FORMAT',
    format === 1 ? 'a member is missing or wrong' : `format ${String(format).slice(0, 20)} is unknown`,
  )
}

const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0

function parseObject(text: string): { readonly [key: string]: unknown } {
  try {
    const json: unknown = JSON.parse(text)
    if (typeof json === 'object' && json !== null && !Array.isArray(json)) return { ...json }
  } catch {
    // Told below: what is no JSON and what is no object are the same to whoever sent it.
  }
  throw new TrustError('E_STATE_FORMAT', 'is no JSON object')
}
