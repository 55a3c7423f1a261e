// What a browser asks first: the login link, and the state of the server in forms that need no login.

import { isGranted } from '../grants.ts'
import { send, sendJson } from '../http-io.ts'
import { expose, type Metric } from '../metrics.ts'
import { openApi } from '../openapi.ts'
import { policy } from '../static-files.ts'
import type { Exchange, Handler, Services } from '../exchange.ts'

/** A link works once; the answer keeps neither referrer nor history of it. Who is signed in goes on. */
export const login: Handler = ({ request, response, query }, { identity, audit, files }) => {
  // Previews of links ask by HEAD or prefetch; they must not use the link up.
  if (request.method !== 'GET' || request.headers['sec-purpose'] !== undefined) {
    send(response, 204, new Uint8Array(0), {})
    return
  }
  const session = identity.login(query.get('token') ?? '', false)
  if (session !== undefined) {
    audit.add(session.name, 'login', { address: response.req.socket.remoteAddress ?? '' })
    send(response, 303, new Uint8Array(0), { location: '/', 'set-cookie': session.cookie })
    return
  }
  if (identity.of(request.headers)?.isBrowser === true) {
    send(response, 303, new Uint8Array(0), { location: '/' })
    return
  }
  if (files.servePage(response, 401)) return
  const page =
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Crosscut: log in</title>' +
    '<h1>This login link was used before or is too old</h1><p>Run <code>crosscut login</code> for a new one.</p>'
  send(response, 401, Buffer.from(page), {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': policy('none'),
  })
}

/** The session may what may whoever asks for the link. */
export const createLoginLink: Handler = ({ response, host, caller }, { identity }) => {
  sendJson(response, 200, { url: `http://${host}/login?token=${identity.newLoginToken(caller.tokenId)}` })
}

export const healthz: Handler = ({ response }) => sendJson(response, 200, { status: 'ok' })

/** Ready = every part runs; the parts are told either way, with restarts and last errors. */
export const readyz: Handler = ({ response }, services) => {
  const parts = services.pipeline()?.parts() ?? [{ name: 'pipeline', state: 'starting', restarts: 0 }]
  const isReady = parts.every(({ state }) => state === 'running')
  sendJson(response, isReady ? 200 : 503, { status: isReady ? 'ready' : 'not ready', parts })
}

export const metrics: Handler = async ({ response }, services) => {
  const body = expose([...ownMetrics(services), ...((await services.pipeline()?.metrics()) ?? [])])
  send(response, 200, Buffer.from(body), { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' })
}

export const openApiDocument: Handler = ({ response }) => sendJson(response, 200, openApi())

/** A page needs only the address: no secret goes where scripts run, nor to whoever may only read. */
export const connection: Handler = ({ response, host, caller }: Exchange, { dataDir, pipeline }) => {
  const otlp = pipeline()?.otlp
  const name = host.replace(/:\d+$/, '')
  const isTold = !caller.isBrowser && isGranted(caller.may, { verb: 'agent' })
  sendJson(response, 200, {
    serverUrl: `http://${host}`,
    ...(isTold ? { agentToken: dataDir.agentToken } : {}),
    ...(otlp === undefined ? {} : { otlpUrl: `http://${name}:${otlp.port}` }),
    ...(otlp?.grpcPort === undefined ? {} : { otlpGrpcUrl: `http://${name}:${otlp.grpcPort}` }),
  })
}

function ownMetrics(services: Services): Metric[] {
  const { agents, state, counts, loopDelay } = services
  const gauge = (name: string, help: string, value: number): Metric => ({
    name,
    help,
    type: 'gauge',
    samples: [{ value }],
  })
  const counter = (name: string, help: string, value: number): Metric => ({
    name,
    help,
    type: 'counter',
    samples: [{ value }],
  })
  const views = agents.views()
  const sum = (pick: (spans: { emitted: number; dropped: number }) => number): number =>
    views.reduce((total, { report }) => total + (report === undefined ? 0 : pick(report.spans)), 0)
  return [
    gauge(
      'crosscut_agents_connected',
      'Processes with an agent that are connected.',
      views.filter(({ isConnected }) => isConnected).length,
    ),
    gauge(
      'crosscut_agent_spans_emitted',
      'Spans that the known agents made since they started.',
      sum(({ emitted }) => emitted),
    ),
    gauge(
      'crosscut_agent_spans_dropped',
      'Spans that the known agents dropped since they started.',
      sum(({ dropped }) => dropped),
    ),
    gauge('crosscut_state_version', 'Version of desired state.', state.version),
    gauge('crosscut_tools_deployed', 'Deployed tool packages.', state.packages.length),
    gauge('crosscut_live_listeners', 'Open live lists.', services.live()?.listeners ?? 0),
    counter('crosscut_http_requests_total', 'Requests to the UI and API port.', counts.requests),
    counter('crosscut_http_errors_total', 'Requests answered 5xx.', counts.errors),
    counter('crosscut_http_refused_total', 'Requests answered 4xx.', counts.refused),
    gauge(
      'crosscut_event_loop_delay_ms_p99',
      'Delay of the main event loop beyond its 5 ms beat, since the start.',
      Math.max(0, loopDelay.percentile(99) / 1e6 - 5),
    ),
    gauge(
      'crosscut_event_loop_delay_ms_max',
      'The longest such delay.',
      Math.max(0, loopDelay.max / 1e6 - 5),
    ),
    gauge(
      'process_resident_memory_bytes',
      'Resident memory of the main process with its threads.',
      process.memoryUsage.rss(),
    ),
    gauge('process_uptime_seconds', 'Since the server started.', Math.round(process.uptime())),
  ]
}
