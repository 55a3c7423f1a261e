// What an application says about an element, as attributes: it may be anything, so each value is looked at,
// and what has no form in OTLP is left out.

import { TRACE_ATTRIBUTES, type HostAnnotations } from '#protocol'
import { attributeOf, type SpanLimits } from './otel-span.ts'
import type { AttributeValue, Span } from './span.ts'

/** Key, value, key, value: at most as many as a span may have. */
export function flatAnnotations(annotations: HostAnnotations, limits: SpanLimits): AttributeValue[] {
  const pairs: AttributeValue[] = []
  for (const [key, value] of Object.entries(annotations)) {
    if (pairs.length >= limits.attributes * 2) break
    const kept = attributeOf(value, limits.valueLength)
    if (kept !== undefined) pairs.push(key, kept)
  }
  return pairs
}

/** Replaces what is there. */
export function annotateSpan(span: Span, annotations: HostAnnotations, limits: SpanLimits): void {
  const pairs = flatAnnotations(annotations, limits)
  for (let i = 0; i < pairs.length; i += 2) span.set(String(pairs[i]), pairs[i + 1] ?? '', limits.attributes)
}

type Adding = { readonly name: string; readonly by: number; readonly unit: string | undefined }

/** Adds to a counter of the span; what is no number adds nothing. */
export function addToCounter(span: Span, { name, by, unit }: Adding, limits: SpanLimits): void {
  if (typeof by !== 'number' || !Number.isFinite(by)) return
  const key = TRACE_ATTRIBUTES.counter + name
  const known = span.get(key)
  span.set(key, typeof known === 'number' ? known + by : by, limits.attributes)
  if (known === undefined && unit !== undefined)
    span.set(TRACE_ATTRIBUTES.unit + name, String(unit), limits.attributes)
}
