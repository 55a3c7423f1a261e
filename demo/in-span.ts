// A named piece of work, or a call, told to whoever listens through the OpenTelemetry API; nobody does unless
// an SDK or an agent is loaded.

import { SpanKind, SpanStatusCode, trace, type Attributes } from '@opentelemetry/api'

const tracer = trace.getTracer('shelf')

/** Runs work inside a span; what it resolves with or throws passes through. */
export async function inSpan<R>(name: string, work: () => Promise<R>): Promise<R> {
  return await tracer.startActiveSpan(name, async (span) => {
    try {
      return await work()
    } catch (error: unknown) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: String(error) })
      throw error
    } finally {
      span.end()
    }
  })
}

/** A call that ends before it returns, told as the instrumentation of a driver does. */
export function inCall<R>(name: string, attributes: Attributes, call: () => R): R {
  const span = tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes })
  try {
    return call()
  } catch (error: unknown) {
    span.setStatus({ code: SpanStatusCode.ERROR, message: String(error) })
    throw error
  } finally {
    span.end()
  }
}

/** W3C traceparent of the span that is active here; undefined where nothing is traced. */
export function traceparentHere(): string | undefined {
  const span = trace.getActiveSpan()?.spanContext()
  if (span === undefined) return undefined
  return `00-${span.traceId}-${span.spanId}-0${span.traceFlags & 1}`
}
