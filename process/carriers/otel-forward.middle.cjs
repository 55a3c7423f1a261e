// The service in the middle of otel-forward.test.ts: an ordinary program that uses the public OpenTelemetry
// propagators and nothing of ours.
const http = require('node:http')
const { defaultTextMapGetter, defaultTextMapSetter, ROOT_CONTEXT } = require('@opentelemetry/api')
const {
  CompositePropagator,
  W3CBaggagePropagator,
  W3CTraceContextPropagator,
} = require('@opentelemetry/core')

const propagator = new CompositePropagator({
  propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()],
})
const server = http.createServer((request, response) => {
  const headers = {}
  propagator.inject(
    propagator.extract(ROOT_CONTEXT, request.headers, defaultTextMapGetter),
    headers,
    defaultTextMapSetter,
  )
  http.get(process.argv[2], { headers }, (answer) => answer.pipe(response))
})
server.listen(0, '127.0.0.1', () => process.send(server.address().port))
