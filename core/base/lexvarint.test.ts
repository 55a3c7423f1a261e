// The whole table of the reference implementation (63 rows, forward and reverse), and the law behind it.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compareBytes, fromHex, toHex } from './bytes.ts'
import { decodeLexVarint, encodeLexVarint, readLexUnsignedNumber, type LexKind } from './lexvarint.ts'

const TABLE = `
u 0 00 / FF
u 1 01 / FE
u 63 3F / C0
u 64 40 / BF
u 127 7F / 80
u 128 8080 / 7F7F
u 174 80AE / 7F51
u 255 80FF / 7F00
u 256 8100 / 7EFF
u 300 812C / 7ED3
u 16383 BFFF / 4000
u 16384 C04000 / 3FBFFF
u 2097151 DFFFFF / 200000
u 2097152 E0200000 / 1FDFFFFF
u 268435455 EFFFFFFF / 10000000
u 268435456 F010000000 / 0FEFFFFFFF
u 4294967295 F0FFFFFFFF / 0F00000000
u 34359738367 F7FFFFFFFF / 0800000000
u 34359738368 F80800000000 / 07F7FFFFFFFF
u 4398046511103 FBFFFFFFFFFF / 040000000000
u 4398046511104 FC040000000000 / 03FBFFFFFFFFFF
u 562949953421311 FDFFFFFFFFFFFF / 02000000000000
u 562949953421312 FE02000000000000 / 01FDFFFFFFFFFFFF
u 72057594037927935 FEFFFFFFFFFFFFFF / 0100000000000000
u 72057594037927936 FF0100000000000000 / 00FEFFFFFFFFFFFFFF
u 9223372036854775807 FF7FFFFFFFFFFFFFFF / 008000000000000000
u 9223372036854775808 FF8000000000000000 / 007FFFFFFFFFFFFFFF
u 18446744073709551615 FFFFFFFFFFFFFFFFFF / 000000000000000000
s 0 80 / 7F
s 1 81 / 7E
s -1 7F / 80
s 63 BF / 40
s 64 C040 / 3FBF
s -64 40 / BF
s -65 3FBF / C040
s 174 C0AE / 3F51
s -174 3F52 / C0AD
s 8191 DFFF / 2000
s 8192 E02000 / 1FDFFF
s -8192 2000 / DFFF
s -8193 1FDFFF / E02000
s 1048575 EFFFFF / 100000
s 1048576 F0100000 / 0FEFFFFF
s -1048576 100000 / EFFFFF
s -1048577 0FEFFFFF / F0100000
s 134217727 F7FFFFFF / 08000000
s 134217728 F808000000 / 07F7FFFFFF
s -134217728 08000000 / F7FFFFFF
s -134217729 07F7FFFFFF / F808000000
s 2147483647 F87FFFFFFF / 0780000000
s -2147483648 0780000000 / F87FFFFFFF
s 17179869183 FBFFFFFFFF / 0400000000
s 17179869184 FC0400000000 / 03FBFFFFFFFF
s 2199023255551 FDFFFFFFFFFF / 020000000000
s 2199023255552 FE020000000000 / 01FDFFFFFFFFFF
s 281474976710655 FEFFFFFFFFFFFF / 01000000000000
s 281474976710656 FF01000000000000 / 00FEFFFFFFFFFFFF
s 36028797018963967 FF7FFFFFFFFFFFFF / 0080000000000000
s 36028797018963968 FF8080000000000000 / 007F7FFFFFFFFFFFFF
s -36028797018963968 0080000000000000 / FF7FFFFFFFFFFFFF
s -36028797018963969 007F7FFFFFFFFFFFFF / FF8080000000000000
s 9223372036854775807 FFFFFFFFFFFFFFFFFF / 000000000000000000
s -9223372036854775808 000000000000000000 / FFFFFFFFFFFFFFFFFF
`

const rows = TABLE.trim()
  .split('\n')
  .map((line) => {
    const [kind, value, forward, , reverse] = line.split(' ')
    return {
      isSigned: kind === 's',
      value: BigInt(value ?? ''),
      forward: forward ?? '',
      reverse: reverse ?? '',
    }
  })

