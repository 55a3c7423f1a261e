// What a frame of the waterfall is made of: its measures, its colours, and everything that its layers read.

import { token } from '../../base/theme.ts'
import type { TimeScale } from '../../base/time-scale.ts'
import { fitText } from '../../widgets/canvas.ts'
import type { Size } from '../../widgets/use-size.ts'
import type { TraceColumns } from './columns.ts'
import type { Arrow, TracePath } from './overlay.ts'
import type { PathEnds } from './path-ends.ts'
import type { Rows } from './rows.ts'

export const ROW_HEIGHT = 24

export const BAR_TOP = 6

export const BAR_HEIGHT = 12

export const CARET_WIDTH = 16

/** A bar is never thinner, or short spans would vanish. */
export const BAR_WIDTH_MIN = 2

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
  return Object.fromEntries(INK.map((name) => [name, token(name)])) as Ink // the line sets every name
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
  readonly path: TracePath
  readonly arrows: readonly Arrow[]
  readonly ends: PathEnds
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

export function clipTimeline(
  context: CanvasRenderingContext2D,
  { size, nameWidth }: Frame,
  draw: () => void,
): void {
  context.save()
  context.beginPath()
  context.rect(nameWidth + 1, 0, size.width - nameWidth - 1, size.height)
  context.clip()
  draw()
  context.restore()
}

/** Fitting measures text many times; names repeat from frame to frame. */
export function fit(
  context: CanvasRenderingContext2D,
  { fitted }: Frame,
  text: string,
  width: number,
): string {
  const key = `${Math.floor(width)} ${context.font.charAt(0)} ${text}`
  let known = fitted.get(key)
  if (known === undefined) {
    if (fitted.size > 4_000) fitted.clear()
    known = fitText(context, text, Math.floor(width))
    fitted.set(key, known)
  }
  return known
}
