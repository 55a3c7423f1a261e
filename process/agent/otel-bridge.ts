// Makes this agent what @opentelemetry/api talks to: tracer provider, context manager, propagator.
//
// The API finds its implementation in one slot of globalThis, by version of its major. We fill the slot
// without loading the package; its exact version is read from the application's own copy, for the API
// refuses to let others (metrics, diag) register beside an implementation of another version. An
// implementation that is there already stays: two tracers in one process make two half traces.
//
//   application ── tracer.startActiveSpan(name, fn) ──► begin under the active span, run fn below it
//               ── context.with(ctx, fn) ──► scope { active span := ctx's, OpenTelemetry context := ctx,
//                                                    carried members := ctx's baggage }
//               ── context.active() ◄── the scope's context, with the scope's active span in it

import { createRequire } from 'node:module'
import { carriedIn, formatTraceparent, parseTraceparent, withForeignMembers } from '#carriers'
import {
  bindFrame,
  currentFrame,
  newFrame,
  runWith,
  withScope,
  scopeValue,
  withScopeValue,
  type Scope,
} from '#context'
import { Baggage } from '#baggage'
import { activeSpan, withActiveSpan } from './active.ts'
import { guarded, type Ledger } from './guard.ts'
import { formatMembers, parseMembers } from './otel-baggage.ts'
import { addApiLink, flatAttributes, innerOf, monotonicMs, OtelSpan, type SpanHost } from './otel-span.ts'
import { API_KEYS, API_SLOT, type ApiContext, type ApiSpanOptions } from './otel-types.ts'
import type { Resource } from './resource.ts'
import { KIND, Span, type Scope as TracerScope, type SpanContext } from './span.ts'

const OTEL_CONTEXT = Symbol('crosscut.otel-context')
const LAST_KNOWN_API = '1.9.1'

export type BridgeParts = {
  readonly host: SpanHost
  readonly ledger: Ledger
  readonly isTracing: boolean
  readonly resource: Resource
}

/** Registers; gives what takes it off again. Does nothing where another implementation is. */
export function installOtelBridge(
  parts: BridgeParts,
  entry: string | undefined = process.argv[1],
): () => void {
  const present: unknown = Reflect.get(globalThis, API_SLOT)
  if (typeof present === 'object' && present !== null && ('trace' in present || 'context' in present)) {
    parts.ledger.count('otel-api-taken')
    return () => {}
  }
  const ours = {
    version: versionOf(present) ?? installedVersion(entry) ?? LAST_KNOWN_API,
    trace: new TracerProvider(parts),
    context: new ContextManager(parts),
    propagation: new Propagator(parts),
  }
  if (typeof present === 'object' && present !== null) Object.assign(present, ours)
  else Reflect.set(globalThis, API_SLOT, ours)
  return () => {
    const held: unknown = Reflect.get(globalThis, API_SLOT)
    if (typeof held !== 'object' || held === null) return
    for (const part of ['trace', 'context', 'propagation'] as const)
      if (Reflect.get(held, part) === ours[part]) Reflect.deleteProperty(held, part)
  }
}

function versionOf(slot: unknown): string | undefined {
  return typeof slot === 'object' && slot !== null && 'version' in slot && typeof slot.version === 'string'
    ? slot.version
    : undefined
}

/** Of the copy that the application would load. Cost: a few stats, once. */
function installedVersion(entry: string | undefined): string | undefined {
  try {
    const main = createRequire(entry ?? `${process.cwd()}/`).resolve('@opentelemetry/api')
    const folder = main.slice(0, main.lastIndexOf('api') + 3)
    const json: unknown = JSON.parse(
      process.getBuiltinModule('node:fs').readFileSync(`${folder}/package.json`, 'utf8'),
    )
    return versionOf(json)
  } catch {
    return undefined
  }
}

/** An immutable Context of our own, for where nobody has made one yet. */
class BridgeContext implements ApiContext {
  readonly #values: ReadonlyMap<symbol, unknown>

  constructor(values: ReadonlyMap<symbol, unknown> = new Map()) {
    this.#values = values
  }

  getValue(key: symbol): unknown {
    return this.#values.get(key)
  }

