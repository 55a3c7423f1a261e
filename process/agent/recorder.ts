// Begins and ends spans. Knows nothing of HTTP, of context or of export: who is parent is the caller's
// answer, where an ended span goes is `onEnd`, whether a trace is begun is `sampler`'s and, while there are
// policies, `head`'s.

import type { ServerExchange } from '#carriers'
import { isCoarse, isFine } from '#protocol'
import type { WallClock } from './clock.ts'
import { beginFine, endFine } from './fine-detail.ts'
import type { HeadSampling } from './head-sampling.ts'
import type { Ids } from './ids.ts'
import type { Sampler } from './sampler.ts'
import { FLAG_SAMPLED, KIND, Span, WaitingSpan, type Scope, type SpanContext } from './span.ts'

export type SpanOptions = {
  readonly name: string
  readonly kind: number
  readonly parent: SpanContext | undefined
  readonly scope: Scope
  readonly startMs?: number
  /** What came in, for policies of sampling; looked at for a root only. */
  readonly request?: ServerExchange
}

/**
 * A span that is not recorded still has an identity, so that what it causes knows its trace and its
 * decision.
 */
export type SilentSpan = SpanContext & { readonly isSilent: true }

export type Recorder = {
  /** The identity of a parent that somebody else will record, with the decision of a new trace. */
  reserve(request?: ServerExchange): SpanContext
  /** Whether this was recorded is told by `instanceof Span`. */
  begin(options: SpanOptions): Span | SilentSpan
  /** At the end of what `begin` gave: what of it is recorded. */
  recordedOf(begun: unknown): Span | undefined
  /** Counts once; a second end changes nothing. */
  end(span: Span, endMs?: number): void
}

export function openRecorder(parts: {
  readonly clock: WallClock
  readonly ids: Ids
  readonly sampler: Sampler
  /** Of roots; see `rootTraceState`. */
  readonly rootState?: string | undefined
  /** Absent = there are never policies. */
  readonly head?: HeadSampling
  readonly onEnd: (span: Span) => void
}): Recorder {
  const { clock, ids, sampler, rootState, head, onEnd } = parts
  return {
    reserve(request) {
      const traceId = ids.traceId()
      const spanId = ids.spanId()
      if (head?.isOn === true) return { ...head.reserve({ traceId, spanId, request }), isRemote: true }
      const traceFlags = sampler({ traceId, parentSampled: undefined }) ? FLAG_SAMPLED : 0
      return { traceId, spanId, traceFlags, traceState: rootState, isRemote: true }
    },
    begin(options) {
      const { parent } = options
      const traceId = parent?.traceId ?? ids.traceId()
      const spanId = ids.spanId()
      if (parent === undefined && head?.isOn === true) {
        const { name, kind, scope, startMs = clock.now(), request } = options
        const root = head.begin({ name, kind, scope, traceId, spanId, startMs, request })
        if (root instanceof Span && isFine(root.traceState ?? '')) beginFine(root)
        return root
      }
      const parentSampled = parent === undefined ? undefined : (parent.traceFlags & FLAG_SAMPLED) !== 0
      const traceState = parent === undefined ? rootState : parent.traceState
      if (!sampler({ traceId, parentSampled })) {
        if (parent instanceof WaitingSpan) return parent
        return { traceId, spanId, traceFlags: 0, traceState: parent?.traceState, isSilent: true }
      }
      if (traceState && parent !== undefined && options.kind === KIND.internal && isCoarse(traceState))
        return { traceId, spanId: parent.spanId, traceFlags: FLAG_SAMPLED, traceState, isSilent: true }
      // Spelled out: a spread here costs a third of a span.
      const { name, kind, scope } = options
      const startMs = options.startMs ?? clock.now()
      const span = new Span({ name, kind, scope, parent, traceId, spanId, startMs, traceState })
      if (traceState && isFine(traceState)) beginFine(span)
      return span
    },
    recordedOf(begun) {
      if (begun instanceof WaitingSpan) return head?.ended(begun)
      if (!(begun instanceof Span)) return undefined
      return head?.isHolding === true ? head.ended(begun) : begun
    },
    end(span, endMs = clock.now()) {
      if (span.isEnded) return
      if (span.traceState && isFine(span.traceState)) endFine(span)
      // A clock given by the application may run backwards; ours may not.
      span.endMs = Math.max(endMs, span.startMs)
      onEnd(span)
    },
  }
}
