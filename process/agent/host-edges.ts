// Edges that an application tells of through the entry `crosscut`: marks, waits for locks, queues.
//
//   enqueue   a producer span at that instant ──queue edge──► dequeue: a consumer span, active while the work
//             runs, in the frame of who enqueued        ──queue edge──► arrived: the span of who waits for it
//
// An item keeps the frame it was put in with, so that tenant and tags go with it even where nothing is
// traced. Source: Canopy 3.4 (queue and lock API).

import type { Baggage } from '#baggage'
import { context, currentFrame, newFrame, runWith, type Frame } from '#context'
import { TRACE_ATTRIBUTES, type HostEdge, type HostMark, type HostQueued } from '#protocol'
import { activeSpan, openSpan, withActiveSpan } from './active.ts'
import type { Workflow } from './bags.ts'
import { flatAnnotations } from './annotations.ts'
import { guarded, type Ledger } from './guard.ts'
import type { SpanLimits } from './otel-span.ts'
import { AGENT_VERSION } from './resource.ts'
import { runInside, type EndBlock } from './run-inside.ts'
import { KIND, Span, type AttributeValue, type Scope, type SpanContext, type SpanLink } from './span.ts'
import type { Spans } from './spans-api.ts'

const SCOPE: Scope = { name: 'crosscut', version: AGENT_VERSION }

type Parts = {
  readonly spans: Spans
  readonly workflow: Workflow
  readonly ledger: Ledger
  readonly isTracing: boolean
  readonly limits: SpanLimits
  readonly end: EndBlock
}

export function hereMark(): HostMark | undefined {
  const span = openSpan(currentFrame()?.scope)
  if (span === undefined) return undefined
  return { traceId: span.traceId, spanId: span.spanId, atMs: performance.now() }
}

/** Onto the active span, arriving now; an edge from a span to itself says nothing. */
export function arriveHere(from: HostMark, edge: HostEdge, limits: SpanLimits): void {
  const span = openSpan(currentFrame()?.scope)
  if (span === undefined || span.spanId === from.spanId) return
  span.addLink(linkOf(from, edge, limits), limits.links)
}

/** The wait is a block of its own, so that it is seen where the holder is in another trace, or not traced. */
export function waitedHere(parts: Parts, sinceMs: number, from: HostMark | undefined, edge: HostEdge): void {
  const waiter = openSpan(currentFrame()?.scope)
  if (!parts.isTracing || waiter === undefined) return
  if (from !== undefined) dropBarrier(waiter, from)
  parts.spans.past({
    name: `wait ${edge.name}`,
    kind: KIND.internal,
    scope: SCOPE,
    startMs: sinceMs,
    attributes: named(edge, parts.limits),
    ...(from === undefined || from.spanId === waiter.spanId
      ? {}
      : { link: linkOf(from, edge, parts.limits) }),
  })
}

/** A holder that wakes a waiter settles a promise of it: what says that better takes its place. */
function dropBarrier(waiter: Span, from: HostMark): void {
  const last = waiter.links?.at(-1)
  if (last?.edge === 'barrier' && last.spanId === from.spanId) waiter.links?.pop()
}

function linkOf(from: HostMark, edge: HostEdge, limits: SpanLimits): SpanLink {
  const { traceId, spanId, atMs } = from
  return {
    traceId,
    spanId,
    edge: edge.kind,
    edgeFromMs: atMs,
    edgeToMs: performance.now(),
    attributes: named(edge, limits),
  }
}

function named({ name, annotations }: Pick<HostEdge, 'name' | 'annotations'>, limits: SpanLimits) {
  const pairs: AttributeValue[] = [TRACE_ATTRIBUTES.edgeName, name]
  pairs.push(...flatAnnotations(annotations, limits))
  return pairs
}

/** One item in a queue of the application. */
export class Queued implements HostQueued {
  readonly #parts: Parts
  readonly #name: string
  readonly #frame: Frame
  /** undefined: nothing is traced here. */
  readonly #producer: SpanContext | undefined
  readonly #atMs = performance.now()
  #consumer: Span | undefined

  constructor(parts: Parts, name: string, edge: Pick<HostEdge, 'annotations'>) {
    this.#parts = parts
    this.#name = name
    this.#frame = currentFrame() ?? newFrame(context.current())
    this.#producer = parts.isTracing
      ? parts.spans.past({
          name: `send ${name}`,
          kind: KIND.producer,
          scope: SCOPE,
          attributes: named({ name, annotations: edge.annotations }, parts.limits),
        })
      : activeSpan(this.#frame.scope)
  }

  /** fn is the host's: only what is ours is guarded. */
  dequeue(fn: () => unknown, others: readonly HostQueued[]): unknown {
    const { spans, end, ledger } = this.#parts
    const baggage = guarded(ledger, 'dequeue', this.#frame.baggage, () => this.#ofAll(others))()
    const frame = { baggage, scope: withActiveSpan(this.#frame.scope, this.#producer) }
    return runWith(frame, () => {
      const span = this.#begin(others)
      return span === undefined ? fn() : runInside(span, fn, { spans, end })
    })
  }

  /** For whom the work is: of several tenants each has a share for each of his items. */
  #ofAll(others: readonly HostQueued[]): Baggage {
    const { workflow } = this.#parts
    const { baggage } = this.#frame
    if (others.length === 0) return baggage
    const shares = new Map<string, number>()
    for (const item of [this, ...others]) {
      if (!(item instanceof Queued)) continue
      const own = item.#frame.baggage
      const members = workflow.members(own) ?? new Map([[workflow.tenant(own) ?? '', 1]])
      const total = [...members.values()].reduce((sum, share) => sum + share, 0)
      for (const [name, share] of members) shares.set(name, (shares.get(name) ?? 0) + share / total)
    }
    shares.delete('')
    return shares.size > 1 ? workflow.withMembers(baggage, shares) : baggage
  }

  arrived(): void {
    const { ledger, limits } = this.#parts
    const consumer = this.#consumer
    if (consumer === undefined || !consumer.isEnded) return
    const { traceId, spanId, endMs } = consumer
    const edge: HostEdge = { kind: 'queue', name: this.#name, annotations: {} }
    guarded(ledger, 'arrived', undefined, () => arriveHere({ traceId, spanId, atMs: endMs }, edge, limits))()
  }

  #begin(others: readonly HostQueued[]): Span | undefined {
    const { ledger, isTracing } = this.#parts
    if (!isTracing) return undefined
    return guarded(ledger, 'dequeue', undefined, () => this.#beginWork(others))()
  }

  #beginWork(others: readonly HostQueued[]): Span | undefined {
    const { spans, limits } = this.#parts
    const span = spans.begin({
      name: `process ${this.#name}`,
      kind: KIND.consumer,
      scope: SCOPE,
      attributes: [TRACE_ATTRIBUTES.edgeName, this.#name],
    })
    if (!(span instanceof Span)) return undefined
    for (const item of [this, ...others]) {
      if (!(item instanceof Queued)) continue
      item.#consumer = span
      const link = item.#link()
      if (link !== undefined) span.addLink(link, limits.links)
    }
    return span
  }

  /** Arrives where the work begins. */
  #link(): SpanLink | undefined {
    if (!(this.#producer instanceof Span)) return undefined
    const { traceId, spanId } = this.#producer
    const attributes: AttributeValue[] = [TRACE_ATTRIBUTES.edgeName, this.#name]
    return { traceId, spanId, edge: 'queue', edgeFromMs: this.#atMs, attributes }
  }
}
