// Question: what does exact context cost an awaited call, and is it nothing when off?
//
//   each run:      one fresh process per mode, in turn: plain, exact, plain again, stopped, ...
//   each process:  median of turns of 40,000 awaited calls of none() {}, one() { await null },
//                  packing() { await null; set(...) }
//
// Fresh processes, because V8 never takes back what installed promise hooks do to its inlining: a process
// that was exact and stopped keeps some 20 ns on a call without inner await (row `stopped after use`).
// `stopped` is the process that never entered an execution: nothing was ever installed there.
// Rows: metric `awaited call` = ns a call against plain in the same run; metric `over plain` = the difference
// in ns. Machine, Node and commit: printed by the driver; the published numbers are in
// docs/concepts/exact-causality.md.

/* oxlint-disable unicorn/no-unnecessary-await -- the await of nothing is what is measured */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Baggage } from '#baggage'
import { context } from '#context'
import { median, runDirectly, summarize, type BenchRow, type PairResult } from './measure.ts'

const RUNS = 9
const TURNS = 7
const CALLS_PER_TURN = 40_000

type Mode = 'plain' | 'again' | 'exact' | 'stopped' | 'used'
type Case = 'none' | 'one' | 'packing'
type Sample = Record<Case, number>

const rows: readonly { subject: string; mode: Mode; measured: Case }[] = [
  { subject: 'no inner await', mode: 'exact', measured: 'none' },
  { subject: 'one inner await', mode: 'exact', measured: 'one' },
  { subject: 'packing', mode: 'exact', measured: 'packing' },
  { subject: 'stopped', mode: 'stopped', measured: 'none' },
  { subject: 'stopped, one inner await', mode: 'stopped', measured: 'one' },
  { subject: 'stopped after use', mode: 'used', measured: 'none' },
  { subject: 'stopped after use, one inner await', mode: 'used', measured: 'one' },
  { subject: 'plain again (A/A)', mode: 'again', measured: 'none' },
]

export async function bench(): Promise<BenchRow[]> {
  const samples: Record<Mode, Sample[]> = { plain: [], again: [], exact: [], stopped: [], used: [] }
  const modes: readonly Mode[] = ['plain', 'exact', 'again', 'stopped', 'used']
  for (let run = 0; run < RUNS; run++)
    for (const mode of modes) samples[mode].push(await inFreshProcess(mode))
  return rows.flatMap(({ subject, mode, measured }) => {
    const values = samples[mode].map((sample) => sample[measured])
    const plain = samples.plain.map((sample) => sample[measured])
    const over = summarize(values.map((value, run) => value - (plain[run] ?? Number.NaN)))
    return [
      rowOf('awaited call', subject, 'plain', summarize(values, plain)),
      rowOf('over plain', subject, null, over),
    ]
  })
}

function rowOf(metric: string, subject: string, peer: string | null, result: PairResult): BenchRow {
  return { bench: 'context', metric, subject, unit: 'ns', peer, ...result }
}

async function inFreshProcess(mode: Mode): Promise<Sample> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    fileURLToPath(import.meta.url),
    '--measure',
    mode,
  ])
  const sample: unknown = JSON.parse(stdout)
  return {
    none: numberIn(sample, 'none'),
    one: numberIn(sample, 'one'),
    packing: numberIn(sample, 'packing'),
  }
}

function numberIn(sample: unknown, name: Case): number {
  const value: unknown = Object(sample)[name]
  if (typeof value !== 'number') throw new TypeError(`the measured process gave no ${name}`)
  return value
}

const before = Baggage.of([Uint8Array.of(1, 2)])
const after = Baggage.of([Uint8Array.of(1, 2), Uint8Array.of(3)])
const calls: Record<Case, () => Promise<void>> = {
  none: async () => {},
  one: async () => {
    await null
  },
  packing: async () => {
    await null
    context.set(after)
  },
}

async function turn(call: () => Promise<void>, isPacking: boolean): Promise<number> {
  const start = process.hrtime.bigint()
  for (let i = 0; i < CALLS_PER_TURN; i++) {
    if (isPacking) context.set(before)
    await call()
  }
  return Number(process.hrtime.bigint() - start) / CALLS_PER_TURN
}

async function medianOf(measured: Case): Promise<number> {
  const values: number[] = []
  for (let i = 0; i < TURNS + 2; i++) values.push(await turn(calls[measured], measured === 'packing'))
  return median(values.slice(2))
}

async function measureAll(): Promise<Sample> {
  return { none: await medianOf('none'), one: await medianOf('one'), packing: await medianOf('packing') }
}

async function measureAs(mode: string | undefined): Promise<Sample> {
  if (mode === 'exact') {
    context.start()
    return context.run(before, measureAll)
  }
  if (mode === 'stopped') context.start()
  if (mode === 'used') {
    context.start()
    await context.run(before, () => turn(calls.one, false))
  }
  context.stop()
  return measureAll()
}

const flag = process.argv.indexOf('--measure')
if (flag > 0 && process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log(JSON.stringify(await measureAs(process.argv[flag + 1])))
} else {
  await runDirectly(import.meta.url, bench)
}
