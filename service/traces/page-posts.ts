// Spans that a page sends (crosscut/browser): from an origin on the list, with no token, for a page can keep
// no secret. What it lacks in proof it is bounded in.
//
//   Origin (allowed), no Authorization --> key, where others need a token --> JSON --> size --> rate
//   --> its resources say crosscut.page.origin, and the country that a proxy told, whatever the page said
//
// The key is public: it names a deployment, so that a crawler of ports finds nothing to write to, and can be
// replaced. Reading takes a token as always. Source: docs/adr/007-pages-write-with-a-public-key.md.

import { timingSafeEqual, createHash } from 'node:crypto'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { OtlpFormat } from './ingest-batch.ts'
import {
  PAGE_BODY_BYTES_MAX,
  PAGE_BYTES_PER_SECOND_MAX,
  PAGE_BURST_BYTES_MAX,
  RETRY_AFTER_SECONDS,
} from './ingest-limits.ts'
import { Refusal } from './ingest-refusal.ts'
import type { SenderAccess } from './sender-check.ts'
import type { Stamp } from './span-batch-builder.ts'

/** Whether it comes from a page that bears no token. Its origin was checked before. */
export function isPagePost({ origin, authorization }: IncomingHttpHeaders): boolean {
  return origin !== undefined && authorization === undefined
}

/** Owned by one listener; `nowMs` is monotonic. */
export class PagePosts {
  readonly #keyHash: Buffer | undefined
  readonly #countryHeader: string | undefined
  readonly #nowMs: () => number
  #tokens = PAGE_BURST_BYTES_MAX
  #filledMs: number

  constructor(access: SenderAccess, nowMs: () => number) {
    // Without a token there is nothing that a key would stand for.
    this.#keyHash = access.token === undefined ? undefined : sha256(access.pageKey ?? '')
    this.#countryHeader = access.countryHeader?.toLowerCase()
    this.#nowMs = nowMs
    this.#filledMs = nowMs()
  }

  /** Before the body is read. Errors: Refusal 401, 413, 415, 429. */
  admit(request: IncomingMessage, format: OtlpFormat | undefined): void {
    const key = new URL(request.url ?? '/', 'http://page').searchParams.get('key') ?? ''
    if (this.#keyHash !== undefined && (key === '' || !timingSafeEqual(sha256(key), this.#keyHash)))
      throw REFUSALS.key()
    if (format !== 'json' || request.headers['content-encoding'] !== undefined) throw REFUSALS.type()
    // Browsers always say it; without it nobody knows what is coming.
    const bytes = Number(request.headers['content-length'])
    if (!(bytes <= PAGE_BODY_BYTES_MAX)) throw REFUSALS.size()
    if (!this.#take(bytes)) throw REFUSALS.rate()
  }

  stamps({ headers }: IncomingMessage): readonly Stamp[] {
    const stamps: Stamp[] = [['crosscut.page.origin', headers.origin ?? '']]
    const country = this.#countryHeader === undefined ? undefined : headers[this.#countryHeader]
    if (typeof country === 'string' && /^[a-z]{2}$/i.test(country))
      stamps.push(['geo.country.iso_code', country.toUpperCase()])
    return stamps
  }

  /** A bucket of bytes for all pages together: a flood of them never costs the servers' own spans. */
  #take(bytes: number): boolean {
    const nowMs = this.#nowMs()
    const filled = this.#tokens + ((nowMs - this.#filledMs) / 1000) * PAGE_BYTES_PER_SECOND_MAX
    this.#tokens = Math.min(PAGE_BURST_BYTES_MAX, filled)
    this.#filledMs = nowMs
    if (this.#tokens < bytes) return false
    this.#tokens -= bytes
    return true
  }
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()

const REFUSALS = {
  key: () =>
    new Refusal(401, {
      code: 'E_PAGE_KEY',
      message: 'a page needs the page key here',
      hint: 'recordPage({ to, key }), with the one in DIR/page-key',
    }),
  type: () =>
    new Refusal(415, {
      code: 'E_MEDIA_TYPE',
      message: 'pages send plain JSON',
      hint: 'Content-Type must be application/json, without Content-Encoding; with a bearer token all are taken',
    }),
  size: () =>
    new Refusal(413, {
      code: 'E_TOO_LARGE',
      message: `the body of a page is larger than ${PAGE_BODY_BYTES_MAX} bytes, or does not say how large it is`,
      hint: 'send it in smaller parts',
    }),
  rate: () =>
    new Refusal(
      429,
      {
        code: 'E_PAGES_BUSY',
        message: `pages send more than ${PAGE_BYTES_PER_SECOND_MAX} bytes a second`,
        hint: 'record a part of the pages: recordPage({ sample: 0.1 }), or OTEL_TRACES_SAMPLER of their server',
      },
      { 'retry-after': String(RETRY_AFTER_SECONDS) },
    ),
}
