// Who did what: an append-only log whose lines are chained by hash, so that a line cannot be changed or taken
// out unseen.
//
//   {"seq":7,"timeMs":1,"who":"admin token","what":"login","detail":{},"previous":"<hash>","hash":"..."}
// hash = SHA-256 over the line's JSON without the member hash. A torn last line (crash) is cut off at start.
// Where it lives when there are a hundred servers: each has its own chain; an auditor reads them all.

import { createHash } from 'node:crypto'
import { closeSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'

export type AuditEntry = {
  readonly seq: number
  readonly timeMs: number
  readonly who: string
  readonly what: string
  readonly detail: { readonly [key: string]: string | number | boolean }
  readonly previous: string
  readonly hash: string
}

const GENESIS = '0'.repeat(64)

export class AuditLog {
  readonly #handle: number
  readonly #nowMs: () => number
  #bytes: number
  #last: { readonly seq: number; readonly hash: string }
  readonly #file: string

  constructor(file: string, nowMs: () => number) {
    this.#file = file
    this.#nowMs = nowMs
    this.#handle = openSync(file, 'a+', 0o600)
    const entries = readEntries(file)
    this.#bytes = entries.wholeBytes
    ftruncateSync(this.#handle, this.#bytes)
    const last = entries.list.at(-1)
    this.#last = { seq: last?.seq ?? 0, hash: last?.hash ?? GENESIS }
  }

  /** Durable when it returns: what is not in the log did not happen. */
  add(who: string, what: string, detail: AuditEntry['detail']): void {
    const body = {
      seq: this.#last.seq + 1,
      timeMs: this.#nowMs(),
      who,
      what,
      detail,
      previous: this.#last.hash,
    }
    const hash = hashOf(body)
    const line = Buffer.from(`${JSON.stringify({ ...body, hash })}\n`)
    for (let at = 0; at < line.length;) at += writeSync(this.#handle, line, at)
    fsyncSync(this.#handle)
    this.#bytes += line.length
    this.#last = { seq: body.seq, hash }
  }

  /** Newest first, below `before`; isIntact = the whole chain was recomputed and holds. */
  read(options: { readonly before: number; readonly limit: number }): {
    readonly entries: AuditEntry[]
    readonly isIntact: boolean
  } {
    const { list } = readEntries(this.#file)
    let previous = GENESIS
    let isIntact = list.at(-1)?.hash === this.#last.hash || list.length === 0
    for (const { hash, ...body } of list) {
      if (body.previous !== previous || hashOf(body) !== hash) isIntact = false
      previous = hash
    }
    const entries = list
      .filter(({ seq }) => seq < options.before)
      .slice(-options.limit)
      .reverse()
    return { entries, isIntact }
  }

  close(): void {
    closeSync(this.#handle)
  }
}

function hashOf(body: Omit<AuditEntry, 'hash'>): string {
  const { seq, timeMs, who, what, detail, previous } = body
  return createHash('sha256')
    .update(JSON.stringify({ seq, timeMs, who, what, detail, previous }))
    .digest('hex')
}

function readEntries(file: string): { readonly list: AuditEntry[]; readonly wholeBytes: number } {
  const bytes = readFileSync(file)
  const wholeBytes = bytes.lastIndexOf(0x0a) + 1
  const lines = bytes
    .subarray(0, wholeBytes)
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
  return { list: lines.flatMap(readEntry), wholeBytes }
}

/** A line that cannot be read breaks the chain: it is left out, and isIntact says so. */
function readEntry(line: string): AuditEntry[] {
  try {
    const value: unknown = JSON.parse(line)
    return isEntry(value) ? [value] : []
  } catch {
    return []
  }
}

function isEntry(value: unknown): value is AuditEntry {
  return (
    typeof value === 'object'
    && value !== null
    && 'seq' in value
    && typeof value.seq === 'number'
    && 'hash' in value
    && typeof value.hash === 'string'
    && 'previous' in value
    && typeof value.previous === 'string'
    && 'detail' in value
    && typeof value.detail === 'object'
    && value.detail !== null
  )
}
