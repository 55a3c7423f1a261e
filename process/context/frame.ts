// The frame: what the current point of a program carries. One immutable value, replaced and never changed.
//
//        Frame
//        +----------------+-----------------------------------+
//        | baggage        | scope                             |
//        | joins at await | only flows forward                |
//        |                | +-----------+-------------------+ |
//        |                | | execution | values            | |
//        |                | | who I am  | by symbol, opaque | |
//        +----------------+-+-----------+-------------------+-+
//
// Cast: carriers and agent make frames and put their own records under symbols of their own; the runtime
// moves frames along the program and never looks inside `values`, so that this folder knows nothing of spans,
// tenants or OpenTelemetry.
// Source: DESIGN decision 4; the split is what keeps a child's active span from leaking to the parent that
// awaits it.
import type { Baggage } from '#baggage'

/** One request, job or tool run. Compared by identity: joins happen within one execution only. */
export type Execution = {
  readonly id: number
  /**
   * The id of the execution that `isolate` cut this one out of, else its own id: for grouping, never for
   * joining.
   */
  readonly root: number
}

/**
 * Records of carriers and agent, each under a symbol of its own: the newest first, no key twice. A list, for
 * there are two or three: one more is one small object, where V8 copies a literal with computed keys slowly.
 */
export type ScopeValues = {
  readonly key: symbol
  readonly value: unknown
  readonly next: ScopeValues | undefined
}

export type Scope = { readonly execution: Execution; readonly values: ScopeValues | undefined }

export type Frame = { readonly baggage: Baggage; readonly scope: Scope }

/** A scope of this execution that carries nothing but the values given. */
export function scopeOf(execution: Execution, values?: ScopeValues): Scope {
  return { execution, values }
}

/** undefined: nothing is there. */
export function scopeValue(scope: Scope | undefined, key: symbol): unknown {
  for (let one = scope?.values; one !== undefined; one = one.next) if (one.key === key) return one.value
  return undefined
}

/** The same scope with one value put under its symbol. */
export function withScopeValue(scope: Scope, key: symbol, value: unknown): Scope {
  return { execution: scope.execution, values: { key, value, next: without(scope.values, key) } }
}

function without(values: ScopeValues | undefined, key: symbol): ScopeValues | undefined {
  if (values === undefined || values.key === key) return values?.next
  const next = without(values.next, key)
  return next === values.next ? values : { key: values.key, value: values.value, next }
}

export function frameOf(baggage: Baggage, scope: Scope): Frame {
  return { baggage, scope }
}

/**
 * Where an emitter has its home: whoever keeps it sees to it that events run in its frame, so listeners added
 * in that very frame need not be bound. One symbol for all copies of this module.
 */
export const HOME: unique symbol = Symbol.for('crosscut.home')

export type Home = { readonly frame: Frame }

/**
 * True on a class whose instances get a home before anybody but their maker sees them: listeners that their
 * constructor adds need not be bound either.
 */
export const HOUSED: unique symbol = Symbol.for('crosscut.housed')
