// The middle service: the public OpenTelemetry SDK and its instrumentation, nothing of Crosscut.

const { NodeSDK } = require('@opentelemetry/sdk-node')
const { getNodeAutoInstrumentations } = require('@opentelemetry/auto-instrumentations-node')
const { OTLPTraceExporter } = require('@opentelemetry/exporter-trace-otlp-proto')

const sdk = new NodeSDK({
  traceExporter: new OTLPTraceExporter(),
  instrumentations: [
    getNodeAutoInstrumentations({ '@opentelemetry/instrumentation-fs': { enabled: false } }),
  ],
})
sdk.start()

const http = require('node:http')

const server = http.createServer((_request, response) => {
  http.get(`${process.env.NEXT}/back`, (answer) => {
    let text = ''
    answer.on('data', (chunk) => {
      text += chunk
    })
    answer.on('end', () => response.end(`middle<${text}>`))
  })
})
server.listen(0, '127.0.0.1', () => console.log(`ready http://127.0.0.1:${server.address().port}`))
process.on('SIGTERM', () => {
  void sdk.shutdown().finally(() => process.exit(0))
})
