// Starts everything, in the order that lets the port listen first: folder and keys, listener, then the
// pipeline behind it.
//
//   openDataDir -> listener (reads answer 503) -> pipeline (ingest, workers, store) -> DIR/server.json
// Closing goes the other way. Nothing needs it: after kill -9 the next start finds whole files, an intact log
// and a free lock.

import { rmSync } from 'node:fs'
import type { Server } from 'node:http'
import path from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { nodeClock } from '#log'
import type { TailRule } from '#protocol'
import { Agents } from './agents.ts'
import { AuditLog } from './audit.ts'
import { openDataDir, type DataDir } from './data-dir.ts'
import { Datasets } from './datasets.ts'
import { DesiredStateStore } from './desired-state.ts'
import { startTrouble } from './disk-trouble.ts'
import type { Services } from './exchange.ts'
import { replaceFile } from './files.ts'
import { Identity } from './identity.ts'
import { CLOSE_MS_MAX } from './limits.ts'
import { createListener } from './listener.ts'
import { LiveTraces } from './live.ts'
import { PipelineHistory } from './pipeline-history.ts'
import { Notebooks } from './notebooks.ts'
import { readConfig, type Config, type ServerOptions } from './options.ts'
import type { Pipeline, PipelineOptions } from './pipeline.ts'
import { listen } from './port-holder.ts'
import { Queries } from './queries.ts'
import { Sampling } from './sampling.ts'
import { StaticFiles } from './static-files.ts'
import { Throttling } from './throttling.ts'
import { Tokens } from './tokens.ts'

export type { ServerOptions } from './options.ts'

export type ServerHandle = {
  /** `http://127.0.0.1:7070`, without a slash at the end. */
  readonly url: string
  readonly otlpUrl: string
  /** Absent = the pipeline has none. */
  readonly otlpGrpcUrl?: string
  readonly dataDir: string
  readonly adminToken: string
  readonly agentToken: string
  /** What pages send by; absent = none may. */
  readonly pageKey?: string
  /** Works once. */
  newLoginUrl(): string
  close(): Promise<void>
}

/** What tests replace: the pipeline behind the reader. */
export type Parts = { readonly startPipeline: (options: PipelineOptions) => Promise<Pipeline> }

/** Loaded after the port listens: the engine's client and the decoders are most of what there is to load. */
const WHOLE: Parts = {
  startPipeline: async (options) => (await import('./pipeline.ts')).startPipeline(options),
}

const WEB = fileURLToPath(new URL('../../face/web/dist', import.meta.url))

/** Errors: E_CONFIG, E_PORT_BUSY, E_DATA_LOCKED, _DAMAGED, _FULL, _ACCESS; those of the log. */
export async function startServer(
  options: ServerOptions = {},
  env: { readonly [name: string]: string | undefined } = process.env,
  parts: Parts = WHOLE,
): Promise<ServerHandle> {
  const config = readConfig(options, env)
  // Wherever it was asked for: a variable or a file is forgotten sooner than a flag.
  if (config.insecureNoAuth)
    config.log('WARNING: --insecure-no-auth: whoever reaches this port is admin. For tests only.')
  try {
    return await startOn(config, parts)
  } catch (error: unknown) {
    throw startTrouble(config.dataDir, error)
  }
}

