// A desired state is believed only when it is what the pinned key said last, in time, for this fleet.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DesiredState, SignedState } from '#protocol'
import { STATE_BYTES_MAX } from './limits.ts'
import { openSigner } from './testing/control-server.ts'
import { believe, TrustError, type Believed, type TrustCode } from './trust.ts'

const signer = openSigner()
const stranger = openSigner()
const NOW_MS = 1_000_000
const STATE: DesiredState = {
  format: 1,
  fleet: 'a',
  version: 5,
  expiresMs: NOW_MS + 1,
  disabled: false,
  packages: [],
}

const judge = (signed: SignedState | string, believed: Believed = undefined) =>
  believe(typeof signed === 'string' ? signed : JSON.stringify(signed), {
    fingerprint: signer.fingerprint,
    believed,
    nowMs: NOW_MS,
  })

const flipped = (signed: SignedState): SignedState => ({
  ...signed,
  payload: signed.payload.replace(/.(.{10})$/, (match, rest) => (match[0] === 'A' ? 'B' : 'A') + rest),
})

test('a signed state of the pinned key is believed, again at the same version, and in the last ms of its life', () => {
  assert.equal(judge(signer.sign(STATE)).version, 5)
  assert.equal(judge(signer.sign(STATE), { fleet: 'a', version: 5 }).version, 5)
})

const REFUSED: readonly (readonly [string, () => unknown, TrustCode])[] = [
  ['a state signed by another key', () => judge(stranger.sign(STATE)), 'E_STATE_KEY'],
  [
    'a state of another key under our public key',
    () => judge({ ...stranger.sign(STATE), publicKey: signer.publicKey }),
    'E_STATE_SIGNATURE',
  ],
  ['a payload with one changed character', () => judge(flipped(signer.sign(STATE))), 'E_STATE_SIGNATURE'],
  ['an empty signature', () => judge({ ...signer.sign(STATE), signature: '' }), 'E_STATE_SIGNATURE'],
  ['an older version', () => judge(signer.sign(STATE), { fleet: 'a', version: 6 }), 'E_STATE_ROLLBACK'],
  ['a state at its expiry', () => judge(signer.sign({ ...STATE, expiresMs: NOW_MS })), 'E_STATE_EXPIRED'],
  [
    'a state of another fleet',
    () => judge(signer.sign({ ...STATE, fleet: 'b' }), { fleet: 'a', version: 1 }),
    'E_STATE_FLEET',
  ],
  ['what is no JSON', () => judge('{'), 'E_STATE_FORMAT'],
  ['what is JSON and no state', () => judge('[]'), 'E_STATE_FORMAT'],
  ['a megabyte of anything', () => judge('x'.repeat(STATE_BYTES_MAX * 2 + 1)), 'E_STATE_TOO_LARGE'],
]
for (const [what, attempt, code] of REFUSED) {
  test(`${what} is refused with ${code}`, () => {
    assert.throws(attempt, (error: unknown) => error instanceof TrustError && error.code === code)
  })
}