test('every row of the published table, forward and reverse, writing and reading', () => {
  assert.equal(rows.length, 63)
  for (const { isSigned, value, forward, reverse } of rows) {
    const kind = isSigned ? 'signed' : 'unsigned'
    const reverseKind = isSigned ? 'reverseSigned' : 'reverseUnsigned'
    assert.equal(toHex(encodeLexVarint(kind, value)).toUpperCase(), forward, `${kind} ${value}`)
    assert.equal(toHex(encodeLexVarint(reverseKind, value)).toUpperCase(), reverse, `${reverseKind} ${value}`)
    assert.equal(decodeLexVarint(kind, bytes(forward)), value)
    assert.equal(decodeLexVarint(reverseKind, bytes(reverse)), value)
  }
})

test('a longer form than needed is read', () => {
  assert.equal(decodeLexVarint('unsigned', bytes('FF0000000000000037')), 55n)
  assert.equal(decodeLexVarint('unsigned', bytes('8037')), 55n)
})

test('cut short, or followed by something, is not a value', () => {
  for (const { isSigned, forward } of rows) {
    const kind = isSigned ? 'signed' : 'unsigned'
    for (let cut = 0; cut < forward.length; cut += 2)
      assert.equal(decodeLexVarint(kind, bytes(forward.slice(0, cut))), undefined)
    assert.equal(decodeLexVarint(kind, bytes(`${forward}00`)), undefined)
  }
})

const unsigned = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n })
const signed = fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n })
// Half of the values near a change of length, where mistakes live.
const near = fc
  .tuple(fc.integer({ min: 0, max: 63 }), fc.bigInt({ min: -2n, max: 2n }))
  .map(([bits, off]) => (1n << BigInt(bits)) + off)
const nearUnsigned = near.filter((value) => value >= 0n)
const nearSigned = fc
  .tuple(near, fc.boolean())
  .map(([value, isNegative]) => (isNegative ? -value : value))
  .filter((value) => value >= -(1n << 63n) && value < 1n << 63n)

const KINDS: readonly [LexKind, fc.Arbitrary<bigint>, 1 | -1][] = [
  ['unsigned', fc.oneof(unsigned, nearUnsigned), 1],
  ['reverseUnsigned', fc.oneof(unsigned, nearUnsigned), -1],
  ['signed', fc.oneof(signed, nearSigned), 1],
  ['reverseSigned', fc.oneof(signed, nearSigned), -1],
]

for (const [kind, values, direction] of KINDS) {
  test(`${kind}: byte order is ${direction === 1 ? '' : 'reverse '}numeric order, and reading gives back what was written`, () => {
    fc.assert(
      fc.property(values, values, (x, y) => {
        const order = compareBytes(encodeLexVarint(kind, x), encodeLexVarint(kind, y))
        const expected = x === y ? 0 : x < y ? -1 : 1
        assert.equal(order, expected * direction + 0)
        assert.equal(decodeLexVarint(kind, encodeLexVarint(kind, x)), x)
      }),
      { seed: 1, numRuns: 2000 },
    )
  })
}

test('the number path agrees with the bigint path up to 2^53 - 1 and declines beyond', () => {
  fc.assert(
    fc.property(fc.oneof(unsigned, nearUnsigned), (x) => {
      const encoded = encodeLexVarint('unsigned', x)
      const expected = x <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(x) : undefined
      assert.equal(readLexUnsignedNumber(encoded, 0, encoded.length), expected)
    }),
    { seed: 2, numRuns: 1000 },
  )
})

test('any bytes at all are read or refused, never thrown at', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 12 }), (data) => {
      for (const [kind] of KINDS) decodeLexVarint(kind, data)
    }),
    { seed: 3, numRuns: 3000 },
  )
})

function bytes(hex: string): Uint8Array {
  const parsed = fromHex(hex)
  assert.ok(parsed)
  return parsed
}
