// A service for tests, as a user would write it (ESM). `NEXT` names the service it calls: twice at once,
// then once more.
import http from 'node:http'
import { logLevel, tenant, block } from '../../api/index.ts'

const next = process.env.NEXT
const server = http.createServer(async (request, response) => {
  const id = new URL(request.url, 'http://here').pathname
  if (id === '/level')
    return response.end(JSON.stringify({ level: logLevel() ?? null, tag: tenantOf(request) }))
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 4))
  if (next === undefined) return response.end('leaf')
  const texts = await Promise.all([call(`${id}/left`), call(`${id}/right`)])
  texts.push(await block('sum up', () => call(`${id}/last`)))
  response.end(texts.join('+'))
})

function tenantOf(request) {
  if (request.headers['x-tenant'] !== undefined) tenant(request.headers['x-tenant'])
  return request.headers['x-tenant'] ?? null
}

async function call(path) {
  const response = await fetch(`${next}${path}`)
  return await response.text()
}

server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`))
process.on('message', (message) => message === 'stop' && process.exit(0))
