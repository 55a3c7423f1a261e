// A span as @opentelemetry/api shows it: a thin face over ours. Every method is called by the host, so none
// throws; an argument that makes no sense is ignored, as the specification asks.

import { errorType } from './http-spans.ts'
import type {
  ApiAttributes,
  ApiAttributeValue,
  ApiLink,
  ApiSpan,
  ApiSpanContext,
  ApiStatus,
  ApiTime,
  ApiTraceState,
} from './otel-types.ts'
import type { SilentSpan } from './recorder.ts'
import { FLAG_SAMPLED, Span, STATUS, type AttributeValue, type SpanContext } from './span.ts'
import type { Spans } from './spans-api.ts'
import type { WallClock } from './clock.ts'

export type SpanLimits = {
  readonly attributes: number
  readonly events: number
  readonly links: number
  readonly valueLength: number
}

export type SpanHost = {
  readonly spans: Spans
  readonly clock: WallClock
  readonly limits: SpanLimits
  /** Calls fn and counts what it throws. */
  quietly(fn: () => void): void
}

/** What the API calls a span: recorded by us, silent, or the remote parent. */
export class OtelSpan implements ApiSpan {
  readonly inner: Span | SilentSpan | SpanContext
  readonly #host: SpanHost

  constructor(inner: Span | SilentSpan | SpanContext, host: SpanHost) {
    this.inner = inner
    this.#host = host
  }

  spanContext(): ApiSpanContext {
    const { traceId, spanId, traceFlags, isRemote, traceState } = this.inner
    const shown: ApiSpanContext = { traceId, spanId, traceFlags }
    if (isRemote === true) shown.isRemote = true
    if (traceState !== undefined && traceState !== '') shown.traceState = new TraceStateText(traceState)
    return shown
  }

  isRecording(): boolean {
    return this.inner instanceof Span && !this.inner.isEnded
  }

  setAttribute(key: string, value: ApiAttributeValue): this {
    return this.#change((span) => this.#put(span, key, value))
  }

  setAttributes(attributes: ApiAttributes): this {
    return this.#change((span) => {
      for (const [key, value] of Object.entries(attributes)) this.#put(span, key, value)
    })
  }

  addEvent(name: string, attributesOrTime?: ApiAttributes | ApiTime, time?: ApiTime): this {
    return this.#change((span) => {
      const isTime = attributesOrTime === undefined || isApiTime(attributesOrTime)
      const at = isTime ? attributesOrTime : time
      span.addEvent(
        {
          name: String(name),
          atMs: monotonicMs(at, this.#host.clock),
          attributes: isTime ? [] : flatAttributes(attributesOrTime, this.#host),
        },
        this.#host.limits.events,
      )
    })
  }

  addLink(link: ApiLink): this {
    return this.#change((span) => addApiLink(span, link, this.#host))
  }

  addLinks(links: readonly ApiLink[]): this {
    return this.#change((span) => links.forEach((link) => addApiLink(span, link, this.#host)))
  }

  /** Ok is final, and an unset status changes nothing (specification, SetStatus). */
  setStatus(status: ApiStatus): this {
    return this.#change((span) => {
      if (span.statusCode === STATUS.ok || status.code === STATUS.unset) return
      span.statusCode = status.code
      span.statusMessage = status.code === STATUS.error ? String(status.message ?? '') : ''
    })
  }

  updateName(name: string): this {
    return this.#change((span) => {
      span.name = String(name)
    })
  }

  recordException(exception: unknown, time?: ApiTime): void {
    this.#change((span) => {
      const attributes: AttributeValue[] = ['exception.type', errorType(exception)]
      if (exception instanceof Error) {
        attributes.push('exception.message', exception.message)
        if (exception.stack !== undefined) attributes.push('exception.stacktrace', exception.stack)
      } else attributes.push('exception.message', String(exception))
      span.addEvent(
        { name: 'exception', atMs: monotonicMs(time, this.#host.clock), attributes },
        this.#host.limits.events,
      )
    })
  }

  end(time?: ApiTime): void {
    this.#change((span) =>
      this.#host.spans.end(span, time === undefined ? undefined : monotonicMs(time, this.#host.clock)),
    )
  }

  #put(span: Span, key: string, value: ApiAttributeValue | null | undefined): void {
    const kept = attributeOf(value, this.#host.limits.valueLength)
    if (kept !== undefined && key !== '') span.set(String(key), kept, this.#host.limits.attributes)
  }

  #change(change: (span: Span) => void): this {
    const { inner } = this
    if (inner instanceof Span && !inner.isEnded) this.#host.quietly(() => change(inner))
    return this
  }
}

