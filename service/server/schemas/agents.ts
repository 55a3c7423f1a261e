// Schemas of routes/agents.ts.

import { count, flag, list, map, number, object, ref, text, type Schema } from './terms.ts'

const tracepoint = object({ name: text, vars: list(text) })

const packageState = object({ name: text, version: count, 'error?': text, 'held?': count })

const lastError = object({ where: text, code: text, message: text, timeMs: number })

export const AGENTS_SCHEMAS = {
  AgentHello: object({
    agent: text,
    service: text,
    pid: count,
    host: text,
    nodeVersion: text,
    agentVersion: text,
    startedMs: number,
    resource: map(text),
    tracepoints: list(tracepoint),
  }),
  AgentReport: object({
    agent: text,
    epoch: text,
    seq: count,
    timeMs: number,
    stateVersion: count,
    'woven?': list(text),
    packages: list(packageState),
    'results?': list(
      object({
        tool: text,
        version: count,
        result: text,
        hits: number,
        groups: list(list({})),
        otherRows: number,
        overflows: number,
      }),
    ),
    spans: object({ emitted: count, sent: count, dropped: count, queued: count }),
    drops: map(count),
    budget: object({ adviceNs: number, adviceRuns: number, isTripped: flag }),
    eventLoopDelayMsP99: number,
    rssBytes: number,
    'lastError?': lastError,
  }),
  AgentView: {
    allOf: [
      ref('AgentHello'),
      object({ isConnected: flag, lastSeenMs: number, 'report?': ref('AgentReport') }),
    ],
  },
  AgentList: object({ agents: list(ref('AgentView')) }),
  TracepointList: object({
    tracepoints: list(
      object({
        name: text,
        vars: list(text),
        agents: count,
        services: list(text),
        'lines?': list(count),
        'sources?': list(text),
      }),
    ),
  }),
  SignedState: object({ payload: text, signature: text, publicKey: text }),
} satisfies { readonly [name: string]: Schema }
