// The agent's end of the entry `crosscut`: what an application tells becomes spans, events, baggage and
// hits of tracepoints.

import { context, currentFrame } from '#context'
import {
  TRACE_ATTRIBUTES,
  type HostAnnotations,
  type HostApi,
  type HostBlock,
  type HostQueued,
} from '#protocol'
import { logLevelOf, openSpan } from './active.ts'
import type { Workflow } from './bags.ts'
import { guarded, type Ledger } from './guard.ts'
import { errorType } from './http-spans.ts'
import { AGENT_VERSION } from './resource.ts'
import { addToCounter, annotateSpan, flatAnnotations } from './annotations.ts'
import { arriveHere, hereMark, Queued, waitedHere } from './host-edges.ts'
import type { ControlPoints } from './points/control-points.ts'
import { isHolding, lifetimeOf, whileHolding, type Deadlines } from './points/execution.ts'
import type { SpanLimits } from './otel-span.ts'
import { runInside } from './run-inside.ts'
import { KIND, Span, STATUS, type AttributeValue, type Scope } from './span.ts'
import type { Spans } from './spans-api.ts'
import type { Tracepoints } from './tracepoints.ts'
import type { WorkflowMeter } from './workflow-meter.ts'

const SCOPE: Scope = { name: 'crosscut', version: AGENT_VERSION }

type Parts = {
  readonly spans: Spans
  readonly tracepoints: Tracepoints
  readonly workflow: Workflow
  readonly ledger: Ledger
  readonly isTracing: boolean
  readonly limits: SpanLimits
  /** The current execution has a tenant now. */
  readonly onTenant?: (id: string) => void
  readonly meter: WorkflowMeter
  readonly points: ControlPoints
  readonly deadlines: Deadlines
}

const silent: HostBlock = Object.freeze({ end() {}, annotate() {}, count() {}, point() {} })

/** What could not be told stays out of the trace; the work is done all the same. */
const UNSEEN: HostQueued = Object.freeze({ dequeue: (fn: () => unknown) => fn(), arrived() {} })

