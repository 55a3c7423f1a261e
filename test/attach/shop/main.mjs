// An application that was started without us: an ES module with a class and a function, CommonJS beside it.

import http from 'node:http'
import { createRequire } from 'node:module'
import { Shelf, greet } from './shelf.mjs'

const stock = createRequire(import.meta.url)('./stock.cjs')
const { captured } = stock
const shelf = new Shelf('main')
const ballast = Array.from({ length: Number(process.env.BALLAST_MB ?? 0) * 16 }, () =>
  new Array(8192).fill(0),
)

const server = http.createServer(async (request, response) => {
  const title = request.url?.slice(1) ?? ''
  const left = await shelf.take(title)
  response.end(`${greet(title)} ${left} ${stock.count(title, ballast.length)} ${captured(title)}`)
})
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`))
