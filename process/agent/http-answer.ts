// An answer of HTTP/1.1, read piece by piece: as much of it as a collector or a control plane has to say.
//
//   status ─► headers ─┬─ 1xx: again          ┌────────────────┐
//                      ├─ chunked ─► size ─► bytes ─► chunk-end ┘   size 0 ─► trailers ─► answer
//                      ├─ Content-Length ─► bytes ─► answer
//                      ├─ 204, 304 ─► answer
//                      └─ neither ─► bytes until the connection ends ─► answer
//
// Whoever answers is not believed: heads and bodies end at their limits, and what is no HTTP is an error. A
// body that has no end, like a stream of events, goes to a sink as it comes.
// Source: RFC 9112, 6.

import { RESPONSE_BYTES_MAX, RESPONSE_HEAD_BYTES_MAX } from './limits.ts'
import { PeerError, type Peer } from './peer-error.ts'

export type Answer = {
  readonly status: number
  readonly retryAfterMs: number | undefined
  readonly body: Uint8Array
  /** Another request may follow on this connection. */
  readonly isKept: boolean
}

/** Takes a body as it comes, without a limit; undefined: it is kept for the answer. Throws to refuse it. */
export type SinkOf = (status: number) => ((bytes: Buffer) => void) | undefined

type State = 'status' | 'headers' | 'size' | 'bytes' | 'chunk-end' | 'trailers'

/** Owned by one request. */
export class AnswerReader {
  readonly #peer: Peer
  readonly #sinkOf: SinkOf | undefined
  #state: State = 'status'
  /** Of the line begun. */
  #line = ''
  #headBytes = 0
  #status = 0
  #isOld = false
  #isClosing = false
  #isChunked = false
  #length: number | undefined
  #retryAfterMs: number | undefined
  #bytesLeft = 0
  #body: Uint8Array[] = []
  #bodyBytes = 0
  #sink: ((bytes: Buffer) => void) | undefined
  #answer: Answer | undefined

  constructor(peer: Peer, sinkOf?: SinkOf) {
    this.#peer = peer
    this.#sinkOf = sinkOf
  }

  /** Gives the answer as soon as it is whole. Throws PeerError on what cannot be one. */
  read(bytes: Buffer): Answer | undefined {
    let at = 0
    while (at < bytes.length && this.#answer === undefined)
      at = this.#state === 'bytes' ? this.#readBytes(bytes, at) : this.#readLine(bytes, at)
    // What nobody asked for follows: the next answer on this connection would be that of another.
    if (this.#answer !== undefined && at < bytes.length) return { ...this.#answer, isKept: false }
    return this.#answer
  }

  /** The connection ended: for some answers that is their end. */
  end(): Answer | undefined {
    if (this.#state === 'bytes' && this.#bytesLeft === Infinity) this.#finish()
    return this.#answer
  }

  #readBytes(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#bytesLeft)
    const piece = bytes.subarray(at, end)
    if (this.#sink === undefined) this.#keep(piece)
    else {
      this.#sink(piece)
      // The lines between its chunks: the limit is for those of one piece.
      this.#headBytes = 0
    }
    this.#bytesLeft -= end - at
    if (this.#bytesLeft === 0 && this.#isChunked) this.#state = 'chunk-end'
    else if (this.#bytesLeft === 0) this.#finish()
    return end
  }

  #keep(piece: Buffer): void {
    this.#bodyBytes += piece.length
    if (this.#bodyBytes > RESPONSE_BYTES_MAX) throw PeerError.ofStatus(this.#peer, this.#status)
    this.#body.push(piece)
  }

  #readLine(bytes: Buffer, at: number): number {
    const newline = bytes.indexOf(0x0a, at)
    const end = newline < 0 ? bytes.length : newline
    this.#headBytes += end - at + 1
    if (this.#headBytes > RESPONSE_HEAD_BYTES_MAX)
      throw new PeerError(this.#peer, 'refused', 'sends a head without end')
    this.#line += bytes.toString('latin1', at, end)
    if (newline < 0) return end
    const line = this.#line.endsWith('\r') ? this.#line.slice(0, -1) : this.#line
    this.#line = ''
    this.#take(line)
    return newline + 1
  }

  #take(line: string): void {
    switch (this.#state) {
      case 'status':
        return this.#takeStatus(line)
      case 'headers':
        return line === '' ? this.#endHead() : this.#takeHeader(line)
      case 'size':
        return this.#takeSize(line)
      case 'chunk-end':
        if (line !== '') throw this.#noHttp()
        this.#state = 'size'
        return
      case 'trailers':
        if (line === '') this.#finish()
        return
      case 'bytes':
    }
  }

  #takeStatus(line: string): void {
    const [, version, status] = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: |$)/.exec(line) ?? []
    if (status === undefined) throw this.#noHttp()
    this.#isOld = version === '0'
    this.#status = Number(status)
    this.#state = 'headers'
  }

  #takeHeader(line: string): void {
    const colon = line.indexOf(':')
    if (colon <= 0) throw this.#noHttp()
    const value = line.slice(colon + 1).trim()
    switch (line.slice(0, colon).toLowerCase()) {
      case 'content-length':
        if (!/^\d{1,15}$/.test(value)) throw this.#noHttp()
        this.#length = Number(value)
        break
      case 'transfer-encoding':
        if (value.toLowerCase() !== 'chunked') throw this.#noHttp()
        this.#isChunked = true
        break
      case 'connection':
        this.#isClosing ||= /\bclose\b/i.test(value)
        break
      case 'retry-after':
        if (/^\d{1,9}$/.test(value)) this.#retryAfterMs = Number(value) * 1000
    }
  }

  #endHead(): void {
    // Another protocol begins here: none that we asked for.
    if (this.#status === 101) throw PeerError.ofStatus(this.#peer, this.#status)
    if (this.#status < 200) {
      this.#state = 'status'
      return
    }
    this.#sink = this.#sinkOf?.(this.#status)
    if (this.#status === 204 || this.#status === 304) this.#finish()
    else if (this.#isChunked) this.#state = 'size'
    else this.#beginBytes(this.#length ?? Infinity)
  }

  #takeSize(line: string): void {
    const [size] = /^[\da-f]{1,8}/i.exec(line) ?? []
    if (size === undefined) throw this.#noHttp()
    const bytes = Number.parseInt(size, 16)
    if (bytes === 0) this.#state = 'trailers'
    else this.#beginBytes(bytes)
  }

  #beginBytes(bytes: number): void {
    this.#state = 'bytes'
    this.#bytesLeft = bytes
    if (bytes === 0) this.#finish()
  }

  #finish(): void {
    const isFramed = this.#bytesLeft !== Infinity
    // With both, somebody between may have understood the other one.
    const isAmbiguous = this.#isChunked && this.#length !== undefined
    this.#answer = {
      status: this.#status,
      retryAfterMs: this.#retryAfterMs,
      body: Buffer.concat(this.#body),
      isKept: isFramed && !isAmbiguous && !this.#isClosing && !this.#isOld,
    }
  }

  #noHttp(): PeerError {
    return new PeerError(this.#peer, 'refused', 'speaks no HTTP/1 at its address')
  }
}
