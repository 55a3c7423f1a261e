// What does a live query cost the people whose system is asked? On the demo's processes, as a user would:
//
//   installed / first rows / removed   ms from the request until every process says so, or a row is there;
//                                      promise: rows within 1.5 s, gone within 1 s
//   cpu per request of the demo        with the query over without, of two demos at the same time
//                                      (live-query/cost.ts); promise: gateway throughput >= 0.97, so <= 1.031
//   baggage                            bytes that the third query of the replica case (Q7) adds to a request,
//                                      as the datanodes see them in their headers; promise: <= 150
// and on the service of two hops of agent-http, in CPU a request, round by round:
//   60 tuples                          carried against one short value; promise: <= 1.10
//   woven                              against CROSSCUT_WEAVE=none, nobody asking; promise: <= 1.02; beside
//                                      it the peer against itself: what noise alone makes
//
// The Q2 here counts blocks read by whom the request came in at first. Where ratios are given, spread is the
// 95 % interval of their median. CROSSCUT_BENCH_SHORT=1 for a look.

import { startCollector } from './agent-http/fleet.ts'
import { baggageOf } from './agent-http/load.ts'
import { comparedRow, PLAN, Stations, type Subject } from './agent-http/rounds.ts'
import { poll, Shelf } from './live-query/shelf.ts'
import { costRows } from './live-query/cost.ts'
import { median, runDirectly, summarize, type BenchRow } from './measure.ts'

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
  return [...(await onTheDemo()), ...(await costRows(Q2)), ...(await onTwoHops())]
}

const common = { bench: 'live-query', peer: null }

async function onTheDemo(): Promise<BenchRow[]> {
  const shelf = await Shelf.start()
  try {
    await shelf.drive(2 * PLAN.turnMs)
    return [...(await arrivals(shelf)), await baggageRow(shelf)]
  } finally {
    await shelf.close()
  }
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
