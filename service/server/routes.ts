// The route table: routing, authorization, /openapi.json and docs/reference/http-api.md all come from here.
//
// access: public = anybody who reaches the port; agent = an agent's token; else the verb that the caller must
// have been granted (the operator has all of them). Handlers ask besides for the tracepoints of a package.

import type { Handler } from './exchange.ts'
import type { Right } from './grants.ts'
import { listAgents, listTracepoints, sayHello, streamState, takeReport } from './handlers/agents.ts'
import {
  connection,
  createLoginLink,
  healthz,
  login,
  metrics,
  openApiDocument,
  readyz,
} from './handlers/pages.ts'
import {
  deleteTool,
  getKillSwitch,
  getTool,
  listTools,
  putKillSwitch,
  putTool,
  readAudit,
} from './handlers/tools.ts'
import {
  askSql,
  cancelBackfill,
  compareDataset,
  deleteDataset,
  getBackfill,
  getDataset,
  listDatasets,
  putDataset,
  queryDataset,
  startBackfill,
} from './handlers/datasets.ts'
import { importFile } from './handlers/import.ts'
import {
  deleteNotebook,
  featureRows,
  getNotebook,
  listNotebooks,
  postNotebook,
  putNotebook,
} from './handlers/notebooks.ts'
import { getPipeline } from './handlers/pipeline.ts'
import {
  deletePolicy,
  getControl,
  getControlHistory,
  getPolicy,
  listBlame,
  listEpisodes,
  listPoints,
  listPolicies,
  listPolicyTypes,
  listResources,
  listTenants,
  putPolicy,
} from './handlers/policies.ts'
import { askPast, deleteQuery, listQueries, postQuery, queryResults } from './handlers/queries.ts'
import { createToken, listTokens, revokeToken } from './handlers/tokens.ts'
import {
  criticalPath,
  facets,
  find,
  graph,
  heat,
  impact,
  otlp,
  outline,
  paths,
  search,
  span,
  spans,
  trace,
} from './handlers/traces.ts'
import { COMPAT_ROUTES } from './compat/routes.ts'
import {
  deleteSampling,
  deleteTail,
  getSampling,
  getTail,
  listSampling,
  putSampling,
  putTail,
} from './handlers/sampling.ts'
import type { SchemaName } from './schemas.ts'

export type Access = 'public' | Right
export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE'

export type RouteDoc = {
  readonly method: Method
  /** Segments in braces are parameters. */
  readonly path: string
  readonly access: Access
  readonly summary: string
  /** Name -> what it is. */
  readonly query?: { readonly [name: string]: string }
  readonly body?: SchemaName
  readonly answer: SchemaName | 'text' | 'html'
  /** Also answers text/event-stream. */
  readonly isStream?: boolean
}

export type Route = RouteDoc & { readonly handler: Handler }

const FILTER = {
  service: 'name of a service that took part',
  name: 'name of a span',
  minMs: 'shortest duration of the trace',
  maxMs: 'longest',
  'attr.KEY': 'value of an attribute of the span or its resource; may be repeated',
  error: 'true = traces with an error only',
  from: 'earliest start: ns or ms since the epoch, or ISO 8601',
  to: 'latest start',
  q: 'TraceQL: { status = error } >> { resource.service.name = "db" }',
  limit: '1..1000, default 20',
  cursor: 'nextCursor of the page before',
}
const POINT = '<span id>, <span id>@begin, @end or @<ns>'

