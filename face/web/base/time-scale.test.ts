// Laws of the scale: exact at any zoom, never outside the trace.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  clampWindow,
  clockTicks,
  panWindow,
  ticks,
  timeScale,
  toNs,
  toPixel,
  zoomWindow,
} from './time-scale.ts'

const DAY = 86_400_000_000_000n
const EPOCH = 1_795_521_600_000_000_000n
const BOUNDS = { startNs: EPOCH, endNs: EPOCH + DAY }

test('a microsecond at the end of a day is as exact as one at its beginning', () => {
  const scale = timeScale({ startNs: EPOCH + DAY - 1_000n, endNs: EPOCH + DAY }, 0, 1_000)
  assert.equal(toPixel(scale, EPOCH + DAY - 999n), 1)
  assert.equal(toNs(scale, 500), EPOCH + DAY - 500n)
})

const window = fc.tuple(fc.bigInt(0n, DAY - 1_000n), fc.bigInt(1_000n, DAY)).map(([from, width]) => ({
  startNs: EPOCH + from,
  endNs: EPOCH + (from + width > DAY ? DAY : from + width),
}))

test('what is drawn at a pixel is found at that pixel', () => {
  fc.assert(
    fc.property(window, fc.integer({ min: 0, max: 2_000 }), (shown, x) => {
      const scale = timeScale(shown, 100, 2_000)
      assert.ok(Math.abs(toPixel(scale, toNs(scale, x + 100)) - x - 100) <= scale.pixelsPerNs)
    }),
  )
})

test('zooming and panning never leave the trace, and panning keeps the width', () => {
  fc.assert(
    fc.property(
      window,
      fc.double({ min: 0.01, max: 100, noNaN: true }),
      fc.bigInt(-DAY, DAY),
      (shown, factor, by) => {
        const middle = (shown.startNs + shown.endNs) / 2n
        for (const next of [
          zoomWindow(shown, BOUNDS, factor, middle),
          panWindow(shown, BOUNDS, by),
          clampWindow(shown, BOUNDS),
        ]) {
          assert.ok(
            next.startNs >= BOUNDS.startNs && next.endNs <= BOUNDS.endNs + 100n && next.startNs < next.endNs,
          )
        }
        const panned = panWindow(shown, BOUNDS, by)
        assert.equal(panned.endNs - panned.startNs, shown.endNs - shown.startNs)
      },
    ),
  )
})

test('ticks are round, ascending, inside the window and not too near', () => {
  fc.assert(
    fc.property(window, (shown) => {
      const scale = timeScale(shown, 0, 1_200)
      const { stepNs, atNs } = ticks(scale, EPOCH, 100)
      assert.match(String(stepNs), /^[125]0*$/)
      assert.ok(atNs.every((at) => at >= shown.startNs && at <= shown.endNs && (at - EPOCH) % stepNs === 0n))
      assert.ok(Number(stepNs) * scale.pixelsPerNs >= 100 * 0.999)
    }),
  )
})

test('marks of a clock fall on round times of the reader, not too near', () => {
  fc.assert(
    fc.property(window, fc.integer({ min: -48, max: 56 }), (shown, quarters) => {
      const scale = timeScale(shown, 0, 1_200)
      const offsetMs = quarters * 900_000
      const { stepMs, atNs } = clockTicks(scale, 110, offsetMs)
      const isRound = (at: bigint): boolean => (at / 1_000_000n + BigInt(offsetMs)) % BigInt(stepMs) === 0n
      assert.ok(atNs.every((at) => at >= shown.startNs && at <= shown.endNs && isRound(at)))
      assert.ok(stepMs * 1e6 * scale.pixelsPerNs >= 110 * 0.999)
    }),
  )
  const hour = timeScale({ startNs: EPOCH + 1n, endNs: EPOCH + DAY / 24n }, 0, 1_200)
  assert.equal(clockTicks(hour, 110, 0).stepMs, 600_000)
})
