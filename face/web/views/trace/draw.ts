// One frame of the waterfall: what is on the screen, from columns to pixels. Pure but for the canvas it draws on.
//
//   | name column (tree, service, name, marks) | timeline: grid, bars, events, critical path, arrows, labels |
//
// Layers are drawn row by row, then the arrows across rows. Cost: O(rows on the screen + arrows); it does not depend on the
// number of spans.

import { formatDuration } from '../../base/format.ts'
import { ARROWS_MAX, PATH_TURNS_MAX } from '../../base/limits.ts'
import { token } from '../../base/theme.ts'
import { ticks, toPixel, type TimeScale } from '../../base/time-scale.ts'
import { fitText } from '../../widgets/canvas.ts'
import type { Size } from '../../widgets/use-size.ts'
import { FLAG, canvasText, type TraceColumns } from './columns.ts'
import type { Arrow, PathSection } from './overlay.ts'
import { hasChildren, type Rows } from './rows.ts'

export const ROW_HEIGHT = 24
const BAR_TOP = 6
const BAR_HEIGHT = 12
export const CARET_WIDTH = 16
/** px between the ticks of the grid. */
const TICK_PIXELS = 110
/** A bar is never thinner, or short spans would vanish. */
const BAR_WIDTH_MIN = 2

/** Colours and fonts of a theme, read once per theme. */
export type Ink = { readonly [name in (typeof INK)[number]]: string }
const INK = [
  'surface',
  'sunken',
  'line',
  'line-strong',
  'ink',
  'ink-2',
  'ink-3',
  'accent',
  'accent-soft',
  'error',
  'error-soft',
  'warn',
  'path',
  'hover',
  'grid',
  'mark',
  'font',
  'shade',
  'accent-line',
] as const

export function readInk(): Ink {
  return Object.fromEntries(INK.map((name) => [name, token(name)])) as Ink // every name of INK is set by the line itself
}

export type Frame = {
  readonly columns: TraceColumns
  readonly rows: Rows
  readonly colours: readonly string[]
  readonly ink: Ink
  readonly size: Size
  readonly nameWidth: number
  readonly scrollTop: number
  readonly scale: TimeScale
  /** Span indices; -1 = none. */
  readonly selected: number
  readonly hovered: number
  readonly collapsed: ReadonlySet<number>
  readonly matches: ReadonlySet<number>
  readonly sections: readonly PathSection[]
  readonly arrows: readonly Arrow[]
  /** Fitted names, kept between frames. */
  readonly fitted: Map<string, string>
}

/** Indent of a depth: generous at first, then narrower, so that a deep trace keeps its names readable. */
export function indentOf(depth: number, nameWidth: number): number {
  const wide = Math.min(depth, 12) * 14 + Math.max(0, depth - 12) * 3
  return Math.min(wide, nameWidth * 0.55)
}

/** First and last row on the screen. */
export function rowsOnScreen(
  rows: Rows,
  scrollTop: number,
  height: number,
): readonly [first: number, last: number] {
  const first = Math.max(0, Math.floor(scrollTop / ROW_HEIGHT))
  return [first, Math.min(rows.spanOf.length - 1, Math.floor((scrollTop + height) / ROW_HEIGHT))]
}

export function drawFrame(context: CanvasRenderingContext2D, frame: Frame): void {
  const { rows, size, scrollTop } = frame
  const [first, last] = rowsOnScreen(rows, scrollTop, size.height)
  drawGrid(context, frame)
  for (let row = first; row <= last; row++) drawRow(context, frame, row)
  clipTimeline(context, frame, () => {
    drawPath(context, frame, first, last)
    drawArrows(context, frame)
    for (let row = first; row <= last; row++)
      drawLabel(context, frame, rows.spanOf[row]!, row * ROW_HEIGHT - scrollTop)
  })
  context.fillStyle = frame.ink.line
  context.fillRect(frame.nameWidth, 0, 1, size.height)
}

function drawGrid(context: CanvasRenderingContext2D, { scale, columns, ink, size, nameWidth }: Frame): void {
  context.fillStyle = ink.grid
  for (const at of ticks(scale, columns.bounds.startNs, TICK_PIXELS).atNs) {
    const x = Math.round(toPixel(scale, at))
    if (x > nameWidth) context.fillRect(x, 0, 1, size.height)
  }
}

