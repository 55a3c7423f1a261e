// One span while it is open. Flat: attributes lie in one array, key, value, key, value; what is rare
// (events, links) is absent until needed. When it ends it is encoded at once and forgotten, so no span
// outlives its request.

import type { EdgeKind } from '#protocol'

/** Numbers of OTLP's SpanKind. */
export const KIND = { internal: 1, server: 2, client: 3, producer: 4, consumer: 5 } as const
/** Numbers of OTLP's Status. */
export const STATUS = { unset: 0, ok: 1, error: 2 } as const

export const FLAG_SAMPLED = 1
/** OTLP span flags: bit 8 says that bit 9 is known; bit 9, that the parent is in another process. */
const FLAG_HAS_IS_REMOTE = 0x100
const FLAG_IS_REMOTE = 0x200

export type AttributeValue =
  | string
  | number
  | bigint
  | boolean
  | readonly (string | number | boolean | null | undefined)[]

/** What travels: W3C trace context, and where it came from. */
export type SpanContext = {
  readonly traceId: string
  readonly spanId: string
  readonly traceFlags: number
  readonly isRemote?: boolean
  /** The tracestate header, as it is. */
  readonly traceState?: string
}

export type SpanEvent = {
  readonly name: string
  readonly atMs: number
  readonly attributes: readonly AttributeValue[]
}

/** edge: our kind of arrow, or undefined for an ordinary link. Times are monotonic ms. */
export type SpanLink = {
  readonly traceId: string
  readonly spanId: string
  readonly traceState?: string
  readonly edge?: Exclude<EdgeKind, 'link'>
  readonly edgeFromMs?: number
  readonly edgeToMs?: number
  readonly attributes?: readonly AttributeValue[]
}

export type Scope = { readonly name: string; readonly version: string }

export type SpanStart = {
  readonly name: string
  readonly kind: number
  readonly traceId: string
  readonly spanId: string
  readonly parent: SpanContext | undefined
  readonly scope: Scope
  readonly startMs: number
  /** Absent = the parent's. */
  readonly traceState?: string
}

const NONE: readonly string[] = Object.freeze([])

/** An open, recorded span. Owned by whoever began it; after `end` nothing changes it. */
export class Span implements SpanContext {
  readonly traceId: string
  readonly spanId: string
  readonly traceFlags = FLAG_SAMPLED
  readonly isRemote = false
  /** A root's may change until it ends, when more of its request is known. */
  traceState: string | undefined
  readonly parent: SpanContext | undefined
  readonly scope: Scope
  readonly kind: number
  readonly startMs: number
  name: string
  /** NaN while open: an application may give times from before this process, which are negative. */
  endMs = Number.NaN
  statusCode: number = STATUS.unset
  statusMessage = ''
  attributes: AttributeValue[] = []
  /** Attributes that many spans have alike, encoded once for all of them. */
  shared: Uint8Array | undefined
  events: SpanEvent[] | undefined
  links: SpanLink[] | undefined
  droppedAttributes = 0
  droppedEvents = 0
  droppedLinks = 0
  /** When others could first go on because of it (response headers), if before its end. */
  answeredMs = -1
  /** Spans that ended before this one began and are no ancestors: see trail.ts. */
  happenedBefore: readonly string[] = NONE
  /** What others know of it since it answered: trail.ts. */
  past: { answeredMs: number | undefined } | undefined

  constructor(start: SpanStart) {
    this.traceId = start.traceId
    this.spanId = start.spanId
    this.traceState = start.traceState ?? start.parent?.traceState
    this.parent = start.parent
    this.scope = start.scope
    this.kind = start.kind
    this.startMs = start.startMs
    this.name = start.name
  }

  get isEnded(): boolean {
    return !Number.isNaN(this.endMs)
  }

  get otlpFlags(): number {
    return FLAG_SAMPLED | FLAG_HAS_IS_REMOTE | (this.parent?.isRemote === true ? FLAG_IS_REMOTE : 0)
  }

  /** For keys that cannot be there yet: no search. */
  add(key: string, value: AttributeValue): void {
    this.attributes.push(key, value)
  }

  /** Replaces the value of a key that is there. */
  set(key: string, value: AttributeValue, attributesMax: number): void {
    for (let i = 0; i < this.attributes.length; i += 2) {
      if (this.attributes[i] !== key) continue
      this.attributes[i + 1] = value
      return
    }
    if (this.attributes.length < attributesMax * 2) this.attributes.push(key, value)
    else this.droppedAttributes += 1
  }

  get(key: string): AttributeValue | undefined {
    for (let i = 0; i < this.attributes.length; i += 2)
      if (this.attributes[i] === key) return this.attributes[i + 1]
    return undefined
  }

  addEvent(event: SpanEvent, eventsMax: number): void {
    this.events ??= []
    if (this.events.length < eventsMax) this.events.push(event)
    else this.droppedEvents += 1
  }

  addLink(link: SpanLink, linksMax: number): void {
    this.links ??= []
    if (this.links.length < linksMax) this.links.push(link)
    else this.droppedLinks += 1
  }
}

/**
 * The root of a request that no sampling policy has asked for so far, but one may. Nothing below it is
 * recorded until then, so it stands for all that is silent: from then on, spans begin below its recorded
 * self.
 */
export class WaitingSpan implements SpanContext {
  readonly isSilent = true
  readonly start: Omit<SpanStart, 'parent' | 'traceState'>
  readonly traceId: string
  readonly spanId: string
  recorded: Span | undefined

  constructor(start: Omit<SpanStart, 'parent' | 'traceState'>) {
    this.start = start
    this.traceId = start.traceId
    this.spanId = start.spanId
  }

  get traceFlags(): number {
    return this.recorded === undefined ? 0 : FLAG_SAMPLED
  }

  get traceState(): string | undefined {
    return this.recorded?.traceState
  }
}
