// The trail: spans that ended before this point, as companions of baggage (X-Trace's parents). It joins where
// executions join, so a span that begins after `await Promise.all([a(), b()])` finds both in it and links to
// them.
//
//     a ───────┐                begin(c): trail {x, a, b}
//   x ─┤       ├─ await ── c       x is left out: a began after x, and a is in the trail itself (`covers`)
//     b ───┘                       what is or happened before an ancestor of c is left out: parenthood
//                                  says it already
//                               end(c): trail := {c}, for c's end is after all that was in it
//
// Companions are never encoded, so the trail stays in the process: outside, parent ids and links tell all of
// it. Bounded: TRAIL_MAX spans.
// Source: X-Trace (NSDI'07); transitive reduction after Aho, Garey, Ullman 1972.

import { companionsOf, withCompanions, type Baggage } from '#baggage'
import { TRAIL_MAX, TRAIL_TIDY_MIN } from './limits.ts'
import { Span, type SpanLink } from './span.ts'

const ANCESTORS_MAX = 32

/** What is kept of a span that ended, or answered, for as long as somebody may begin after it. */
export class Past {
  readonly traceId: string
  readonly spanId: string
  /** Spans that this one says all about. */
  readonly covers: readonly string[]
  /** When others could first go on because of it, if it has not ended since. */
  answeredMs: number | undefined

  constructor(span: Span, covers: readonly string[]) {
    this.traceId = span.traceId
    this.spanId = span.spanId
    this.covers = covers
    this.answeredMs = span.isEnded || span.answeredMs < 0 ? undefined : span.answeredMs
  }
}

/**
 * A span begins: links to what it joins, and the baggage without what is implied by others (the same object
 * when nothing is). Also notes on the span what happened before it.
 */
export function beginAfterTrail(baggage: Baggage, span: Span): Baggage {
  const trail = trailOf(baggage)
  if (trail.length === 0) return baggage
  const live = reduced(trail)
  const before = live.filter(({ spanId }) => !isBeforeAncestor(span, spanId))
  span.happenedBefore = before.map(({ spanId }) => spanId)
  span.links = before.length === 0 ? undefined : before.map(linkTo)
  return live.length === trail.length ? baggage : withCompanions(baggage, live)
}

/** A span ended here: it alone is the trail from now on. */
export function endOfTrail(baggage: Baggage, span: Span): Baggage {
  const ids = trailOf(baggage).map(({ spanId }) => spanId)
  const covers = [...span.happenedBefore, ...ids.filter((id) => id !== span.spanId)]
  return withCompanions(baggage, [new Past(span, covers)])
}

/** A span answered (response headers): who gets this baggage from the wire may go on because of it. */
export function answeredTrail(returned: Baggage, span: Span): Baggage {
  const past = new Past(span, span.happenedBefore)
  span.past = past
  return withCompanions(returned, [past])
}

/** It ended, after it had answered or not: those who know its answer already need not be told again. */
export function endedElsewhere(returned: Baggage, span: Span): Baggage {
  if (span.past === undefined) return answeredTrail(returned, span)
  span.past.answeredMs = undefined
  return returned
}

/** Drops what other members of the set imply; for sets that grow at joins without a span beginning. */
export function tidyTrail(baggage: Baggage): Baggage {
  if (companionsOf(baggage).length < TRAIL_TIDY_MIN) return baggage
  const trail = trailOf(baggage)
  const live = reduced(trail)
  return live.length === trail.length ? baggage : withCompanions(baggage, live)
}

const NO_TRAIL: readonly Past[] = Object.freeze([])

/** Only this file makes companions. */
export function trailOf(baggage: Baggage): readonly Past[] {
  const companions = companionsOf(baggage)
  if (companions.length === 0) return NO_TRAIL
  return companions.every((one) => one instanceof Past) ? companions : NO_TRAIL
}

function reduced(trail: readonly Past[]): readonly Past[] {
  if (trail.length === 1) return trail
  const implied = new Set(trail.flatMap(({ covers }) => covers))
  const live = trail.filter(({ spanId }) => !implied.has(spanId))
  return live.length > TRAIL_MAX ? live.slice(-TRAIL_MAX) : live
}

function linkTo({ traceId, spanId, answeredMs }: Past): SpanLink {
  return { traceId, spanId, edge: 'join', edgeFromMs: answeredMs }
}

/** Is `id` an ancestor of span, or did it happen before one began? */
function isBeforeAncestor(span: Span, id: string): boolean {
  let above = span.parent
  for (let depth = 0; above !== undefined && depth < ANCESTORS_MAX; depth += 1) {
    if (above.spanId === id) return true
    if (!(above instanceof Span)) return false
    if (above.happenedBefore.includes(id)) return true
    above = above.parent
  }
  return false
}
