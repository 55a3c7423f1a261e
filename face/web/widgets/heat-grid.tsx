// A grid of cells in shades of one colour, on a canvas: columns of time or of names, rows of names. One cell
// is looked at: by the pointer, or by the arrow keys while it has the focus. Dragging across cells (or Shift
// and the arrow keys, then Enter) chooses a region of them.

import { useEffect, useRef, useState } from 'preact/hooks'
import { timeScale } from '../base/time-scale.ts'
import { token, useTheme } from '../base/theme.ts'
import { visibleText } from '../base/text.ts'
import { fitText, prepareCanvas } from './canvas.ts'
import { drawClock, msToNs } from './time-axis.ts'
import { useSize, type Size } from './use-size.ts'

export type Grid = {
  /** ms since the epoch, ascending; undefined: the columns have names. */
  readonly timesMs: readonly number[] | undefined
  readonly columns: readonly string[]
  readonly rows: readonly string[]
  /** What stands beside each row. */
  readonly marks: readonly string[]
  readonly at: (row: number, column: number) => number | null
  readonly most: number
}

export type GridCell = { readonly row: number; readonly column: number }
/** Both corners belong to it; `from` is above and left of `to`. */
export type GridRegion = { readonly from: GridCell; readonly to: GridCell }

type Plot = {
  readonly size: Size
  readonly left: number
  readonly right: number
  readonly bottom: number
  readonly cellWidth: number
  readonly cellHeight: number
}

const TOP = 8
const BOTTOM = 26
const RIGHT = 16
const LABEL_MAX = 168
/** Less, and a label would lie on the next. */
const LABEL_PIXELS = 15
/** A cell this large has its value written in it. */
const WRITTEN = { width: 44, height: 18 } as const
const CELL_MAX = { width: 120, height: 44 } as const

export function HeatGrid({
  grid,
  label,
  format,
  tip,
  region,
  onSelect,
}: {
  readonly grid: Grid
  readonly label: string
  readonly format: (value: number) => string
  /** What is said of a cell, a line each. */
  readonly tip: (cell: GridCell) => readonly string[]
  /** What is chosen. */
  readonly region?: GridRegion
  readonly onSelect?: (region: GridRegion) => void
}) {
  const box = useRef<HTMLDivElement>(null)
  const canvas = useRef<HTMLCanvasElement>(null)
  const size = useSize(box)
  const [cell, setCell] = useState<GridCell | undefined>(undefined)
  const [corner, setCorner] = useState<GridCell | undefined>(undefined)
  useTheme() // colours are read from the tokens at each drawing
  const plot = plotOf(grid, size)
  const drawn = corner === undefined || cell === undefined ? region : regionOf(corner, cell)
  useEffect(() => {
    const context = prepareCanvas(canvas.current, size)
    if (context !== undefined) draw(context, { grid, plot, cell, region: drawn, format })
  })
  const cellOf = (event: PointerEvent, isClamped: boolean): GridCell | undefined => {
    const bounds = canvas.current!.getBoundingClientRect()
    return cellAt(grid, plot, { x: event.clientX - bounds.left, y: event.clientY - bounds.top, isClamped })
  }
  const choose = (): void => {
    setCorner(undefined)
    if (corner !== undefined && cell !== undefined) onSelect?.(regionOf(corner, cell))
  }
  const onPointerDown = (event: PointerEvent): void => {
    if (onSelect === undefined || event.button !== 0) return
    const at = cellOf(event, false)
    if (at === undefined) return
    canvas.current!.setPointerCapture(event.pointerId)
    setCell(at)
    setCorner(at)
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    if (onSelect !== undefined && event.key === 'Enter' && cell !== undefined) {
      setCorner(undefined)
      return onSelect(regionOf(corner ?? cell, cell))
    }
    if (event.key === 'Escape') setCorner(undefined)
    if (onSelect !== undefined && event.key in STEPS) setCorner(event.shiftKey ? (corner ?? cell) : undefined)
    const moved = movedCell(event.key, cell, grid)
    if (moved === undefined) return
    event.preventDefault()
    setCell(moved)
  }
  const isThere = cell !== undefined && cell.row < grid.rows.length && cell.column < grid.columns.length
  return (
    <div ref={box} class="chart">
      <canvas
        ref={canvas}
        role="img"
        tabIndex={0}
        aria-label={label}
        onPointerDown={onPointerDown}
        onPointerMove={(event) => setCell(cellOf(event, corner !== undefined))}
        onPointerUp={choose}
        onPointerCancel={() => setCorner(undefined)}
        onPointerLeave={() => corner === undefined && setCell(undefined)}
        onKeyDown={onKeyDown}
        onBlur={() => {
          setCorner(undefined)
          setCell(undefined)
        }}
      />
      {isThere && corner === undefined && (
        <div class="tip" role="status" style={tipPlace(plot, cell)}>
          {tip(cell).map((line, i) => (i === 0 ? <b key={i}>{line}</b> : <span key={i}>{line}</span>))}
        </div>
      )}
    </div>
  )
}

