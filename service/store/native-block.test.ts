// Blocks of the Native format, byte by byte.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { BlockWriter, encodeNativeBlock } from './native-block.ts'

const bytesOf = (write: (writer: BlockWriter) => void, capacity?: number): number[] => {
  const writer = new BlockWriter(capacity)
  write(writer)
  return [...writer.bytes()]
}

describe('native block', () => {
  it('is columns, rows, then name, type and data of each column', () => {
    const block = {
      rowCount: 2,
      columns: [
        { name: 'a', type: 'UInt8', write: (writer: BlockWriter) => writer.raw(Uint8Array.of(7, 8)) },
      ],
    }
    assert.deepEqual([...encodeNativeBlock(block)], [1, 2, 1, 97, 5, 85, 73, 110, 116, 56, 7, 8])
  })

  const VARUINTS: readonly [number, readonly number[]][] = [
    [0, [0]],
    [127, [127]],
    [128, [128, 1]],
    [16_383, [255, 127]],
    [16_384, [128, 128, 1]],
    [2 ** 40, [128, 128, 128, 128, 128, 32]],
  ]
  for (const [value, bytes] of VARUINTS) {
    it(`writes ${value} as ${bytes.length} bytes`, () =>
      assert.deepEqual(
        bytesOf((writer) => writer.varuint(value)),
        bytes,
      ))
  }

  it('counts the ends of ragged rows from 0, wherever they start', () => {
    const ends = bytesOf((writer) => writer.ends(Uint32Array.of(5, 7, 7, 300)))
    assert.deepEqual(ends, [2, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 39, 1, 0, 0, 0, 0, 0, 0])
  })

  it('takes one, two or four bytes for an index into a dictionary', () => {
    for (const [keys, width] of [
      [1, 1],
      [256, 1],
      [257, 2],
      [65_536, 2],
      [65_537, 4],
    ] as const) {
      const dictionary = Array.from({ length: keys }, () => new Uint8Array())
      const length = bytesOf((writer) => writer.lowCardinality(dictionary, Uint32Array.of(keys - 1))).length
      assert.equal(length, 8 + 8 + keys + 8 + width)
    }
    assert.deepEqual(
      bytesOf((writer) => writer.lowCardinality([], new Uint32Array())),
      [],
    )
  })

  it('grows from any capacity and loses nothing', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 300 })),
        fc.integer({ min: 1, max: 64 }),
        (parts, capacity) => {
          const written = bytesOf((writer) => {
            for (const part of parts) writer.string(part)
          }, capacity)
          const expected = parts.flatMap((part) => [
            ...bytesOf((writer) => writer.varuint(part.length)),
            ...part,
          ])
          assert.deepEqual(written, expected)
        },
      ),
      { seed: 3 },
    )
  })
})
