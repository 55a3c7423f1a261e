// Columns of numbers as text, and back.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { packColumn, packMeasured, unpackColumn } from '#protocol'

test('whatever numbers, they come back as they were', () => {
  fc.assert(
    fc.property(fc.float64Array({ maxLength: 300 }), (column) => {
      assert.deepEqual(unpackColumn(packColumn(column)), column)
    }),
  )
})

test('bytes are those of the numbers, little-endian', () => {
  assert.equal(
    Buffer.from(packColumn([1, -2.5]), 'base64url').toString('hex'),
    '000000000000f03f00000000000004c0',
  )
})

test('text of other lengths, or of foreign characters, is no column', () => {
  const whole = packColumn([1, 2, 3])
  for (let length = 1; length < whole.length; length++)
    if (length % 32 !== 11 && length % 32 !== 22)
      assert.equal(unpackColumn(whole.slice(0, length)), undefined, `${length} characters`)
  assert.equal(unpackColumn(`${whole.slice(0, -1)}$`), undefined)
  assert.deepEqual(unpackColumn(''), new Float64Array())
})

test('bytes of another decoder are read wherever in their buffer they lie', () => {
  const numbers = new Float64Array([1, -2.5, 1e300])
  for (let offset = 0; offset <= 8; offset++) {
    const bytes = new Uint8Array(offset + numbers.byteLength)
    bytes.set(new Uint8Array(numbers.buffer), offset)
    assert.deepEqual(
      unpackColumn('any', () => bytes.subarray(offset)),
      numbers,
      `${offset}`,
    )
  }
  assert.equal(
    unpackColumn('any', () => undefined),
    undefined,
  )
})

test('of a report the columns are packed, and nothing else', () => {
  const [load, passed] = [new Float64Array([1, 2]), [3, 4]]
  const resource = {
    name: 'db',
    kind: 'pool',
    load,
    waitMs: load,
    serviceMs: load,
    utilisation: 0.5,
  } as const
  const measured = {
    epoch: 1,
    atMs: 2,
    workflows: ['a', 'b'],
    resources: [resource],
    points: [{ name: 'door', passed }],
    requests: { finished: passed, latencyMs: load },
  }
  const text = packColumn(load)
  assert.deepEqual(packMeasured(measured), {
    ...measured,
    resources: [{ ...resource, load: text, waitMs: text, serviceMs: text }],
    points: [{ name: 'door', passed: packColumn(passed) }],
    requests: { finished: packColumn(passed), latencyMs: text },
  })
})
