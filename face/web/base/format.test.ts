// Numbers as people read them.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  formatAge,
  formatAgo,
  formatBytes,
  formatCount,
  formatDuration,
  formatMark,
  plural,
} from './format.ts'

test('durations keep three digits and never round up into the next unit', () => {
  const cases: readonly (readonly [bigint, string])[] = [
    [0n, '0 ns'],
    [999n, '999 ns'],
    [1_000n, '1.00 µs'],
    [12_345n, '12.3 µs'],
    [999_999n, '999 µs'],
    [1_000_000n, '1.00 ms'],
    [99_999_999n, '99.9 ms'],
    [999_999_999n, '999 ms'],
    [1_234_567_890n, '1.23 s'],
    [59_999_999_999n, '59.9 s'],
    [60_000_000_000n, '1 m 00 s'],
    [3_723_000_000_000n, '1 h 02 m'],
    [90_000_000_000_000n, '1 d 01 h'],
    [-1_500n, '\u22121.50 µs'],
  ]
  for (const [ns, text] of cases) assert.equal(formatDuration(ns), text)
})

test('counts, bytes and ages stay short', () => {
  assert.deepEqual([9_999, 10_000, 123_456, 4_565_000].map(formatCount), ['9999', '10.0k', '123k', '4.56M'])
  assert.deepEqual([512, 12_300, 250_000_000, 2e9].map(formatBytes), [
    '512 B',
    '12.3 kB',
    '250 MB',
    '2.00 GB',
  ])
  assert.deepEqual([0, 12_000, 200_000, 7_200_000, 2e8].map(formatAge), ['now', '12 s', '3 m', '2 h', '2 d'])
  assert.deepEqual([500, 5_000].map(formatAgo), ['just now', '5 s ago'])
  assert.deepEqual(
    [plural(1, 'span'), plural(2, 'span'), plural(3, 'process', 'processes')],
    ['1 span', '2 spans', '3 processes'],
  )
})

test('marks of a time axis are no finer than their step, and say the day at midnight', () => {
  const at = (hours: number, minutes: number, ms = 0): bigint =>
    BigInt(new Date(2026, 10, 24, hours, minutes, 0, ms).getTime()) * 1_000_000n
  assert.equal(formatMark(at(14, 3, 20), 20), '14:03:00.020')
  assert.equal(formatMark(at(14, 3), 15_000), '14:03:00')
  assert.equal(formatMark(at(14, 30), 900_000), '14:30')
  assert.match(formatMark(at(0, 0), 900_000), /24/)
})
