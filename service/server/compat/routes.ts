// The routes of other systems' APIs. Both have an /api/traces/{id}, so each has a prefix: a data source's URL
// takes a path.

import type { Route } from '../routes/route.ts'
import {
  jaegerDependencies,
  jaegerOperations,
  jaegerSearch,
  jaegerServiceOperations,
  jaegerServices,
  jaegerTraceById,
} from './jaeger.ts'
import {
  tempoBuildInfo,
  tempoEcho,
  tempoSearch,
  tempoTagsV1,
  tempoTagsV2,
  tempoTraceV1,
  tempoTraceV2,
  tempoValuesV1,
  tempoValuesV2,
} from './tempo.ts'

type CompatRoute = Pick<Route, 'path' | 'summary' | 'handler'> & Partial<Pick<Route, 'query' | 'answer'>>

const JAEGER_SEARCH = {
  service: 'required, but with traceID',
  operation: 'name of a span of it',
  tag: 'key:value, many times',
  tags: '{"key":"value"}',
  minDuration: 'of that span: 100ms, 1.5s',
  maxDuration: 'longest',
  start: 'us since the epoch',
  end: 'us since the epoch, default now',
  lookback: 'before the end, where start is missing: 1h, 2d',
  limit: 'default 20, at most 200',
  traceID: 'these traces instead, up to 20',
  prettyPrint: 'ignored',
  raw: 'ignored',
}
const RANGE = { start: 's since the epoch', end: 's since the epoch' }
const VALUES = { ...RANGE, q: 'values on spans that this selector finds', limit: 'default 1000' }
const TAGS = {
  ...RANGE,
  scope: 'span, resource, event, link, instrumentation or intrinsic',
  limit: 'ignored',
}

const ROUTES: readonly CompatRoute[] = [
  { path: '/jaeger/api/services', summary: 'Jaeger: names of services.', handler: jaegerServices },
  {
    path: '/jaeger/api/services/{service}/operations',
    summary: 'Jaeger: names of spans of a service.',
    handler: jaegerServiceOperations,
  },
  {
    path: '/jaeger/api/operations',
    summary: 'Jaeger: names of spans with their kinds.',
    query: { service: 'whose', spanKind: 'server, client, ...' },
    handler: jaegerOperations,
  },
  {
    path: '/jaeger/api/traces',
    summary: 'Jaeger: whole traces that have a span which fits.',
    query: JAEGER_SEARCH,
    handler: jaegerSearch,
  },
  { path: '/jaeger/api/traces/{traceId}', summary: 'Jaeger: one trace.', handler: jaegerTraceById },
  {
    path: '/jaeger/api/dependencies',
    summary: 'Jaeger: which service calls which.',
    query: { endTs: 'ms since the epoch, default now', lookback: 'ms, default a day' },
    handler: jaegerDependencies,
  },
  {
    path: '/api/traces',
    summary:
      'The search of /jaeger/api/traces, for Grafana 12.0.2 to 12.1, which leaves the path of its URL out.',
    query: JAEGER_SEARCH,
    handler: jaegerSearch,
  },
  { path: '/tempo/api/echo', summary: 'Tempo: it is here.', answer: 'text', handler: tempoEcho },
  {
    path: '/tempo/api/status/buildinfo',
    summary: 'Tempo: the version whose API this is.',
    handler: tempoBuildInfo,
  },
  {
    path: '/tempo/api/traces/{traceId}',
    summary: 'Tempo: one trace, OTLP/JSON, or protobuf with Accept: application/protobuf.',
    query: RANGE,
    handler: tempoTraceV1,
  },
  {
    path: '/tempo/api/v2/traces/{traceId}',
    summary: 'Tempo: the same in an envelope that says whether it is whole.',
    query: RANGE,
    handler: tempoTraceV2,
  },
  {
    path: '/tempo/api/search',
    summary: 'Tempo: traces by TraceQL, or by tags and durations.',
    query: {
      ...RANGE,
      q: 'TraceQL',
      tags: 'logfmt: key=value key2="value 2"',
      minDuration: 'of the trace: 100ms',
      maxDuration: 'longest',
      limit: 'default 20, at most 1000',
      spss: 'spans told of each spanset, default 3',
    },
    handler: tempoSearch,
  },
  { path: '/tempo/api/search/tags', summary: 'Tempo: names of tags.', query: TAGS, handler: tempoTagsV1 },
  {
    path: '/tempo/api/v2/search/tags',
    summary: 'Tempo: names of tags by scope.',
    query: TAGS,
    handler: tempoTagsV2,
  },
  {
    path: '/tempo/api/search/tag/{tag}/values',
    summary: 'Tempo: values of a tag.',
    query: VALUES,
    handler: tempoValuesV1,
  },
  {
    path: '/tempo/api/v2/search/tag/{tag}/values',
    summary: 'Tempo: values of a field of TraceQL, with their types.',
    query: VALUES,
    handler: tempoValuesV2,
  },
]

export const COMPAT_ROUTES: readonly Route[] = ROUTES.map((route) => ({
  method: 'GET',
  access: 'read',
  answer: 'Any',
  ...route,
}))
