// A service whose tenants share a lock: each request passes a control point and then works under the lock for
// 8 ms. The tenant is the first part of the path.

import http from 'node:http'
import { controlPoint, FairGate, Mutex, tenant } from '../../process/api/index.ts'

const ledger = new Mutex({ name: 'ledger' })
const reports = new FairGate({ name: 'reports', slots: 2 })
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

const server = http.createServer(async (request, response) => {
  const [, who, what] = request.url.split('/')
  tenant(who)
  if (what === 'report') await reports.run(() => sleep(5))
  else {
    await controlPoint('book')
    await ledger.run(() => sleep(8))
  }
  response.end('done')
})
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`))
