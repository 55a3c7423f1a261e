// The data folder: who owns it, its keys and tokens.
//
//   DIR/lock          held while a server runs (the kernel drops it with the process)
//   DIR/keys/         signing.pem (Ed25519, signs desired state), session.key (32 bytes, signs cookies)
//   DIR/admin-token   what the CLI sends
//   DIR/agent-token   what agents send: `<secret>.<fingerprint of the signing key>`
//   DIR/tokens.json   tokens with names: hashes, grants, ends
//   DIR/fleet         name of this folder's history of versions
//   DIR/state.json    desired state
//   DIR/policies/     policies that the operator wrote
//   DIR/audit.log     who did what
//   DIR/server.json   where the running server listens (for the CLI)
//   DIR/log/, DIR/store/   owned by ingest and by the store
//   DIR/features/     TypeScript feature files that the operator puts there; only read
// Files are 0600 in a folder of 0700: whoever can read them is the operator.

import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto'
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { encodeBase64Url } from '#base'
import { nodeDisk } from '#log'
import { readIfThere, replaceFile } from './files.ts'
import { ServerError } from './server-error.ts'

export type DataDir = {
  readonly dir: string
  readonly fleet: string
  readonly adminToken: string
  /** DIR/page-key, made at the first call: what pages send by. It is public. */
  pageKey(): string
  readonly agentToken: string
  readonly sessionKey: Uint8Array
  readonly signingKey: KeyObject
  /** base64url of the raw 32 bytes. */
  readonly publicKey: string
  release(): Promise<void>
}

/**
 * Opens or makes the folder; the operator's token is in tokenFile if given. Errors: E_DATA_LOCKED,
 * E_DATA_DAMAGED; E_CONFIG for the token file.
 */
export async function openDataDir(dir: string, tokenFile?: string): Promise<DataDir> {
  mkdirSync(path.join(dir, 'keys'), { recursive: true, mode: 0o700 })
  const lock = await nodeDisk.lock(path.join(dir, 'lock'))
  if (lock === undefined) {
    throw new ServerError(
      'E_DATA_LOCKED',
      `another server runs on ${dir}${whereIs(dir)}; use it (crosscut login prints a link), or give --data another folder`,
    )
  }
  try {
    const signingKey = openSigningKey(path.join(dir, 'keys', 'signing.pem'))
    const rawKey = rawPublicKey(signingKey.key)
    const fingerprint = encodeBase64Url(createHash('sha256').update(rawKey).digest().subarray(0, 16))
    const agentToken = openAgentToken(path.join(dir, 'agent-token'), signingKey.isNew, fingerprint)
    return {
      dir,
      agentToken,
      signingKey: signingKey.key,
      publicKey: encodeBase64Url(rawKey),
      fleet: openSecret(path.join(dir, 'fleet')),
      pageKey: () => openSecret(path.join(dir, 'page-key')),
      adminToken:
        tokenFile === undefined ? openSecret(path.join(dir, 'admin-token')) : openTokenFile(tokenFile),
      sessionKey: createHash('sha256')
        .update(openSecret(path.join(dir, 'keys', 'session.key')))
        .digest(),
      release: () => lock.release(),
    }
  } catch (error: unknown) {
    await lock.release()
    throw error
  }
}

function whereIs(dir: string): string {
  const text = readIfThere(path.join(dir, 'server.json'))
  const url = text === undefined ? null : /"url":\s*"([^"]+)"/.exec(text)
  return url === null ? '' : ` (${url[1]})`
}

const RESTORE = 'restore it, or remove it: then a new one is made'

/**
 * `<secret>.<fingerprint>`. Agents trust the fingerprint they were started with, so a key that changed by
 * damage must not become the new one silently.
 */
function openAgentToken(file: string, isNewKey: boolean, fingerprint: string): string {
  const known = openSecret(file)
  const [secret = '', pinned] = known.split('.')
  if (pinned !== undefined && pinned !== fingerprint && !isNewKey) {
    throw new ServerError(
      'E_DATA_DAMAGED',
      `${file} names another key than keys/signing.pem: one of them is damaged; restore it, or remove ` +
        'agent-token: then a new one is made, and agents need it',
    )
  }
  const token = `${secret}.${fingerprint}`
  if (token !== known) replaceFile(file, `${token}\n`)
  return token
}

/** It may lie anywhere: what is wrong with it says nothing of the data folder. */
function openTokenFile(file: string): string {
  try {
    return openSecret(file)
  } catch (cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause)
    const message = `--token-file ${file} can be neither read nor made: ${why}; give it another place`
    throw new ServerError('E_CONFIG', message, { cause })
  }
}

/** One line of text that is made once. */
function openSecret(file: string): string {
  const known = readIfThere(file)?.trim()
  if (known !== undefined && known !== '') {
    if (/^[\x21-\x7e]+$/.test(known)) return known
    throw new ServerError('E_DATA_DAMAGED', `${file} is not one line of visible ASCII; ${RESTORE}`)
  }
  const made = encodeBase64Url(randomBytes(24))
  replaceFile(file, `${made}\n`)
  return made
}

function openSigningKey(file: string): { readonly key: KeyObject; readonly isNew: boolean } {
  const known = readIfThere(file)
  if (known === undefined) {
    const { privateKey } = generateKeyPairSync('ed25519')
    replaceFile(file, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())
    return { key: privateKey, isNew: true }
  }
  const key = privateKeyOf(known)
  if (key?.asymmetricKeyType === 'ed25519') return { key, isNew: false }
  const remedy = 'restore it, or remove it: then a new key is made and agents need the new agent-token'
  throw new ServerError('E_DATA_DAMAGED', `${file} is not an Ed25519 private key; ${remedy}`)
}

function privateKeyOf(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem)
  } catch {
    return undefined
  }
}

/** The last 32 bytes of an Ed25519 SubjectPublicKeyInfo (RFC 8410). */
function rawPublicKey(key: KeyObject): Uint8Array {
  return createPublicKey(key).export({ type: 'spki', format: 'der' }).subarray(-32)
}
