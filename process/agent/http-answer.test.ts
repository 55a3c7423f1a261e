// The answer of a collector, however its bytes are cut; limits at the last accepted and the first refused.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AnswerReader, type Answer } from './http-answer.ts'
import { RESPONSE_BYTES_MAX, RESPONSE_HEAD_BYTES_MAX } from './limits.ts'
import { COLLECTOR, CONTROL_PLANE } from './peer-error.ts'

const OK = 'HTTP/1.1 200 OK\r\n'

/** Read in pieces that end at these shares of it; then the connection ends. */
function readIn(text: string, cuts: readonly number[] = []): Answer | undefined {
  const bytes = Buffer.from(text, 'latin1')
  const reader = new AnswerReader(COLLECTOR)
  const ends = [...cuts.map((share) => Math.floor(share * bytes.length)), bytes.length]
  let at = 0
  for (const end of ends.sort((a, b) => a - b)) {
    const answer = reader.read(bytes.subarray(at, end))
    if (answer !== undefined) return answer
    at = end
  }
  return reader.end()
}

const told = (answer: Answer | undefined) =>
  answer === undefined ? undefined : { ...answer, body: Buffer.from(answer.body).toString('latin1') }

const ANSWERS: readonly (readonly [
  what: string,
  text: string,
  expected: Partial<ReturnType<typeof told>>,
])[] = [
  ['a length', `${OK}Content-Length: 3\r\n\r\nabc`, { status: 200, body: 'abc', isKept: true }],
  ['no body', `${OK}content-length: 0\r\n\r\n`, { body: '', isKept: true }],
  [
    'chunks',
    `${OK}Transfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\nt: 1\r\n\r\n`,
    { body: 'abc', isKept: true },
  ],
  ['a body until the end', `${OK}\r\nabc`, { body: 'abc', isKept: false }],
  [
    '204 with a length',
    'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n',
    { status: 204, body: '', isKept: true },
  ],
  [
    'continue first',
    `HTTP/1.1 100 Continue\r\n\r\n${OK}Content-Length: 1\r\n\r\na`,
    { status: 200, body: 'a' },
  ],
  ['a closing connection', `${OK}Connection: close\r\nContent-Length: 1\r\n\r\na`, { isKept: false }],
  ['HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na', { body: 'a', isKept: false }],
  [
    'both framings',
    `${OK}Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    { body: '', isKept: false },
  ],
  [
    'a wait',
    'HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n',
    { status: 503, retryAfterMs: 7000 },
  ],
  ['bare line feeds', 'HTTP/1.1 200 OK\nContent-Length: 1\n\na', { body: 'a' }],
]

for (const [what, text, expected] of ANSWERS)
  test(`${what}: the same answer wherever the bytes are cut`, () => {
    const whole = told(readIn(text))
    assert.partialDeepStrictEqual(whole, expected)
    const share = fc.double({ min: 0, max: 1, noNaN: true })
    fc.assert(
      fc.property(fc.array(share, { maxLength: 6 }), (cuts) => {
        assert.deepEqual(told(readIn(text, cuts)), whole)
      }),
    )
  })

test('a stream goes to its sink whole, without a limit, wherever the bytes are cut; others are kept', () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true })
  // More lines between chunks than a head may have, and more bytes than a kept body.
  const pieces = Array.from({ length: 6000 }, (_, i) => `${i}`.padEnd(20))
  const chunks = pieces.map((piece) => `14\r\n${piece}\r\n`).join('')
  const stream = Buffer.from(`${OK}Transfer-Encoding: chunked\r\n\r\n${chunks}`)
  assert.ok(pieces.join('').length > RESPONSE_BYTES_MAX && pieces.length * 4 > RESPONSE_HEAD_BYTES_MAX)
  fc.assert(
    fc.property(fc.array(share, { maxLength: 6 }), (cuts) => {
      let given = ''
      const reader = new AnswerReader(CONTROL_PLANE, (status) =>
        status === 200 ? (bytes) => void (given += bytes.toString()) : undefined,
      )
      const ends = [...cuts.map((cut) => Math.floor(cut * stream.length)), stream.length]
      let at = 0
      for (const end of ends.sort((a, b) => a - b)) {
        assert.equal(reader.read(stream.subarray(at, end)), undefined)
        at = end
      }
      assert.equal(given, pieces.join(''))
    }),
    { numRuns: 20 },
  )
  const refused = new AnswerReader(CONTROL_PLANE, (status) => (status === 200 ? () => {} : undefined))
  const answer = refused.read(Buffer.from('HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno'))
  assert.equal(told(answer)?.body, 'no')
})

test('what follows an answer ends the connection', () => {
  const answer = readIn(`${OK}Content-Length: 1\r\n\r\na${OK}Content-Length: 1\r\n\r\nb`)
  assert.partialDeepStrictEqual(told(answer), { body: 'a', isKept: false })
})

test('a connection that ends too early gives no answer', () => {
  for (const text of [
    OK,
    `${OK}Content-Length: 3\r\n\r\nab`,
    `${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nab`,
  ])
    assert.equal(readIn(text), undefined)
})

test('a body ends at its limit, and so do all heads together', () => {
  const body = (size: number): string => `${OK}Content-Length: ${size}\r\n\r\n${'x'.repeat(size)}`
  assert.equal(readIn(body(RESPONSE_BYTES_MAX))?.body.length, RESPONSE_BYTES_MAX)
  assert.throws(() => readIn(body(RESPONSE_BYTES_MAX + 1)), { code: 'E_EXPORT' })
  const rest = `${OK}x: \r\nContent-Length: 0\r\n\r\n`.length
  const head = (size: number): string => `${OK}x: ${'y'.repeat(size - rest)}\r\nContent-Length: 0\r\n\r\n`
  assert.equal(readIn(head(RESPONSE_HEAD_BYTES_MAX))?.status, 200)
  assert.throws(() => readIn(head(RESPONSE_HEAD_BYTES_MAX + 1)), { code: 'E_EXPORT' })
  assert.throws(() => readIn('HTTP/1.1 100 Continue\r\n\r\n'.repeat(1000)), { code: 'E_EXPORT' })
})

test('what is no HTTP/1 is an error, whatever it is', () => {
  for (const text of [
    'SSH-2.0-OpenSSH\r\n',
    'HTTP/2 200\r\n',
    'HTTP/1.1 20\r\n',
    'HTTP/1.1 101 Switching Protocols\r\n\r\n',
    `${OK}no colon\r\n`,
    `${OK}Content-Length: 1, 2\r\n\r\n`,
    `${OK}Content-Length: -1\r\n\r\n`,
    `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n`,
    `${OK}Transfer-Encoding: chunked\r\n\r\nzz\r\n`,
    `${OK}Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n`,
  ])
    assert.throws(() => readIn(text), { code: 'E_EXPORT' }, text)
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), fc.boolean(), (text, hasHead) => {
      try {
        readIn(hasHead ? `${OK}${text}` : text, [0.3, 0.6])
      } catch (error: unknown) {
        assert.equal(Reflect.get(Object(error), 'code'), 'E_EXPORT')
      }
    }),
  )
})
