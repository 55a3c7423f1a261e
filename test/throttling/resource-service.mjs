// A service with two resources that nobody but it knows: a printer whose times it knows, and an encoder.

import http from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { resource, tenant } from '../../process/api/index.ts'

const printer = resource('printer', { kind: 'other' })
const encoder = resource('encoder', { kind: 'pool' })

const server = http.createServer(async (request, response) => {
  const { searchParams } = new URL(request.url, 'http://here')
  tenant(searchParams.get('tenant'))
  printer.used({ waitMs: 6, serviceMs: 2, load: 5 })
  const encoded = await encoder.use(() => sleep(10, 'encoded'))
  response.end(encoded)
})
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`))