/** The labels above the grid, on a canvas of their own. */
export function drawAxis(
  context: CanvasRenderingContext2D,
  frame: Pick<Frame, 'scale' | 'columns' | 'ink' | 'size' | 'nameWidth'>,
  cursorNs: bigint | undefined,
): void {
  const { scale, columns, ink, size } = frame
  context.font = `11px ${ink.font}`
  context.textBaseline = 'middle'
  const { atNs } = ticks(scale, columns.bounds.startNs, TICK_PIXELS)
  for (const at of atNs) {
    const x = Math.round(toPixel(scale, at))
    if (x < frame.nameWidth) continue
    context.fillStyle = ink.line
    context.fillRect(x, size.height - 6, 1, 6)
    context.fillStyle = ink['ink-3']
    const label = axisLabel(at - columns.bounds.startNs)
    if (x + 4 + context.measureText(label).width < size.width) context.fillText(label, x + 4, size.height / 2)
  }
  if (cursorNs === undefined) return
  const x = toPixel(scale, cursorNs)
  const label = formatDuration(cursorNs - columns.bounds.startNs)
  const width = context.measureText(label).width + 12
  const left = Math.min(Math.max(x - width / 2, frame.nameWidth), size.width - width)
  context.fillStyle = ink.ink
  context.beginPath()
  context.roundRect(left, 4, width, size.height - 8, 4)
  context.fill()
  context.fillStyle = ink.surface
  context.fillText(label, left + 6, size.height / 2)
}

/** '0', '20 ms', '1.5 s': the zeros that a tick never needs are left out. */
function axisLabel(ns: bigint): string {
  return ns === 0n
    ? '0'
    : formatDuration(ns)
        .replace(/(\.\d*?)0+(?= )/, '$1')
        .replace(/\.(?= )/, '')
}

function drawRow(context: CanvasRenderingContext2D, frame: Frame, row: number): void {
  const { rows, ink, size, scrollTop } = frame
  const index = rows.spanOf[row]!
  const top = row * ROW_HEIGHT - scrollTop
  const back =
    index === frame.selected
      ? ink['accent-soft']
      : index === frame.hovered
        ? ink.hover
        : frame.matches.has(index)
          ? ink.mark
          : undefined
  if (back !== undefined) {
    context.fillStyle = back
    context.globalAlpha = back === ink.mark ? 0.75 : 1
    context.fillRect(0, top, size.width, ROW_HEIGHT)
    context.globalAlpha = 1
  }
  if (index === frame.selected) {
    context.fillStyle = ink.accent
    context.fillRect(0, top, 3, ROW_HEIGHT)
  }
  drawName(context, frame, index, top)
  clipTimeline(context, frame, () => drawBar(context, frame, index, top))
}

function drawName(context: CanvasRenderingContext2D, frame: Frame, index: number, top: number): void {
  const { columns, ink, nameWidth, colours } = frame
  const depth = columns.depth[index]!
  const left = 8 + indentOf(depth, nameWidth)
  const middle = top + ROW_HEIGHT / 2
  drawGuides(context, frame, depth, top)
  if (hasChildren(columns, index))
    drawCaret(context, ink['ink-3'], left + 5, middle, frame.collapsed.has(index))
  context.fillStyle = colours[columns.service[index]!] ?? ink['ink-3']
  context.beginPath()
  context.roundRect(left + CARET_WIDTH, middle - 6, 3, 12, 1.5)
  context.fill()
  const right = nameWidth - 8 - drawMarks(context, frame, index, middle)
  let x = left + CARET_WIDTH + 9
  context.textBaseline = 'middle'
  const above = columns.parent[index]!
  if (above < 0 || columns.service[above] !== columns.service[index]) {
    context.font = `600 12px ${ink.font}`
    context.fillStyle = ink.ink
    const service = fit(
      context,
      frame,
      canvasText(columns.serviceNames[columns.service[index]!] ?? ''),
      Math.min(right - x, nameWidth * 0.4),
    )
    context.fillText(service, x, middle + 0.5)
    x += context.measureText(service).width + 7
  }
  context.font = `400 12px ${ink.font}`
  context.fillStyle = (columns.flags[index]! & FLAG.error) !== 0 ? ink.error : ink['ink-2']
  context.fillText(fit(context, frame, canvasText(columns.spans[index]!.name), right - x), x, middle + 0.5)
}

