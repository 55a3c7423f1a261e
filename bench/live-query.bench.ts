// What does a live query cost the people whose system is asked? On the demo's processes, as a user would:
//
//   installed / first rows / removed   ms from the request until every process says so, or a row is there;
//                                      promise: rows within 1.5 s, gone within 1 s
//   throughput while it runs           requests/s of the gateway with the query over those without, of two
//                                      demos in turn; promise: >= 0.97
//   baggage                            bytes that the third query of the replica case (Q7) adds to a request,
//                                      as the datanodes see them in their headers; promise: <= 150
// and on the service of two hops of agent-http, in CPU a request, round by round:
//   60 tuples                          carried against one short value; promise: <= 1.10
//   woven                              against CROSSCUT_WEAVE=none, nobody asking; promise: <= 1.02; beside
//                                      it the peer against itself: what noise alone makes
//
// The Q2 here counts blocks read by whom the request came in at first. Where ratios are given, spread is the
// 95 % interval of their median. CROSSCUT_BENCH_SHORT=1 for a look.

import { setTimeout as sleep } from 'node:timers/promises'
import path from 'node:path'
import type { AgentView, QueryResults, QueryView } from '#protocol'
import { Crosscut, until } from '../test/system/running.ts'
import { startCollector } from './agent-http/fleet.ts'
import { baggageOf } from './agent-http/load.ts'
import { comparedRow, PLAN, Stations, type Subject } from './agent-http/rounds.ts'
import { median, runDirectly, summarize, type BenchRow } from './measure.ts'

const DEMO = path.join(import.meta.dirname, '..', 'demo', 'main.ts')
const POLL_MS = 10
const WIDTH = 8
/** 16 rows of 10 kB: one block on three datanodes. */
const FILE_BYTES = 160 * 1024

const Q2 = `From d In datanode-metrics.ts:DataNodeMetrics.incrBytesRead
  Join g In First(http.server.request.start) On g -> d
  GroupBy d.host, g.service Select d.host, g.service, COUNT, SUM(d.delta)`
const Q7 = `From d In data-transfer.ts:DataTransferProtocol.readBlock
  Join n In namespace.ts:Namespace.getBlockLocations@return On n -> d
  Join g In First(http.server.request.start) On g -> n
  Where g.host != d.host
  GroupBy d.host, n.return.replicas.host Select d.host, n.return.replicas.host, COUNT`
const HEADERS = `From r In http.server.request.start
  Where r.service like "datanode*" and r.method == "GET"
  Select COUNT, SUM(length(r["header.baggage"])) As chars`

export async function bench(): Promise<BenchRow[]> {
  return [...(await onTheDemo()), ...(await onTwoHops())]
}

const common = { bench: 'live-query', peer: null }

async function onTheDemo(): Promise<BenchRow[]> {
  const shelf = await Shelf.start()
  try {
    await shelf.drive(2 * PLAN.turnMs)
    return [...(await arrivals(shelf)), await throughputRow(shelf), await baggageRow(shelf)]
  } finally {
    await shelf.close()
  }
}

type Installed = QueryView & { readonly warnings: readonly string[] }

/** The demo under our own load, watched by a server of its own. */
class Shelf {
  readonly #crosscut = new Crosscut()
  #gateway = ''
  #requests = 0

  static async start(): Promise<Shelf> {
    const shelf = new Shelf()
    const crosscut = await shelf.#crosscut.start()
    const demo = await crosscut.run([DEMO, '--load', '0'], {}, /shelf ready/)
    shelf.#gateway = /shelf ready (\S+)/.exec(demo.output())?.[1] ?? ''
    const body = Buffer.alloc(FILE_BYTES, 'row ')
    const headers = { 'content-type': 'application/octet-stream' }
    await fetch(`${shelf.#gateway}/objects/bench?rid=fill`, { method: 'PUT', body, headers })
    await until(
      async () => (await shelf.agents()).filter(({ report }) => report !== undefined).length >= 7,
      () => 'the processes of the demo are not connected',
    )
    return shelf
  }