export function addApiLink(span: Span, link: ApiLink, host: SpanHost): void {
  const { traceId, spanId, traceState } = link.context
  const attributes = link.attributes === undefined ? undefined : flatAttributes(link.attributes, host)
  span.addLink({ traceId, spanId, traceState: traceState?.serialize(), attributes }, host.limits.links)
}

/** The span of ours behind an API span, or the identity it shows. */
export function innerOf(span: unknown): SpanContext | undefined {
  if (span instanceof OtelSpan) return span.inner
  if (
    typeof span !== 'object' ||
    span === null ||
    !('spanContext' in span) ||
    typeof span.spanContext !== 'function'
  )
    return undefined
  const shown: ApiSpanContext = span.spanContext()
  return {
    traceId: shown.traceId,
    spanId: shown.spanId,
    traceFlags: shown.traceFlags & FLAG_SAMPLED,
    isRemote: shown.isRemote === true,
    traceState: shown.traceState?.serialize(),
  }
}

export function flatAttributes(attributes: ApiAttributes, host: SpanHost): AttributeValue[] {
  const pairs: AttributeValue[] = []
  for (const [key, value] of Object.entries(attributes)) {
    const kept = attributeOf(value, host.limits.valueLength)
    if (kept !== undefined) pairs.push(key, kept)
  }
  return pairs
}

export function attributeOf(value: unknown, lengthMax: number): AttributeValue | undefined {
  switch (typeof value) {
    case 'string':
      return value.length > lengthMax ? value.slice(0, lengthMax) : value
    case 'number':
    case 'boolean':
    case 'bigint':
      return value
    default:
      return Array.isArray(value)
        ? value.filter(isElement).map((one) => (typeof one === 'string' ? one.slice(0, lengthMax) : one))
        : undefined
  }
}

const isElement = (value: unknown): value is string | number | boolean | null | undefined =>
  value === null ||
  value === undefined ||
  typeof value === 'string' ||
  typeof value === 'number' ||
  typeof value === 'boolean'

const isApiTime = (value: ApiAttributes | ApiTime): value is ApiTime =>
  typeof value === 'number' || value instanceof Date || Array.isArray(value)

/**
 * Numbers below the start of the process are performance.now(), others ms since the epoch: what
 * OpenTelemetry JS does.
 */
export function monotonicMs(time: ApiTime | undefined, clock: WallClock): number {
  if (time === undefined) return clock.now()
  if (typeof time === 'number') return time < performance.timeOrigin ? time : clock.fromWallMs(time)
  if (time instanceof Date) return clock.fromWallMs(time.getTime())
  return clock.fromWallMs(time[0] * 1000 + time[1] / 1e6)
}

/** W3C tracestate as the API wants it: an immutable list of members. */
class TraceStateText implements ApiTraceState {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  serialize(): string {
    return this.#text
  }

  get(key: string): string | undefined {
    return this.#members().find(([name]) => name === key)?.[1]
  }

  set(key: string, value: string): TraceStateText {
    return new TraceStateText(
      [[key, value], ...this.#without(key)].map(([name, held]) => `${name}=${held}`).join(','),
    )
  }

  unset(key: string): TraceStateText {
    return new TraceStateText(
      this.#without(key)
        .map(([name, held]) => `${name}=${held}`)
        .join(','),
    )
  }

  #without(key: string): [string, string][] {
    return this.#members().filter(([name]) => name !== key)
  }

  #members(): [string, string][] {
    return this.#text
      .split(',')
      .filter((member) => member.includes('='))
      .map((member) => {
        const equals = member.indexOf('=')
        return [member.slice(0, equals).trim(), member.slice(equals + 1).trim()]
      })
  }
}
