// The last service: says which tag arrived with the request.

import http from 'node:http'
import { tags } from 'crosscut'

const server = http.createServer((request, response) => {
  response.end(`plan=${tags.get('plan')} header=${request.headers.baggage?.includes('cc=')}`)
})
server.listen(0, '127.0.0.1', () => console.log(`ready http://127.0.0.1:${server.address().port}`))
process.on('SIGTERM', () => process.exit(0))
