// Lines over time on a canvas, with a crosshair that says which point is looked at: by the pointer, or by the
// arrow keys while it has the focus. Names and values stand beside it, where whoever shows it writes them.
// Dragging across it (or Shift and the arrow keys, then Enter) chooses a stretch of time.

import { useEffect, useRef, useState } from 'preact/hooks'
import { valueTicks } from '../base/number-scale.ts'
import { timeScale, toPixel, type TimeScale } from '../base/time-scale.ts'
import { token, useTheme } from '../base/theme.ts'
import { prepareCanvas } from './canvas.ts'
import { drawClock, msToNs } from './time-axis.ts'
import { useSize, type Size } from './use-size.ts'

export type ChartLine = {
  readonly name: string
  readonly colour: string
  /** Beside the times; null = a gap. */
  readonly values: readonly (number | null)[]
  /** Drawn stronger than the others. */
  readonly isMarked: boolean
}

type Plot = {
  readonly time: TimeScale
  readonly size: Size
  readonly ticks: readonly number[]
  readonly yOf: (value: number) => number
}

const MARGIN = { left: 52, right: 16, top: 12, bottom: 26 } as const
const TICK_PIXELS = 56

export function LineChart({
  timesMs,
  lines,
  label,
  format,
  point,
  onPoint,
  onSelect,
}: {
  readonly timesMs: readonly number[]
  readonly lines: readonly ChartLine[]
  /** For who cannot see it. */
  readonly label: string
  readonly format: (value: number) => string
  /** Index of the time under the crosshair. */
  readonly point: number | undefined
  readonly onPoint: (point: number | undefined) => void
  /** The first and the last point of a stretch. */
  readonly onSelect?: (first: number, last: number) => void
}) {
  const box = useRef<HTMLDivElement>(null)
  const canvas = useRef<HTMLCanvasElement>(null)
  const size = useSize(box)
  useTheme() // colours are read from the tokens at each drawing
  const plot = plotOf(timesMs, lines, size)
  const [begin, setBegin] = useState<number | undefined>(undefined)
  const stretch = begin === undefined || point === undefined ? undefined : ordered(begin, point)
  useEffect(() => {
    const context = prepareCanvas(canvas.current, size)
    if (context !== undefined) draw(context, { plot, timesMs, lines, point, stretch, format })
  })
  const pointAt = (event: PointerEvent): number | undefined =>
    nearest(timesMs, plot.time, event.clientX - canvas.current!.getBoundingClientRect().left)
  const choose = (): void => {
    setBegin(undefined)
    if (stretch !== undefined && stretch[0] < stretch[1]) onSelect?.(...stretch)
  }
  const onPointerDown = (event: PointerEvent): void => {
    if (onSelect === undefined || event.button !== 0) return
    canvas.current!.setPointerCapture(event.pointerId)
    onPoint(pointAt(event))
    setBegin(pointAt(event))
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    if (onSelect !== undefined && event.key === 'Enter' && stretch !== undefined) return choose()
    if (onSelect !== undefined && event.key.startsWith('Arrow')) {
      if (!event.shiftKey) setBegin(undefined)
      else if (begin === undefined) setBegin(point ?? timesMs.length - 1)
    }
    const moved = movedPoint(event.key, point, timesMs.length)
    if (moved === null) return
    event.preventDefault()
    onPoint(moved)
  }
  return (
    <div ref={box} class="chart">
      <canvas
        ref={canvas}
        role="img"
        tabIndex={0}
        aria-label={label}
        onPointerDown={onPointerDown}
        onPointerMove={(event) => onPoint(pointAt(event))}
        onPointerUp={choose}
        onPointerCancel={() => setBegin(undefined)}
        onPointerLeave={() => onPoint(undefined)}
        onKeyDown={onKeyDown}
        onBlur={() => {
          setBegin(undefined)
          onPoint(undefined)
        }}
      />
    </div>
  )
}

const ordered = (a: number, b: number): readonly [number, number] => (a < b ? [a, b] : [b, a])

/** Where a key moves the crosshair; undefined = nowhere any more, null = not our key. */
function movedPoint(key: string, point: number | undefined, count: number): number | undefined | null {
  const at = point ?? count
  if (key === 'ArrowLeft') return Math.max(0, at - 1)
  if (key === 'ArrowRight') return Math.min(count - 1, at + 1)
  if (key === 'Home') return 0
  if (key === 'End') return count - 1
  return key === 'Escape' && point !== undefined ? undefined : null
}