/** Faint vertical lines of the ancestors. */
function drawGuides(
  context: CanvasRenderingContext2D,
  { ink, nameWidth }: Frame,
  depth: number,
  top: number,
): void {
  context.fillStyle = ink.line
  for (let level = Math.max(0, depth - 40); level < depth; level++) {
    context.fillRect(Math.round(8 + indentOf(level, nameWidth) + 5), top, 1, ROW_HEIGHT)
  }
}

function drawCaret(
  context: CanvasRenderingContext2D,
  colour: string,
  x: number,
  y: number,
  isCollapsed: boolean,
): void {
  context.strokeStyle = colour
  context.lineWidth = 1.5
  context.beginPath()
  if (isCollapsed) {
    context.moveTo(x - 2, y - 4)
    context.lineTo(x + 2, y)
    context.lineTo(x - 2, y + 4)
  } else {
    context.moveTo(x - 4, y - 2)
    context.lineTo(x, y + 2)
    context.lineTo(x + 4, y - 2)
  }
  context.stroke()
}

/** Error, moved clock, hidden descendants: from the right edge inwards. Gives the width taken. */
function drawMarks(context: CanvasRenderingContext2D, frame: Frame, index: number, middle: number): number {
  const { columns, ink, nameWidth } = frame
  const flags = columns.flags[index]!
  let right = nameWidth - 8
  context.textBaseline = 'middle'
  if ((flags & FLAG.error) !== 0) {
    context.fillStyle = ink.error
    context.beginPath()
    context.arc(right - 6, middle, 6, 0, Math.PI * 2)
    context.fill()
    context.fillStyle = ink.surface
    context.fillRect(right - 6.75, middle - 3.5, 1.5, 4.2)
    context.fillRect(right - 6.75, middle + 1.8, 1.5, 1.6)
    right -= 17
  }
  if ((flags & (FLAG.shifted | FLAG.repaired)) !== 0) {
    context.strokeStyle = ink.warn
    context.lineWidth = 1.4
    context.beginPath()
    context.arc(right - 6, middle, 5, 0, Math.PI * 2)
    context.moveTo(right - 6, middle - 2.8)
    context.lineTo(right - 6, middle)
    context.lineTo(right - 4, middle + 1.4)
    context.stroke()
    right -= 17
  }
  if (frame.collapsed.has(index)) {
    const label = `+${columns.subtreeEnd[index]! - index - 1}`
    context.font = `500 10.5px ${ink.font}`
    const width = context.measureText(label).width + 10
    context.fillStyle = ink.line
    context.beginPath()
    context.roundRect(right - width, middle - 8, width, 16, 8)
    context.fill()
    context.fillStyle = ink['ink-2']
    context.fillText(label, right - width + 5, middle + 0.5)
    right -= width + 5
  }
  return nameWidth - 8 - right
}

function drawBar(context: CanvasRenderingContext2D, frame: Frame, index: number, top: number): void {
  const { columns, ink, colours, scale, size } = frame
  const flags = columns.flags[index]!
  const x0 = toPixel(scale, columns.startNs[index]!)
  const x1 = Math.max(toPixel(scale, columns.endNs[index]!), x0 + BAR_WIDTH_MIN)
  const isOff = x1 < frame.nameWidth || x0 > size.width
  const left = Math.max(x0, frame.nameWidth - 4)
  const width = Math.min(x1, size.width + 4) - left
  if (isOff) {
    drawOffMark(context, frame, x0, top)
    return
  }
  const colour = colours[columns.service[index]!] ?? ink['ink-3']
  context.fillStyle = colour
  context.globalAlpha = (flags & FLAG.remote) !== 0 ? 0.5 : 1
  context.beginPath()
  context.roundRect(left, top + BAR_TOP, width, BAR_HEIGHT, Math.min(2.5, width / 2))
  context.fill()
  context.globalAlpha = 1
  if ((flags & FLAG.error) !== 0) {
    context.strokeStyle = ink.error
    context.lineWidth = 1.5
    context.stroke()
  }
  drawEvents(context, frame, index, top)
}

