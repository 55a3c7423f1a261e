// A front and a back as real processes under one subject, and the collector that all subjects export to.

import { fork, type ChildProcess } from 'node:child_process'
import { createServer, type Server } from 'node:http'
import { fileURLToPath } from 'node:url'

const SERVICE = fileURLToPath(new URL('./service.cjs', import.meta.url))
const REGISTER = new URL('../../process/agent/register.ts', import.meta.url).href

export type SubjectName = 'plain' | 'traced' | 'baggage only' | 'opentelemetry' | 'woven' | 'not woven'

/** How each subject's users would start the service. */
function argumentsOf(subject: SubjectName): readonly string[] {
  switch (subject) {
    case 'plain':
      return []
    case 'traced':
    case 'baggage only':
    case 'woven':
    case 'not woven':
      return ['--import', REGISTER]
    case 'opentelemetry':
      return ['--require', '@opentelemetry/auto-instrumentations-node/register']
  }
}

function environmentOf(subject: SubjectName, collector: string): NodeJS.ProcessEnv {
  const quiet = {
    OTEL_METRICS_EXPORTER: 'none',
    OTEL_LOGS_EXPORTER: 'none',
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
  }
  const exporting = { OTEL_EXPORTER_OTLP_ENDPOINT: collector, OTEL_SERVICE_NAME: 'bench', ...quiet }
  return {
    ...process.env,
    NODE_OPTIONS: '',
    ...exporting,
    ...(subject === 'baggage only' ? { OTEL_TRACES_EXPORTER: 'none' } : {}),
    ...(subject === 'woven' ? LISTENING : {}),
    ...(subject === 'not woven' ? { ...LISTENING, CROSSCUT_WEAVE: 'none' } : {}),
  }
}

/** To a control plane that is not there: who listens to none weaves nothing. */
const LISTENING = { CROSSCUT_SERVER: 'http://127.0.0.1:9', CROSSCUT_TOKEN: 'bench.fingerprint' }

export type Usage = { readonly cpuMicros: number; readonly requests: number }

/** Two processes under one subject. `usage` sums both. */
export class Fleet {
  readonly subject: SubjectName
  readonly port: number
  readonly #children: readonly ChildProcess[]

  private constructor(subject: SubjectName, port: number, children: readonly ChildProcess[]) {
    this.subject = subject
    this.port = port
    this.#children = children
  }

  static async start(
    subject: SubjectName,
    collector: string,
    execArgv: readonly string[] = [],
  ): Promise<Fleet> {
    const launch = (args: readonly string[]) =>
      fork(SERVICE, args, {
        execArgv: [...execArgv, ...argumentsOf(subject)],
        env: environmentOf(subject, collector),
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      })
    const back = launch([])
    const backPort = await portOf(back)
    const front = launch([`http://127.0.0.1:${backPort}`])
    return new Fleet(subject, await portOf(front), [front, back])
  }

  async usage(): Promise<Usage> {
    const [front, back] = await Promise.all(this.#children.map(usageOf))
    return { cpuMicros: (front?.cpuMicros ?? 0) + (back?.cpuMicros ?? 0), requests: front?.requests ?? 0 }
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.#children.map(
        (child) =>
          new Promise((resolve) => {
            child.once('exit', resolve)
            child.disconnect()
          }),
      ),
    )
  }
}

function portOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the service ended with ${code} before it listened`)))
    child.once('message', (message: { readonly port: number }) => resolve(message.port))
  })
}

function usageOf(child: ChildProcess): Promise<Usage> {
  return new Promise((resolve) => {
    child.once('message', (message: Usage) => resolve(message))
    child.send('usage')
  })
}

export type Collector = { readonly url: string; readonly bytes: () => number; close(): Promise<void> }

/** Takes everything and keeps nothing. */
export async function startCollector(): Promise<Collector> {
  let bytes = 0
  const server: Server = createServer((request, response) => {
    request.on('data', (chunk: Buffer) => (bytes += chunk.length))
    request.on('end', () => response.end())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    url: `http://127.0.0.1:${port}`,
    bytes: () => bytes,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
