// E5: a service whose event loop is what is scarce. Tenant `a` computes for 20 ms, everybody else for 0.5 ms;
// behind a gate one request has the loop at a time, and what came meanwhile is read before the next begins.
// argv: the gate.

import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { readSettings, startAgent } from '#agent'
import { GATES, throughGate } from './live.ts'

startAgent(readSettings({ OTEL_TRACES_EXPORTER: 'none' }))
const gate = GATES.find((name) => name === process.argv[2]) ?? 'as it is'
const through = throughGate(gate, 1)

function compute(ms: number): void {
  const cpuMs = () => {
    const { user, system } = process.threadCpuUsage()
    return (user + system) / 1000
  }
  for (const beganMs = cpuMs(); cpuMs() - beganMs < ms;);
}

const server = http.createServer((request, response) => {
  const who = request.url?.slice(1) ?? ''
  const work = async () => {
    if (gate !== 'as it is') await turn()
    compute(who === 'a' ? 20 : 0.5)
  }
  void through(who, work).then(() => response.end())
})
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
