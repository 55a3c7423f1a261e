// What lies across rows: the critical path in ink, and the causal arrows.
//
//   source ====o-----------+     level: the time that the target waited for this source
//                          |
//   target                 +->=====

import { ARROWS_MAX, PATH_TURNS_MAX } from '../../base/limits.ts'
import { toPixel } from '../../base/time-scale.ts'
import { BAR_HEIGHT, BAR_TOP, ROW_HEIGHT, type Frame } from './frame.ts'
import { END_LETTERS } from './path-ends.ts'
import type { Arrow } from './overlay.ts'

/**
 * The path is ink under the bars; where it changes spans, a thin line joins the two if both are on the
 * screen, unless there were too many to follow.
 */
export function drawPath(context: CanvasRenderingContext2D, frame: Frame, first: number, last: number): void {
  const { path, rows, ink } = frame
  const turns: { x: number; low: number; high: number }[] = []
  context.fillStyle = ink.path
  for (let row = first; row <= last; row++) {
    // A collapsed row stands for all that it hides.
    const span = rows.spanOf[row]!
    const end = frame.collapsed.has(span) ? frame.columns.subtreeEnd[span]! : span + 1
    for (let at = path.first[span]!; at < path.first[end]!; at++) {
      const x = drawSection(context, frame, row, path.list[at]!)
      if (x !== undefined && turns.length <= PATH_TURNS_MAX)
        addTurn(turns, frame, { first, last, row, x, at })
    }
  }
  if (turns.length > PATH_TURNS_MAX) return
  context.globalAlpha = 0.26
  for (const { x, low, high } of turns) {
    const top = low * ROW_HEIGHT - frame.scrollTop + BAR_TOP + BAR_HEIGHT
    context.fillRect(x, top, 1, (high - low) * ROW_HEIGHT)
  }
  context.globalAlpha = 1
}

/** Gives where it begins; undefined: outside the window. */
function drawSection(
  context: CanvasRenderingContext2D,
  { path, scale, scrollTop, size }: Frame,
  row: number,
  at: number,
): number | undefined {
  const section = path.sections[at]!
  if (section.endNs < scale.startNs || section.startNs > scale.endNs) return undefined
  const x0 = toPixel(scale, section.startNs)
  if (x0 > size.width) return undefined
  const top = row * ROW_HEIGHT - scrollTop + BAR_TOP + BAR_HEIGHT - 1
  context.fillRect(x0, top, Math.max(1, toPixel(scale, section.endNs) - x0), 3)
  return x0
}

/** A thin line from the section before, where that is on the screen and in another row. */
function addTurn(
  turns: { x: number; low: number; high: number }[],
  { path, rows }: Frame,
  place: {
    readonly first: number
    readonly last: number
    readonly row: number
    readonly x: number
    readonly at: number
  },
): void {
  const at = path.list[place.at]!
  const before = path.sections[at - 1]
  if (before === undefined || before.endNs !== path.sections[at]!.startNs) return
  const row = rows.rowOf[before.span]!
  if (row === place.row || row < place.first || row > place.last) return
  turns.push({ x: Math.round(place.x - 0.5), low: Math.min(row, place.row), high: Math.max(row, place.row) })
}

/** a and b: a hairline through all rows at each chosen end of the path, its letter at its span. */
export function drawEnds(
  context: CanvasRenderingContext2D,
  { ends, scale, ink, size, scrollTop }: Frame,
  lineOf: (span: number) => number,
): void {
  for (const side of ['from', 'to'] as const) {
    const end = ends[side]
    if (end === undefined || end.ns < scale.startNs || end.ns > scale.endNs) continue
    const x = Math.round(toPixel(scale, end.ns))
    context.fillStyle = ink.path
    context.globalAlpha = 0.45
    for (let y = -(scrollTop % 6); y < size.height; y += 6) context.fillRect(x, y, 1, 3)
    context.globalAlpha = 1
    const y = lineOf(end.span) * ROW_HEIGHT - scrollTop + ROW_HEIGHT / 2
    context.beginPath()
    context.arc(x, y, 7, 0, Math.PI * 2)
    context.fill()
    context.lineWidth = 1.5
    context.strokeStyle = ink.surface
    context.stroke()
    context.fillStyle = ink.surface
    context.font = `600 10px ${ink.font}`
    context.textAlign = 'center'
    context.textBaseline = 'middle'
    context.fillText(END_LETTERS[side], x, y + 0.5)
    context.textAlign = 'start'
  }
}

export function drawArrows(context: CanvasRenderingContext2D, frame: Frame): void {
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

/**
 * Along the source's row until the target begins, then down to it: the level part is the time that one waited
 * for the other.
 */
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
