// Spans of HTTP servers and clients, by OpenTelemetry's semantic conventions for HTTP (stable, 1.23 and
// later), as an observer of carriers/: it calls us at each step of a request, we say what span it is, what
// goes out as traceparent and what baggage returns.
//
//   server  start -> begin, becomes the scope's active span     end -> attributes, end
//   client  start -> begin, traceparent goes out     response -> who awaits it has the span in its trail
//           end   -> attributes, end
//
// Attributes are read at the end, when all of them are known: one pass, and nothing at the start that a
// handler would wait for. What all spans of a connection, or to a host, say alike is encoded once.

import {
  formatTraceparent,
  type CarrierObserver,
  type ClientExchange,
  type MessageExchange,
  type ServerExchange,
} from '#carriers'
import { context } from '#context'
import { activeSpan, withActiveSpan } from './active.ts'
import type { WallClock } from './clock.ts'
import { encodeShared } from './otlp-encoder.ts'
import type { PageParents } from './page-parent.ts'
import type { Recorder } from './recorder.ts'
import { AGENT_VERSION } from './resource.ts'
import type { Carried, ServerCounters } from './server-counters.ts'
import { KIND, Span, STATUS, type AttributeValue, type Scope, type SpanContext } from './span.ts'
import type { Tracepoints } from './tracepoints.ts'
import { answeredTrail, beginAfterTrail, endedElsewhere } from './trail.ts'

const HTTP_SCOPE: Scope = { name: 'crosscut.http', version: AGENT_VERSION }
const THREADS_SCOPE: Scope = { name: 'crosscut.threads', version: AGENT_VERSION }

/** Methods of RFC 9110 and PATCH: all others are `_OTHER`, so that nobody can flood the span names. */
const METHODS = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'CONNECT',
  'OPTIONS',
  'TRACE',
  'PATCH',
  'QUERY',
])

/** Query values that are credentials, as the conventions list them. */
const SECRET_KEYS =
  'AWSAccessKeyId|Signature|sig|X-Goog-Signature|X-Amz-Signature|X-Amz-Credential|X-Amz-Security-Token'
const SECRET_QUERY = new RegExp(`([?&](?:${SECRET_KEYS})=)[^&]*`, 'gi')

type Parts = {
  readonly recorder: Recorder
  readonly clock: WallClock
  readonly tracepoints: Tracepoints
  readonly isPropagating: boolean
  readonly isTracing: boolean
  readonly counters: ServerCounters
  /** undefined: pages have no parents. */
  readonly pages: PageParents | undefined
}

export type HttpSpans = {
  readonly observer: CarrierObserver
  /**
   * After the woven advice changed: steps that nobody needs are taken off, for carriers/ does less where a
   * step is absent.
   */
  refresh(): void
}

export function openHttpSpans(parts: Parts): HttpSpans {
  const steps = { ...serverSteps(parts), ...clientSteps(parts), ...messageSteps(parts) }
  const observer: CarrierObserver = {}
  const refresh = () => {
    Object.assign(observer, parts.isTracing || parts.tracepoints.hasBuiltIn ? steps : NO_STEPS)
    // A watched head is a function more on each response.
    if (!parts.tracepoints.hasServerResponse && parts.pages === undefined)
      Object.assign(observer, { serverHead: undefined })
  }
  refresh()
  return { observer, refresh }
}

const NO_STEPS: CarrierObserver = Object.freeze({
  serverStart: undefined,
  serverHead: undefined,
  serverEnd: undefined,
  clientStart: undefined,
  clientResponse: undefined,
  clientEnd: undefined,
  messageSend: undefined,
  messageReceive: undefined,
  messageEnd: undefined,
})

function serverSteps(parts: Parts): CarrierObserver {
  const { recorder, tracepoints, counters, pages, isPropagating, isTracing } = parts
  return {
    serverStart(exchange) {
      const parent = (isPropagating ? remoteParent(exchange) : undefined) ?? pages?.reserve(exchange)
      if (isTracing) {
        const span = recorder.begin({
          name: spanName(exchange.request.method),
          kind: KIND.server,
          parent,
          scope: HTTP_SCOPE,
          request: exchange,
        })
        exchange.handle = span
        exchange.scope = withActiveSpan(exchange.scope, span)
        if (span instanceof Span) counters.begin(span)
      } else if (parent !== undefined) exchange.scope = withActiveSpan(exchange.scope, parent)
      tracepoints.serverStart(exchange)
    },
    serverHead(exchange) {
      pages?.tell(exchange)
      tracepoints.serverResponse(exchange)
    },
    serverEnd(exchange) {
      tracepoints.serverEnd(exchange)
      const span = recorder.recordedOf(exchange.handle)
      if (span === undefined) return
      const caller = callerOf(exchange)
      describeServer(span, exchange, caller)
      counters.end(span, exchange, caller)
      recorder.end(span)
    },
  }
}

