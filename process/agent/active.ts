// Where the active span sits: in the scope of the current frame, under a symbol of ours. Scope only flows
// forward, so what a child made active is never seen by the parent that awaits it (DESIGN decision 4).

import { scopeValue, withScopeValue, type Scope } from '#context'
import { Span, WaitingSpan, type SpanContext } from './span.ts'

const ACTIVE_SPAN = Symbol('crosscut.active-span')
const LOG_LEVEL = Symbol('crosscut.log-level')

/** The active span of a scope: ours, a silent one, or a remote parent. */
export function activeSpan(scope: Scope | undefined): SpanContext | undefined {
  const held = scopeValue(scope, ACTIVE_SPAN)
  return isSpanContext(held) ? held : undefined
}

export function withActiveSpan(scope: Scope, span: SpanContext | undefined): Scope {
  return withScopeValue(scope, ACTIVE_SPAN, span)
}

/** The active span, if it is recorded here and still open. */
export function openSpan(scope: Scope | undefined): Span | undefined {
  const active = activeSpan(scope)
  const span = active instanceof WaitingSpan ? active.recorded : active
  return span instanceof Span && !span.isEnded ? span : undefined
}

export function logLevelOf(scope: Scope | undefined): string | undefined {
  const level = scopeValue(scope, LOG_LEVEL)
  return typeof level === 'string' ? level : undefined
}

export function withLogLevel(scope: Scope, level: string): Scope {
  return withScopeValue(scope, LOG_LEVEL, level)
}

/** Only this file writes under its symbol, so a property tells enough. */
const isSpanContext = (held: unknown): held is SpanContext =>
  typeof held === 'object' && held !== null && 'traceId' in held