  async agents(): Promise<readonly AgentView[]> {
    const { agents } = await this.#crosscut.api<{ agents: readonly AgentView[] }>('/agents')
    return agents.filter(({ isConnected }) => isConnected)
  }

  async install(text: string): Promise<string> {
    const body = JSON.stringify({ text })
    const { id, warnings } = await this.#crosscut.api<Installed>('/queries', { method: 'POST', body })
    // Of a function that is called something else by now no row would ever come.
    if (warnings.length > 0) throw new Error(`the query asks in vain: ${warnings.join('; ')}`)
    return id
  }

  results(id: string): Promise<QueryResults> {
    return this.#crosscut.api<QueryResults>(`/queries/${id}/results`)
  }

  async remove(id: string): Promise<void> {
    await this.#crosscut.api(`/queries/${id}`, { method: 'DELETE' })
  }

  /** Until as many processes have it as are connected. */
  async everywhere(id: string): Promise<void> {
    await poll(async () => {
      const { installed, connected } = (await this.results(id)).coverage
      return installed >= connected
    })
  }

  /** Until no process has it. */
  async gone(id: string): Promise<void> {
    const hasIt = ({ report }: AgentView): boolean =>
      report?.packages.some(({ name }) => name.endsWith(id)) === true
    await poll(async () => !(await this.agents()).some(hasIt))
  }

  /** As many requests for rows as the gateway answers in `ms`; a second. */
  async drive(ms: number): Promise<number> {
    const startMs = performance.now()
    let answered = 0
    const client = async (): Promise<void> => {
      while (performance.now() - startMs < ms) {
        this.#requests += 1
        const row = this.#requests % 16
        const answer = await fetch(`${this.#gateway}/rows/bench/${row}?rid=b${this.#requests}`)
        if (!answer.ok) throw new Error(`the gateway answered ${answer.status}`)
        await answer.arrayBuffer()
        answered += 1
      }
    }
    await Promise.all(Array.from({ length: WIDTH }, client))
    return (answered * 1000) / (performance.now() - startMs)
  }

  close(): Promise<void> {
    return this.#crosscut.close()
  }
}

async function poll(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await sleep(POLL_MS)
}

/** Under load, so that there is something to count. */
async function arrivals(shelf: Shelf): Promise<BenchRow[]> {
  const isOver = { value: false }
  const measuring = comeAndGo(shelf).finally(() => (isOver.value = true))
  const [rows] = await Promise.all([measuring, keepDriving(shelf, isOver)])
  return rows
}

async function comeAndGo(shelf: Shelf): Promise<BenchRow[]> {
  const installed: number[] = []
  const rows: number[] = []
  const removed: number[] = []
  for (let run = 0; run < PLAN.rounds; run++) {
    const askedMs = performance.now()
    const id = await shelf.install(Q2)
    await shelf.everywhere(id)
    installed.push(performance.now() - askedMs)
    await poll(async () => (await shelf.results(id)).rows.length > 0)
    rows.push(performance.now() - askedMs)
    const doneMs = performance.now()
    await shelf.remove(id)
    await shelf.gone(id)
    removed.push(performance.now() - doneMs)
  }
  const row = (metric: string, values: readonly number[]): BenchRow => ({
    ...common,
    metric,
    subject: 'Q2',
    unit: 'ms',
    ...summarize(values),
    peer: null,
  })
  return [row('installed everywhere', installed), row('first rows', rows), row('removed everywhere', removed)]
}

async function keepDriving(shelf: Shelf, isOver: { readonly value: boolean }): Promise<void> {
  while (!isOver.value) await shelf.drive(200)
}

/** Short, and many: what is compared are neighbours in time, for the machine's own pace drifts in seconds. */
const TURN_MS = PLAN.turnMs / 4
const ROUNDS = PLAN.rounds * 3
/** What is woven is compiled anew as it gets warm: so many turns of each demo do not count. */
const WARM_TURNS = PLAN.rounds * 2