export const routeTable: readonly Route[] = [
  {
    method: 'GET',
    path: '/healthz',
    access: 'public',
    summary: 'The process lives.',
    answer: 'Status',
    handler: healthz,
  },
  {
    method: 'GET',
    path: '/readyz',
    access: 'public',
    answer: 'Readiness',
    handler: readyz,
    summary: 'Every part runs (200) or which does not (503).',
  },
  {
    method: 'GET',
    path: '/metrics',
    access: 'public',
    summary: 'Counters of all parts, Prometheus text.',
    answer: 'text',
    handler: metrics,
  },
  {
    method: 'GET',
    path: '/openapi.json',
    access: 'public',
    summary: 'This API as OpenAPI 3.1.',
    answer: 'Any',
    handler: openApiDocument,
  },
  {
    method: 'GET',
    path: '/login',
    access: 'public',
    summary: 'Trades a one-time token for a session cookie.',
    query: { token: 'from the printed URL' },
    answer: 'html',
    handler: login,
  },
  {
    method: 'POST',
    path: '/api/v1/login-links',
    access: 'read',
    summary: 'A new one-time login URL; the session may what the token may that asks for it.',
    body: 'Any',
    answer: 'LoginLink',
    handler: createLoginLink,
  },
  {
    method: 'GET',
    path: '/api/v1/connection',
    access: 'read',
    answer: 'Connection',
    handler: connection,
    summary: 'What an agent needs to connect: server, token, OTLP endpoint.',
  },
  {
    method: 'GET',
    path: '/api/v1/agents',
    access: 'read',
    summary: 'Processes with an agent, and their last reports.',
    answer: 'AgentList',
    handler: listAgents,
  },
  {
    method: 'GET',
    path: '/api/v1/tracepoints',
    access: 'read',
    summary: 'Where advice can run, with exported variables.',
    query: { match: 'glob over names, default *' },
    answer: 'TracepointList',
    handler: listTracepoints,
  },
  {
    method: 'GET',
    path: '/api/v1/traces',
    access: 'read',
    query: FILTER,
    answer: 'TraceSearchResult',
    isStream: true,
    handler: search,
    summary:
      'Search: summaries, newest first, dated ahead last. With Accept: text/event-stream as they come, { traces } each.',
  },
  {
    method: 'POST',
    path: '/api/v1/traces/critical-path',
    access: 'read',
    body: 'PathsRequest',
    answer: 'TracePathsView',
    handler: paths,
    summary:
      'Critical paths of the newest traces that match, added up by service, operation and call path, with drag; whatIf recomputes them with an operation faster.',
  },
  {
    method: 'GET',
    path: '/api/v1/traces/heat',
    access: 'read',
    query: {
      ...FILTER,
      from: 'default an hour before to',
      limit: 'means nothing here',
      columns: '1..500, default 60',
    },
    answer: 'TraceHeatView',
    handler: heat,
    summary: 'All traces that match, counted by when they began and how long they took.',
  },
  {
    method: 'GET',
    path: '/api/v1/service-graph',
    access: 'read',
    query: { from: 'default 15 minutes before to, at most a day', to: 'default now' },
    answer: 'ServiceGraphView',
    handler: graph,
    summary: 'Who calls whom, from the parents and links of stored spans.',
  },
  {
    method: 'GET',
    path: '/api/v1/pipeline',
    access: 'read',
    query: { minutes: 'how far back, 1..60, default 15' },
    answer: 'PipelineView',
    handler: getPipeline,
    summary: 'How far behind rows are, what waits, and every loss with its cause, over time.',
  },
  {
    method: 'GET',
    path: '/api/v1/facets',
    access: 'read',
    summary: 'Names for filters: services, attribute keys, operations of a service.',
    query: { service: 'whose operations' },
    answer: 'Facets',
    handler: facets,
  },
  {
    method: 'GET',
    path: '/api/v1/traces/{traceId}',
    access: 'read',
    answer: 'TraceView',
    handler: trace,
    summary: 'One trace: repaired, on one timeline, with causal edges; the first 5000 spans.',
  },
  {
    method: 'GET',
    path: '/api/v1/traces/{traceId}/critical-path',
    access: 'read',
    query: { from: `${POINT}; default the root's begin`, to: `${POINT}; default the root's end` },
    answer: 'CriticalPathView',
    handler: criticalPath,
    summary: 'Sections that partition [from, to].',
  },
  {
    method: 'GET',
    path: '/api/v1/traces/{traceId}/spans',
    access: 'read',
    query: { offset: 'default 0', limit: '0..5000, default 1000' },
    answer: 'SpanPage',
    handler: spans,
    summary: 'A page of spans, in the order of the trace view.',
  },
  {
    method: 'GET',
    path: '/api/v1/traces/{traceId}/spans/{spanId}',
    access: 'read',
    answer: 'SpanView',
    handler: span,
    summary: 'One span with everything.',
  },
  {
    method: 'GET',
    path: '/api/v1/traces/{traceId}/spans/{spanId}/impact',
    access: 'read',
    answer: 'ImpactView',
    handler: impact,
    summary: 'Its work, time on the critical path, slack and drag, by replaying the trace.',
  },
  {
    method: 'GET',
    path: '/api/v1/traces/{traceId}/find',
    access: 'read',
    query: { text: 'in name, service, status, attributes or events, in any case' },
    answer: 'SpanIds',
    handler: find,
    summary: 'Ids of spans that contain a text, at most 10,000.',
  },
  {
    method: 'GET',
    path: '/api/v1/traces/{traceId}/outline',
    access: 'read',
    query: { modelled: 'true = a large trace repaired and aligned, with edges; else as it came, at once' },
    answer: 'TraceOutlineAnswer',
    handler: outline,
    summary: 'A trace to be drawn: whole up to 5000 spans, else in columns without attributes.',
  },
  {
    method: 'GET',
    path: '/api/v1/traces/{traceId}/otlp',
    access: 'read',
    query: { offset: 'default 0', limit: '0..5000, default 1000' },
    answer: 'OtlpRequest',
    handler: otlp,
    summary: 'A page of spans as they came, a request of OTLP/JSON: what import reads again without loss.',
  },
  {
    method: 'POST',
    path: '/api/v1/import',
    access: 'admin',
    query: { format: 'otlp (JSON, one or one a line, or protobuf), jaeger or zipkin (version 2)' },
    body: 'SpanFile',
    answer: 'ImportCounts',
    handler: importFile,
    summary:
      "Takes a file's spans, durable when it answers; bad ones are left out and counted. 20 MiB, gzip and zstd too.",
  },
  {
    method: 'POST',
    path: '/api/v1/queries',
    access: 'query:install',
    body: 'QueryRequest',
    answer: 'QueryInstalled',
    handler: postQuery,
    summary:
      'Installs a live query on all agents; 422 carries every mistake of the text. dryRun only explains.',
  },
  {
    method: 'POST',
    path: '/api/v1/queries/past',
    access: 'read',
    body: 'PastRequest',
    answer: 'PastResults',
    handler: askPast,
    summary:
      'Asks stored traces of a stretch of time (the last hour) a query: spans and their events are its tracepoints.',
  },
  {
    method: 'GET',
    path: '/api/v1/queries',
    access: 'read',
    answer: 'QueryList',
    handler: listQueries,
    summary: 'Live queries, with who runs them and how long they live.',
  },
  {
    method: 'GET',
    path: '/api/v1/queries/{id}/results',
    access: 'read',
    query: {
      since: 'seq of the last answer: rows come only if there are newer ones',
      by: 'a column that names groups, up to three times: exact totals for each subset of them, as rollUps',
    },
    answer: 'QueryResults',
    isStream: true,
    handler: queryResults,
    summary:
      'Rows so far and a second, with coverage and drops. With Accept: text/event-stream once a second.',
  },
  {
    method: 'DELETE',
    path: '/api/v1/queries/{id}',
    access: 'query:install',
    answer: 'QueryRemoved',
    handler: deleteQuery,
    summary: 'Removes a query: within a second the code of every process is as before.',
  },
  {
    method: 'GET',
    path: '/api/v1/datasets',
    access: 'read',
    answer: 'DatasetList',
    handler: listDatasets,
    summary: 'Datasets: definition, columns, cost, backfill.',
  },
  {
    method: 'POST',
    path: '/api/v1/sql',
    access: 'read',
    body: 'SqlStatement',
    answer: 'DatasetResult',
    handler: askSql,
    summary: 'The same question as one SELECT over one dataset; what cannot be asked is refused by name.',
  },
  {
    method: 'GET',
    path: '/api/v1/datasets/{name}',
    access: 'read',
    answer: 'DatasetView',
    handler: getDataset,
    summary: 'One dataset.',
  },
  {
    method: 'PUT',
    path: '/api/v1/datasets/{name}',
    access: 'query:install',
    body: 'DatasetDefinition',
    answer: 'DatasetView',
    handler: putDataset,
    summary:
      'Makes or changes a dataset, live at once; 422 carries every mistake of its texts, or says that it costs too much.',
  },
  {
    method: 'DELETE',
    path: '/api/v1/datasets/{name}',
    access: 'query:install',
    answer: 'DatasetRemoved',
    handler: deleteDataset,
    summary: 'Removes a dataset with its rows.',
  },
  {
    method: 'POST',
    path: '/api/v1/datasets/{name}/query',
    access: 'read',
    body: 'DatasetQuery',
    answer: 'DatasetResult',
    handler: queryDataset,
    summary: 'Groups, percentiles, series or rows of a dataset.',
  },
  {
    method: 'POST',
    path: '/api/v1/datasets/{name}/compare',
    access: 'read',
    body: 'DatasetCompare',
    answer: 'DatasetComparison',
    handler: compareDataset,
    summary: 'How two populations of rows differ, over every column, with corrected significance.',
  },
  {
    method: 'POST',
    path: '/api/v1/datasets/{name}/backfill',
    access: 'query:install',
    body: 'BackfillRequest',
    answer: 'BackfillView',
    handler: startBackfill,
    summary: 'Evaluates the dataset on stored traces; goes on after a restart.',
  },
  {
    method: 'GET',
    path: '/api/v1/datasets/{name}/backfill',
    access: 'read',
    answer: 'BackfillView',
    handler: getBackfill,
    summary: 'How far the last backfill is.',
  },
  {
    method: 'DELETE',
    path: '/api/v1/datasets/{name}/backfill',
    access: 'query:install',
    answer: 'BackfillView',
    handler: cancelBackfill,
    summary: 'Stops it; rows that it wrote stay.',
  },
  {
    method: 'POST',
    path: '/api/v1/features/rows',
    access: 'read',
    body: 'FeatureRowsRequest',
    answer: 'FeatureRowsView',
    handler: featureRows,
    summary:
      'Rows that features give on stored traces, newest first, a stretch of them an answer; nextCursor goes on to the end of the store.',
  },
  {
    method: 'GET',
    path: '/api/v1/notebooks',
    access: 'read',
    answer: 'NotebookList',
    handler: listNotebooks,
    summary: 'Notebooks that were saved, changed last first, with who owns them.',
  },
  {
    method: 'POST',
    path: '/api/v1/notebooks',
    access: 'query:install',
    body: 'NotebookRequest',
    answer: 'NotebookView',
    handler: postNotebook,
    summary: 'Saves a new notebook (201) under a name that none has; at most 64 kB of cells.',
  },
  {
    method: 'GET',
    path: '/api/v1/notebooks/{id}',
    access: 'read',
    query: { version: 'an older one of olderVersions; default the newest' },
    answer: 'NotebookView',
    handler: getNotebook,
    summary: 'One notebook.',
  },
  {
    method: 'PUT',
    path: '/api/v1/notebooks/{id}',
    access: 'query:install',
    body: 'NotebookRequest',
    answer: 'NotebookView',
    handler: putNotebook,
    summary:
      'Saves a new version, by its owner or an admin. version says from which it was made: 409 E_NOTEBOOK_CHANGED when that is not the newest.',
  },
  {
    method: 'DELETE',
    path: '/api/v1/notebooks/{id}',
    access: 'query:install',
    answer: 'NotebookRemoved',
    handler: deleteNotebook,
    summary: 'Deletes a notebook with its versions, by its owner or an admin.',
  },
  {
    method: 'GET',
    path: '/api/v1/tools',
    access: 'read',
    summary: 'Deployed tool packages.',
    answer: 'ToolList',
    handler: listTools,
  },
  {
    method: 'GET',
    path: '/api/v1/tools/{name}',
    access: 'read',
    summary: 'One tool package.',
    answer: 'ToolPackage',
    handler: getTool,
  },
  {
    method: 'PUT',
    path: '/api/v1/tools/{name}',
    access: 'tool:deploy',
    body: 'ToolPackage',
    answer: 'Deployed',
    handler: putTool,
    summary: 'Deploys a tool package to all agents, verified first; 422 says why it is refused.',
  },
  {
    method: 'DELETE',
    path: '/api/v1/tools/{name}',
    access: 'tool:deploy',
    summary: 'Removes a tool from all agents.',
    answer: 'Deployed',
    handler: deleteTool,
  },
  {
    method: 'GET',
    path: '/api/v1/sampling',
    access: 'read',
    summary: 'Sampling policies with their use, and the tail rule.',
    answer: 'SamplingList',
    handler: listSampling,
  },
  {
    method: 'GET',
    path: '/api/v1/sampling/{name}',
    access: 'read',
    summary: 'One sampling policy.',
    answer: 'SamplingPolicy',
    handler: getSampling,
  },
  {
    method: 'PUT',
    path: '/api/v1/sampling/{name}',
    access: 'sampling:set',
    body: 'SamplingRequest',
    answer: 'SamplingSet',
    handler: putSampling,
    summary: 'Sets a sampling policy in all agents: which traces are recorded, in what detail, for how long.',
  },
  {
    method: 'DELETE',
    path: '/api/v1/sampling/{name}',
    access: 'sampling:set',
    summary: 'Removes a sampling policy.',
    answer: 'Deployed',
    handler: deleteSampling,
  },
  {
    method: 'GET',
    path: '/api/v1/tail-sampling',
    access: 'read',
    summary: 'The tail rule; 404 = every trace is kept.',
    answer: 'TailRule',
    handler: getTail,
  },
  {
    method: 'PUT',
    path: '/api/v1/tail-sampling',
    access: 'admin',
    body: 'TailRule',
    answer: 'TailRule',
    handler: putTail,
    summary: 'Sets what is kept of the traces that come from now on; the others are deleted.',
  },
  {
    method: 'DELETE',
    path: '/api/v1/tail-sampling',
    access: 'admin',
    summary: 'Removes the tail rule: every trace is kept.',
    answer: 'Any',
    handler: deleteTail,
  },
  {
    method: 'GET',
    path: '/api/v1/kill-switch',
    access: 'read',
    summary: 'Whether agents are switched off.',
    answer: 'KillSwitch',
    handler: getKillSwitch,
  },
  {
    method: 'PUT',
    path: '/api/v1/kill-switch',
    access: 'admin',
    body: 'KillSwitch',
    answer: 'KillSwitch',
    handler: putKillSwitch,
    summary: 'Switches all agents off (they become no-ops) or on again.',
  },
  {
    method: 'GET',
    path: '/api/v1/audit',
    access: 'admin',
    query: { before: 'entries below this seq', limit: '1..1000, default 100' },
    answer: 'Audit',
    handler: readAudit,
    summary: 'Who did what, newest first, hash-chained.',
  },
  {
    method: 'GET',
    path: '/api/v1/tenants',
    access: 'read',
    answer: 'TenantList',
    handler: listTenants,
    summary: 'Tenants: requests a second, latency, their part of each resource.',
  },
  {
    method: 'GET',
    path: '/api/v1/resources',
    access: 'read',
    answer: 'ResourceList',
    handler: listResources,
    summary: 'Resources with a queue, slowest first, and who loads them.',
  },
  {
    method: 'GET',
    path: '/api/v1/points',
    access: 'read',
    answer: 'PointList',
    handler: listPoints,
    summary: 'Control points: what passes of each tenant, and its limit.',
  },
  {
    method: 'GET',
    path: '/api/v1/blame',
    access: 'read',
    answer: 'BlameList',
    handler: listBlame,
    summary: "Who makes whom slow, and where: parts of each tenant's wait, those with targets first.",
  },
  {
    method: 'GET',
    path: '/api/v1/decisions',
    access: 'read',
    query: { policy: 'of this one only', tenant: 'about this one only' },
    answer: 'EpisodeList',
    handler: listEpisodes,
    summary: 'What policies have decided, with reasons, newest first; steps that go the same way are one.',
  },
  {
    method: 'GET',
    path: '/api/v1/control',
    access: 'read',
    answer: 'Control',
    handler: getControl,
    summary: 'Tenants, resources, points, policies, blame and decisions of one moment.',
  },
  {
    method: 'GET',
    path: '/api/v1/control/history',
    access: 'read',
    answer: 'ControlHistory',
    handler: getControlHistory,
    summary: 'The last ten minutes of the tenants and resources that count most, in columns.',
  },
  {
    method: 'GET',
    path: '/api/v1/policy-types',
    access: 'read',
    answer: 'PolicyTypeList',
    handler: listPolicyTypes,
    summary: 'Policies that can be set, with their parameters.',
  },
  {
    method: 'GET',
    path: '/api/v1/policies',
    access: 'read',
    answer: 'PolicyList',
    handler: listPolicies,
    summary: 'Policies that run, what they set, and their last decisions.',
  },
  {
    method: 'GET',
    path: '/api/v1/policies/{name}',
    access: 'read',
    answer: 'Policy',
    handler: getPolicy,
    summary: 'One policy.',
  },
  {
    method: 'PUT',
    path: '/api/v1/policies/{name}',
    access: 'policy:throttle',
    body: 'PolicyDefinition',
    answer: 'Named',
    handler: putPolicy,
    summary: 'Runs a policy under this name; `dryRun` shows what it would do.',
  },
  {
    method: 'DELETE',
    path: '/api/v1/policies/{name}',
    access: 'policy:throttle',
    answer: 'Named',
    handler: deletePolicy,
    summary: 'Removes a policy; everybody it held goes on.',
  },
  {
    method: 'POST',
    path: '/api/v1/tokens',
    access: 'admin',
    body: 'TokenRequest',
    answer: 'TokenCreated',
    handler: createToken,
    summary: 'A token with a name, grants and an end; its secret is told this once.',
  },
  {
    method: 'GET',
    path: '/api/v1/tokens',
    access: 'admin',
    summary: 'Tokens with names, without their secrets.',
    answer: 'TokenList',
    handler: listTokens,
  },
  {
    method: 'DELETE',
    path: '/api/v1/tokens/{id}',
    access: 'admin',
    summary: 'Revokes a token, with the sessions and streams that it opened.',
    answer: 'TokenRevoked',
    handler: revokeToken,
  },
  {
    method: 'POST',
    path: '/agent/v1/hello',
    access: 'agent',
    summary: 'An agent says what it is.',
    body: 'AgentHello',
    answer: 'Ok',
    handler: sayHello,
  },
  {
    method: 'GET',
    path: '/agent/v1/state',
    access: 'agent',
    query: { agent: 'id that said hello' },
    answer: 'SignedState',
    isStream: true,
    handler: streamState,
    summary: 'Signed desired state as server-sent events named state.',
  },
  {
    method: 'POST',
    path: '/agent/v1/report',
    access: 'agent',
    summary: 'Counters of an agent since it started.',
    body: 'AgentReport',
    answer: 'Ok',
    handler: takeReport,
  },
  ...COMPAT_ROUTES,
]

export type Match = { readonly route: Route; readonly params: { readonly [name: string]: string } }

/**
 * The route of a decoded path; the methods it has instead when only the method is wrong; undefined = no such
 * path.
 */
export function matchRoute(
  method: string,
  segments: readonly string[],
): Match | { readonly allow: readonly Method[] } | undefined {
  const allow: Method[] = []
  for (const route of routeTable) {
    const params = paramsOf(route.path, segments)
    if (params === undefined) continue
    if (route.method === method || (method === 'HEAD' && route.method === 'GET')) return { route, params }
    allow.push(route.method)
  }
  return allow.length === 0 ? undefined : { allow }
}

function paramsOf(
  path: string,
  segments: readonly string[],
): { readonly [name: string]: string } | undefined {
  const wanted = path.slice(1).split('/')
  if (wanted.length !== segments.length) return undefined
  const params: { [name: string]: string } = {}
  for (const [index, part] of wanted.entries()) {
    const segment = segments[index] ?? ''
    if (part.startsWith('{')) params[part.slice(1, -1)] = segment
    else if (part !== segment) return undefined
  }
  return params
}