function plotOf(grid: Grid, size: Size): Plot {
  const longest = grid.marks.reduce((most, mark) => Math.max(most, mark.length), 0)
  const left = Math.min(LABEL_MAX, size.width * 0.3, 24 + longest * 6.6)
  const width = Math.max(1, size.width - left - RIGHT)
  const height = Math.max(1, size.height - TOP - BOTTOM)
  const isTime = grid.timesMs !== undefined
  const cellWidth = Math.min(width / Math.max(1, grid.columns.length), isTime ? Infinity : CELL_MAX.width)
  const cellHeight = Math.min(height / Math.max(1, grid.rows.length), CELL_MAX.height)
  return {
    size,
    left,
    right: left + cellWidth * grid.columns.length,
    bottom: TOP + cellHeight * grid.rows.length,
    cellWidth,
    cellHeight,
  }
}

/** isClamped: what is outside is the nearest cell. */
function cellAt(
  grid: Grid,
  plot: Plot,
  { x, y, isClamped }: { readonly x: number; readonly y: number; readonly isClamped: boolean },
): GridCell | undefined {
  const column = Math.floor((x - plot.left) / plot.cellWidth)
  const row = Math.floor((y - TOP) / plot.cellHeight)
  if (isClamped) return { row: within(row, grid.rows.length), column: within(column, grid.columns.length) }
  const isInside = column >= 0 && column < grid.columns.length && row >= 0 && row < grid.rows.length
  return isInside ? { row, column } : undefined
}

const STEPS: { readonly [key: string]: readonly [down: number, right: number] } = {
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
}

const within = (at: number, count: number): number => Math.min(count - 1, Math.max(0, at))

const regionOf = (a: GridCell, b: GridCell): GridRegion => ({
  from: { row: Math.min(a.row, b.row), column: Math.min(a.column, b.column) },
  to: { row: Math.max(a.row, b.row), column: Math.max(a.column, b.column) },
})

function movedCell(key: string, cell: GridCell | undefined, { rows, columns }: Grid): GridCell | undefined {
  const step = STEPS[key]
  if (step === undefined || rows.length === 0 || columns.length === 0) return undefined
  if (cell === undefined) return { row: 0, column: columns.length - 1 }
  return {
    row: within(cell.row + step[0], rows.length),
    column: within(cell.column + step[1], columns.length),
  }
}

function tipPlace(plot: Plot, { row, column }: GridCell): { left: string; top: string; transform: string } {
  const x = plot.left + (column + 0.5) * plot.cellWidth
  const y = TOP + (row + 0.5) * plot.cellHeight
  const isRight = x > plot.size.width * 0.6
  const isLow = y > plot.size.height * 0.6
  return {
    left: `${x + (isRight ? -14 : 14)}px`,
    top: `${y + (isLow ? -14 : 14)}px`,
    transform: `translate(${isRight ? '-100%' : '0'}, ${isLow ? '-100%' : '0'})`,
  }
}

type Picture = {
  readonly grid: Grid
  readonly plot: Plot
  readonly cell: GridCell | undefined
  readonly region: GridRegion | undefined
  readonly format: (value: number) => string
}

/** The root keeps small counts visible beside large ones. */
export const shadeOf = (value: number, most: number): number =>
  most > 0 && value > 0 ? 0.08 + 0.92 * Math.sqrt(value / most) : 0

