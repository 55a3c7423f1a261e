// The small words: bytes, varint, ring, bounded queue, diagnostics, seeded randomness.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  BoundedQueue,
  compareBytes,
  concatBytes,
  decodeBase64Url,
  encodeBase64Url,
  equalBytes,
  formatDiagnostic,
  fromHex,
  nearest,
  readVarint,
  Ring,
  seededRandom,
  spanOf,
  toHex,
  varintSize,
  writeVarint,
} from './index.ts'

test('byte order is that of Buffer.compare', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
      assert.equal(compareBytes(a, b), Buffer.compare(a, b))
      assert.equal(equalBytes(a, b), Buffer.compare(a, b) === 0)
    }),
    { seed: 1 },
  )
})

test('hex and base64url agree with Buffer and come back', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (data) => {
      assert.equal(toHex(data), Buffer.from(data).toString('hex'))
      assert.equal(encodeBase64Url(data), Buffer.from(data).toString('base64url'))
      assert.deepEqual(fromHex(toHex(data)), data)
      assert.deepEqual(decodeBase64Url(encodeBase64Url(data)), data)
      assert.deepEqual(
        decodeBase64Url(`x${encodeBase64Url(data)}yz`, 1, 1 + encodeBase64Url(data).length),
        data,
      )
    }),
    { seed: 1 },
  )
})

test('text that is not base64url is refused', () => {
  for (const text of ['A', 'AAAAA', 'AA==', 'A+', 'A/', 'AB', 'AAB', 'A\u00e9', 'AAA\u{1f600}', 'A\n'])
    assert.equal(decodeBase64Url(text), undefined, JSON.stringify(text))
  for (const text of ['a', 'zz', '0x', '\u0661\u0661']) assert.equal(fromHex(text), undefined)
})

test('concatenation keeps order', () => {
  assert.deepEqual(
    concatBytes(Uint8Array.of(1), Uint8Array.of(), Uint8Array.of(2, 3)),
    Uint8Array.of(1, 2, 3),
  )
})

test('varints at every change of length, and the first refused', () => {
  const table: [number, string][] = [
    [0, '00'],
    [127, '7f'],
    [128, '8001'],
    [300, 'ac02'],
    [16383, 'ff7f'],
    [16384, '808001'],
    [2 ** 21 - 1, 'ffff7f'],
    [2 ** 21, '80808001'],
    [2 ** 28 - 1, 'ffffff7f'],
    [2 ** 28, '8080808001'],
    [2 ** 31 - 1, 'ffffffff07'],
  ]
  for (const [value, hex] of table) {
    const out = new Uint8Array(5)
    const end = writeVarint(out, 0, value)
    assert.equal(toHex(out.slice(0, end)), hex)
    assert.equal(varintSize(value), end)
    assert.deepEqual(readVarint(out, 0, end), { value, end })
    for (let cut = 0; cut < end; cut++) assert.equal(readVarint(out, 0, cut), undefined)
  }
  assert.equal(readVarint(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x08), 0), undefined, '2^31 and more')
  assert.equal(readVarint(Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x80, 0x00), 0), undefined, 'six bytes')
})

test('a ring keeps the last n and hands back who had to leave', () => {
  const ring = new Ring<number>(3)
  assert.deepEqual(
    [1, 2, 3, 4, 5].map((n) => ring.push(n)),
    [undefined, undefined, undefined, 1, 2],
  )
  assert.deepEqual(ring.toArray(), [3, 4, 5])
  assert.equal(ring.length, 3)
  ring.clear()
  assert.deepEqual(ring.toArray(), [])
})

test('a full queue follows its policy and counts what it lost', () => {
  const rejecting = new BoundedQueue<number>({ capacity: 2, policy: 'reject' })
  assert.deepEqual(
    [1, 2, 3].map((n) => rejecting.push(n)),
    [true, true, false],
  )
  assert.equal(rejecting.peek(), 1)
  assert.deepEqual([rejecting.drain(), rejecting.dropped], [[1, 2], 1])
  const sliding = new BoundedQueue<number>({ capacity: 2, policy: 'dropOldest' })
  assert.deepEqual(
    [1, 2, 3].map((n) => sliding.push(n)),
    [true, true, true],
  )
  assert.deepEqual([sliding.shift(), sliding.shift(), sliding.shift(), sliding.dropped], [2, 3, undefined, 1])
})

test('a diagnostic names line, column and a likely name', () => {
  const text = 'a\nbc strng'
  const span = spanOf(text, 5, 10)
  assert.deepEqual(span, { start: 5, end: 10, line: 2, column: 4 })
  assert.equal(nearest('strng', ['string', 'int32']), 'string')
  assert.equal(nearest('zzzzz', ['string', 'int32']), undefined)
  const diagnostic = {
    severity: 'error',
    span,
    message: 'unknown type',
    note: 'types are lower case',
    suggestion: 'string',
  } as const
  assert.equal(formatDiagnostic(diagnostic), '2:4 error: unknown type (types are lower case; try: string)')
})

test('seeded randomness repeats', () => {
  const bytes = () => {
    const out = new Uint8Array(8)
    seededRandom(7).fill(out)
    return toHex(out)
  }
  assert.equal(bytes(), bytes())
})
