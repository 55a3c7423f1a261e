// The first service: sets a tag that only Crosscut's baggage carries, and calls the middle.

import http from 'node:http'
import { tags } from 'crosscut'

const server = http.createServer(async (request, response) => {
  tags.set('plan', 'gold')
  const answer = await fetch(`${process.env.NEXT}/middle`)
  response.end(`front<${await answer.text()}>`)
})
server.listen(0, '127.0.0.1', () => console.log(`ready http://127.0.0.1:${server.address().port}`))
process.on('SIGTERM', () => process.exit(0))
