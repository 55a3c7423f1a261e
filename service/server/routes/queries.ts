// Live queries, and the same over stored traces.

import { askPast, deleteQuery, listQueries, postQuery, queryResults } from '../handlers/queries.ts'
import type { Route } from './route.ts'

export const QUERIES_ROUTES: readonly Route[] = [
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
]
