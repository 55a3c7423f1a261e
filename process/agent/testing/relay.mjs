// Says which log level holds for this request, then what the next one says, if the request names one.
import http from 'node:http'
import { logLevel } from '../../api/index.ts'

const server = http.createServer(async (request, response) => {
  const next = request.headers['x-next']
  const here = logLevel() ?? 'default'
  await new Promise((resolve) => setImmediate(resolve))
  response.end(next === undefined ? here : `${here},${await (await fetch(next)).text()}`)
})

server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`))