function clientSteps({ recorder, clock, tracepoints, isPropagating, isTracing }: Parts): CarrierObserver {
  const peers = new Map<string, Peer>()
  return {
    clientStart(exchange) {
      const parent = activeSpan(exchange.scope)
      const span = isTracing
        ? recorder.begin({ name: spanName(exchange.method), kind: KIND.client, parent, scope: HTTP_SCOPE })
        : parent
      exchange.handle = span
      if (span instanceof Span && isTracing) joinTrail(span)
      if (span !== undefined && isPropagating) {
        exchange.traceparent = traceparentOf(span)
        exchange.tracestate = span.traceState ?? ''
      }
      tracepoints.clientStart(exchange)
    },
    clientResponse(exchange) {
      tracepoints.clientResponse(exchange)
      const span = exchange.handle
      if (!isTracing || !(span instanceof Span)) return
      span.answeredMs = clock.now()
      exchange.returned = answeredTrail(exchange.returned, span)
    },
    clientEnd(exchange) {
      tracepoints.clientEnd(exchange)
      const span = exchange.handle
      if (!isTracing || !(span instanceof Span)) return
      describeClient(span, exchange, peers)
      recorder.end(span)
      exchange.returned = endedElsewhere(exchange.returned, span)
    },
  }
}

/**
 * A message to another thread carries the active span as parent; what the receiver does hangs below a span
 * of its own.
 */
function messageSteps({ recorder, isPropagating, isTracing }: Parts): CarrierObserver {
  return {
    messageSend(exchange) {
      const span = activeSpan(exchange.scope)
      if (span !== undefined && isPropagating) exchange.traceparent = traceparentOf(span)
    },
    messageReceive(exchange) {
      const parent = messageParent(exchange)
      if (parent === undefined) return
      const span = isTracing
        ? recorder.begin({ name: 'message', kind: KIND.consumer, parent, scope: THREADS_SCOPE })
        : parent
      exchange.handle = span
      exchange.scope = withActiveSpan(exchange.scope, span)
    },
    messageEnd(exchange) {
      if (!isTracing || !(exchange.handle instanceof Span)) return
      exchange.handle.add('thread.id', exchange.threadId)
      recorder.end(exchange.handle)
    },
  }
}

const traceparentOf = ({ traceId, spanId, traceFlags }: SpanContext): string =>
  formatTraceparent(traceId, spanId, traceFlags)

/**
 * Begins with the current baggage: links to what it joins, and leaves the trail shorter where that says no
 * less.
 */
export function joinTrail(span: Span): void {
  const baggage = context.current()
  const tidied = beginAfterTrail(baggage, span)
  if (tidied !== baggage) context.set(tidied)
}

function remoteParent({ remote, tracestate }: ServerExchange): SpanContext | undefined {
  if (remote === undefined) return undefined
  return {
    traceId: remote.traceId,
    spanId: remote.spanId,
    traceFlags: remote.flags,
    isRemote: true,
    traceState: tracestate,
  }
}

function messageParent({ remote }: MessageExchange): SpanContext | undefined {
  if (remote === undefined) return undefined
  return { traceId: remote.traceId, spanId: remote.spanId, traceFlags: remote.flags, isRemote: true }
}

function spanName(method: string | undefined): string {
  return method !== undefined && METHODS.has(method) ? method : 'HTTP'
}

function describeServer(span: Span, exchange: ServerExchange, caller: Caller): void {
  const { request, response } = exchange
  const url = request.url ?? '/'
  const question = url.indexOf('?')
  span.shared = caller.attributes
  span.add('url.path', question < 0 ? url : url.slice(0, question))
  if (question >= 0) span.add('url.query', redacted(url.slice(question)).slice(1))
  const route = routeOf(request)
  if (route !== undefined) {
    span.add('http.route', route)
    span.name = `${spanName(request.method)} ${route}`
  }
  if (response.headersSent) span.add('http.response.status_code', response.statusCode)
  if (response.headersSent && response.statusCode >= 500) fail(span, String(response.statusCode))
  else if (exchange.aborted) span.add('error.type', 'client_disconnected')
}

function describeClient(span: Span, exchange: ClientExchange, peers: Map<string, Peer>): void {
  const peer = peerOf(exchange, peers)
  span.shared = peer.attributes
  span.add('url.full', peer.origin + redacted(exchange.path))
  if (exchange.statusCode !== 0) span.add('http.response.status_code', exchange.statusCode)
  if (exchange.error !== undefined) fail(span, errorType(exchange.error), errorMessage(exchange.error))
  else if (exchange.statusCode >= 400) fail(span, String(exchange.statusCode))
}

