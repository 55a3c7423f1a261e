// The browser app: read into memory once, served under a strict policy. A path can only be one of the files
// that were there.
//
// index.html may hold the placeholder __CSP_NONCE__ (an editor that must add styles needs it); each answer
// then has a fresh one.

import { createHash, randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import path from 'node:path'
import { send } from './http-io.ts'

type Entry = {
  readonly bytes: Buffer
  readonly type: string
  readonly etag: string
  readonly isHashed: boolean
}

const TYPES: { readonly [extension: string]: string } = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.json': 'application/json',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
  '.map': 'application/json',
  '.webmanifest': 'application/manifest+json',
}
const NONCE = '__CSP_NONCE__'
/** The built app is below 2 MB; more files than this is somebody else's folder. */
const FILES_MAX = 1_000

export class StaticFiles {
  readonly #entries = new Map<string, Entry>()

  /** A folder that is not there gives no files: the API works without the app. */
  constructor(folder: string) {
    for (const name of namesBelow(folder).slice(0, FILES_MAX)) {
      const bytes = readFileSync(path.join(folder, name))
      const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`
      const type = TYPES[path.extname(name)] ?? 'application/octet-stream'
      const isHashed = /-[\w-]{8,}\.\w+$/.test(name)
      this.#entries.set(name.split(path.sep).join('/'), { bytes, type, etag, isHashed })
    }
  }

  /** False = the app was not built. */
  get hasApp(): boolean {
    return this.#entries.has('index.html')
  }

  /** False = there is no such file. Paths without an extension are views of the app: they get index.html. */
  serve(segments: readonly string[], response: ServerResponse): boolean {
    const name = segments.join('/')
    if (!name.includes('.')) return this.servePage(response, 200)
    const entry = this.#entries.get(name)
    if (entry === undefined) return false
    if (response.req.headers['if-none-match'] === entry.etag)
      send(response, 304, new Uint8Array(0), { etag: entry.etag })
    else send(response, 200, entry.bytes, { 'content-type': entry.type, etag: entry.etag, ...cacheOf(entry) })
    return true
  }

  /** The app itself, which shows what its address asks for. False = it was not built. */
  servePage(response: ServerResponse, status: number): boolean {
    const entry = this.#entries.get('index.html')
    if (entry === undefined) return false
    const nonce = randomBytes(16).toString('base64')
    const html = entry.bytes.toString('utf8').replaceAll(NONCE, nonce)
    send(response, status, Buffer.from(html), {
      'content-type': entry.type,
      'content-security-policy': policy(nonce),
    })
    return true
  }
}

export function policy(nonce: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data: blob:",
    "font-src 'self'",
    "connect-src 'self'",
    "worker-src 'self'",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ')
}

function cacheOf({ isHashed }: Entry): { readonly 'cache-control': string } {
  return { 'cache-control': isHashed ? 'public, max-age=31536000, immutable' : 'no-cache' }
}

function namesBelow(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
      statSync(path.join(folder, name)).isFile(),
    )
  } catch {
    return []
  }
}
