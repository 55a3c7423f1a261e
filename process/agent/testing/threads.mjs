// A main thread whose worker fetches from it: two agents in one process, one trace.
import http from 'node:http'
import { Worker } from 'node:worker_threads'

const code = `
  import { parentPort, workerData } from 'node:worker_threads'
  parentPort.once('message', async () => {
    parentPort.postMessage(await (await fetch(workerData)).text())
  })`
const server = http.createServer((request, response) => {
  if (request.url === '/inner') return response.end('inner')
  const url = `http://127.0.0.1:${server.address().port}/inner`
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`), { workerData: url })
  worker.once('message', (text) => response.end(text))
  worker.postMessage('go')
})
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
console.log(await (await fetch(`http://127.0.0.1:${server.address().port}/outer`)).text())
server.close()
server.closeAllConnections()
