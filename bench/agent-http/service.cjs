// A service of two hops, in plain CommonJS so that every subject can instrument it the way its users do:
// the front calls the back for each request and answers with what came. Knows nothing of who watches it.
//
//   load ──GET /order/:id──► front ──GET /stock/:id──► back          argv: back URL (front only)
//   parent process ◄──{ type: 'listening', port } , { type: 'usage', cpuMicros, requests } (when asked)
'use strict'

const http = require('node:http')

const back = process.argv[2]
const agent = new http.Agent({ keepAlive: true, maxSockets: 64 })
let requests = 0

function get(url) {
  return new Promise((resolve, reject) => {
    const request = http.get(url, { agent }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk) => (text += chunk))
      response.on('end', () => resolve(JSON.parse(text)))
    })
    request.on('error', reject)
  })
}

async function readStock(id) {
  const lines = Array.from({ length: 8 }, (_, i) => ({
    sku: `${id}-${i}`,
    left: (i * 7) % 13,
    warehouse: 'north',
  }))
  return { id, lines }
}

async function readOrder(id) {
  const stock = await get(`${back}/stock/${id}`)
  return { id, total: stock.lines.reduce((sum, line) => sum + line.left, 0), stock }
}

const server = http.createServer(async (request, response) => {
  requests += 1
  const id = request.url.slice(request.url.lastIndexOf('/') + 1)
  const body = JSON.stringify(back === undefined ? await readStock(id) : await readOrder(id))
  response.setHeader('content-type', 'application/json')
  response.end(body)
})

// The other subject's turn is longer than the 5 s after which Node closes an idle connection.
server.keepAliveTimeout = 120_000
server.listen(0, '127.0.0.1', () => process.send({ type: 'listening', port: server.address().port }))
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send({ type: 'usage', cpuMicros: user + system, requests })
})
process.on('disconnect', () => process.exit(0))
