// Queues of a real process, in real time: libuv's thread pool (E4) and the event loop (E5), as they are,
// behind a gate that is first come, first served, and behind a FairGate. Turn by turn, so that noise hits
// all.
//
//   E4   a: 32 at a time, each deriving a key (about 25 ms of a thread)     b: reads 4 kB every 10 ms
//   E5   a: 32 connections, 20 ms of CPU each                               b: 50 a second, 0.5 ms each
//
// Latency of b is from when it was due, answered or not when the next one comes: no coordinated omission.
// As it is, b hardly gets the loop at all, so a has b's share as well: what is fair for a is the rest, and
// how much that is says b alone.

import { pbkdf2 } from 'node:crypto'
import { fork, type ChildProcess } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import http from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { readSettings, startAgent } from '#agent'
import { FairGate, tenant } from '#api'
import { Baggage } from '#baggage'
import { context } from '#context'
import { Gate } from '#fair'
import type { BenchRow } from '../measure.ts'
import { aloneRow, rowOf } from './rows.ts'

const TURN_MS = 6_000
/** Not counted: connections are made, code is compiled, costs are learnt. */
const WARM_UP_MS = 1_500
const TURNS = 3
const THREADS = 4
export const GATES = ['as it is', 'fifo gate', 'fair gate'] as const
export type GateName = (typeof GATES)[number]

/** p99 of b in ms, and how much of a is done a second. */
type Turn = { readonly p99: number; readonly perSecond: number }
type Work = <R>(who: string, fn: () => Promise<R>) => Promise<R>

export async function liveRows(): Promise<BenchRow[]> {
  const threads = await turns(threadPoolTurn)
  const loop = await turns(loopTurn)
  return [
    ...compared('E4 thread pool', threads),
    ...compared('E5 event loop', loop),
    ...fairPart(loop, await smallShares()),
  ]
}

/** What a has behind the fair gate, of what it has without one less the share of b. */
function fairPart(loop: ReadonlyMap<GateName, readonly Turn[]>, shares: readonly number[]): BenchRow[] {
  const of = (gate: GateName) => (loop.get(gate) ?? []).map(({ perSecond }) => perSecond)
  const named = { metric: 'E5 event loop: done of the large one', subject: 'fair gate', unit: 'a second' }
  const rest = of('as it is').map((perSecond, i) => perSecond * (1 - (shares[i] ?? Number.NaN)))
  return [
    aloneRow(
      { metric: 'E5 event loop: share of the small one', subject: 'alone', unit: 'of the loop' },
      shares,
    ),
    rowOf({ ...named, peer: 'as it is, less the share of the small one' }, of('fair gate'), rest),
  ]
}

async function turns(turn: (gate: GateName) => Promise<Turn>): Promise<ReadonlyMap<GateName, Turn[]>> {
  const found = new Map<GateName, Turn[]>(GATES.map((gate) => [gate, []]))
  for (let i = 0; i < TURNS; i++) for (const gate of GATES) found.get(gate)?.push(await turn(gate))
  return found
}

function compared(what: string, found: ReadonlyMap<GateName, readonly Turn[]>): BenchRow[] {
  const of = (gate: GateName, pick: (turn: Turn) => number) => (found.get(gate) ?? []).map(pick)
  return GATES.slice(0, 2).flatMap((peer) => [
    rowOf(
      { metric: `${what}: p99 of the small one`, subject: 'fair gate', unit: 'ms', peer },
      of('fair gate', ({ p99 }) => p99),
      of(peer, ({ p99 }) => p99),
    ),
    rowOf(
      { metric: `${what}: done of the large one`, subject: 'fair gate', unit: 'a second', peer },
      of('fair gate', ({ perSecond }) => perSecond),
      of(peer, ({ perSecond }) => perSecond),
    ),
  ])
}

