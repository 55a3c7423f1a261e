// One row of bench retro from runs of ours and of a peer, by seed.

import type { SystemSecond } from '../../service/control/simulate-system.ts'
import { mean } from '../../service/control/testing/systems.ts'
import { summarize, type BenchRow } from '../measure.ts'

export const SEEDS = [1, 2, 3, 4, 5]

export type Named = { readonly metric: string; readonly subject: string; readonly unit: string }

export function rowOf(
  named: Named & { readonly peer: string },
  ours: readonly number[],
  peers: readonly number[],
): BenchRow {
  return { bench: 'retro', ...named, ...summarize(ours, peers) }
}

export function aloneRow(named: Named, values: readonly number[]): BenchRow {
  return { bench: 'retro', ...named, peer: null, ...summarize(values) }
}

/** Requests of a tenant that were finished, a second. */
export const goodput = (run: readonly SystemSecond[], id: string): number =>
  mean(run.map(({ tenants }) => tenants[id]?.finished ?? 0))

export const latencyMs = (run: readonly SystemSecond[], id: string): number =>
  mean(run.map(({ tenants }) => tenants[id]?.meanMs ?? 0))
