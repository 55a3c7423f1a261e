// Latency over time: one disc a trace of the list, red with an error; or, as a heatmap, all traces that
// match, counted in cells, redder the more of them failed. Click opens; a dragged rectangle becomes time
// and duration filters.

import type { TraceHeatView, TraceSummary } from '#protocol'
import { useEffect, useRef, useState } from 'preact/hooks'
import { formatClock, formatCount, formatDuration, formatMark, plural } from '../../base/format.ts'
import { SCATTER_POINTS_MAX } from '../../base/limits.ts'
import {
  clockTicks,
  timeScale,
  toNs,
  toPixel,
  type TimeScale,
  type TimeWindow,
} from '../../base/time-scale.ts'
import { token, useTheme } from '../../base/theme.ts'
import { visibleText } from '../../base/text.ts'
import { prepareCanvas } from '../../widgets/canvas.ts'
import { useSize, type Size } from '../../widgets/use-size.ts'

export type Selection = {
  readonly fromNs: bigint
  readonly toNs: bigint
  readonly minMs: number
  readonly maxMs: number
}

type Scales = {
  readonly time: TimeScale
  readonly lowLog: number
  readonly highLog: number
  readonly size: Size
}
type Drag = { readonly x0: number; readonly y0: number; readonly x1: number; readonly y1: number }

const MARGIN = { left: 50, right: 12, top: 8, bottom: 20 } as const
/** How near the pointer must be to a disc, px. */
const REACH = 8
/** Between the marks of the clock. */
const CLOCK_PIXELS = 110
/** A shorter drag is a click. */
const DRAG_MIN = 5

export function Scatter({
  traces,
  heat,
  window,
  selected,
  onOpen,
  onSelect,
}: {
  readonly traces: readonly TraceSummary[]
  /** Cells instead of discs. */
  readonly heat: TraceHeatView | undefined
  readonly window: TimeWindow
  readonly selected: string | undefined
  readonly onOpen: (traceId: string) => void
  readonly onSelect: (selection: Selection) => void
}) {
  const box = useRef<HTMLDivElement>(null)
  const canvas = useRef<HTMLCanvasElement>(null)
  const size = useSize(box)
  useTheme() // the colours are read from the tokens at each drawing: a new theme draws anew
  const [hovered, setHovered] = useState<TraceSummary | undefined>(undefined)
  const [drag, setDrag] = useState<Drag | undefined>(undefined)
  const points = traces.slice(0, SCATTER_POINTS_MAX)
  const scales = scalesOf(durationsOf(points, heat), window, size)
  const [cell, setCell] = useState<Cell | undefined>(undefined)

  useEffect(() => {
    const context = prepareCanvas(canvas.current, size)
    if (context !== undefined) draw(context, { points, heat, scales, hovered, cell, selected, drag })
  })

  const place = (event: PointerEvent): { x: number; y: number } => {
    const bounds = canvas.current!.getBoundingClientRect()
    return { x: event.clientX - bounds.left, y: event.clientY - bounds.top }
  }
  const onPointerMove = (event: PointerEvent): void => {
    const { x, y } = place(event)
    if (drag !== undefined) setDrag({ ...drag, x1: x, y1: y })
    else if (heat !== undefined) setCell(cellAt(heat, scales, x, y))
    else setHovered(nearest(points, scales, x, y))
  }
  const onPointerUp = (): void => {
    if (drag === undefined) return
    setDrag(undefined)
    if (Math.abs(drag.x1 - drag.x0) >= DRAG_MIN && Math.abs(drag.y1 - drag.y0) >= DRAG_MIN)
      onSelect(selectionOf(drag, scales))
    else if (heat !== undefined && cell !== undefined) onOpen(cell.traceId)
    else if (heat === undefined && hovered !== undefined) onOpen(hovered.traceId)
  }
  const tip = hovered === undefined || drag !== undefined ? undefined : tipPlace(hovered, scales)
  return (
    <div ref={box} class="scatter">
      <canvas
        ref={canvas}
        class={hovered || cell ? 'pointing' : ''}
        title={heat !== undefined && cell !== undefined ? cellTitle(cell) : undefined}
        role="img"
        aria-label={`Latency over time of ${plural(points.length, 'trace')}; the list below has the same`}
        onPointerDown={(event) => {
          const { x, y } = place(event)
          canvas.current!.setPointerCapture(event.pointerId)
          setDrag({ x0: x, y0: y, x1: x, y1: y })
        }}
        onPointerMove={onPointerMove}
        onPointerUp={onPointerUp}
        onPointerLeave={() => {
          setHovered(undefined)
          setCell(undefined)
        }}
      />
      {tip && hovered && (
        <div class="tip" style={tip}>
          <b>{visibleText(hovered.rootName).slice(0, 80)}</b>
          <span>{visibleText(hovered.rootService).slice(0, 60)}</span>
          <span>
            {formatDuration(BigInt(hovered.durationNs))} · {plural(hovered.spanCount, 'span')}
            {hovered.errorCount > 0 && <em> · {plural(hovered.errorCount, 'error')}</em>}
          </span>
          <span class="muted">{formatClock(BigInt(hovered.startNs))}</span>
        </div>
      )}
    </div>
  )
}