async function startOn(config: Config, parts: Parts): Promise<ServerHandle> {
  const dataDir = await openDataDir(config.dataDir, config.tokenFile)
  const loopDelay = monitorEventLoopDelay({ resolution: 5 })
  let pipeline: Pipeline | undefined
  let live: LiveTraces | undefined
  const services = await orRelease(dataDir, () => {
    const control = controlPlane(dataDir, (rule) => pipeline?.setTail(rule))
    return {
      config,
      dataDir,
      nowMs: Date.now,
      files: new StaticFiles(WEB),
      ...control,
      pipelineHistory: new PipelineHistory({
        metrics: async () => (await pipeline?.metrics()) ?? [],
        agents: () => control.agents.views(),
        parts: () => pipeline?.parts() ?? [],
        nowMs: Date.now,
      }),
      ...whoMayCome(dataDir, config),
      datasets: new Datasets({
        file: path.join(dataDir.dir, 'datasets.json'),
        featuresDir: path.join(dataDir.dir, 'features'),
        nowMs: Date.now,
      }),
      notebooks: new Notebooks({ dir: path.join(dataDir.dir, 'notebooks'), nowMs: Date.now }),
      audit: new AuditLog(path.join(dataDir.dir, 'audit.log'), Date.now),
      loopDelay,
      counts: { requests: 0, errors: 0, refused: 0 },
      pipeline: () => pipeline,
      live: () => live,
    }
  })
  const listener = createListener(services)
  const close = async (): Promise<void> => {
    loopDelay.disable()
    live?.close()
    services.pipelineHistory.close()
    await closeListener(listener)
    await pipeline?.close()
    services.queries.close()
    services.throttling.close()
    services.datasets.close()
    services.sampling.close()
    services.tokens.close()
    services.state.close()
    services.audit.close()
    rmSync(path.join(dataDir.dir, 'server.json'), { force: true })
    await dataDir.release()
  }
  try {
    const port = await listen(listener, {
      host: config.host,
      port: config.port,
      isAuto: config.autoPort,
      flag: '--port',
    })
    const pageKey = config.otlpOrigins.length === 0 ? undefined : dataDir.pageKey()
    pipeline = await parts.startPipeline({
      config,
      clock: nodeClock,
      agentToken: dataDir.agentToken,
      pageKey,
      datasets: services.datasets,
      tail: services.sampling.tail,
    })
    // Somebody may have set another meanwhile.
    pipeline.setTail(services.sampling.tail)
    // From here on: loading modules blocks, serving must not.
    loopDelay.enable()
    services.pipelineHistory.start()
    live = new LiveTraces(pipeline.reads, nodeClock.nowNs)
    const url = urlOf(config.host, port)
    const otlpUrl = urlOf(config.host, pipeline.otlp.port)
    const { grpcPort } = pipeline.otlp
    const otlpGrpcUrl = grpcPort === undefined ? undefined : urlOf(config.host, grpcPort)
    replaceFile(
      path.join(dataDir.dir, 'server.json'),
      `${JSON.stringify({ url, otlpUrl, otlpGrpcUrl, pid: process.pid }, null, 2)}\n`,
    )
    services.audit.add('server', 'start', { url, otlpUrl, pid: process.pid })
    let closing: Promise<void> | undefined
    return {
      url,
      otlpUrl,
      ...(otlpGrpcUrl === undefined ? {} : { otlpGrpcUrl }),
      dataDir: dataDir.dir,
      adminToken: dataDir.adminToken,
      ...(pageKey === undefined ? {} : { pageKey }),
      agentToken: dataDir.agentToken,
      newLoginUrl: () => `${url}/login?token=${services.identity.newLoginToken()}`,
      close: () => (closing ??= close()),
    }
  } catch (error: unknown) {
    await close()
    throw error
  }
}

/** Agents, what they shall be, and what they are asked. */
function controlPlane(
  dataDir: DataDir,
  onTail: (rule: TailRule | undefined) => void,
): Pick<Services, 'agents' | 'state' | 'queries' | 'sampling' | 'throttling'> {
  const agents = new Agents(Date.now)
  const state = new DesiredStateStore(dataDir, Date.now)
  const queries = new Queries({
    file: path.join(dataDir.dir, 'queries.json'),
    agents,
    nowMs: Date.now,
    onChange: (packages) => state.lease(packages),
  })
  const sampling = new Sampling({
    file: path.join(dataDir.dir, 'sampling.json'),
    agents,
    nowMs: Date.now,
    onChange: (isNew) => state.sampleAnew(isNew),
    onTail,
  })
  state.sampleBy((agent) => sampling.stateFor(agent))
  const monotonicMs = () => performance.now()
  const throttling = new Throttling({ dataDir, agents, nowMs: Date.now, monotonicMs })
  return { agents, state, queries, sampling, throttling }
}

function whoMayCome(dataDir: DataDir, { insecureNoAuth }: Config): Pick<Services, 'identity' | 'tokens'> {
  const nowMs = Date.now
  const tokens = new Tokens({ file: path.join(dataDir.dir, 'tokens.json'), nowMs })
  return { tokens, identity: new Identity({ secrets: dataDir, tokens, insecureNoAuth, nowMs }) }
}

async function orRelease(dataDir: DataDir, make: () => Services): Promise<Services> {
  try {
    return make()
  } catch (error: unknown) {
    await dataDir.release()
    throw error
  }
}

/** 0.0.0.0 is where to listen, not where to go. */
function urlOf(host: string, port: number): string {
  const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host
  return `http://${name}:${port}`
}

/** Answers under way get their time; streams and idle connections are ended. */
function closeListener(listener: Server): Promise<void> {
  return new Promise((resolve) => {
    if (!listener.listening) return resolve()
    const cutOff = setTimeout(() => listener.closeAllConnections(), CLOSE_MS_MAX)
    listener.close(() => {
      clearTimeout(cutOff)
      resolve()
    })
    listener.closeIdleConnections()
    // Streams of agents never end by themselves; they reconnect to whoever comes next.
    setTimeout(() => listener.closeAllConnections(), 200)
  })
}
