// Ended spans, waiting to be sent: encoded, batched, bounded, counted.
//
// Ended spans are encoded a handful at a time, into the open batch of their scope, away from the request that
// ended them: the encoder's code is then warm (0.7 us a span instead of 3). A full batch is sealed into one
// request body. Full is `reject newest`: what is already waiting tells how the trouble began.
//
//   emitted ─┬─ dropped (full, too large)
//            └─ queued (open batch + sealed + in flight) ─┬─ sent
//                                                         └─ dropped (given up)

import { ByteWriter } from './byte-writer.ts'
import type { WallClock } from './clock.ts'
import type { Ledger } from './guard.ts'
import { BATCH_BYTES_MAX, ENCODE_SPANS, QUEUE_BYTES_MAX, SMALL_SPAN_CHARS, SPAN_BYTES_MAX } from './limits.ts'
import { encodeRequest, encodeResource, encodeScope, encodeSpan } from './otlp-encoder.ts'
import type { Resource } from './resource.ts'
import type { Scope, Span } from './span.ts'

export type Batch = { readonly body: Uint8Array; readonly spans: number }

export type SpanCounts = { emitted: number; sent: number; dropped: number; queued: number }

type ScopeSpans = { readonly head: Uint8Array; readonly out: ByteWriter }

export type BatchLimits = { readonly spansMax: number; readonly queueMax: number }

/** Owned by one agent. `take` hands a batch over; whoever takes it settles it once. */
export class SpanQueue {
  readonly counts: SpanCounts = { emitted: 0, sent: 0, dropped: 0, queued: 0 }
  /** Called when a batch is full: there is something to send at once. */
  onFull: () => void = () => {}
  readonly #resource: Uint8Array
  readonly #clock: WallClock
  readonly #ledger: Ledger
  readonly #limits: BatchLimits
  readonly #sealed: Batch[] = []
  /** By scope name and version: tracers of libraries, few by nature, and cleared at each seal. */
  #open = new Map<Scope, ScopeSpans>()
  /** Ended and not encoded yet: at most ENCODE_SPANS. */
  #ended: Span[] = []
  #openSpans = 0
  #queuedBytes = 0
  #openBytes = 0

  constructor(parts: { resource: Resource; clock: WallClock; ledger: Ledger; limits: BatchLimits }) {
    this.#resource = encodeResource(parts.resource)
    this.#clock = parts.clock
    this.#ledger = parts.ledger
    this.#limits = parts.limits
  }

  get isEmpty(): boolean {
    return this.counts.queued === 0
  }

  add(span: Span): void {
    this.counts.emitted += 1
    if (this.counts.queued >= this.#limits.queueMax || this.#queuedBytes + this.#openBytes >= QUEUE_BYTES_MAX)
      return this.#drop(1, 'queue-full')
    this.counts.queued += 1
    this.#ended.push(span)
    const isBatchFull = this.#openSpans + this.#ended.length >= this.#limits.spansMax
    if (isBatchFull || this.#ended.length >= ENCODE_SPANS || !isSmall(span)) this.#encodeEnded()
  }

  #encodeEnded(): void {
    const ended = this.#ended
    this.#ended = []
    for (const span of ended) this.#encode(span)
  }

  #encode(span: Span): void {
    const { out } = this.#scopeSpans(span.scope)
    const before = out.length
    try {
      encodeSpan(out, span, this.#clock)
    } catch (error: unknown) {
      out.length = before
      this.#ledger.fail('encode', error)
      return this.#dropQueued('encode-failed')
    }
    if (out.length - before > SPAN_BYTES_MAX) {
      out.length = before
      return this.#dropQueued('span-too-large')
    }
    this.#openSpans += 1
    this.#openBytes += out.length - before
    if (this.#openSpans >= this.#limits.spansMax || this.#openBytes >= BATCH_BYTES_MAX) this.#seal()
  }

  /** The oldest full batch. It stays counted as queued until settled. */
  takeFull(): Batch | undefined {
    return this.#sealed.shift()
  }

  /** The oldest batch, or what is open so far. */
  take(): Batch | undefined {
    if (this.#sealed.length === 0) this.#encodeEnded()
    if (this.#sealed.length === 0 && this.#openSpans > 0) this.#seal()
    return this.#sealed.shift()
  }

  /** `rejected` of the batch's spans were refused by a collector that took the rest. */
  settleSent(batch: Batch, rejected = 0): void {
    this.#leave(batch)
    this.counts.sent += batch.spans - rejected
    if (rejected > 0) this.#drop(rejected, 'collector-rejected')
  }

  settleDropped(batch: Batch, reason: string): void {
    this.#leave(batch)
    this.#drop(batch.spans, reason)
  }

  #leave(batch: Batch): void {
    this.counts.queued -= batch.spans
    this.#queuedBytes -= batch.body.length
  }

  #dropQueued(reason: string): void {
    this.counts.queued -= 1
    this.#drop(1, reason)
  }

  #drop(spans: number, reason: string): void {
    this.counts.dropped += spans
    this.#ledger.count(reason, spans)
  }

  #scopeSpans(scope: Scope): ScopeSpans {
    const found = this.#open.get(scope)
    if (found !== undefined) return found
    const opened = { head: encodeScope(scope), out: new ByteWriter(16 * 1024) }
    this.#open.set(scope, opened)
    return opened
  }

  #seal(): void {
    const parts = [...this.#open.values()].filter(({ out }) => out.length > 0)
    const body = encodeRequest(
      this.#resource,
      parts.map(({ head, out }) => [head, out.bytes.subarray(0, out.length)]),
    )
    this.#sealed.push({ body, spans: this.#openSpans })
    this.#queuedBytes += body.length
    // The commonest scope keeps its grown buffer; all others go, so that tracers made per request cannot
    // pile up.
    const [first] = this.#open
    this.#open = new Map(first === undefined ? [] : [first])
    if (first !== undefined) first[1].out.length = 0
    this.#openSpans = 0
    this.#openBytes = 0
    this.onFull()
  }
}

/** May it wait unencoded? What is large is encoded at once, so that the bounds in bytes hold. */
function isSmall(span: Span): boolean {
  if (span.events !== undefined || (span.links?.length ?? 0) > 4) return false
  let chars = span.shared?.length ?? 0
  for (const value of span.attributes) {
    if (typeof value === 'string') chars += value.length
    else if (typeof value === 'object') return false
  }
  return chars <= SMALL_SPAN_CHARS
}