/** `large` as often as `width` allows, `small` every so many ms, for a turn. */
async function bothFor(
  large: () => Promise<unknown>,
  {
    width,
    small,
    everyMs,
  }: { readonly width: number; readonly small: () => Promise<unknown>; readonly everyMs: number },
): Promise<Turn> {
  const beganMs = performance.now()
  const isOver = () => performance.now() - beganMs > WARM_UP_MS + TURN_MS
  const isWarm = (dueMs: number) => dueMs - beganMs > WARM_UP_MS
  let done = 0
  const clients = Array.from({ length: width }, async () => {
    while (!isOver()) {
      await large()
      if (isWarm(performance.now()) && !isOver()) done += 1
    }
  })
  const latencies: number[] = []
  const pending: Promise<unknown>[] = []
  for (let i = 0; !isOver(); i++) {
    const dueMs = beganMs + i * everyMs
    await sleep(Math.max(0, dueMs - performance.now()))
    const answered = small().then(() => {
      if (isWarm(dueMs)) latencies.push(performance.now() - dueMs)
    })
    pending.push(answered)
  }
  await Promise.all([...clients, ...pending])
  latencies.sort((a, b) => a - b)
  return {
    p99: latencies[Math.floor(latencies.length * 0.99)] ?? Number.NaN,
    perSecond: (done * 1000) / TURN_MS,
  }
}

/** In this process: with an agent, for a gate asks it who calls. */
async function threadPoolTurn(gate: GateName): Promise<Turn> {
  const agent = startAgent(readSettings({ OTEL_TRACES_EXPORTER: 'none' }))
  try {
    const through = throughGate(gate, THREADS)
    const derive = () =>
      new Promise((resolve, reject) => {
        pbkdf2('secret', 'salt', 60_000, 32, 'sha256', (error, key) => (error ? reject(error) : resolve(key)))
      })
    return await bothFor(() => through('a', derive), {
      width: 32,
      everyMs: 10,
      small: () => through('b', () => readFile(fileURLToPath(import.meta.url))),
    })
  } finally {
    agent.stop()
  }
}

export function throughGate(gate: GateName, slots: number): Work {
  if (gate === 'as it is') return (_who, fn) => fn()
  if (gate === 'fifo gate') {
    const line = new Gate({ name: 'line', slots, algorithm: 'fifo', nowMs: () => performance.now() })
    return (flow, fn) => line.run({ flow }, fn)
  }
  const fair = new FairGate({ name: 'line', slots })
  return (who, fn) =>
    context.run(Baggage.empty, () => {
      tenant(who)
      return fair.run(fn)
    })
}

function loopTurn(gate: GateName): Promise<Turn> {
  return withLoopService(gate, ({ ask }) => bothFor(ask('a'), { width: 32, everyMs: 20, small: ask('b') }))
}

/** Part of its time that the loop works for b where nobody else asks. */
async function smallShares(): Promise<number[]> {
  const shares: number[] = []
  for (let i = 0; i < TURNS; i++)
    shares.push(
      await withLoopService('fair gate', async ({ ask, cpuMs }) => {
        const turn = bothFor(ask('a'), { width: 0, everyMs: 20, small: ask('b') })
        await sleep(WARM_UP_MS)
        const beganMs = performance.now()
        const before = await cpuMs()
        await turn
        return ((await cpuMs()) - before) / (performance.now() - beganMs)
      }),
    )
  return shares
}

type LoopService = {
  ask(who: string): () => Promise<unknown>
  /** Of its thread, so far. */
  cpuMs(): Promise<number>
}

async function withLoopService<R>(gate: GateName, use: (service: LoopService) => Promise<R>): Promise<R> {
  const file = fileURLToPath(new URL('./loop-service.ts', import.meta.url))
  const child = fork(file, [gate], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const agent = new http.Agent({ keepAlive: true })
  try {
    const port = await numberFrom(child)
    const ask = (who: string) => () =>
      new Promise((resolve, reject) => {
        http
          .get({ host: '127.0.0.1', port, path: `/${who}`, agent }, (response) => {
            response.resume().on('end', resolve)
          })
          .on('error', reject)
      })
    const cpuMs = () => {
      child.send('cpu')
      return numberFrom(child)
    }
    return await use({ ask, cpuMs })
  } finally {
    agent.destroy()
    child.kill()
  }
}

function numberFrom(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null) => reject(new Error(`the service ended with ${code}`))
    child.once('exit', ended)
    child.once('message', (value) => {
      child.off('exit', ended)
      resolve(Number(value))
    })
  })
}
