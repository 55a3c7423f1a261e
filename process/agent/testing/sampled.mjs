// A service for tests of sampling: a path with `retry` reaches the tracepoint `retried`; `x-next` is called
// from inside a block.
import http from 'node:http'
import { block, tracepoint } from '../../api/index.ts'

const server = http.createServer(async (request, response) => {
  await new Promise((resolve) => setImmediate(resolve))
  if (request.url.includes('retry')) tracepoint('retried')
  const next = request.headers['x-next']
  await block('work', async () => (next === undefined ? undefined : (await fetch(next)).text()))
  response.end('done')
})

server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`))
