// What lies across rows: the critical path in ink, and the causal arrows.
//
//   source ====o-----------+     level: the time that the target waited for this source
//                          |
//   target                 +->=====

import { ARROWS_MAX, PATH_TURNS_MAX } from '../../base/limits.ts'
import { toPixel } from '../../base/time-scale.ts'
import { BAR_HEIGHT, BAR_TOP, ROW_HEIGHT, type Frame } from './frame.ts'
import type { Arrow } from './overlay.ts'

/**
 * The path is ink under the bars; where it changes spans, a thin line joins the two if both are on the
 * screen, unless there were too many to follow.
 */
export function drawPath(context: CanvasRenderingContext2D, frame: Frame, first: number, last: number): void {
  const { sections, rows, scale, ink, scrollTop } = frame
  const turns: { x: number; low: number; high: number }[] = []
  context.fillStyle = ink.path
  let before: { row: number; endNs: bigint } | undefined
  const isOnScreen = (row: number): boolean => row >= first && row <= last
  for (const section of sections) {
    const row = rows.rowOf[section.span]!
    if (isOnScreen(row)) {
      const x0 = toPixel(scale, section.startNs)
      const top = row * ROW_HEIGHT - scrollTop + BAR_TOP + BAR_HEIGHT - 1
      context.fillRect(x0, top, Math.max(1, toPixel(scale, section.endNs) - x0), 3)
      const isTurn = before !== undefined && before.row !== row && before.endNs === section.startNs
      if (isTurn && isOnScreen(before!.row)) {
        const x = Math.round(x0 - 0.5)
        turns.push({ x, low: Math.min(row, before!.row), high: Math.max(row, before!.row) })
      }
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
