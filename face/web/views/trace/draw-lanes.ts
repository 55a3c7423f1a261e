// One frame of the swimlanes: the bars of the lines on the screen, names in those that are wide enough, the
// critical path under them, the lanes' names beside.
//
// A line may hold 50,000 spans on 1,000 px: after each bar the next one is found that begins a pixel
// later, and bars that touch become one rectangle. Cost of a line: O(pixels x log spans).

import { toNs, toPixel } from '../../base/time-scale.ts'
import { canvasText, FLAG, nameOf } from './columns.ts'
import { drawGrid } from './draw.ts'
import { drawEnds } from './draw-overlay.ts'
import { clipTimeline, fit, ROW_HEIGHT, type Frame } from './frame.ts'
import { LANE_SPLIT, type Lanes } from './lanes.ts'

const BAR_TOP = 3
const BAR_HEIGHT = 16
/** Narrower, and a name shows nothing. */
const NAME_WIDTH_MIN = 34
const NAME_PAD = 5

export function drawLanes(context: CanvasRenderingContext2D, frame: Frame, lanes: Lanes): void {
  const { size, scrollTop, ink, nameWidth } = frame
  drawGrid(context, frame)
  const first = Math.max(0, Math.floor(scrollTop / ROW_HEIGHT))
  const last = Math.min(lanes.lineCount - 1, Math.floor((scrollTop + size.height) / ROW_HEIGHT))
  clipTimeline(context, frame, () => {
    for (let line = first; line <= last; line++) drawLine(context, frame, lanes, line)
    drawEnds(context, frame, (span) => lanes.lineOf[span]!)
  })
  for (const lane of lanes.lanes) drawLaneName(context, frame, lane)
  context.fillStyle = ink.line
  context.fillRect(nameWidth, 0, 1, size.height)
}

function drawLine(context: CanvasRenderingContext2D, frame: Frame, lanes: Lanes, line: number): void {
  const { columns, scale, ink, colours } = frame
  const top = line * ROW_HEIGHT - frame.scrollTop
  const end = lanes.first[line + 1]!
  let run: { x0: number; x1: number; service: number } | undefined
  const flush = (): void => {
    if (run === undefined) return
    context.fillStyle = colours[run.service] ?? ink['ink-3']
    context.fillRect(run.x0, top + BAR_TOP, run.x1 - run.x0, BAR_HEIGHT)
    run = undefined
  }
  let at = lanes.firstEnding(line, scale.startNs)
  while (at < end) {
    const span = lanes.list[at]!
    if (columns.startNs[span]! > scale.endNs) break
    const x0 = Math.max(toPixel(scale, columns.startNs[span]!), frame.nameWidth - 4)
    const x1 = Math.min(Math.max(toPixel(scale, columns.endNs[span]!), x0 + 1), frame.size.width + 4)
    const service = columns.service[span]!
    if (x1 - x0 >= 3 || span === frame.selected) {
      flush()
      drawBar(context, frame, { span, top, x0, x1 })
      at += 1
      continue
    }
    if (run !== undefined && run.service === service && x0 <= run.x1 + 0.6) run.x1 = Math.max(run.x1, x1)
    else {
      flush()
      run = { x0, x1, service }
    }
    // What begins within this pixel would be painted over itself.
    at = Math.max(at + 1, lanes.firstStarting(line, toNs(scale, x0 + 0.8)))
  }
  flush()
}

type Bar = { readonly span: number; readonly top: number; readonly x0: number; readonly x1: number }

function drawBar(context: CanvasRenderingContext2D, frame: Frame, { span, top, x0, x1 }: Bar): void {
  const { columns, ink, colours, path, scale } = frame
  const flags = columns.flags[span]!
  const width = x1 - x0
  context.fillStyle = colours[columns.service[span]!] ?? ink['ink-3']
  context.globalAlpha = (flags & FLAG.remote) !== 0 ? 0.45 : frame.hovered === span ? 1 : 0.9
  context.beginPath()
  context.roundRect(x0 + 0.5, top + BAR_TOP, Math.max(1, width - 1), BAR_HEIGHT, Math.min(2.5, width / 2))
  context.fill()
  context.globalAlpha = 1
  const isMarked = span === frame.selected || frame.matches.has(span)
  if ((flags & FLAG.error) !== 0 || isMarked) {
    context.strokeStyle =
      span === frame.selected ? ink.ink : (flags & FLAG.error) !== 0 ? ink.error : ink.accent
    context.lineWidth = span === frame.selected ? 2 : 1.5
    context.stroke()
  }
  context.fillStyle = ink.path
  for (let at = path.first[span]!; at < path.first[span + 1]!; at++) {
    const section = path.sections[path.list[at]!]!
    if (section.endNs < scale.startNs || section.startNs > scale.endNs) continue
    const from = toPixel(scale, section.startNs)
    context.fillRect(from, top + BAR_TOP + BAR_HEIGHT, Math.max(1, toPixel(scale, section.endNs) - from), 2.5)
  }
  if (width < NAME_WIDTH_MIN) return
  context.font = `500 11px ${ink.font}`
  context.textBaseline = 'middle'
  context.fillStyle = (flags & FLAG.remote) !== 0 ? ink.ink : ink.surface
  const left = Math.max(x0, frame.nameWidth + 2) + NAME_PAD
  const text = fit(context, frame, canvasText(nameOf(columns, span)), x1 - left - NAME_PAD)
  context.fillText(text, left, top + BAR_TOP + BAR_HEIGHT / 2 + 0.5)
}

/** Stays in sight while any line of its lane is. */
function drawLaneName(context: CanvasRenderingContext2D, frame: Frame, lane: Lanes['lanes'][number]): void {
  const { columns, ink, size, scrollTop, nameWidth, colours } = frame
  const top = lane.firstLine * ROW_HEIGHT - scrollTop
  const bottom = top + lane.lines * ROW_HEIGHT
  if (bottom < 0 || top > size.height) return
  context.fillStyle = ink['line-strong']
  context.fillRect(0, Math.round(bottom) - LANE_SPLIT, size.width, LANE_SPLIT)
  const { service, host } = columns.origins[lane.origin]!
  const middle = Math.min(Math.max(top, 0) + ROW_HEIGHT / 2, bottom - ROW_HEIGHT / 2)
  context.fillStyle = colours[columns.serviceNames.indexOf(service)] ?? ink['ink-3']
  context.beginPath()
  context.roundRect(10, middle - 6, 3, 12, 1.5)
  context.fill()
  context.textBaseline = 'middle'
  context.font = `600 12px ${ink.font}`
  context.fillStyle = ink.ink
  const name = fit(context, frame, canvasText(service), nameWidth * 0.6)
  context.fillText(name, 20, middle + 0.5)
  const x = 20 + context.measureText(name).width + 8
  context.font = `400 12px ${ink.font}`
  context.fillStyle = ink['ink-3']
  const count = String(lane.spans)
  const right = nameWidth - 10 - context.measureText(count).width
  context.fillText(count, right, middle + 0.5)
  if (host !== service)
    context.fillText(fit(context, frame, canvasText(host), right - x - 8), x, middle + 0.5)
}
