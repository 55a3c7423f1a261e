// A service of requests that take about 1 ms of CPU, as most of those that somebody would throttle do:
// through a control point and a gate, in four pieces with awaits between them. Without an agent both are
// no-ops.
//
//   GET /order/N   argv: bytes to hash for a request; `named` = tenant N % 20, of the execution
//   GET /warm/N    the same with next to nothing to hash: V8 compiles anew for tens of thousands of requests
//   parent process ◄── { type: 'listening', port }, { type: 'usage', cpuMicros, requests } (when asked)

import { createHash } from 'node:crypto'
import http from 'node:http'
import { controlPoint, FairGate, tenant } from '../../process/api/index.ts'

const PIECES = 4
const [bytes, isNamed] = process.argv.slice(2)
const piece = Buffer.alloc(Math.round(Number(bytes) / PIECES), 'crosscut')
const morsel = piece.subarray(0, 64)
const gate = new FairGate({ name: 'work', slots: 4 })
let requests = 0

async function work(data) {
  let digest = ''
  for (let i = 0; i < PIECES; i++) {
    digest = createHash('sha256').update(data).digest('hex')
    await Promise.resolve()
  }
  return digest
}

const server = http.createServer(async (request, response) => {
  requests += 1
  const isWarmUp = request.url.startsWith('/warm/')
  const id = Number(request.url.slice(request.url.lastIndexOf('/') + 1))
  if (isNamed === 'named') tenant(`tenant-${id % 20}`)
  await controlPoint('before-work')
  response.end(await gate.run(() => work(isWarmUp ? morsel : piece)))
})

// The other subjects' turns are longer than the 5 s after which Node closes an idle connection.
server.keepAliveTimeout = 120_000
server.listen(0, '127.0.0.1', () => process.send({ type: 'listening', port: server.address().port }))
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send({ type: 'usage', cpuMicros: user + system, requests })
})
process.on('disconnect', () => process.exit(0))
