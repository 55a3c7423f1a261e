// Who did what: an append-only log whose lines are chained by hash, so that a line cannot be changed or taken
// out unseen.
//
//   {"seq":7,"timeMs":1,"who":"admin token","what":"login","detail":{},"previous":"<hash>","hash":"..."}
// hash = SHA-256 over the line's JSON without the member hash. A torn last line (crash) is cut off at start.
// The whole chain is checked at start, its newest part at each reading: reading must not block the event
// loop. Where it lives when there are a hundred servers: each has its own chain; an auditor reads them all.

import { createHash } from 'node:crypto'
import { closeSync, fsyncSync, ftruncateSync, openSync, readFileSync, readSync, writeSync } from 'node:fs'
import { AUDIT_READ_BYTES_MAX } from './limits.ts'

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
  readonly #wasIntact: boolean
  readonly #handle: number
  readonly #nowMs: () => number
  #bytes: number
  #last: { readonly seq: number; readonly hash: string }

  constructor(file: string, nowMs: () => number) {
    this.#nowMs = nowMs
    this.#handle = openSync(file, 'a+', 0o600)
    const whole = readFileSync(file)
    const entries = entriesOf(whole)
    this.#bytes = whole.lastIndexOf(0x0a) + 1
    ftruncateSync(this.#handle, this.#bytes)
    this.#wasIntact = isChain(entries) && (entries[0]?.previous ?? GENESIS) === GENESIS
    const last = entries.at(-1)
    this.#last = { seq: last?.seq ?? 0, hash: last?.hash ?? GENESIS }
  }

  /** Durable when it returns: what is not in the log did not happen. Errors: those of the disk. */
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
    this.#append(line)
    this.#bytes += line.length
    this.#last = { seq: body.seq, hash }
  }

  /**
   * Newest first, below `before`, of the newest AUDIT_READ_BYTES_MAX; isIntact = the chain holds there and
   * held at start.
   */
  read(options: { readonly before: number; readonly limit: number }): {
    readonly entries: AuditEntry[]
    readonly isIntact: boolean
  } {
    const list = entriesOf(this.#newest())
    const isIntact = this.#wasIntact && isChain(list) && (list.at(-1)?.hash ?? GENESIS) === this.#last.hash
    const entries = list
      .filter(({ seq }) => seq < options.before)
      .slice(-options.limit)
      .reverse()
    return { entries, isIntact }
  }

  /** All of it or, when the disk fails, nothing: half a line would end the chain there. */
  #append(line: Buffer): void {
    try {
      for (let at = 0; at < line.length;) at += writeSync(this.#handle, line, at)
      fsyncSync(this.#handle)
    } catch (error: unknown) {
      ftruncateSync(this.#handle, this.#bytes)
      throw error
    }
  }

  #newest(): Buffer {
    const from = Math.max(0, this.#bytes - AUDIT_READ_BYTES_MAX)
    const bytes = Buffer.alloc(this.#bytes - from)
    let length = 0
    for (let read = 1; read > 0 && length < bytes.length; length += read) {
      read = readSync(this.#handle, bytes, length, bytes.length - length, from + length)
    }
    // Begun in the middle of the file: the first line is a part of one.
    return from === 0 ? bytes.subarray(0, length) : bytes.subarray(bytes.indexOf(0x0a) + 1, length)
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

/** Each line holds its own hash and the hash of the one before it. */
function isChain(entries: readonly AuditEntry[]): boolean {
  return entries.every(
    ({ hash, ...body }, index) =>
      hashOf(body) === hash && (index === 0 || entries[index - 1]?.hash === body.previous),
  )
}

function entriesOf(bytes: Buffer): AuditEntry[] {
  const whole = bytes.subarray(0, bytes.lastIndexOf(0x0a) + 1).toString('utf8')
  return whole
    .split('\n')
    .filter((line) => line !== '')
    .flatMap(readEntry)
}

/** A line that cannot be read is left out: then the chain is broken where it was. */
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
    typeof value === 'object' &&
    value !== null &&
    'seq' in value &&
    typeof value.seq === 'number' &&
    'hash' in value &&
    typeof value.hash === 'string' &&
    'previous' in value &&
    typeof value.previous === 'string' &&
    'detail' in value &&
    typeof value.detail === 'object' &&
    value.detail !== null
  )
}
