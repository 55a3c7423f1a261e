// A host whose test library looks at every request of node:http. Says at its end what it saw.
import http from 'node:http'

const seen = []
const { request } = http
http.request = (...args) => {
  seen.push(String(args[0]))
  return request(...args)
}
const { addRequest } = http.Agent.prototype
http.Agent.prototype.addRequest = function (message, ...rest) {
  seen.push(message.path)
  return addRequest.call(this, message, ...rest)
}
const server = http.createServer((_request, response) => response.end('ok'))
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
await new Promise((resolve) =>
  http.get(`http://127.0.0.1:${server.address().port}/own`, (r) => r.resume().on('end', resolve)),
)
process.on('SIGTERM', () => {
  console.log(`saw ${seen.join(' ')}`)
  process.exit(0)
})
console.log('port 1')