/** A span outside the window: a small arrow on the side where it lies. */
function drawOffMark(
  context: CanvasRenderingContext2D,
  { ink, nameWidth, size }: Frame,
  x0: number,
  top: number,
): void {
  const isLeft = x0 < nameWidth
  const x = isLeft ? nameWidth + 8 : size.width - 8
  const tip = isLeft ? x - 4 : x + 4
  context.fillStyle = ink['line-strong']
  context.beginPath()
  context.moveTo(tip, top + ROW_HEIGHT / 2)
  context.lineTo(x, top + ROW_HEIGHT / 2 - 4)
  context.lineTo(x, top + ROW_HEIGHT / 2 + 4)
  context.fill()
}

function drawEvents(
  context: CanvasRenderingContext2D,
  { columns, ink, scale }: Frame,
  index: number,
  top: number,
): void {
  context.lineWidth = 1
  for (const event of columns.spans[index]!.events.slice(0, 50)) {
    const x = toPixel(scale, BigInt(event.timeNs))
    const y = top + ROW_HEIGHT / 2
    context.fillStyle = event.name === 'exception' ? ink.error : ink.ink
    context.strokeStyle = ink.surface
    context.beginPath()
    context.moveTo(x, y - 4.5)
    context.lineTo(x + 3.5, y)
    context.lineTo(x, y + 4.5)
    context.lineTo(x - 3.5, y)
    context.closePath()
    context.fill()
    context.stroke()
  }
}

/** The duration: right of the bar where there is room, else left of it, else inside. A rim of paper keeps it readable over lines. */
function drawLabel(context: CanvasRenderingContext2D, frame: Frame, index: number, top: number): void {
  const { columns, ink, size, nameWidth, scale } = frame
  const x0 = toPixel(scale, columns.startNs[index]!)
  const x1 = Math.max(toPixel(scale, columns.endNs[index]!), x0 + BAR_WIDTH_MIN)
  if (x1 < nameWidth || x0 > size.width) return
  const label = formatDuration(columns.endNs[index]! - columns.startNs[index]!)
  context.font = `500 11px ${ink.font}`
  context.textBaseline = 'middle'
  const width = context.measureText(label).width
  const y = top + ROW_HEIGHT / 2 + 0.5
  const isInside = x1 + 7 + width >= size.width - 4 && x0 - 7 - width <= nameWidth + 4
  const x = isInside
    ? Math.max(x0, nameWidth + 4) + 6
    : x1 + 7 + width < size.width - 4
      ? x1 + 7
      : x0 - 7 - width
  if (!isInside) {
    context.strokeStyle =
      index === frame.selected ? ink['accent-soft'] : index === frame.hovered ? ink.hover : ink.surface
    context.lineWidth = 4
    context.lineJoin = 'round'
    context.strokeText(label, x, y)
  }
  context.fillStyle = isInside
    ? ink.surface
    : (columns.flags[index]! & FLAG.error) !== 0
      ? ink.error
      : ink['ink-3']
  context.fillText(label, x, y)
}

/** The path is ink under the bars; where it changes spans, a thin line joins the two, unless there were too many to follow. */
function drawPath(context: CanvasRenderingContext2D, frame: Frame, first: number, last: number): void {
  const { sections, rows, scale, ink, scrollTop } = frame
  const turns: { x: number; low: number; high: number }[] = []
  context.fillStyle = ink.path
  let before: { row: number; endNs: bigint } | undefined
  for (const section of sections) {
    const row = rows.rowOf[section.span]!
    const isSeen = row >= first && row <= last
    const x0 = toPixel(scale, section.startNs)
    if (isSeen)
      context.fillRect(
        x0,
        row * ROW_HEIGHT - scrollTop + BAR_TOP + BAR_HEIGHT - 1,
        Math.max(1, toPixel(scale, section.endNs) - x0),
        3,
      )
    if (
      before !== undefined &&
      before.row !== row &&
      before.endNs === section.startNs &&
      (isSeen || (before.row >= first && before.row <= last))
    ) {
      turns.push({ x: Math.round(x0 - 0.5), low: Math.min(row, before.row), high: Math.max(row, before.row) })
    }
    before = { row, endNs: section.endNs }
  }
  if (turns.length > PATH_TURNS_MAX) return
  context.globalAlpha = 0.26
  for (const { x, low, high } of turns) {
    context.fillRect(x, low * ROW_HEIGHT - scrollTop + BAR_TOP + BAR_HEIGHT, 1, (high - low) * ROW_HEIGHT)
  }
  context.globalAlpha = 1
}

