// Two spans of a small shop, sent by OpenTelemetry's own exporter for Zipkin to its
// OTEL_EXPORTER_ZIPKIN_ENDPOINT.

import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { NodeSDK } from '@opentelemetry/sdk-node'

const sdk = new NodeSDK({ instrumentations: [] })
sdk.start()
const tracer = trace.getTracer('shop')
const asked = {
  kind: SpanKind.SERVER,
  attributes: { 'http.route': '/cart', 'http.response.status_code': 500 },
}
tracer.startActiveSpan('GET /cart', asked, (server) => {
  const called = { kind: SpanKind.CLIENT, attributes: { 'db.system.name': 'postgresql' } }
  tracer.startActiveSpan('SELECT items', called, (client) => {
    client.addEvent('retry')
    client.setStatus({ code: SpanStatusCode.ERROR, message: 'timeout' })
    client.end()
  })
  server.end()
})
await sdk.shutdown()
