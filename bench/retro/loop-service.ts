// E5: a service whose event loop is what is scarce. Tenant `a` computes for 20 ms, everybody else for 0.5 ms;
// behind a gate one request has the loop at a time, and what came meanwhile is read before the next begins.
// argv: the gate. To its parent: its port, and the CPU time of its thread in ms whenever it is asked.

import { createHash } from 'node:crypto'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { readSettings, startAgent } from '#agent'
import { GATES, throughGate } from './live.ts'

startAgent(readSettings({ OTEL_TRACES_EXPORTER: 'none' }))
const gate = GATES.find((name) => name === process.argv[2]) ?? 'as it is'
const through = throughGate(gate, 1)

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

const PIECE = Buffer.alloc(16 * 1024, 'crosscut')

function hash(times: number): void {
  for (let i = 0; i < times; i++) createHash('sha256').update(PIECE).digest()
}

/** Work that takes a ms: asked for once, for a thread's clock may move in steps of 4 ms. */
function hashesForMs(): number {
  const TIMES = 20_000
  hash(TIMES / 10)
  const beganMs = cpuMs()
  hash(TIMES)
  return TIMES / (cpuMs() - beganMs)
}

const perMs = hashesForMs()

const server = http.createServer((request, response) => {
  const who = request.url?.slice(1) ?? ''
  const work = async () => {
    if (gate !== 'as it is') await turn()
    hash(Math.round(perMs * (who === 'a' ? 20 : 0.5)))
  }
  void through(who, work).then(() => response.end())
})
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
process.on('message', () => process.send?.(cpuMs()))
