// A tenant by a signed claim: what is signed is believed as long as it holds, and nothing else is.

import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { test } from 'node:test'
import type { IncomingMessage } from 'node:http'
import fc from 'fast-check'
import { TENANT_CLAIMS_MAX, TENANT_TOKEN_LENGTH_MAX } from './limits.ts'
import { openClaims, readClaimKey } from './tenant-claim.ts'
import { readTenantRule } from './tenant-rule.ts'

const SECRET = 'a secret of the issuer'
const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const tokenOf = (alg: string, claims: object, signer: (data: string) => Buffer) => {
  const data = `${part({ alg, typ: 'JWT' })}.${part(claims)}`
  return `Bearer ${data}.${signer(data).toString('base64url')}`
}
const hmac =
  (hash: string, secret = SECRET) =>
  (data: string) =>
    createHmac(hash, secret).update(data).digest()
const pem = (key: KeyObject) => String(key.export({ type: 'spki', format: 'pem' }))

function claims(key: string, nowMs = () => 1_000_000) {
  const read = readClaimKey(key)
  assert.ok(read)
  return openClaims('org', read, nowMs)
}

test('each algorithm of its key', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const ed = generateKeyPairSync('ed25519')
  const pss = { key: rsa.privateKey, padding: 6, saltLength: 32 }
  const p1363 = { key: ec.privateKey, dsaEncoding: 'ieee-p1363' as const }
  const cases: readonly [string, string, (data: string) => Buffer][] = [
    ['HS256', SECRET, hmac('sha256')],
    ['HS512', SECRET, hmac('sha512')],
    ['RS256', pem(rsa.publicKey), (data) => sign('sha256', Buffer.from(data), rsa.privateKey)],
    ['PS256', pem(rsa.publicKey), (data) => sign('sha256', Buffer.from(data), pss)],
    ['ES256', pem(ec.publicKey), (data) => sign('sha256', Buffer.from(data), p1363)],
    [
      'EdDSA',
      pem(ed.publicKey).replaceAll('\n', '\\n'),
      (data) => sign(null, Buffer.from(data), ed.privateKey),
    ],
  ]
  for (const [alg, key, signer] of cases) {
    const token = tokenOf(alg, { org: 'acme' }, signer)
    assert.equal(claims(key)(token), 'acme', alg)
    // Of the first character of the signature all bits count.
    const forged = token.replace(/\.(.)(?=[^.]*$)/, (_, first) => (first === 'A' ? '.B' : '.A'))
    assert.equal(claims(key)(forged), undefined, alg)
  }
})

test('signed otherwise, or not at all: no claim', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const key = pem(rsa.publicKey)
  const refused: readonly [string, string, string | undefined][] = [
    ['another secret', SECRET, tokenOf('HS256', { org: 'acme' }, hmac('sha256', 'another secret there'))],
    ['no signature', SECRET, tokenOf('none', { org: 'acme' }, () => Buffer.alloc(0))],
    ['the public key as a secret', key, tokenOf('HS256', { org: 'acme' }, hmac('sha256', key))],
    ['another hash than it says', SECRET, tokenOf('HS512', { org: 'acme' }, hmac('sha256'))],
    ['no token', SECRET, 'Bearer x'],
    ['another scheme', SECRET, tokenOf('HS256', { org: 'acme' }, hmac('sha256')).replace('Bearer', 'Basic')],
    ['no header', SECRET, undefined],
    ['too long', SECRET, tokenOf('HS256', { org: 'x'.repeat(TENANT_TOKEN_LENGTH_MAX) }, hmac('sha256'))],
    ['no such claim', SECRET, tokenOf('HS256', { sub: 'acme' }, hmac('sha256'))],
    ['a claim of objects', SECRET, tokenOf('HS256', { org: ['acme'] }, hmac('sha256'))],
    ['over', SECRET, tokenOf('HS256', { org: 'acme', exp: 1_000 }, hmac('sha256'))],
    [
      'an end that is no number',
      SECRET,
      tokenOf('HS256', { org: 'acme', exp: '9999999999' }, hmac('sha256')),
    ],
    ['not yet', SECRET, tokenOf('HS256', { org: 'acme', nbf: 1_001 }, hmac('sha256'))],
  ]
  for (const [name, with_, token] of refused) assert.equal(claims(with_)(token), undefined, name)
})

test('it is believed until it ends, also where it is remembered, and memory is bounded', () => {
  let nowMs = 1_000_000
  const read = claims(SECRET, () => nowMs)
  const token = tokenOf('HS256', { org: 7, exp: 1_010 }, hmac('sha256'))
  assert.deepEqual([read(token), read(token)], ['7', '7'])
  for (let i = 0; i < TENANT_CLAIMS_MAX + 1; i++)
    assert.equal(read(tokenOf('HS256', { org: `o${i}` }, hmac('sha256'))), `o${i}`)
  assert.equal(read(token), '7')
  nowMs = 1_010_000
  assert.equal(read(token), undefined)
})

test('as a rule it stands beside others, and without a key it is none', () => {
  const rule = readTenantRule('claim:org,header:x-tenant', readClaimKey(SECRET))
  const come = (headers: Record<string, string>) =>
    rule?.({ url: '/', headers } as unknown as IncomingMessage)
  const authorization = tokenOf('HS256', { org: 'acme' }, hmac('sha256'))
  assert.equal(come({ authorization, 'x-tenant': 'globex' }), 'acme')
  assert.equal(come({ authorization: 'Bearer a.b.c', 'x-tenant': 'globex' }), 'globex')
  assert.equal(readTenantRule('claim:org'), undefined)
  for (const key of ['short', '-----BEGIN nonsense']) assert.equal(readClaimKey(key), undefined, key)
})

test('whatever comes, nothing is thrown and nobody is named', () => {
  const read = claims(SECRET)
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.string(), (a, b, c) => {
      assert.equal(read(`Bearer ${a}.${b}.${c}`), undefined)
      assert.equal(read(`Bearer ${part({ alg: a })}.${b}.${c}`), undefined)
    }),
  )
})
