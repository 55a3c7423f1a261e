// The clock below a picture over time: round times of day, each with a short mark.

import { formatMark } from '../base/format.ts'
import { clockTicks, toPixel, type TimeScale } from '../base/time-scale.ts'
import { token } from '../base/theme.ts'

/** Between the marks. */
const MARK_PIXELS = 96

/** `bottom`: where the axis is; text goes below it. What would be cut at an edge is left out. */
export function drawClock(context: CanvasRenderingContext2D, time: TimeScale, bottom: number): void {
  const utcOffsetMs = -new Date(Number(time.startNs / 1_000_000n)).getTimezoneOffset() * 60_000
  const { stepMs, atNs } = clockTicks(time, MARK_PIXELS, utcOffsetMs)
  const right = time.left + time.width
  context.font = `11px ${token('font')}`
  context.fillStyle = token('ink-3')
  context.strokeStyle = token('line-strong')
  context.textAlign = 'center'
  context.textBaseline = 'top'
  for (const ns of atNs) {
    const x = Math.round(toPixel(time, ns)) + 0.5
    const label = formatMark(ns, stepMs)
    const half = context.measureText(label).width / 2
    context.beginPath()
    context.moveTo(x, bottom)
    context.lineTo(x, bottom + 4)
    context.stroke()
    if (x - half >= 0 && x + half <= right + 12) context.fillText(label, x, bottom + 6)
  }
}

export const msToNs = (ms: number): bigint => BigInt(Math.round(ms * 1000)) * 1000n