type Cell = TraceHeatView['cells'][number]

const BANDS_PER_POWER = 4

function durationsOf(points: readonly TraceSummary[], heat: TraceHeatView | undefined): readonly number[] {
  if (heat === undefined) return points.map((point) => Number(point.durationNs))
  return heat.cells.flatMap(({ band }) => [band, band + 1].map((edge) => 2 ** (edge / BANDS_PER_POWER)))
}

/** Left, top, width and height of a cell, px. */
function cellBox(
  heat: TraceHeatView,
  scales: Scales,
  { column, band }: Cell,
): readonly [number, number, number, number] {
  const fromNs = BigInt(heat.fromNs)
  const spanNs = BigInt(heat.toNs) - fromNs
  const edge = (at: number): number =>
    toPixel(scales.time, fromNs + (spanNs * BigInt(at)) / BigInt(heat.columns))
  const top = yOf(scales, 2 ** ((band + 1) / BANDS_PER_POWER))
  const left = edge(column)
  return [left, top, edge(column + 1) - left, yOf(scales, 2 ** (band / BANDS_PER_POWER)) - top]
}

function cellAt(heat: TraceHeatView, scales: Scales, x: number, y: number): Cell | undefined {
  return heat.cells.find((cell) => {
    const [left, top, width, height] = cellBox(heat, scales, cell)
    return x >= left && x < left + width && y >= top && y < top + height
  })
}

function cellTitle({ band, count, errors }: Cell): string {
  const edge = (at: number): string => formatDuration(BigInt(Math.round(2 ** (at / BANDS_PER_POWER))))
  const failed = errors > 0 ? `, ${formatCount(errors)} failed` : ''
  return `${plural(count, 'trace')}${failed} of ${edge(band)} to ${edge(band + 1)}: a click opens one`
}

function drawHeat(context: CanvasRenderingContext2D, heat: TraceHeatView, { scales, cell }: Picture): void {
  const most = heat.cells.reduce((count, one) => Math.max(count, one.count), 1)
  const [accent, error] = [token('accent'), token('error')]
  context.save()
  context.beginPath()
  context.rect(
    MARGIN.left,
    0,
    scales.size.width - MARGIN.left - MARGIN.right,
    scales.size.height - MARGIN.bottom,
  )
  context.clip()
  for (const one of heat.cells) {
    const [left, top, width, height] = cellBox(heat, scales, one)
    context.globalAlpha = 0.14 + 0.86 * Math.sqrt(one.count / most)
    context.fillStyle = accent
    context.fillRect(left, top, Math.max(1, width - 0.5), Math.max(1, height - 0.5))
    if (one.errors > 0) {
      context.globalAlpha = 0.35 + 0.65 * (one.errors / one.count)
      context.fillStyle = error
      const part = Math.max(2, height * (one.errors / one.count))
      context.fillRect(left, top + height - part, Math.max(1, width - 0.5), part - 0.5)
    }
  }
  context.globalAlpha = 1
  if (cell !== undefined) {
    const [left, top, width, height] = cellBox(heat, scales, cell)
    context.strokeStyle = token('ink')
    context.lineWidth = 1.5
    context.strokeRect(left, top, Math.max(2, width), Math.max(2, height))
  }
  context.restore()
}

function scalesOf(durations: readonly number[], window: TimeWindow, size: Size): Scales {
  let low = Infinity
  let high = 0
  for (const duration of durations) {
    const ns = Math.max(1, duration)
    if (ns < low) low = ns
    if (ns > high) high = ns
  }
  if (high === 0) {
    low = 1e6
    high = 1e9
  }
  const lowLog = Math.log10(low) - 0.15
  const highLog = Math.max(Math.log10(high) + 0.15, lowLog + 0.6)
  return {
    time: timeScale(window, MARGIN.left, Math.max(1, size.width - MARGIN.left - MARGIN.right)),
    lowLog,
    highLog,
    size,
  }
}

function yOf(scales: Scales, ns: number): number {
  const height = scales.size.height - MARGIN.top - MARGIN.bottom
  return (
    MARGIN.top +
    height * (1 - (Math.log10(Math.max(1, ns)) - scales.lowLog) / (scales.highLog - scales.lowLog))
  )
}

function nsAt(scales: Scales, y: number): number {
  const height = scales.size.height - MARGIN.top - MARGIN.bottom
  return 10 ** (scales.lowLog + (1 - (y - MARGIN.top) / height) * (scales.highLog - scales.lowLog))
}

function nearest(
  points: readonly TraceSummary[],
  scales: Scales,
  x: number,
  y: number,
): TraceSummary | undefined {
  let best: TraceSummary | undefined
  let bestDistance = REACH * REACH
  for (const point of points) {
    const dx = toPixel(scales.time, BigInt(point.startNs)) - x
    if (dx > REACH || dx < -REACH) continue
    const dy = yOf(scales, Number(point.durationNs)) - y
    const distance = dx * dx + dy * dy
    if (distance < bestDistance) {
      best = point
      bestDistance = distance
    }
  }
  return best
}

