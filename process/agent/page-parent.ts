// A browser that opens a page sends no traceparent. For it we think of a parent: the fetch of the document,
// whose span the recorder in that page (crosscut/browser) will make.
//
//   GET /  Sec-Fetch-Dest: document  ──►  a trace, and the id P of a span that the page will record
//          Server-Timing: crosscut;desc="00-TRACE-P-01-S"  ◄──  our own span S is below P
//
// S has an event when the head of the answer leaves: what the page does from its first byte on came after.
//
// So page, document and server are one tree from the first byte on. Opt-in (CROSSCUT_PAGES): where no
// recorder answers (robots, pages without it) the trace has no root. Browsers send Sec-Fetch-Dest to https
// and to loopback; elsewhere, and from other clients, nothing is thought of.
// Source: W3C Server Timing, Fetch Metadata.

import { formatTraceparent, type ServerExchange } from '#carriers'
import { RESPONSE_HEAD_EVENT } from '#protocol'
import type { Recorder } from './recorder.ts'
import { Span, type SpanContext } from './span.ts'

export const SERVER_TIMING = 'server-timing'

export type PageParents = {
  /** The parent for a request that opens a page; undefined for all others. */
  reserve(exchange: ServerExchange): SpanContext | undefined
  /** Before the headers of the answer leave. */
  tell(exchange: ServerExchange): void
}

export function openPageParents(recorder: Recorder): PageParents {
  const told = new WeakMap<ServerExchange, string>()
  return {
    reserve(exchange) {
      if (!opensPage(exchange)) return undefined
      const parent = recorder.reserve(exchange)
      const { traceId, spanId, traceFlags } = parent
      told.set(exchange, formatTraceparent(traceId, spanId, traceFlags))
      return parent
    },
    tell(exchange) {
      const parent = told.get(exchange)
      if (parent === undefined) return
      const span = exchange.handle
      const own = span instanceof Span ? `-${span.spanId}` : ''
      // Beside what the application says there itself.
      exchange.response.appendHeader(SERVER_TIMING, `crosscut;desc="${parent}${own}"`)
      if (span instanceof Span)
        span.addEvent({ name: RESPONSE_HEAD_EVENT, atMs: performance.now(), attributes: [] }, Infinity)
    },
  }
}

/** A page that is only fetched ahead may never be shown. */
function opensPage({ request: { method, headers } }: ServerExchange): boolean {
  return method === 'GET' && headers['sec-fetch-dest'] === 'document' && headers['sec-purpose'] === undefined
}