export function openHostApi(parts: Parts): HostApi {
  const { spans, tracepoints, workflow, ledger, limits } = parts
  const safely = <A extends readonly unknown[], R>(where: string, fallback: R, fn: (...args: A) => R) =>
    guarded(ledger, where, fallback, fn)
  const begin = safely('block', undefined, (name: string, attributes: HostAnnotations): Span | undefined => {
    if (!parts.isTracing) return undefined
    const span = spans.begin({
      name,
      kind: KIND.internal,
      scope: SCOPE,
      attributes: flatAnnotations(attributes, limits),
    })
    return span instanceof Span ? span : undefined
  })
  const end = safely('block end', undefined, (span: Span, isFailed: boolean, error: unknown): void => {
    if (isFailed) markFailed(span, error)
    spans.end(span)
  })
  const addEvent = (name: string, attributes: readonly AttributeValue[]): void => {
    const span = openSpan(currentFrame()?.scope)
    if (span !== undefined) span.addEvent({ name, atMs: performance.now(), attributes }, limits.events)
  }
  const edges = { spans, workflow, ledger, isTracing: parts.isTracing, limits, end }
  const onSpan = {
    annotate: safely('annotate', undefined, (span: Span, annotations: HostAnnotations): void => {
      if (!span.isEnded) annotateSpan(span, annotations, limits)
    }),
    count: safely('count', undefined, (span: Span, adding: Parameters<typeof addToCounter>[1]): void => {
      if (!span.isEnded) addToCounter(span, adding, limits)
    }),
    point: safely('point', undefined, (span: Span, name: string, annotations: HostAnnotations): void => {
      if (span.isEnded) return
      const attributes = flatAnnotations(annotations, limits)
      span.addEvent({ name, atMs: performance.now(), attributes }, limits.events)
    }),
  }
  const blockOf = (span: Span): HostBlock => ({
    end: (error) => end(span, error !== undefined, error),
    annotate: (annotations) => onSpan.annotate(span, annotations),
    count: (name, by, unit) => onSpan.count(span, { name, by, unit }),
    point: (name, annotations) => onSpan.point(span, name, annotations),
  })
  const tenantHere = () => workflow.tenant(context.current()) ?? ''
  const enqueue = safely(
    'enqueue',
    undefined,
    (name: string, annotations: HostAnnotations) => new Queued(edges, name, { annotations }),
  )
  /** The execution has the time that is ordered for its tenant at this point. */
  const limit = (point: string, tenant: string): void => {
    const limitMs = parts.points.limitMsAt(point, tenant)
    if (limitMs !== undefined) parts.deadlines.set(limitMs)
  }
  return {
    tracepoint: safely('tracepoint', undefined, (name, vars) => tracepoints.hit(name, vars)),
    isWoven: safely('tracepoint', false, (name) => tracepoints.isWoven(name)),
    setTenant: safely('tenant', undefined, (id) => {
      context.update((baggage) => workflow.withTenant(baggage, String(id)))
      parts.onTenant?.(String(id))
      openSpan(currentFrame()?.scope)?.set('crosscut.tenant', String(id), Infinity)
    }),
    setMembers: safely('tenant', undefined, (shares: ReadonlyMap<string, number>) => {
      context.update((baggage) => workflow.withMembers(baggage, shares))
      const largest = tenantHere()
      parts.onTenant?.(largest)
      openSpan(currentFrame()?.scope)?.set('crosscut.tenant', largest, Infinity)
    }),
    tenant: safely('tenant', undefined, () => workflow.tenant(context.current())),
    setTag: safely('tag', undefined, (key, value) => {
      context.update((baggage) => workflow.withTag(baggage, String(key), String(value)))
      openSpan(currentFrame()?.scope)?.set(`crosscut.tag.${key}`, String(value), Infinity)
    }),
    tag: safely('tag', undefined, (key) => workflow.tag(context.current(), key)),
    logLevel: safely('logLevel', undefined, () => logLevelOf(currentFrame()?.scope)),
    startBlock(name, attributes) {
      const span = begin(name, attributes)
      return span === undefined ? silent : blockOf(span)
    },
    runBlock(name, fn, annotations) {
      const span = begin(name, annotations ?? {})
      return span === undefined ? fn() : runInside(span, fn, { spans, end })
    },
    point: safely('point', undefined, (name, attributes) =>
      addEvent(name, flatAnnotations(attributes, limits)),
    ),
    annotate: safely('annotate', undefined, (annotations) => {
      const span = openSpan(currentFrame()?.scope)
      if (span !== undefined) annotateSpan(span, annotations, limits)
    }),
    count: safely('count', undefined, (name, by, unit) => {
      const span = openSpan(currentFrame()?.scope)
      if (span !== undefined) addToCounter(span, { name, by, unit }, limits)
    }),
    mark: safely('mark', undefined, hereMark),
    arrive: safely('arrive', undefined, (from, edge) => arriveHere(from, edge, limits)),
    waited: safely('waited', undefined, (sinceMs, from, edge) => waitedHere(edges, sinceMs, from, edge)),
    enqueue: (name, annotations) => enqueue(name, annotations) ?? UNSEEN,
    measured: safely('measure', undefined, (name, durationMs) =>
      addEvent(name, [TRACE_ATTRIBUTES.durationMs, durationMs]),
    ),
    controlPoint: safely('controlPoint', undefined, (name, signal) => {
      const tenant = tenantHere()
      limit(name, tenant)
      const isHeldBack = isHolding(currentFrame()?.scope)
      return parts.points.pass(name, tenant, { isHolding: isHeldBack, signal })
    }),
    tryControlPoint: safely('tryControlPoint', 0, (name: string) => {
      const tenant = tenantHere()
      limit(name, tenant)
      return parts.points.tryPass(name, tenant)
    }),
    weightsAt: safely('weightsAt', undefined, (name: string) => parts.points.weightsAt(name)),
    whileHolding: (fn) => (parts.points.isIdle ? fn() : whileHolding(fn)),
    setDeadline: safely('deadline', undefined, (ms: number) => parts.deadlines.set(Number(ms))),
    remainingMs: safely('deadline', undefined, () => lifetimeOf(currentFrame()?.scope)?.remainingMs),
    cancelSignal: safely('deadline', undefined, () => lifetimeOf(currentFrame()?.scope)?.signal),
    used: safely('used', undefined, (use) => parts.meter.used(use)),
  }
}

function markFailed(span: Span, error: unknown): void {
  span.add('error.type', errorType(error))
  span.statusCode = STATUS.error
  span.statusMessage = error instanceof Error ? error.message.slice(0, 1024) : ''
}
