// The packed agent in a user's app, ESM and CommonJS: spans arrive at an OTLP endpoint, the app's own
// behaviour is unchanged.

import assert from 'node:assert/strict'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { installCrosscut, type Installed } from './installed.ts'

const BODY = `
  const server = http.createServer((request, response) => response.end('hello'))
  server.listen(0, '127.0.0.1', async () => {
    const answer = await fetch('http://127.0.0.1:' + server.address().port + '/greet?x=1')
    console.log(answer.status, await answer.text())
    server.close()
    server.closeAllConnections()
  })`
const PROGRAMS = [
  ['an ESM app', 'app.mjs', `import http from 'node:http'\n${BODY}`],
  ['a CommonJS app', 'app.cjs', `const http = require('node:http')\n${BODY}`],
] as const

let app: Installed
let sink: http.Server
let endpoint = ''
const bodies: Buffer[] = []

before(async () => {
  app = await installCrosscut()
  sink = http.createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      if (request.url === '/v1/traces') bodies.push(Buffer.concat(chunks))
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end()
    })
  })
  await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve))
  endpoint = `http://127.0.0.1:${(sink.address() as AddressInfo).port}`
})
after(() => {
  app.remove()
  sink.close()
  sink.closeAllConnections()
})

for (const [name, file, text] of PROGRAMS) {
  test(`${name} prints what it prints, and its spans arrive`, async () => {
    bodies.length = 0
    app.write(file, text)
    const outcome = await app.run(['--import', 'crosscut/agent', file], {
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_SERVICE_NAME: 'greeter',
    })
    assert.deepEqual(outcome, { code: 0, stdout: '200 hello\n', stderr: '' })
    const sent = Buffer.concat(bodies).toString('latin1')
    for (const word of ['greeter', 'http.request.method', '/greet'])
      assert.ok(sent.includes(word), `no ${word} in the export`)
  })
}

test('with a dead collector the app still ends at once, with its own exit code', async () => {
  app.write('exits.mjs', `${PROGRAMS[0][2]}\nprocess.exitCode = 7`)
  const outcome = await app.run(['--import', 'crosscut/agent', 'exits.mjs'], {
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
  })
  assert.deepEqual(outcome, { code: 7, stdout: '200 hello\n', stderr: '' })
})