function selectionOf(drag: Drag, scales: Scales): Selection {
  const [left, right] = [Math.min(drag.x0, drag.x1), Math.max(drag.x0, drag.x1)]
  const [top, bottom] = [Math.min(drag.y0, drag.y1), Math.max(drag.y0, drag.y1)]
  const ms = (y: number): number => Number((nsAt(scales, y) / 1e6).toPrecision(3))
  return {
    fromNs: toNs(scales.time, left),
    toNs: toNs(scales.time, right),
    minMs: ms(bottom),
    maxMs: ms(top),
  }
}

function tipPlace(point: TraceSummary, scales: Scales): { left: string; top: string; transform: string } {
  const x = toPixel(scales.time, BigInt(point.startNs))
  const isRight = x > scales.size.width * 0.7
  return {
    left: `${x + (isRight ? -10 : 10)}px`,
    top: '4px',
    transform: isRight ? 'translateX(-100%)' : 'none',
  }
}

type Picture = {
  readonly points: readonly TraceSummary[]
  readonly scales: Scales
  readonly heat: TraceHeatView | undefined
  readonly hovered: TraceSummary | undefined
  readonly cell: Cell | undefined
  readonly selected: string | undefined
  readonly drag: Drag | undefined
}

function draw(context: CanvasRenderingContext2D, picture: Picture): void {
  const { scales, points, hovered, selected, drag } = picture
  drawAxes(context, scales)
  const accent = token('accent')
  const error = token('error')
  if (picture.heat !== undefined) drawHeat(context, picture.heat, picture)
  for (const point of picture.heat === undefined ? points : []) {
    const x = toPixel(scales.time, BigInt(point.startNs))
    const y = yOf(scales, Number(point.durationNs))
    const isMarked = point === hovered || point.traceId === selected
    context.globalAlpha = isMarked ? 1 : 0.62
    context.fillStyle = point.errorCount > 0 ? error : accent
    context.beginPath()
    context.arc(x, y, isMarked ? 4.5 : point.errorCount > 0 ? 3 : 2.6, 0, Math.PI * 2)
    context.fill()
  }
  context.globalAlpha = 1
  if (drag !== undefined) {
    context.strokeStyle = accent
    context.fillStyle = token('accent-soft')
    context.globalAlpha = 0.5
    context.fillRect(drag.x0, drag.y0, drag.x1 - drag.x0, drag.y1 - drag.y0)
    context.globalAlpha = 1
    context.strokeRect(drag.x0 + 0.5, drag.y0 + 0.5, drag.x1 - drag.x0, drag.y1 - drag.y0)
  }
}

function drawAxes(context: CanvasRenderingContext2D, scales: Scales): void {
  const { size } = scales
  const bottom = size.height - MARGIN.bottom
  context.font = `11px ${token('font')}`
  context.fillStyle = token('ink-3')
  context.strokeStyle = token('line')
  context.lineWidth = 1
  context.textBaseline = 'middle'
  context.textAlign = 'right'
  for (const ns of latencyTicks(scales)) {
    const y = Math.round(yOf(scales, ns)) + 0.5
    line(context, MARGIN.left, y, size.width - MARGIN.right, y)
    const label = formatDuration(BigInt(Math.round(ns))).replace(/\.0+(?= )/, '')
    context.fillText(label, MARGIN.left - 8, y)
  }
  drawClock(context, scales)
  line(context, MARGIN.left, bottom + 0.5, size.width - MARGIN.right, bottom + 0.5)
}

/** Round times below, each with a short mark; what would be cut at an edge is left out. */
function drawClock(context: CanvasRenderingContext2D, { size, time }: Scales): void {
  const utcOffsetMs = -new Date(Number(time.startNs / 1_000_000n)).getTimezoneOffset() * 60_000
  const { stepMs, atNs } = clockTicks(time, CLOCK_PIXELS, utcOffsetMs)
  context.textAlign = 'center'
  for (const ns of atNs) {
    const x = Math.round(toPixel(time, ns)) + 0.5
    const label = formatMark(ns, stepMs)
    const half = context.measureText(label).width / 2
    line(context, x, size.height - MARGIN.bottom, x, size.height - MARGIN.bottom + 3)
    if (x - half >= 0 && x + half <= size.width) context.fillText(label, x, size.height - 8)
  }
}

/** Decades; with few of them also their doubles and fives. */
function latencyTicks({ lowLog, highLog }: Scales): number[] {
  const steps = highLog - lowLog < 2 ? [1, 2, 5] : [1]
  const out: number[] = []
  for (let power = Math.floor(lowLog); power <= highLog; power++) {
    for (const step of steps) {
      const log = power + Math.log10(step)
      if (log >= lowLog && log <= highLog) out.push(step * 10 ** power)
    }
  }
  return out
}

function line(context: CanvasRenderingContext2D, x0: number, y0: number, x1: number, y1: number): void {
  context.beginPath()
  context.moveTo(x0, y0)
  context.lineTo(x1, y1)
  context.stroke()
}
