// How every bench measures: subject and peer take turns in one process, so that a noisy neighbour slows both;
// the result is the median of the ratios of neighbouring turns, with their lowest and highest.
//
//   warm up   S P | S P | S P | ...  each turn long enough to time      ratio of a pair = value / peerValue
//
// What is timed is CPU, not the wall: on a shared machine a turn that was put to sleep would otherwise look
// slow.

import { fileURLToPath } from 'node:url'

/**
 * One line of `crosscut bench NAME --json`. ratio = value / peerValue; spread = [lowest, highest] ratio over
 * the runs.
 */
export type BenchRow = {
  readonly bench: string
  readonly metric: string
  readonly subject: string
  readonly value: number
  readonly unit: string
  readonly peer: string | null
  readonly peerValue: number | null
  readonly ratio: number | null
  readonly runs: number
  /** Without a peer: lowest and highest value. */
  readonly spread: readonly [number, number]
}

/** Does the work `count` times; whatever it returns is kept alive, so that nothing is optimised away. */
export type Turn = (count: number) => unknown

export type PairOptions = {
  readonly subject: Turn
  readonly peer?: Turn
  readonly runs?: number
  readonly turnMs?: number
}
export type PairResult = {
  /** ns for one call, median over the runs. */
  readonly value: number
  readonly peerValue: number | null
  readonly ratio: number | null
  readonly runs: number
  readonly spread: readonly [number, number]
}

let kept: unknown

/** Interleaved A/B in ns of CPU time for one call. */
export function measurePair(options: PairOptions): PairResult {
  const { subject, peer, runs = 15, turnMs = 20 } = options
  const subjectCount = calibrate(subject, turnMs)
  const peerCount = peer === undefined ? 0 : calibrate(peer, turnMs)
  const values: number[] = []
  const peerValues: number[] = []
  for (let run = 0; run < runs; run++) {
    values.push(time(subject, subjectCount))
    if (peer !== undefined) peerValues.push(time(peer, peerCount))
  }
  return summarize(values, peer === undefined ? undefined : peerValues)
}

/**
 * The same for values measured elsewhere (other processes, requests per second): pairs in the order they ran.
 */
export function summarize(values: readonly number[], peerValues?: readonly number[]): PairResult {
  const runs = values.length
  if (peerValues === undefined)
    return {
      value: median(values),
      peerValue: null,
      ratio: null,
      runs,
      spread: [Math.min(...values), Math.max(...values)],
    }
  const ratios = values.map((value, i) => value / (peerValues[i] ?? Number.NaN))
  return {
    value: median(values),
    peerValue: median(peerValues),
    ratio: median(ratios),
    runs,
    spread: [Math.min(...ratios), Math.max(...ratios)],
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? 0)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}

/**
 * How often a turn of `turnMs` does its work, after enough of it that the optimising compiler has had its
 * say.
 */
function calibrate(turn: Turn, turnMs: number): number {
  let count = 1
  let spentMs = 0
  for (let total = 0; total < 10 * turnMs || spentMs < turnMs / 4; total += spentMs) {
    const start = performance.now()
    kept = turn(count)
    spentMs = performance.now() - start
    if (spentMs < turnMs / 2) count *= 2
  }
  return Math.max(1, Math.round((count * turnMs) / Math.max(spentMs, 0.001)))
}

/**
 * CPU time of the whole process, collector and compiler threads included: waiting for a busy machine does not
 * count as work.
 */
function time(turn: Turn, count: number): number {
  const start = process.cpuUsage()
  kept = turn(count)
  const { user, system } = process.cpuUsage(start)
  return ((user + system) * 1000) / count
}

/** What the last turn returned: reading it here is what keeps the work from being optimised away. */
export const lastResult = (): unknown => kept

/**
 * At the end of a bench file: `await runDirectly(import.meta.url, bench)` prints one line a row when the file
 * was started itself (JSON with --json), and does nothing when it was imported.
 */
export async function runDirectly(
  moduleUrl: string,
  bench: () => Promise<readonly BenchRow[]>,
): Promise<void> {
  if (process.argv[1] !== fileURLToPath(moduleUrl)) return
  for (const row of await bench())
    console.log(process.argv.includes('--json') ? JSON.stringify(row) : formatRow(row))
}

export function formatRow(row: BenchRow): string {
  const round = (value: number): string => Number(value.toPrecision(4)).toString()
  const against =
    row.peer === null || row.peerValue === null || row.ratio === null
      ? ` [${row.spread.map(round).join(' .. ')}]`
      : `, ${row.peer} ${round(row.peerValue)}, ratio ${round(row.ratio)} [${row.spread.map(round).join(' .. ')}]`
  return `${row.bench} / ${row.metric} / ${row.subject}: ${round(row.value)} ${row.unit}${against}, ${row.runs} runs`
}
