// How long does a user wait? Two questions, wall time of whole processes:
//
//   agent     `node --import <packed agent> empty.mjs` against `node empty.mjs`; promise: <= 80 ms more
//   up        `crosscut up` on an empty folder, from spawn until it answers; promise: <= 3 s

import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { packAll } from '../scripts/pack.ts'
import { runDirectly, summarize, type BenchRow } from './measure.ts'

const AGENT_RUNS = 25
const UP_RUNS = 7
const POLL_MS = 5
const ROOT = path.dirname(import.meta.dirname)

export async function bench(): Promise<BenchRow[]> {
  const folder = mkdtempSync(path.join(tmpdir(), 'crosscut-start-'))
  try {
    return [...(await agentRows(folder)), await upRow(folder)]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function agentRows(folder: string): Promise<BenchRow[]> {
  const { folder: dist } = await packAll()
  const program = path.join(folder, 'empty.mjs')
  writeFileSync(program, '')
  const withAgent: number[] = []
  const plain: number[] = []
  for (let run = 0; run < AGENT_RUNS; run++) {
    plain.push(wallMs([program]))
    withAgent.push(wallMs(['--import', path.join(dist, 'crosscut', 'agent.js'), program]))
  }
  const common = { bench: 'start', subject: 'agent', unit: 'ms' }
  const added = summarize(withAgent.map((ms, i) => ms - (plain[i] ?? 0)))
  return [
    { ...common, metric: 'process start', ...summarize(withAgent, plain), peer: 'plain' },
    { ...common, metric: 'added to process start', ...added, peer: null },
  ]
}

function wallMs(args: readonly string[]): number {
  const begunMs = performance.now()
  const done = spawnSync(process.execPath, args, { stdio: 'ignore' })
  if (done.status !== 0) throw new Error(`${args.join(' ')} ended with ${done.status}`)
  return performance.now() - begunMs
}

async function upRow(folder: string): Promise<BenchRow> {
  const values: number[] = []
  for (let run = 0; run < UP_RUNS; run++) values.push(await upMs(path.join(folder, `data-${run}`)))
  return { bench: 'start', metric: 'listening', subject: 'up', unit: 'ms', ...summarize(values), peer: null }
}

async function upMs(data: string): Promise<number> {
  const [port, otlpPort] = [await freePort(), await freePort()]
  const flags = [
    '--data',
    data,
    '--port',
    String(port),
    '--otlp-port',
    String(otlpPort),
    '--otlp-grpc-port',
    '0',
  ]
  const begunMs = performance.now()
  const cli = path.join(ROOT, 'face', 'cli', 'main.ts')
  const child = spawn(process.execPath, [cli, 'up', ...flags], { stdio: 'ignore' })
  const gone = new Promise((resolve) => child.once('exit', resolve))
  try {
    while (!(await answers(port))) await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    return performance.now() - begunMs
  } finally {
    child.kill('SIGTERM')
    await gone
  }
}

async function answers(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/healthz`)).ok
  } catch {
    return false
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

await runDirectly(import.meta.url, bench)
