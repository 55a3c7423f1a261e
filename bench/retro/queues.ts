// Queues alone: the published schedules (E1), and a tenant that comes back from a pause (E18). Exact.

import { simulateSchedule, type Algorithm } from '#fair'
import type { BenchRow } from '../measure.ts'
import { aloneRow, rowOf } from './rows.ts'

export function queueRows(): BenchRow[] {
  return [goldenRow(), ...returnRows()]
}

/** Figures 5c, 5d and 6b of the 2DFQ paper; a letter begins a request, '-' is its second, third, ... unit. */
const PUBLISHED: readonly (readonly [Algorithm, readonly [string, string]])[] = [
  ['wfq', ['AAAAC---AAAAC---AAAA', 'BBBBD---BBBBD---BBBB']],
  ['wf2q', ['AC---AAAAC---AAAAC--', 'BD---BBBBD---BBBBD--']],
  ['2dfq', ['AC---D---C---D---C--', 'BABABABABABABABABABA']],
]

function goldenRow(): BenchRow {
  const many = (cost: number) => Array.from({ length: 60 }, () => ({ cost, arrival: 0 }))
  const tenants = Object.entries({ A: 1, B: 1, C: 4, D: 4 }).map(([id, cost]) => ({
    id,
    requests: many(cost),
  }))
  let differences = 0
  for (const [algorithm, rows] of PUBLISHED) {
    const drawn = ['', '']
    for (const { slot, tenant, start, end } of simulateSchedule({
      algorithm,
      slots: 2,
      slotRate: 1,
      tenants,
      until: 20,
    }))
      drawn[slot] = (drawn[slot] ?? '').padEnd(start, '?') + tenant.padEnd(end - start, '-')
    for (const [slot, row] of rows.entries())
      differences += [...row].filter((letter, i) => letter !== drawn[slot]?.[i]).length
  }
  return aloneRow(
    { metric: 'E1 units unlike the published schedules', subject: 'wfq, wf2q, 2dfq', unit: 'of 120' },
    [differences],
  )
}

const BACK_AT = 10

/**
 * Three tenants with weight 1 on four slots, one of them away for ten seconds: what it gets in the first two
 * seconds after it is back, as a part of an equal share, and what the others get of theirs. 1 = nothing was
 * saved up, and nothing is owed (Kubernetes #95979 is the case where it was).
 */
function returnRows(): BenchRow[] {
  const share = (algorithm: Algorithm, who: string) => {
    const many = (cost: number, arrival: number) => Array.from({ length: 4_000 }, () => ({ cost, arrival }))
    const tenants = [
      { id: 'steady', requests: many(0.02, 0) },
      { id: 'long', requests: many(0.1, 0) },
      { id: 'back', requests: many(0.02, BACK_AT) },
    ]
    const schedule = simulateSchedule({ algorithm, slots: 4, slotRate: 1, tenants, until: BACK_AT + 2 })
    const got = schedule
      .filter(({ tenant }) => tenant === who)
      .reduce(
        (sum, { start, end }) => sum + Math.max(0, Math.min(end, BACK_AT + 2) - Math.max(start, BACK_AT)),
        0,
      )
    return got / ((4 * 2) / 3)
  }
  return ['back', 'steady'].flatMap((who) =>
    (['rr', 'wfqE', 'fifo'] as const).map((peer) =>
      rowOf(
        { metric: `E18 share of '${who}' after the pause`, subject: '2dfqE', unit: 'of an equal one', peer },
        [share('2dfqE', who)],
        [share(peer, who)],
      ),
    ),
  )
}
