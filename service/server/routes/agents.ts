// What agents ask and report, and what is known of them.

import { listAgents, listTracepoints, sayHello, streamState, takeReport } from '../handlers/agents.ts'
import type { Route } from './route.ts'

export const AGENTS_ROUTES: readonly Route[] = [
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
]
