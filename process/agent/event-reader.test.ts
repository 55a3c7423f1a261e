// Server-sent events, however their bytes are cut.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { EventReader } from './event-reader.ts'
import { STATE_BYTES_MAX } from './limits.ts'

type Event = readonly [event: string, data: string]

function readIn(bytes: Uint8Array, cuts: readonly number[] = []): readonly Event[] {
  const events: Event[] = []
  const reader = new EventReader((event, data) => events.push([event, data]))
  let at = 0
  for (const end of [...cuts, bytes.length].sort((a, b) => a - b)) {
    reader.read(bytes.subarray(at, end))
    at = end
  }
  return events
}

const STREAM = Buffer.from(
  ': hello\n\nevent: state\ndata: {"é": "\u{1f40c}"}\n\ndata: a\ndata: b\r\n\r\nevent: control\n\nid: 7\ndata: c\n\ndata: cut',
)

test('lines of data are one event; comments, other fields and events without data are none', () => {
  assert.deepEqual(readIn(STREAM), [
    ['state', '{"é": "\u{1f40c}"}'],
    ['message', 'a\nb'],
    ['message', 'c'],
  ])
})

test('the same events wherever the bytes are cut, in a character or between CR and LF too', () => {
  const whole = readIn(STREAM)
  for (let at = 0; at <= STREAM.length; at += 1) assert.deepEqual(readIn(STREAM, [at]), whole, `at ${at}`)
  const cut = fc.nat({ max: STREAM.length })
  fc.assert(
    fc.property(fc.array(cut, { maxLength: 8 }), (cuts) => assert.deepEqual(readIn(STREAM, cuts), whole)),
  )
})

test('an event ends at its limit', () => {
  const max = 2 * STATE_BYTES_MAX
  assert.deepEqual(readIn(Buffer.from(`data:${'x'.repeat(max - 5)}`)), [])
  assert.throws(() => readIn(Buffer.from(`data:${'x'.repeat(max - 4)}`)), { code: 'E_CONTROL_REFUSED' })
})
