// What does watching cost a service of two hops? All subjects as real processes, round by round
// (agent-http/rounds.ts).
//
//   throughput       requests/s under as much load as it takes                  higher is better
//   cpu per request  the service's own CPU time (both hops) at a fixed load of
//                    half of plain's capacity                                    lower is better
// spread is the 95 % interval of the median of the rounds' ratios. CROSSCUT_BENCH_SHORT=1 for a look.

import { startCollector, type SubjectName } from './agent-http/fleet.ts'
import { comparedRow, Stations, type Rounds } from './agent-http/rounds.ts'
import { median, runDirectly, type BenchRow } from './measure.ts'

const PLAIN: SubjectName = 'plain'
const WATCHED: readonly SubjectName[] = ['traced', 'baggage only', 'opentelemetry']

export async function bench(): Promise<readonly BenchRow[]> {
  const collector = await startCollector()
  try {
    const stations = await Stations.open(
      [PLAIN, ...WATCHED].map((name) => ({ name })),
      collector.url,
    )
    try {
      const throughput = await stations.throughput()
      const cpu = await stations.cpu(median(throughput[0] ?? []) / 2)
      return [...rows('throughput', 'req/s', throughput), ...rows('cpu per request', 'us', cpu)]
    } finally {
      await stations.close()
    }
  } finally {
    await collector.close()
  }
}

function rows(metric: string, unit: string, [peers, ...values]: Rounds): readonly BenchRow[] {
  return WATCHED.map((subject, i) =>
    comparedRow({ bench: 'agent-http', metric, subject, unit, peer: PLAIN, values: values[i], peers }),
  )
}

await runDirectly(import.meta.url, bench)
