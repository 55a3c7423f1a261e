// Spans of the page as OTLP/JSON, cut into bodies that a beacon takes.

import { ATTRIBUTES_MAX, BODY_LENGTH_MAX, NAME_LENGTH_MAX, VALUE_LENGTH_MAX } from './limits.ts'
import type { Values } from './surroundings.ts'

/** Times in ms since the page's time origin. */
export type PageSpan = {
  readonly id: string
  readonly parent: string
  readonly name: string
  /** 1 internal, 3 client. */
  readonly kind: 1 | 3
  readonly start: number
  readonly end: number
  readonly values?: Values
  readonly points?: readonly PagePoint[]
  readonly links?: readonly PageLink[]
}
export type PagePoint = { readonly name: string; readonly at: number; readonly values?: Values }
/** from, to: absent = the source's end, this span's start. */
export type PageLink = {
  readonly id: string
  readonly edge: string
  readonly from?: number
  readonly to?: number
  readonly values?: Values
}

export type Head = { readonly traceId: string; readonly origin: number; readonly resource: Values }

/** One text a request. */
export function bodiesOf(spans: readonly PageSpan[], head: Head): string[] {
  const resource = JSON.stringify({ attributes: attributesOf(head.resource) })
  const wrap = (list: readonly string[]) =>
    `{"resourceSpans":[{"resource":${resource},"scopeSpans":[{"scope":{"name":"crosscut.browser"},` +
    `"spans":[${list.join()}]}]}]}`
  const bodies: string[] = []
  let list: string[] = []
  let length = 0
  for (const span of spans) {
    const text = JSON.stringify(spanOf(span, head))
    if (text.length > BODY_LENGTH_MAX) continue
    if (length + text.length > BODY_LENGTH_MAX) {
      bodies.push(wrap(list))
      list = []
      length = 0
    }
    list.push(text)
    length += text.length
  }
  if (list.length > 0) bodies.push(wrap(list))
  return bodies
}

function spanOf(span: PageSpan, { traceId, origin }: Head) {
  return {
    traceId,
    spanId: span.id,
    parentSpanId: span.parent,
    name: span.name.slice(0, NAME_LENGTH_MAX),
    kind: span.kind,
    startTimeUnixNano: nanos(origin, span.start),
    endTimeUnixNano: nanos(origin, Math.max(span.start, span.end)),
    attributes: attributesOf(span.values),
    events: span.points?.map(({ name, at, values }) => ({
      name: name.slice(0, NAME_LENGTH_MAX),
      timeUnixNano: nanos(origin, at),
      attributes: attributesOf(values),
    })),
    links: span.links?.map(({ id, edge, from, to, values }) => ({
      traceId,
      spanId: id,
      attributes: attributesOf({
        'crosscut.edge': edge,
        ...(from === undefined ? {} : { 'crosscut.edge.from_ns': nanos(origin, from) }),
        ...(to === undefined ? {} : { 'crosscut.edge.to_ns': nanos(origin, to) }),
        ...values,
      }),
    })),
    flags: 1,
  }
}

/** Whole us are exact in a double until 2255; browsers measure no finer. */
const nanos = (origin: number, ms: number): string => `${Math.round((origin + ms) * 1000)}000`

function attributesOf(values: Values = {}) {
  return Object.entries(values)
    .slice(0, ATTRIBUTES_MAX)
    .map(([key, value]) => ({ key, value: valueOf(value) }))
}

function valueOf(value: unknown): unknown {
  if (typeof value === 'number') {
    return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value }
  }
  if (typeof value === 'boolean') return { boolValue: value }
  if (Array.isArray(value)) return { arrayValue: { values: value.slice(0, ATTRIBUTES_MAX).map(valueOf) } }
  return { stringValue: String(value).slice(0, VALUE_LENGTH_MAX) }
}
