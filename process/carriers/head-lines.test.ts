// Reading the raw lines says the same as reading Node's `headers`, whatever stands there how often, in
// whatever case.

import assert from 'node:assert/strict'
import http from 'node:http'
import net from 'node:net'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { hasLine, RequestLines } from './head-lines.ts'

const NAMES = [
  'traceparent',
  'tracestate',
  'baggage',
  'crosscut-accept',
  'host',
  'user-agent',
  'x-other',
  'via',
]

type Head = {
  readonly lines: RequestLines
  readonly headers: http.IncomingHttpHeaders
  readonly raw: string[]
}

let seen: Head | undefined
const server = http.createServer({ requireHostHeader: false }, (request, response) => {
  // The lines first: they may not need what `headers` makes.
  const lines = new RequestLines(request)
  seen = { lines, headers: request.headers, raw: request.rawHeaders }
  response.end()
})
let socket: net.Socket
before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  socket = net.connect(address.port, '127.0.0.1')
})
after(() => {
  socket.destroy()
  server.close()
})

async function headOf(lines: readonly (readonly [string, string])[]): Promise<Head> {
  const answered = new Promise((resolve) => socket.once('data', resolve))
  socket.write(`GET / HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`)
  await answered
  assert.ok(seen !== undefined)
  return seen
}

test('the lines are those of the headers', async () => {
  const name = fc
    .tuple(fc.constantFrom(...NAMES), fc.constantFrom('lower', 'upper', 'title'))
    .map(([text, how]) =>
      how === 'lower'
        ? text
        : how === 'upper'
          ? text.toUpperCase()
          : text.charAt(0).toUpperCase() + text.slice(1),
    )
  const line = fc.tuple(name, fc.constantFrom('', 'a', 'b=1', '1', 'c=2;d'))
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 8 }), async (given) => {
      const { lines, headers, raw } = await headOf(given)
      assert.deepEqual(
        [lines.traceparent, lines.tracestate, lines.baggage, lines.accept, lines.host, lines.userAgent],
        ['traceparent', 'tracestate', 'baggage', 'crosscut-accept', 'host', 'user-agent'].map(
          (key) => headers[key],
        ),
      )
      for (const key of NAMES) assert.equal(hasLine(raw, key), key in headers, key)
    }),
    { numRuns: 300 },
  )
})
