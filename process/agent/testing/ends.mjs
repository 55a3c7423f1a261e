// Ends in the way it is told, after one request to itself, so that spans wait. argv: the way.
import http from 'node:http'

const [way] = process.argv.slice(2)
const server = http.createServer((request, response) => response.end('ok'))
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
await (await fetch(`http://127.0.0.1:${server.address().port}/`)).text()
if (way === 'wait-for-signal' || way === 'handle-signal') {
  if (way === 'handle-signal') process.on('SIGTERM', () => process.exit(7))
  console.log('port 1')
} else {
  server.close()
  server.closeAllConnections()
  if (way === 'exit-3') process.exit(3)
  if (way === 'throw') throw new Error('the host failed')
  if (way === 'reject') Promise.reject(new Error('nobody handled'))
  if (way === 'code-4') process.exitCode = 4
  if (way === 'timed') {
    const doneMs = performance.now()
    process.on('exit', () => console.log(`held ${performance.now() - doneMs}`))
  }
}
