// One row of the waterfall: name column (tree, service, name, marks), bar with its events, duration.

import { formatDuration } from '../../base/format.ts'
import { toPixel } from '../../base/time-scale.ts'
import { FLAG, canvasText, hintOf, nameOf } from './columns.ts'
import {
  BAR_HEIGHT,
  BAR_TOP,
  BAR_WIDTH_MIN,
  CARET_WIDTH,
  ROW_HEIGHT,
  clipTimeline,
  fit,
  indentOf,
  type Frame,
} from './frame.ts'
import { hasChildren } from './rows.ts'

/** Markers of one row; more lie on each other. */
const POINTS_PER_ROW_MAX = 50
/** Fewer pixels show no more than an ellipsis. */
const HINT_WIDTH_MIN = 24

export function drawRow(context: CanvasRenderingContext2D, frame: Frame, row: number): void {
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
  const name = fit(context, frame, canvasText(nameOf(columns, index)), right - x)
  context.fillText(name, x, middle + 0.5)
  drawHint(context, frame, index, { x: x + context.measureText(name).width + 6, right, middle })
}

/** What the name leaves unsaid (an HTTP path), fainter, if there is room for some of it. */
function drawHint(
  context: CanvasRenderingContext2D,
  frame: Frame,
  index: number,
  place: { readonly x: number; readonly right: number; readonly middle: number },
): void {
  const hint = hintOf(frame.columns, index)
  if (hint === '' || place.right - place.x < HINT_WIDTH_MIN) return
  context.fillStyle = frame.ink['ink-3']
  context.fillText(fit(context, frame, canvasText(hint), place.right - place.x), place.x, place.middle + 0.5)
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
  const first = columns.firstPoint[index]!
  const last = Math.min(columns.firstPoint[index + 1]!, first + POINTS_PER_ROW_MAX)
  for (const event of columns.points.slice(first, last)) {
    const x = toPixel(scale, event.atNs)
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

/**
 * The duration: right of the bar where there is room, else left of it, else inside. A rim of paper keeps it
 * readable over lines.
 */
export function drawLabel(context: CanvasRenderingContext2D, frame: Frame, index: number, top: number): void {
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
  // The head of an arrow may stand where the bar begins.
  const inset = (columns.flags[index]! & FLAG.linked) !== 0 ? 15 : 6
  const x = isInside
    ? Math.max(x0, nameWidth + 4) + inset
    : x1 + 7 + width < size.width - 4
      ? x1 + 7
      : x0 - 7 - width
  if (!isInside) {
    const { selected, hovered } = frame
    context.fillStyle = index === selected ? ink['accent-soft'] : index === hovered ? ink.hover : ink.surface
    if (!frame.matches.has(index)) context.fillRect(x - 3, y - 7, width + 6, 13)
  }
  // Faint bars (calls to others) are nearer to paper than to ink.
  const isFaint = (columns.flags[index]! & FLAG.remote) !== 0
  context.fillStyle = isInside
    ? isFaint
      ? ink.ink
      : ink.surface
    : (columns.flags[index]! & FLAG.error) !== 0
      ? ink.error
      : ink['ink-3']
  context.fillText(label, x, y)
}