function drawArrows(context: CanvasRenderingContext2D, frame: Frame): void {
  const { arrows, rows, scrollTop, size, selected } = frame
  const hasOwn = selected >= 0 && arrows.some((arrow) => arrow.from === selected || arrow.to === selected)
  let drawn = 0
  for (const arrow of arrows) {
    if (drawn >= ARROWS_MAX) break
    const toRow = rows.rowOf[arrow.to]!
    const fromRow = arrow.from < 0 ? toRow : rows.rowOf[arrow.from]!
    const y0 = fromRow * ROW_HEIGHT - scrollTop + ROW_HEIGHT / 2
    const y1 = toRow * ROW_HEIGHT - scrollTop + ROW_HEIGHT / 2
    if (Math.max(y0, y1) < 0 || Math.min(y0, y1) > size.height || (fromRow === toRow && arrow.from >= 0))
      continue
    drawn++
    const isNear = !hasOwn || arrow.from === selected || arrow.to === selected
    drawArrow(context, frame, arrow, y0, y1, isNear)
  }
  context.globalAlpha = 1
  context.setLineDash([])
}

/** Along the source's row until the target begins, then down to it: the level part is the time that one waited for the other. */
function drawArrow(
  context: CanvasRenderingContext2D,
  frame: Frame,
  arrow: Arrow,
  y0: number,
  y1: number,
  isNear: boolean,
): void {
  const { ink, scale } = frame
  const x1 = toPixel(scale, arrow.toNs)
  const x0 = arrow.from < 0 ? x1 - 26 : toPixel(scale, arrow.fromNs)
  const colour = arrow.kind === 'join' ? ink.accent : arrow.kind === 'barrier' ? ink.warn : ink['ink-2']
  context.globalAlpha = isNear ? 1 : 0.3
  context.strokeStyle = colour
  context.fillStyle = colour
  context.lineWidth = 1.5
  context.setLineDash(
    arrow.kind === 'barrier'
      ? [5, 3]
      : arrow.kind === 'queue'
        ? [1.5, 3]
        : arrow.kind === 'link'
          ? [3, 2]
          : [],
  )
  const startY = arrow.from < 0 ? y1 - 9 : y0
  const turn = x1 - 9
  context.beginPath()
  context.moveTo(x0, startY)
  context.arcTo(turn, startY, turn, y1, cornerOf(turn - x0, y1 - startY))
  context.arcTo(turn, y1, x1, y1, cornerOf(9, y1 - startY))
  context.lineTo(x1 - 4, y1)
  context.stroke()
  context.setLineDash([])
  context.beginPath()
  context.arc(x0, startY, 2.4, 0, Math.PI * 2)
  context.moveTo(x1 + 0.5, y1)
  context.lineTo(x1 - 6, y1 - 3.6)
  context.lineTo(x1 - 6, y1 + 3.6)
  context.closePath()
  context.strokeStyle = ink.surface
  context.lineWidth = 2.5
  context.stroke()
  context.fill()
}

/** A turn as round as its legs allow. */
function cornerOf(across: number, down: number): number {
  return Math.min(6, Math.abs(across), Math.abs(down) / 2)
}

function clipTimeline(context: CanvasRenderingContext2D, { size, nameWidth }: Frame, draw: () => void): void {
  context.save()
  context.beginPath()
  context.rect(nameWidth + 1, 0, size.width - nameWidth - 1, size.height)
  context.clip()
  draw()
  context.restore()
}

/** Fitting measures text many times; names repeat from frame to frame. */
function fit(context: CanvasRenderingContext2D, { fitted }: Frame, text: string, width: number): string {
  const key = `${Math.floor(width)} ${context.font.charAt(0)} ${text}`
  let known = fitted.get(key)
  if (known === undefined) {
    if (fitted.size > 4_000) fitted.clear()
    known = fitText(context, text, Math.floor(width))
    fitted.set(key, known)
  }
  return known
}
