// The experiments by their numbers in Retro's evaluation and ours: what each asks, how, and what must hold.

import type { BenchRow } from '../measure.ts'

export type Experiment = {
  readonly id: string
  readonly title: string
  readonly kind: 'Simulated' | 'Real'
  readonly question: string
  readonly bound: string
  readonly takes: (row: BenchRow) => boolean
}

const named =
  (id: string) =>
  ({ bench, metric }: BenchRow): boolean =>
    bench === 'retro' && metric.startsWith(`${id} `)
const called =
  (bench: string, metric: string) =>
  (row: BenchRow): boolean =>
    row.bench === bench && row.metric === metric
const subjectOf =
  (start: string) =>
  ({ bench, metric, subject }: BenchRow): boolean =>
    bench === 'retro' && !/^E\d+ /.test(metric) && subject.startsWith(start)

export const EXPERIMENTS: readonly Experiment[] = [
  {
    id: 'E1',
    title: 'the published schedules',
    kind: 'Simulated',
    question: 'Figures 5c, 5d and 6b of the 2DFQ paper, unit for unit.',
    bound: '0 differences.',
    takes: named('E1'),
  },
  {
    id: 'E2',
    title: 'known costs: how evenly is a small tenant served?',
    kind: 'Simulated',
    question: '100 tenants on 16 slots, costs apart by a thousand (2DFQ 6.1.1): sigma of service lag.',
    bound: '2DFQ at most 1/8 of WFQ, and of WF2Q at most 1/3 with 25 and 50 large ones, 1/2 with 75.',
    takes: called('fair', 'sigma of lag'),
  },
  {
    id: 'E3',
    title: 'unknown costs: what does a small tenant wait?',
    kind: 'Simulated',
    question:
      'Twenty small tenants beside 150 on 32 slots, a part of those unpredictable (2DFQ 6.2); seven seeds. With a third it is chance whether one small request in a hundred meets blocked slots. Where small tenants ask for half of their share they wait for themselves, and 2DFQ^E loses to WFQ^E, which lets them run ahead of it: it stands here too.',
    bound:
      'p99 five times better at 66 and 90 %, at most 1.2 times worse at 0 %; at 33 % it is told, whoever wins. In the long run equal work, to 5 %.',
    takes: (row) =>
      called('fair', 'probe p99')(row) ||
      called('fair', 'long run, work of predictable over unpredictable')(row),
  },
  {
    id: 'E4',
    title: "libuv's thread pool",
    kind: 'Real',
    question: 'One tenant derives 32 keys at a time, the other reads 4 kB every 10 ms, four threads.',
    bound: 'p99 of the reads 20 times better than as it is, 95 % of the keys.',
    takes: named('E4'),
  },
  {
    id: 'E5',
    title: 'the event loop',
    kind: 'Real',
    question:
      'One tenant computes for 20 ms on each of 32 connections, the other asks 50 times a second for 0.5 ms.',
    bound:
      'p99 of the small one 20 times better than as it is and within six of the large ones; of the large one 90 % of what the small one leaves.',
    takes: named('E5'),
  },
  {
    id: 'E6',
    title: 'a lock',
    kind: 'Simulated',
    question:
      'Sixteen clients rename under the lock that heartbeats (50 ms promised) and listings need as well.',
    bound: 'the promise kept, listings keep 95 %, without control it is missed five times.',
    takes: named('E6'),
  },
  {
    id: 'E7',
    title: 'a pool of connections',
    kind: 'Simulated',
    question: 'Ten connections; fifty clients with queries of 200 ms beside queries of 2 ms.',
    bound: 'p99 of the short ones ten times better than first come, first served.',
    takes: named('E7'),
  },
  {
    id: 'E9',
    title: 'LatencySLO in three phases',
    kind: 'Simulated',
    question:
      'Gateway, service and store; three tenants with targets; aggressors on the disk, on a lock and on the CPU, one after the other; two tenants who do no harm.',
    bound:
      'back under the target within 10 s, at most 10 % of later seconds above, the innocent keep 95 %, and the resource that is named is the right one.',
    takes: named('E9'),
  },
  {
    id: 'E9 on the demo',
    title: 'LatencySLO with real processes',
    kind: 'Real',
    question:
      'The demo, `web` promised 20 ms; three phases, in each another tenant floods: table scans, metadata, sorting.',
    bound: 'as E9.',
    takes: (row) => row.bench === 'slo-demo',
  },
  {
    id: 'E10',
    title: 'BFAIR, log-proportional',
    kind: 'Simulated',
    question: 'Four tenants of 40 to 100 clients on one server, T = 25; then two of them with weight 2.',
    bound:
      'shares, also by weight, within 15 % after 15 s, slowdown within 30 % of T, 95 % of the throughput.',
    takes: named('E10'),
  },
  {
    id: 'E11',
    title: 'R-DRF',
    kind: 'Simulated',
    question: 'One tenant needs CPU, the other connections.',
    bound: 'dominant shares equal to 10 %; with weight 2 a ratio of 2.0, to 0.2.',
    takes: named('E11'),
  },
  {
    id: 'E12',
    title: 'background work',
    kind: 'Simulated',
    question: 'A flood of re-replication beside heartbeats and reads; it is given a floor of ten a second.',
    bound: 'heartbeats under 50 ms, and the floor is kept.',
    takes: named('E12'),
  },
  {
    id: 'E13',
    title: 'overhead',
    kind: 'Real',
    question:
      'CPU of a request of 1 ms, meters and gates on, no policy: beside plain, beside counters without telling CPU apart, and for who traces as well.',
    bound: 'metered at most 1.03 of plain; telling CPU apart at most 1.03 of counters.',
    takes: (row) => row.bench === 'metering',
  },
  {
    id: 'E14',
    title: 'attribution',
    kind: 'Real',
    question:
      'Three processes, pooled connections and batches, against a truth that the services keep themselves.',
    bound: 'shares to 3 points, at most 5 % unattributed.',
    takes: named('E14'),
  },
  {
    id: 'E15',
    title: 'how much a controller takes in',
    kind: 'Real',
    question:
      'Reports of 1,000 workflows each, two policies deciding once a second; as numbers, and read from the text that an agent sends.',
    bound: '2,000 reports a second on one core.',
    takes: called('retro', 'controller'),
  },
  {
    id: 'E16',
    title: 'a controller that is gone',
    kind: 'Simulated',
    question:
      'It goes in the middle of a phase. And: one of ten instances of a gateway comes every six seconds and stays for thirty; until its first order a newcomer is not held. (Lost, late and doubled reports, a restart, 100,000 tenants: `controller.test.ts`.)',
    bound:
      'leases end after 5 s, and nobody is held any longer; over the target only in the first two seconds of a newcomer.',
    takes: named('E16'),
  },
  {
    id: 'E17',
    title: 'what attribution is worth',
    kind: 'Simulated',
    question:
      'Targets so tight that the culprit has to be cut by more than half, beside cutting everybody alike (*uniform*) and the baselines: the innocent, and how often a target is missed.',
    bound: 'twice the innocent goodput of *uniform*, at most 10 % of the seconds over target.',
    takes: named('E17'),
  },
  {
    id: 'E18',
    title: 'a tenant that comes back',
    kind: 'Simulated',
    question: 'One of three tenants was away for ten seconds (Kubernetes #95979).',
    bound: 'nothing is saved up and nothing is owed: an equal share, to 10 %.',
    takes: named('E18'),
  },
  {
    id: 'Beyond 1',
    title: 'LatencySLO on the tail, with hysteresis',
    kind: 'Simulated',
    question: 'A promise on the 99th percentile, beside one on the mean and beside the published listing.',
    bound: 'at most 10 % of the seconds above.',
    takes: subjectOf('latency-slo'),
  },
  {
    id: 'Beyond 2',
    title: 'deadline-aware',
    kind: 'Simulated',
    question: 'Half as much again as can be done; who is late when his turn comes is dropped there.',
    bound: '80 % of the seconds in time, nine tenths of what can be done is done.',
    takes: subjectOf('deadline-aware'),
  },
  {
    id: 'Beyond 3',
    title: 'cost cap',
    kind: 'Simulated',
    question: 'One tenant may cost 300 ms of CPU a second over two processes.',
    bound: 'it costs that, to a tenth, and nobody else is held.',
    takes: subjectOf('cost-cap'),
  },
]
