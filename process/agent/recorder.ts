// Begins and ends spans. Knows nothing of HTTP, of context or of export: who is parent is the caller's
// answer, where an ended span goes is `onEnd`.

import type { WallClock } from './clock.ts'
import type { Ids } from './ids.ts'
import type { Sampler } from './sampler.ts'
import { FLAG_SAMPLED, Span, type Scope, type SpanContext } from './span.ts'

export type SpanOptions = {
  readonly name: string
  readonly kind: number
  readonly parent: SpanContext | undefined
  readonly scope: Scope
  readonly startMs?: number
}

/**
 * A span that is not recorded still has an identity, so that what it causes knows its trace and its
 * decision.
 */
export type SilentSpan = SpanContext & { readonly isSilent: true }

export type Recorder = {
  /** Whether this was recorded is told by `instanceof Span`. */
  begin(options: SpanOptions): Span | SilentSpan
  /** Counts once; a second end changes nothing. */
  end(span: Span, endMs?: number): void
}

export function openRecorder(parts: {
  readonly clock: WallClock
  readonly ids: Ids
  readonly sampler: Sampler
  readonly onEnd: (span: Span) => void
}): Recorder {
  const { clock, ids, sampler, onEnd } = parts
  return {
    begin(options) {
      const { parent } = options
      const traceId = parent?.traceId ?? ids.traceId()
      const parentSampled = parent === undefined ? undefined : (parent.traceFlags & FLAG_SAMPLED) !== 0
      const spanId = ids.spanId()
      if (!sampler({ traceId, parentSampled })) {
        return { traceId, spanId, traceFlags: 0, traceState: parent?.traceState, isSilent: true }
      }
      // Spelled out: a spread here costs a third of a span.
      const { name, kind, scope } = options
      return new Span({ name, kind, scope, parent, traceId, spanId, startMs: options.startMs ?? clock.now() })
    },
    end(span, endMs = clock.now()) {
      if (span.isEnded) return
      // A clock given by the application may run backwards; ours may not.
      span.endMs = Math.max(endMs, span.startMs)
      onEnd(span)
    },
  }
}
