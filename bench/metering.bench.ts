// What do meters and gates cost a service whose requests take about 1 ms of CPU, while no policy acts? (E13.)
//
//                 traces  server  tenants
//   plain                                     without the agent; twice, for what two of the same differ by
//   propagated                        x       baggage alone: each request names one of 20 tenants
//   counters                  x               requests, gates, points, bytes, reports each second
//   metered                   x       x       and CPU, loop, threads, told apart by tenant, duty-cycled
//   traced           x
//   traced, metered  x        x       x
//
// Metered beside plain is what is promised, metered beside counters what telling CPU apart adds; the last two
// are for who traces anyway. The service's own CPU, all threads, at a fixed load of 300 requests a second:
// reports and timers are in it. Real server, real reports. Several instances of each, warm-up, turns and
// lead-ins as in agent-http: before V8 has compiled all of it, compiling costs more than what is measured.
// Two that are compared have their turn at once: one after the other, half of the ratios of two that are
// alike lay within 0.06, at once those of others within 0.02. CROSSCUT_BENCH_SHORT=1 for a look.

import { fork, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { startServer, type ServerHandle } from '#server'
import { memoryPipeline } from '../service/server/memory-pipeline.fixture.ts'
import { Load } from './agent-http/load.ts'
import { comparedRow, PLAN } from './agent-http/rounds.ts'
import { runDirectly, type BenchRow } from './measure.ts'

const SERVICE = fileURLToPath(new URL('./metering/service.mjs', import.meta.url))
const REGISTER = new URL('../process/agent/register.ts', import.meta.url).href
const PER_SECOND = 300
const CPU_MS = 1
const WIDTH = 16
/** There are seven pairs: half of agent-http's instances and fewer rounds are six minutes. */
const INSTANCES = Math.ceil(PLAN.instances / 2)
const ROUNDS = Math.ceil(PLAN.rounds * 0.75)

type Setup = { readonly traces?: true; readonly server?: true; readonly tenants?: true }

/** undefined: no agent. */
const SUBJECTS = {
  plain: undefined,
  'plain again': undefined,
  propagated: { tenants: true },
  counters: { server: true },
  metered: { server: true, tenants: true },
  traced: { traces: true },
  'traced, metered': { traces: true, server: true, tenants: true },
} as const satisfies Readonly<Record<string, Setup | undefined>>

type Subject = keyof typeof SUBJECTS
const NAMES = Object.keys(SUBJECTS) as Subject[]

const PAIRS: readonly (readonly [Subject, Subject])[] = [
  ['plain again', 'plain'],
  ['metered', 'plain'],
  ['metered', 'counters'],
  ['counters', 'propagated'],
  ['propagated', 'plain'],
  ['traced', 'plain'],
  ['traced, metered', 'traced'],
]

export async function bench(): Promise<BenchRow[]> {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'crosscut-bench-metering-'))
  const { parts } = memoryPipeline([])
  const server = await startServer({ dataDir, port: 0, otlpPort: 0 }, {}, parts)
  const services: Service[] = []
  try {
    const bytes = bytesForOneRequest()
    for (let i = 0; i < INSTANCES; i++)
      for (const subject of NAMES) services.push(await Service.start(subject, { bytes, server }))
    for (const service of services) await service.warmUp()
    const values = await rounds(services)
    return PAIRS.map(([subject, peer], i) =>
      comparedRow({
        bench: 'metering',
        metric: 'cpu per request of 1 ms',
        subject,
        unit: 'us',
        peer,
        values: values[i]?.own,
        peers: values[i]?.peers,
      }),
    )
  } finally {
    for (const service of services) await service.stop()
    await server.close()
    rmSync(dataDir, { recursive: true, force: true })
  }
}

type Values = { readonly own: number[]; readonly peers: number[] }

/** Each pair has its turn in each round, both at the same time: what the machine does meanwhile hits both. */
async function rounds(services: readonly Service[]): Promise<readonly Values[]> {
  const values = PAIRS.map((): Values => ({ own: [], peers: [] }))
  const at = (subject: Subject, instance: number) =>
    services.filter((service) => service.subject === subject)[instance]?.cpuMicros(PLAN.turnMs) ?? Number.NaN
  for (let round = 0; round < ROUNDS; round++)
    for (const [i, [subject, peer]] of PAIRS.entries()) {
      const instance = round % INSTANCES
      const [own, beside] = await Promise.all([at(subject, instance), at(peer, instance)])
      values[i]?.own.push(own)
      values[i]?.peers.push(beside)
    }
  return values
}

/** So many that hashing them takes the CPU time of a request, here and now. */
function bytesForOneRequest(): number {
  const piece = Buffer.alloc(64 * 1024, 'crosscut')
  const hash = () => createHash('sha256').update(piece).digest('hex')
  for (let i = 0; i < 500; i++) hash()
  const before = process.cpuUsage()
  for (let i = 0; i < 2_000; i++) hash()
  const { user, system } = process.cpuUsage(before)
  return Math.round((piece.length * CPU_MS * 1000) / ((user + system) / 2_000))
}

type Message = { readonly port: number; readonly cpuMicros: number; readonly requests: number }

class Service {
  readonly subject: Subject
  readonly #child: ChildProcess
  readonly #load: Load

  private constructor(subject: Subject, child: ChildProcess, port: number) {
    this.subject = subject
    this.#child = child
    this.#load = new Load(port, '')
  }

  static async start(
    subject: Subject,
    { bytes, server }: { readonly bytes: number; readonly server: ServerHandle },
  ): Promise<Service> {
    const setup: Setup | undefined = SUBJECTS[subject]
    const child = fork(SERVICE, [String(bytes), setup?.tenants ? 'named' : ''], {
      execArgv: setup === undefined ? [] : ['--import', REGISTER],
      env: {
        ...process.env,
        NODE_OPTIONS: '',
        OTEL_SERVICE_NAME: subject,
        OTEL_EXPORTER_OTLP_ENDPOINT: server.otlpUrl,
        ...(setup?.traces ? {} : { OTEL_TRACES_EXPORTER: 'none' }),
        ...(setup?.server
          ? { CROSSCUT_SERVER: server.url, CROSSCUT_TOKEN: server.agentToken, CROSSCUT_WEAVE: 'none' }
          : {}),
      },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    const { port } = await said(child)
    return new Service(subject, child, port)
  }

  async warmUp(): Promise<void> {
    this.#load.path = '/warm/'
    for (let answered = 0; answered < PLAN.warmUpRequests;)
      answered += (await this.#load.saturate(PLAN.turnMs, WIDTH)).answered
    this.#load.path = '/order/'
  }

  /** Of one request, at a fixed load for so long after the lead-in. */
  async cpuMicros(ms: number): Promise<number> {
    await this.#load.pace(PLAN.leadMs, PER_SECOND)
    const before = await this.#usage()
    const answered = await this.#load.pace(ms, PER_SECOND)
    const after = await this.#usage()
    const served = after.requests - before.requests
    if (served !== answered) throw new Error(`${this.subject}: ${answered} answered, ${served} served`)
    return (after.cpuMicros - before.cpuMicros) / served
  }

  #usage(): Promise<Message> {
    const answer = said(this.#child)
    this.#child.send('usage')
    return answer
  }

  async stop(): Promise<void> {
    this.#load.close()
    const gone = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.disconnect()
    await gone
  }
}

function said(child: ChildProcess): Promise<Message> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null) => reject(new Error(`the service ended with ${code}`))
    child.once('exit', ended)
    child.once('message', (message: Message) => {
      child.off('exit', ended)
      resolve(message)
    })
  })
}

await runDirectly(import.meta.url, bench)
