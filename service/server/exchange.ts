// What a handler gets: one request that passed the gate, and the services it may use.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Agents } from './agents.ts'
import type { AuditLog } from './audit.ts'
import type { Datasets } from './datasets.ts'
import type { DataDir } from './data-dir.ts'
import type { DesiredStateStore } from './desired-state.ts'
import type { Caller } from './grants.ts'
import type { Identity } from './identity.ts'
import type { LiveTraces } from './live.ts'
import type { Notebooks } from './notebooks.ts'
import type { Config } from './options.ts'
import type { Pipeline } from './pipeline.ts'
import type { PipelineHistory } from './pipeline-history.ts'
import type { Queries } from './queries.ts'
import type { Sampling } from './sampling.ts'
import type { StaticFiles } from './static-files.ts'
import type { Throttling } from './throttling.ts'
import type { Tokens } from './tokens.ts'

export type Services = {
  readonly config: Config
  readonly dataDir: DataDir
  readonly identity: Identity
  readonly tokens: Tokens
  readonly agents: Agents
  readonly state: DesiredStateStore
  readonly queries: Queries
  readonly datasets: Datasets
  readonly notebooks: Notebooks
  readonly throttling: Throttling
  readonly sampling: Sampling
  readonly audit: AuditLog
  readonly files: StaticFiles
  readonly nowMs: () => number
  /** undefined until the pipeline has started: reads answer 503 E_STARTING, /readyz says so. */
  pipeline(): Pipeline | undefined
  live(): LiveTraces | undefined
  readonly pipelineHistory: PipelineHistory
  /** ns histogram of the main event loop since the start. */
  readonly loopDelay: ReturnType<typeof monitorEventLoopDelay>
  readonly counts: { requests: number; errors: number; refused: number }
}

export type Exchange = {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** By the names in the route's path. */
  readonly params: { readonly [name: string]: string }
  readonly query: URLSearchParams
  /** The Host header, checked. */
  readonly host: string
  /** Nobody in particular, where a route is for all. */
  readonly caller: Caller
}

export type Handler = (exchange: Exchange, services: Services) => Promise<void> | void
