// The shapes of @opentelemetry/api that the bridge offers and asks for, written down here: the agent must
// not depend on the package, not even for its types, which would then be in what users install. Only
// members that we call or must have.
// Source: @opentelemetry/api 1.9 (trace, context, propagation).

export type ApiAttributeValue =
  | string
  | number
  | boolean
  | readonly (string | number | boolean | null | undefined)[]
export type ApiAttributes = { readonly [key: string]: ApiAttributeValue | null | undefined }
/** ms since the epoch or performance.now(), a Date, or [seconds, nanoseconds]. */
export type ApiTime = number | Date | readonly [number, number]

export type ApiContext = {
  getValue(key: symbol): unknown
  setValue(key: symbol, value: unknown): ApiContext
  deleteValue(key: symbol): ApiContext
}

export type ApiTraceState = {
  serialize(): string
  get(key: string): string | undefined
  set(key: string, value: string): ApiTraceState
  unset(key: string): ApiTraceState
}
export type ApiSpanContext = {
  traceId: string
  spanId: string
  traceFlags: number
  isRemote?: boolean
  traceState?: ApiTraceState
}
export type ApiLink = {
  readonly context: ApiSpanContext
  readonly attributes?: ApiAttributes
  readonly droppedAttributesCount?: number
}
export type ApiStatus = { readonly code: number; readonly message?: string }

export type ApiSpan = {
  spanContext(): ApiSpanContext
  setAttribute(key: string, value: ApiAttributeValue): ApiSpan
  setAttributes(attributes: ApiAttributes): ApiSpan
  addEvent(name: string, attributesOrTime?: ApiAttributes | ApiTime, time?: ApiTime): ApiSpan
  addLink(link: ApiLink): ApiSpan
  addLinks(links: readonly ApiLink[]): ApiSpan
  setStatus(status: ApiStatus): ApiSpan
  updateName(name: string): ApiSpan
  end(time?: ApiTime): void
  isRecording(): boolean
  recordException(exception: unknown, time?: ApiTime): void
}

export type ApiSpanOptions = {
  readonly kind?: number
  readonly attributes?: ApiAttributes
  readonly links?: readonly ApiLink[]
  readonly startTime?: ApiTime
  readonly root?: boolean
}

/** Keys by which the API keeps things in a context: Symbol.for of these texts, stable since 1.0. */
export const API_KEYS = {
  span: Symbol.for('OpenTelemetry Context Key SPAN'),
  baggage: Symbol.for('OpenTelemetry Baggage Key'),
  suppressed: Symbol.for('OpenTelemetry SDK Context Key SUPPRESS_TRACING'),
} as const

/** Where every copy of the API of one major version looks for its implementation. */
export const API_SLOT = Symbol.for('opentelemetry.js.api.1')
