// One frame of the waterfall: what is on the screen, from columns to pixels. Pure but for the canvas it draws
// on.
//
//   | name column (tree, service, name, marks) | timeline: grid, bars, critical path, arrows, labels |
//
// Layers are drawn row by row, then the arrows across rows. Cost: O(rows on the screen + arrows); it does not
// depend on the number of spans.

import { formatDuration } from '../../base/format.ts'
import { ticks, toPixel } from '../../base/time-scale.ts'
import { drawArrows, drawEnds, drawPath } from './draw-overlay.ts'
import { drawLabel, drawRow } from './draw-row.ts'
import { ROW_HEIGHT, clipTimeline, rowsOnScreen, type Frame } from './frame.ts'

/** px between the ticks of the grid. */
const TICK_PIXELS = 110

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
    drawEnds(context, frame, (span) => rows.rowOf[span]!)
  })
  context.fillStyle = frame.ink.line
  context.fillRect(frame.nameWidth, 0, 1, size.height)
}

export function drawGrid(
  context: CanvasRenderingContext2D,
  { scale, columns, ink, size, nameWidth }: Frame,
): void {
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