/**
 * What the requests of a connection nearly always have in common. A proxy that mixes hosts on one connection
 * pays for the encoding.
 */
class Caller implements Carried {
  readonly method: string | undefined
  readonly host: string | undefined
  readonly userAgent: string | undefined
  readonly version: string
  readonly attributes: Uint8Array
  bytesIn: number
  bytesOut: number

  constructor(exchange: ServerExchange, { bytesIn, bytesOut }: Carried) {
    const { connection, request } = exchange
    this.bytesIn = bytesIn
    this.bytesOut = bytesOut
    this.method = request.method
    this.host = exchange.host
    this.userAgent = exchange.userAgent
    this.version = request.httpVersion
    const { peerAddress, peerPort, isSecure } = connection
    const attributes = [...methodAttributes(this.method ?? ''), ...hostAttributes(this.host)]
    attributes.push('url.scheme', isSecure ? 'https' : 'http', 'network.protocol.version', this.version)
    if (peerAddress !== undefined) attributes.push('network.peer.address', peerAddress)
    if (peerPort !== undefined) attributes.push('network.peer.port', peerPort)
    if (this.userAgent !== undefined) attributes.push('user_agent.original', this.userAgent)
    this.attributes = encodeShared(attributes)
  }

  isOf({ request, host, userAgent }: ServerExchange): boolean {
    return (
      request.method === this.method &&
      host === this.host &&
      userAgent === this.userAgent &&
      request.httpVersion === this.version
    )
  }
}

const NOTHING_CARRIED: Carried = Object.freeze({ bytesIn: 0, bytesOut: 0 })

function callerOf(exchange: ServerExchange): Caller {
  const { connection } = exchange
  const known = connection.handle
  if (known instanceof Caller && known.isOf(exchange)) return known
  const caller = new Caller(exchange, known instanceof Caller ? known : NOTHING_CARRIED)
  connection.handle = caller
  return caller
}

/** Whom a client calls, by host: one port and method each, for these hardly ever vary. */
type Peer = {
  readonly method: string
  readonly port: number
  readonly isSecure: boolean
  /** Before the path of a URL. */
  readonly origin: string
  readonly attributes: Uint8Array
}

/** A service calls few hosts; one that does not pays for the encoding. */
const PEERS_MAX = 256

function peerOf(exchange: ClientExchange, peers: Map<string, Peer>): Peer {
  const { method, host, port, secure } = exchange
  const known = peers.get(host)
  if (known?.method === method && known.port === port && known.isSecure === secure) return known
  const authority = port === (secure ? 443 : 80) ? host : `${host}:${port}`
  const peer = {
    method,
    port,
    isSecure: secure,
    origin: `${secure ? 'https' : 'http'}://${authority}`,
    attributes: encodeShared([...methodAttributes(method), 'server.address', host, 'server.port', port]),
  }
  if (known !== undefined || peers.size < PEERS_MAX) peers.set(host, peer)
  return peer
}

function methodAttributes(method: string): readonly AttributeValue[] {
  if (METHODS.has(method)) return ['http.request.method', method]
  return ['http.request.method', '_OTHER', 'http.request.method_original', method]
}

function hostAttributes(host: string | undefined): readonly AttributeValue[] {
  if (host === undefined) return []
  const { address, port } = parseHost(host)
  return port === undefined ? ['server.address', address] : ['server.address', address, 'server.port', port]
}

type HostPort = { readonly address: string; readonly port: number | undefined }

/** As the client sent it; an IPv6 address stands in brackets. */
function parseHost(host: string): HostPort {
  const colon = host.indexOf(':', host.lastIndexOf(']') + 1)
  if (colon < 0) return { address: host, port: undefined }
  const port = Number(host.slice(colon + 1))
  return { address: host.slice(0, colon), port: Number.isInteger(port) ? port : undefined }
}

/** What express leaves on its request: the pattern, below the mount point. */
function routeOf(request: object): string | undefined {
  const route: unknown = 'route' in request ? request.route : undefined
  if (typeof route !== 'object' || route === null) return undefined
  const pattern: unknown = Reflect.get(route, 'path')
  const base: unknown = Reflect.get(request, 'baseUrl')
  return typeof pattern === 'string' ? `${typeof base === 'string' ? base : ''}${pattern}` : undefined
}

function fail(span: Span, type: string, message = ''): void {
  span.add('error.type', type)
  span.statusCode = STATUS.error
  span.statusMessage = message
}

export function errorType(error: unknown): string {
  if (!(error instanceof Error)) return typeof error
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}

const errorMessage = (error: unknown): string => (error instanceof Error ? error.message.slice(0, 1024) : '')

const redacted = (path: string): string =>
  path.includes('?') ? path.replace(SECRET_QUERY, '$1REDACTED') : path
