// A service for tests that tells what it does: the front knows the user, the back counts what it reads.
// The file has no dependency but the entry `crosscut`, and works without an agent.

import http from 'node:http'
import { tracepoint } from '../../process/api/index.ts'

const next = process.env.NEXT
const server = http.createServer(async (request, response) => {
  const { pathname } = new URL(request.url, 'http://here')
  if (next === undefined) {
    // As many reads as the last part of the path says.
    const reads = Number(pathname.split('/').at(-1))
    for (let i = 0; i < reads; i++)
      tracepoint('db.read', { table: i % 2 === 0 ? 'orders' : 'users', bytes: 10 })
    return response.end(String(reads))
  }
  tracepoint('front.user', { user: request.headers['x-user'] ?? '' })
  const read = async (n) => (await fetch(`${next}/read/${n}`)).text()
  const answers =
    pathname === '/in-turn' ? [await read(1), await read(2)] : await Promise.all([1, 2].map(read))
  response.end(answers.join('+'))
})
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`))