  setValue(key: symbol, value: unknown): BridgeContext {
    return new BridgeContext(new Map([...this.#values, [key, value]]))
  }

  deleteValue(key: symbol): BridgeContext {
    return new BridgeContext(new Map([...this.#values].filter(([name]) => name !== key)))
  }
}

const ROOT = new BridgeContext()

class ContextManager {
  readonly #parts: BridgeParts
  readonly #active: () => ApiContext
  readonly #scopeFor: (scope: Scope, context: ApiContext) => Scope

  constructor(parts: BridgeParts) {
    this.#parts = parts
    this.#active = guarded(parts.ledger, 'otel context', ROOT, () =>
      contextOf(currentFrame()?.scope, parts.host),
    )
    this.#scopeFor = (scope, context) =>
      guarded(parts.ledger, 'otel context', scope, scopeOfContext)(scope, context)
  }

  active(): ApiContext {
    return this.#active()
  }

  with<A extends unknown[], R>(context: ApiContext, fn: (...args: A) => R, thisArg?: unknown, ...args: A): R {
    const run = () => Reflect.apply(fn, thisArg, args)
    if (currentFrame() !== undefined) return withScope((scope) => this.#scopeFor(scope, context), run)
    const frame = newFrame(Baggage.empty)
    return runWith({ ...frame, scope: this.#scopeFor(frame.scope, context) }, run)
  }

  bind<T>(context: ApiContext, target: T): T {
    if (typeof target !== 'function') return target
    return this.with(context, () => bindFrame(target))
  }

  enable(): this {
    return this
  }

  disable(): this {
    this.#parts.ledger.count('otel-disable-ignored')
    return this
  }
}

/**
 * The scope's context with the scope's active span and carried members in it: ours may have changed since
 * it was set.
 */
function contextOf(scope: Scope | undefined, host: SpanHost): ApiContext {
  const held = scopeValue(scope, OTEL_CONTEXT)
  let context: ApiContext = isApiContext(held) ? held : ROOT
  const span = activeSpan(scope)
  if (span !== undefined && innerOf(context.getValue(API_KEYS.span))?.spanId !== span.spanId)
    context = context.setValue(API_KEYS.span, new OtelSpan(span, host))
  const foreign = carriedIn(scope)?.foreign
  if (foreign && context.getValue(API_KEYS.baggage) === undefined)
    context = context.setValue(API_KEYS.baggage, parseMembers(foreign))
  return context
}

function scopeOfContext(scope: Scope, context: ApiContext): Scope {
  const changed = withScopeValue(
    withActiveSpan(scope, innerOf(context.getValue(API_KEYS.span))),
    OTEL_CONTEXT,
    context,
  )
  const baggage = context.getValue(API_KEYS.baggage)
  return baggage === undefined ? changed : withForeignMembers(changed, formatMembers(baggage))
}

const isApiContext = (value: unknown): value is ApiContext =>
  typeof value === 'object' && value !== null && 'getValue' in value

class TracerProvider {
  readonly #parts: BridgeParts
  /** One scope object a tracer name: batches group by identity. Bounded by clearing: names are few. */
  readonly #scopes = new Map<string, TracerScope>()

  constructor(parts: BridgeParts) {
    this.#parts = parts
  }

  getTracer(name: string, version = ''): Tracer {
    const key = `${name}\n${version}`
    const scope = this.#scopes.get(key) ?? { name: String(name || 'unknown'), version: String(version) }
    if (this.#scopes.size > 1000) this.#scopes.clear()
    this.#scopes.set(key, scope)
    return new Tracer(scope, this.#parts)
  }
}

/** OpenTelemetry's SpanKind starts at internal = 0, OTLP's at unspecified = 0. */
const kindOf = (kind: number | undefined): number =>
  kind !== undefined && kind >= 0 && kind <= 4 ? kind + 1 : KIND.internal

class Tracer {
  readonly #begin: (name: string, options: ApiSpanOptions, context: ApiContext) => OtelSpan
  readonly #manager: ContextManager

  constructor(scope: TracerScope, parts: BridgeParts) {
    this.#manager = new ContextManager(parts)
    this.#begin = (name, options, context) => {
      const silent = () =>
        new OtelSpan({ traceId: '0'.repeat(32), spanId: '0'.repeat(16), traceFlags: 0 }, parts.host)
      return (
        guarded(parts.ledger, 'otel startSpan', undefined, beginSpan)(name, options, context, {
          scope,
          parts,
        }) ?? silent()
      )
    }
  }

  startSpan(
    name: string,
    options: ApiSpanOptions = {},
    context: ApiContext = this.#manager.active(),
  ): OtelSpan {
    return this.#begin(name, options, context)
  }

  startActiveSpan(name: string, ...rest: unknown[]): unknown {
    const fn = rest.pop()
    if (typeof fn !== 'function') return undefined
    const [options, given] = rest
    const context = isApiContext(given) ? given : this.#manager.active()
    const span = this.#begin(name, isOptions(options) ? options : {}, context)
    return this.#manager.with(context.setValue(API_KEYS.span, span), () =>
      Reflect.apply(fn, undefined, [span]),
    )
  }
}

const isOptions = (value: unknown): value is ApiSpanOptions => typeof value === 'object' && value !== null

function beginSpan(
  name: string,
  options: ApiSpanOptions,
  context: ApiContext,
  around: { scope: TracerScope; parts: BridgeParts },
): OtelSpan {
  const {
    scope,
    parts: { host, isTracing },
  } = around
  const parent = options.root === true ? undefined : validParent(innerOf(context.getValue(API_KEYS.span)))
  if (!isTracing || context.getValue(API_KEYS.suppressed) === true) {
    return new OtelSpan(parent ?? { traceId: '0'.repeat(32), spanId: '0'.repeat(16), traceFlags: 0 }, host)
  }
  const startMs = options.startTime === undefined ? undefined : monotonicMs(options.startTime, host.clock)
  const span = host.spans.beginUnder({
    name: String(name),
    kind: kindOf(options.kind),
    parent,
    scope,
    startMs,
    attributes: options.attributes === undefined ? undefined : flatAttributes(options.attributes, host),
  })
  if (span instanceof Span) for (const link of options.links ?? []) addApiLink(span, link, host)
  return new OtelSpan(span, host)
}

/** An application may have made it of any text, and it goes out in headers. */
const validParent = (parent: SpanContext | undefined): SpanContext | undefined =>
  parent === undefined || !isId(parent.traceId, 32) || !isId(parent.spanId, 16) ? undefined : parent

const isId = (text: string, digits: number): boolean =>
  text.length === digits && /^[\da-f]+$/.test(text) && !/^0+$/.test(text)

type Getter = { get(carrier: unknown, key: string): string | string[] | undefined }
type Setter = { set(carrier: unknown, key: string, value: string): void }

/** For applications that inject and extract by hand: W3C trace context and the members that are not ours. */
class Propagator {
  readonly inject: (context: ApiContext, carrier: unknown, setter: Setter) => void
  readonly extract: (context: ApiContext, carrier: unknown, getter: Getter) => ApiContext

  constructor({ host, ledger }: BridgeParts) {
    this.inject = guarded(ledger, 'otel inject', undefined, (context, carrier, setter) => {
      const span = validParent(innerOf(context.getValue(API_KEYS.span)))
      if (span !== undefined) {
        setter.set(carrier, 'traceparent', formatTraceparent(span.traceId, span.spanId, span.traceFlags))
        if (span.traceState) setter.set(carrier, 'tracestate', span.traceState)
      }
      const members = formatMembers(context.getValue(API_KEYS.baggage))
      if (members !== '') setter.set(carrier, 'baggage', members)
    })
    this.extract = (context, carrier, getter) =>
      guarded(ledger, 'otel extract', context, () => {
        const remote = parseTraceparent(getter.get(carrier, 'traceparent'))
        const state = getter.get(carrier, 'tracestate')
        const members = getter.get(carrier, 'baggage')
        let extracted = context
        if (remote !== undefined) {
          const parent = {
            traceId: remote.traceId,
            spanId: remote.spanId,
            traceFlags: remote.flags,
            isRemote: true,
            traceState: state?.toString(),
          }
          extracted = extracted.setValue(API_KEYS.span, new OtelSpan(parent, host))
        }
        return members === undefined
          ? extracted
          : extracted.setValue(API_KEYS.baggage, parseMembers(members.toString()))
      })()
  }

  fields(): string[] {
    return ['traceparent', 'tracestate', 'baggage']
  }
}
