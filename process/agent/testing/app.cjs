// The same service in CommonJS, with node:http clients and the OpenTelemetry API for its own spans.
'use strict'

const http = require('node:http')
const { trace } = require('@opentelemetry/api')

const next = process.env.NEXT
const agent = new http.Agent({ keepAlive: true })
const tracer = trace.getTracer('shop', '1.2.3')

const server = http.createServer(async (request, response) => {
  const id = new URL(request.url, 'http://here').pathname
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 4))
  if (next === undefined) return response.end('leaf')
  const texts = await Promise.all([call(`${id}/left`), call(`${id}/right`)])
  texts.push(
    await tracer.startActiveSpan('sum up', async (span) => {
      span.setAttribute('shop.id', id)
      try {
        return await call(`${id}/last`)
      } finally {
        span.end()
      }
    }),
  )
  response.end(texts.join('+'))
})

function call(path) {
  return new Promise((resolve, reject) => {
    http
      .get(`${next}${path}`, { agent }, (response) => {
        let text = ''
        response.on('data', (chunk) => (text += chunk))
        response.on('end', () => resolve(text))
      })
      .on('error', reject)
  })
}

server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`))
