// Begins spans inside an execution: parent from scope, links from the trail. Shared by the entry `crosscut`
// and by the OpenTelemetry bridge, so that both make the same trace.

import { context, currentFrame, newFrame, runWith, withScope } from '#context'
import { activeSpan, withActiveSpan } from './active.ts'
import { joinTrail } from './http-spans.ts'
import type { Recorder, SilentSpan, SpanOptions } from './recorder.ts'
import { Span, type AttributeValue, type SpanContext, type SpanLink } from './span.ts'
import { endOfTrail } from './trail.ts'

type Begin = SpanOptions & {
  /** Key, value, key, value; the span's own from here on. */
  readonly attributes?: AttributeValue[]
}

type Past = Omit<Begin, 'parent'> & { readonly link?: SpanLink }

/** Where advice may be. */
export type SpanPoints = { spanStart(span: Span): void; spanEnd(span: Span): void }

export type Spans = {
  /** A child of the active span, or a root. Does not become active. */
  begin(options: Omit<Begin, 'parent'>): Span | SilentSpan
  /** With a parent of the caller's choice; the trail is joined only within one trace. */
  beginUnder(options: Begin): Span | SilentSpan
  end(span: Span, endMs?: number): void
  /** One that is over: it joins no trail, and nobody comes after it by being here. */
  past(options: Past): Span | SilentSpan
  /** Runs fn with this span active; outside every execution it begins one. */
  runActive<R>(span: SpanContext | undefined, fn: () => R): R
}

export function openSpans(recorder: Recorder, points: SpanPoints): Spans {
  const beginUnder = (options: Begin) => {
    const span = recorder.begin(options)
    if (!(span instanceof Span)) return span
    if (options.attributes !== undefined) span.attributes = options.attributes
    joinTrail(span)
    points.spanStart(span)
    return span
  }
  return {
    beginUnder,
    begin: (options) => beginUnder({ ...options, parent: activeSpan(currentFrame()?.scope) }),
    end(span, endMs) {
      if (span.isEnded) return
      points.spanEnd(span)
      recorder.end(span, endMs)
      if (currentFrame() !== undefined) context.update((baggage) => endOfTrail(baggage, span))
    },
    past(options) {
      const span = recorder.begin({ ...options, parent: activeSpan(currentFrame()?.scope) })
      if (!(span instanceof Span)) return span
      if (options.attributes !== undefined) span.attributes = options.attributes
      if (options.link !== undefined) span.links = [options.link]
      recorder.end(span)
      return span
    },
    runActive(span, fn) {
      if (currentFrame() !== undefined) return withScope((scope) => withActiveSpan(scope, span), fn)
      const frame = newFrame(context.current())
      return runWith({ ...frame, scope: withActiveSpan(frame.scope, span) }, fn)
    },
  }
}
