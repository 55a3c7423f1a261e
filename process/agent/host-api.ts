// The agent's end of the entry `crosscut`: what an application tells becomes spans, events, baggage and
// hits of tracepoints.

import { context, currentFrame } from '#context'
import type { HostApi, HostAttributes } from '#protocol'
import { logLevelOf, openSpan } from './active.ts'
import type { Workflow } from './bags.ts'
import { guarded, type Ledger } from './guard.ts'
import { errorType } from './http-spans.ts'
import { NAMES_MAX } from './limits.ts'
import { AGENT_VERSION } from './resource.ts'
import { KIND, Span, STATUS, type AttributeValue, type Scope } from './span.ts'
import type { Spans } from './spans-api.ts'
import type { Tracepoints } from './tracepoints.ts'

const SCOPE: Scope = { name: 'crosscut', version: AGENT_VERSION }

type Parts = {
  readonly spans: Spans
  readonly tracepoints: Tracepoints
  readonly workflow: Workflow
  readonly ledger: Ledger
  readonly isTracing: boolean
  readonly eventsMax: number
  /** Names of declared resources, for the report. Owned by the caller. */
  readonly resources: Map<string, string>
}

const silent = Object.freeze({ end() {} })

export function openHostApi(parts: Parts): HostApi {
  const { spans, tracepoints, workflow, ledger, eventsMax } = parts
  const safely = <A extends readonly unknown[], R>(where: string, fallback: R, fn: (...args: A) => R) =>
    guarded(ledger, where, fallback, fn)
  const begin = safely('block', undefined, (name: string, attributes: HostAttributes): Span | undefined => {
    if (!parts.isTracing) return undefined
    const span = spans.begin({ name, kind: KIND.internal, scope: SCOPE, attributes: flat(attributes) })
    return span instanceof Span ? span : undefined
  })
  const end = safely('block end', undefined, (span: Span, isFailed: boolean, error: unknown): void => {
    if (isFailed) markFailed(span, error)
    spans.end(span)
  })
  const addEvent = (name: string, attributes: readonly AttributeValue[]): void => {
    openSpan(currentFrame()?.scope)?.addEvent({ name, atMs: performance.now(), attributes }, eventsMax)
  }
  return {
    tracepoint: safely('tracepoint', undefined, (name, vars) => tracepoints.hit(name, vars)),
    isWoven: safely('tracepoint', false, (name) => tracepoints.isWoven(name)),
    setTenant: safely('tenant', undefined, (id) => {
      context.update((baggage) => workflow.withTenant(baggage, String(id)))
      openSpan(currentFrame()?.scope)?.set('crosscut.tenant', String(id), Infinity)
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
      return span === undefined ? silent : { end: (error) => end(span, error !== undefined, error) }
    },
    runBlock(name, fn) {
      const span = begin(name, {})
      return span === undefined ? fn() : runInside(span, fn, { spans, end })
    },
    point: safely('point', undefined, (name, attributes) => addEvent(name, flat(attributes))),
    measured: safely('measure', undefined, (name, durationMs) =>
      addEvent(name, ['crosscut.duration_ms', durationMs]),
    ),
    controlPoint: () => undefined,
    declareResource: safely('resource', undefined, (name, kind) => {
      if (parts.resources.size < NAMES_MAX) parts.resources.set(name, kind)
    }),
  }
}

type End = (span: Span, isFailed: boolean, error: unknown) => void

/**
 * The host's function runs outside every guard: what it throws is the host's. A promise is followed on a
 * branch of its own, whose rejection is handled only if the host handles the one it was given: so the one
 * given is the derived one.
 */
function runInside(span: Span, fn: () => unknown, { spans, end }: { spans: Spans; end: End }): unknown {
  return spans.runActive(span, () => {
    let result
    try {
      result = fn()
    } catch (error: unknown) {
      end(span, true, error)
      throw error
    }
    if (result instanceof Promise) return followed(result, span, end)
    end(span, false, undefined)
    return result
  })
}

function followed(result: Promise<unknown>, span: Span, end: End): Promise<unknown> {
  return result.then(
    (value) => {
      end(span, false, undefined)
      return value
    },
    (error: unknown) => {
      end(span, true, error)
      throw error
    },
  )
}

function markFailed(span: Span, error: unknown): void {
  span.add('error.type', errorType(error))
  span.statusCode = STATUS.error
  span.statusMessage = error instanceof Error ? error.message.slice(0, 1024) : ''
}

function flat(attributes: HostAttributes): AttributeValue[] {
  const pairs: AttributeValue[] = []
  for (const [key, value] of Object.entries(attributes)) pairs.push(key, value)
  return pairs
}