function draw(context: CanvasRenderingContext2D, picture: Picture): void {
  const { grid, plot, cell } = picture
  context.fillStyle = token('sunken')
  context.fillRect(plot.left, TOP, plot.right - plot.left, plot.bottom - TOP)
  const isWritten = plot.cellWidth >= WRITTEN.width && plot.cellHeight >= WRITTEN.height
  const gap = Math.min(plot.cellWidth, plot.cellHeight) > 8 ? 1 : 0
  const accent = token('accent')
  // Read once: asking for a token is asking for the style of the page.
  const inks = { pale: token('ink'), full: token('accent-ink'), font: `11px ${token('mono')}` }
  for (let row = 0; row < grid.rows.length; row++) {
    const y = TOP + row * plot.cellHeight
    for (let column = 0; column < grid.columns.length; column++) {
      const value = grid.at(row, column)
      if (value === null || value <= 0) continue
      const x = plot.left + column * plot.cellWidth
      const shade = shadeOf(value, grid.most)
      context.globalAlpha = shade
      context.fillStyle = accent
      context.fillRect(x, y, plot.cellWidth - gap, plot.cellHeight - gap)
      context.globalAlpha = 1
      if (isWritten)
        write(context, picture, { value, ink: shade > 0.6 ? inks.full : inks.pale, font: inks.font, x, y })
    }
  }
  drawRows(context, picture)
  if (grid.timesMs === undefined) drawColumns(context, picture)
  else drawClock(context, timeOf(grid.timesMs, plot), plot.bottom)
  drawRegion(context, picture)
  if (cell === undefined) return
  context.strokeStyle = token('ink')
  context.lineWidth = 1.5
  const [x, y] = [plot.left + cell.column * plot.cellWidth, TOP + cell.row * plot.cellHeight]
  context.strokeRect(x, y, Math.max(2, plot.cellWidth - gap), Math.max(2, plot.cellHeight - gap))
}

function drawRegion(context: CanvasRenderingContext2D, { plot, region }: Picture): void {
  if (region === undefined) return
  const x = plot.left + region.from.column * plot.cellWidth
  const y = TOP + region.from.row * plot.cellHeight
  const width = (region.to.column - region.from.column + 1) * plot.cellWidth
  const height = (region.to.row - region.from.row + 1) * plot.cellHeight
  context.strokeStyle = token('ink')
  context.lineWidth = 1.5
  context.setLineDash([5, 3])
  context.strokeRect(x, y, width, height)
  context.setLineDash([])
}

function write(
  context: CanvasRenderingContext2D,
  { plot, format }: Picture,
  { value, ink, font, x, y }: { value: number; ink: string; font: string; x: number; y: number },
): void {
  context.font = font
  context.textAlign = 'center'
  context.textBaseline = 'middle'
  context.fillStyle = ink
  context.fillText(format(value), x + plot.cellWidth / 2, y + plot.cellHeight / 2)
}

function drawRows(context: CanvasRenderingContext2D, { grid, plot }: Picture): void {
  context.font = `11px ${token('font')}`
  context.fillStyle = token('ink-2')
  context.textAlign = 'right'
  context.textBaseline = 'middle'
  const every = Math.max(1, Math.ceil(LABEL_PIXELS / plot.cellHeight))
  for (let row = 0; row < grid.rows.length; row += every) {
    const name = fitText(context, visibleText(grid.marks[row]!), plot.left - 16)
    context.fillText(name, plot.left - 8, TOP + (row + 0.5) * plot.cellHeight)
  }
}

function drawColumns(context: CanvasRenderingContext2D, { grid, plot }: Picture): void {
  context.font = `11px ${token('font')}`
  context.fillStyle = token('ink-2')
  context.textAlign = 'center'
  context.textBaseline = 'top'
  grid.columns.forEach((name, column) => {
    const text = fitText(context, visibleText(name), plot.cellWidth - 6)
    context.fillText(text, plot.left + (column + 0.5) * plot.cellWidth, plot.bottom + 6)
  })
}

/** A column stands for the time from its own to the next. */
function timeOf(timesMs: readonly number[], plot: Plot) {
  const first = timesMs[0] ?? 0
  const last = timesMs.at(-1) ?? first
  const step = timesMs.length > 1 ? (last - first) / (timesMs.length - 1) : 1000
  const window = { startNs: msToNs(first), endNs: msToNs(last + step) }
  return timeScale(window, plot.left, plot.right - plot.left)
}
