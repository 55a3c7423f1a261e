// E14: how far are shares from the truth, over three processes? Real time; a test holds the bounds.

import { attribute, unattributed, worstError, type Attribution } from '../../test/throttling/attribution.ts'
import type { BenchRow } from '../measure.ts'
import { aloneRow } from './rows.ts'

const RUNS = 3

export async function attributionRows(): Promise<BenchRow[]> {
  const all: Attribution[] = []
  for (let run = 0; run < RUNS; run++) all.push(await attribute())
  const row = (metric: string, unit: string, of: (seen: Attribution) => number) =>
    aloneRow({ metric, subject: 'three processes, pools, batches', unit }, all.map(of))
  return [
    row('E14 worst error of a share of CPU', 'points', (seen) => 100 * worstError(seen, 'cpu')),
    row('E14 worst error of a share of pool time', 'points', (seen) => 100 * worstError(seen, 'db')),
    row("E14 CPU that is nobody's", '%', (seen) => 100 * unattributed(seen)),
  ]
}