function plotOf(timesMs: readonly number[], lines: readonly ChartLine[], size: Size): Plot {
  const first = timesMs[0] ?? 0
  const last = Math.max(timesMs.at(-1) ?? 0, first + 1)
  const window = { startNs: msToNs(first), endNs: msToNs(last) }
  const time = timeScale(window, MARGIN.left, Math.max(1, size.width - MARGIN.left - MARGIN.right))
  const height = Math.max(1, size.height - MARGIN.top - MARGIN.bottom)
  let most = 0
  let least = 0
  for (const { values } of lines) {
    for (const value of values) {
      if (value === null) continue
      most = Math.max(most, value)
      least = Math.min(least, value)
    }
  }
  const count = Math.max(2, Math.round(height / TICK_PIXELS))
  const below = least < 0 ? valueTicks(-least, count).map((value) => -value) : []
  const ticks = [
    ...new Set([...below.toReversed(), ...(most > 0 || least === 0 ? valueTicks(most, count) : [0])]),
  ]
  const [low, high] = [ticks[0] ?? 0, ticks.at(-1) ?? 1]
  return {
    time,
    size,
    ticks,
    yOf: (value) => MARGIN.top + height * (1 - (value - low) / Math.max(high - low, Number.MIN_VALUE)),
  }
}

function nearest(timesMs: readonly number[], time: TimeScale, x: number): number | undefined {
  let best: number | undefined
  let distance = Infinity
  timesMs.forEach((ms, i) => {
    const away = Math.abs(toPixel(time, msToNs(ms)) - x)
    if (away < distance) {
      best = i
      distance = away
    }
  })
  return best
}

type Picture = {
  readonly plot: Plot
  readonly timesMs: readonly number[]
  readonly lines: readonly ChartLine[]
  readonly point: number | undefined
  readonly stretch: readonly [number, number] | undefined
  readonly format: (value: number) => string
}

function draw(context: CanvasRenderingContext2D, picture: Picture): void {
  const { plot, timesMs, lines, point, stretch } = picture
  if (stretch !== undefined) drawStretch(context, plot, [timesMs[stretch[0]]!, timesMs[stretch[1]]!])
  drawValues(context, picture)
  drawClock(context, plot.time, plot.size.height - MARGIN.bottom)
  const xs = timesMs.map((ms) => toPixel(plot.time, msToNs(ms)))
  const hasMarked = lines.some(({ isMarked }) => isMarked)
  // The first is the largest: it is drawn last, on top.
  for (const line of lines.toReversed()) drawLine(context, line, { xs, yOf: plot.yOf, isFaint: hasMarked })
  if (point !== undefined && xs[point] !== undefined) drawCrosshair(context, picture, xs[point])
}

function drawStretch(
  context: CanvasRenderingContext2D,
  { time, size }: Plot,
  [fromMs, toMs]: readonly [number, number],
): void {
  const [left, right] = [toPixel(time, msToNs(fromMs)), toPixel(time, msToNs(toMs))]
  context.fillStyle = token('accent-soft')
  context.fillRect(left, MARGIN.top, right - left, size.height - MARGIN.top - MARGIN.bottom)
}

function drawValues(context: CanvasRenderingContext2D, { plot, format }: Picture): void {
  context.font = `11px ${token('font')}`
  context.textAlign = 'right'
  context.textBaseline = 'middle'
  context.lineWidth = 1
  for (const value of plot.ticks) {
    const y = Math.round(plot.yOf(value)) + 0.5
    context.strokeStyle = token(value === 0 ? 'line-strong' : 'line')
    context.beginPath()
    context.moveTo(MARGIN.left, y)
    context.lineTo(plot.size.width - MARGIN.right, y)
    context.stroke()
    context.fillStyle = token('ink-3')
    context.fillText(format(value), MARGIN.left - 8, y)
  }
}

function drawLine(
  context: CanvasRenderingContext2D,
  { values, colour, isMarked }: ChartLine,
  at: { readonly xs: readonly number[]; readonly yOf: (value: number) => number; readonly isFaint: boolean },
): void {
  context.strokeStyle = colour
  context.fillStyle = colour
  context.lineWidth = isMarked ? 2.5 : 1.75
  context.lineJoin = 'round'
  context.globalAlpha = at.isFaint && !isMarked ? 0.3 : 1
  context.beginPath()
  let isDown = false
  values.forEach((value, i) => {
    if (value === null) {
      isDown = false
      return
    }
    const [x, y] = [at.xs[i]!, at.yOf(value)]
    if (isDown) context.lineTo(x, y)
    else context.moveTo(x, y)
    isDown = true
    // A point without neighbours has no line: it is a dot.
    if (isLone(values, i)) context.fillRect(x - 1.5, y - 1.5, 3, 3)
  })
  context.stroke()
  context.globalAlpha = 1
}

const isLone = (values: readonly (number | null)[], i: number): boolean =>
  (values[i - 1] ?? null) === null && (values[i + 1] ?? null) === null

function drawCrosshair(context: CanvasRenderingContext2D, { plot, lines, point }: Picture, x: number): void {
  const left = Math.round(x) + 0.5
  context.strokeStyle = token('ink-3')
  context.lineWidth = 1
  context.beginPath()
  context.moveTo(left, MARGIN.top)
  context.lineTo(left, plot.size.height - MARGIN.bottom)
  context.stroke()
  for (const { values, colour } of lines) {
    const value = values[point ?? -1] ?? null
    if (value === null) continue
    context.beginPath()
    context.arc(x, plot.yOf(value), 3.5, 0, Math.PI * 2)
    context.fillStyle = colour
    context.fill()
    context.strokeStyle = token('surface')
    context.lineWidth = 1.5
    context.stroke()
  }
}