/**
 * Two demos in turn, one of them asked; then the other one, for two of the same differ for as long as they
 * live. A round's value is the geometric mean of both demos asked, its peer that of both not asked.
 */
async function throughputRow(one: Shelf): Promise<BenchRow> {
  const other = await Shelf.start()
  try {
    const before = await inTurn(one, other)
    const after = await inTurn(other, one)
    const both = (a: readonly number[], b: readonly number[]): number[] =>
      a.map((value, i) => Math.sqrt(value * (b[i] ?? Number.NaN)))
    return comparedRow({
      bench: 'live-query',
      metric: 'gateway throughput',
      subject: 'Q2 runs',
      unit: 'req/s',
      peer: 'no query',
      values: both(before.asked, after.asked),
      peers: both(before.peers, after.peers),
    })
  } finally {
    await other.close()
  }
}

type Turns = { readonly asked: number[]; readonly peers: number[] }

async function inTurn(shelf: Shelf, peer: Shelf): Promise<Turns> {
  const id = await shelf.install(Q2)
  await shelf.everywhere(id)
  const asked: number[] = []
  const peers: number[] = []
  for (let turn = 0; turn < WARM_TURNS + ROUNDS; turn++) {
    if (turn % 2 === 0) peers.push(await peer.drive(TURN_MS))
    asked.push(await shelf.drive(TURN_MS))
    if (turn % 2 === 1) peers.push(await peer.drive(TURN_MS))
  }
  await shelf.remove(id)
  await shelf.gone(id)
  return { asked: asked.slice(WARM_TURNS), peers: peers.slice(WARM_TURNS) }
}

/** The header as it arrives, with Q7 and without; base64 has four characters for three bytes. */
async function baggageRow(shelf: Shelf): Promise<BenchRow> {
  const without = await headerBytes(shelf, PLAN.turnMs)
  const id = await shelf.install(Q7)
  await shelf.everywhere(id)
  const added = (await headerBytes(shelf, PLAN.turnMs)) - without
  await shelf.remove(id)
  return {
    ...common,
    metric: 'baggage a request',
    subject: 'Q7',
    unit: 'bytes',
    ...summarize([added]),
    peer: null,
  }
}

async function headerBytes(shelf: Shelf, ms: number): Promise<number> {
  const id = await shelf.install(HEADERS)
  await shelf.everywhere(id)
  await shelf.drive(ms)
  await poll(async () => (await shelf.results(id)).rows.length > 0)
  const [{ COUNT, chars }] = (await shelf.results(id)).rows
  await shelf.remove(id)
  await shelf.gone(id)
  return (Number(chars ?? 0) / Number(COUNT)) * 0.75
}

async function onTwoHops(): Promise<BenchRow[]> {
  const collector = await startCollector()
  const tuples = Array.from({ length: 60 }, (_, i) => `tuple ${i} 0123456`)
  try {
    return [
      ...(await cpuRows(collector.url, 'one short value', { name: 'traced' }, [
        ['60 tuples carried', { name: 'traced', baggage: baggageOf(tuples) }],
      ])),
      ...(await cpuRows(collector.url, 'not woven', { name: 'not woven' }, [
        ['woven', { name: 'woven' }],
        ['not woven (A/A)', { name: 'not woven' }],
      ])),
    ]
  } finally {
    await collector.close()
  }
}

async function cpuRows(
  collector: string,
  peer: string,
  peerSubject: Subject,
  subjects: readonly (readonly [name: string, subject: Subject])[],
): Promise<BenchRow[]> {
  const stations = await Stations.open([peerSubject, ...subjects.map(([, subject]) => subject)], collector)
  try {
    const [rates = []] = await stations.throughput()
    const [peers, ...values] = await stations.cpu(median(rates) / 2)
    const named = { bench: 'live-query', metric: 'cpu per request', unit: 'us', peer }
    return subjects.map(([subject], i) => comparedRow({ ...named, subject, values: values[i], peers }))
  } finally {
    await stations.close()
  }
}

await runDirectly(import.meta.url, bench)
