// The whole trace at a glance, with the window that the waterfall shows. Drag across it to choose a window,
// drag the window to move it. The spans are painted once per trace and size, pixel by pixel: 100,000 of them
// cost some 20 ms.

import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { timeScale, toNs, toPixel, type TimeWindow } from '../../base/time-scale.ts'
import { prepareCanvas } from '../../widgets/canvas.ts'
import { useSize, type Size } from '../../widgets/use-size.ts'
import type { TraceColumns } from './columns.ts'
import type { Ink } from './frame.ts'

type Drag = {
  readonly kind: 'choose' | 'move'
  readonly atX: number
  readonly toX: number
  readonly before: TimeWindow
}

export function Minimap({
  columns,
  colours,
  ink,
  window,
  onWindow,
}: {
  readonly columns: TraceColumns
  readonly colours: readonly string[]
  readonly ink: Ink
  readonly window: TimeWindow
  readonly onWindow: (window: TimeWindow) => void
}) {
  const box = useRef<HTMLDivElement>(null)
  const canvas = useRef<HTMLCanvasElement>(null)
  const size = useSize(box)
  const [drag, setDrag] = useState<Drag | undefined>(undefined)
  const scale = timeScale(columns.bounds, 0, Math.max(1, size.width))
  const picture = useMemo(() => paint(columns, colours, size), [columns, colours, size])
  const isWhole = window.startNs <= columns.bounds.startNs && window.endNs >= columns.bounds.endNs

  useEffect(() => {
    const context = prepareCanvas(canvas.current, size)
    if (context === undefined || picture === undefined) return
    context.drawImage(picture, 0, 0, size.width, size.height)
    const shown =
      drag?.kind === 'choose'
        ? { left: Math.min(drag.atX, drag.toX), right: Math.max(drag.atX, drag.toX) }
        : { left: toPixel(scale, window.startNs), right: toPixel(scale, window.endNs) }
    if (isWhole && drag === undefined) return
    context.fillStyle = ink.shade
    context.fillRect(0, 0, shown.left, size.height)
    context.fillRect(shown.right, 0, size.width - shown.right, size.height)
    context.fillStyle = ink.accent
    context.fillRect(shown.left - 1, 0, 2, size.height)
    context.fillRect(shown.right - 1, 0, 2, size.height)
  })

  const xOf = (event: PointerEvent): number => event.clientX - canvas.current!.getBoundingClientRect().left
  const onPointerDown = (event: PointerEvent): void => {
    const x = xOf(event)
    const isInside = !isWhole && x > toPixel(scale, window.startNs) && x < toPixel(scale, window.endNs)
    canvas.current!.setPointerCapture(event.pointerId)
    setDrag({ kind: isInside && !event.shiftKey ? 'move' : 'choose', atX: x, toX: x, before: window })
  }
  const onPointerMove = (event: PointerEvent): void => {
    if (drag === undefined) return
    const next = { ...drag, toX: xOf(event) }
    setDrag(next)
    if (next.kind === 'move') {
      const by = toNs(scale, next.toX) - toNs(scale, next.atX)
      onWindow({ startNs: next.before.startNs + by, endNs: next.before.endNs + by })
    }
  }
  const onPointerUp = (): void => {
    setDrag(undefined)
    if (drag?.kind !== 'choose' || Math.abs(drag.toX - drag.atX) < 4) return
    onWindow({
      startNs: toNs(scale, Math.min(drag.atX, drag.toX)),
      endNs: toNs(scale, Math.max(drag.atX, drag.toX)),
    })
  }
  return (
    <div ref={box} class="minimap">
      <canvas
        ref={canvas}
        role="img"
        aria-label="Overview of the whole trace"
        title="Drag to zoom, double click for the whole trace"
        onPointerDown={onPointerDown}
        onPointerMove={onPointerMove}
        onPointerUp={onPointerUp}
        onDblClick={() => onWindow(columns.bounds)}
      />
    </div>
  )
}

/**
 * Every span one line of its service's colour; with more spans than lines, later spans paint over earlier
 * ones.
 */
function paint(columns: TraceColumns, colours: readonly string[], size: Size): HTMLCanvasElement | undefined {
  if (size.width === 0 || size.height === 0) return undefined
  const ratio = devicePixelRatio || 1
  const picture = document.createElement('canvas')
  picture.width = Math.round(size.width * ratio)
  picture.height = Math.round(size.height * ratio)
  const context = picture.getContext('2d')
  if (context === null) return undefined
  const image = context.createImageData(picture.width, picture.height)
  const pixels = new Uint32Array(image.data.buffer)
  const count = columns.count
  const top = Math.round(4 * ratio)
  const height = picture.height - 2 * top
  const thick = Math.max(1, Math.min(Math.round(3 * ratio), Math.round((height / count) * 0.85)))
  const perNs = timeScale(columns.bounds, 0, picture.width).pixelsPerNs
  const inks = colours.map(pixelOf)
  for (let index = 0; index < count; index++) {
    const x0 = Math.max(0, Math.floor(columns.startAfter[index]! * perNs))
    const x1 = Math.min(picture.width, Math.max(x0 + 1, Math.ceil(columns.endAfter[index]! * perNs)))
    const y = top + Math.floor((index * height) / count)
    const ink = (columns.flags[index]! & 1) !== 0 ? ERROR_PIXEL : inks[columns.service[index]!]!
    for (let line = 0; line < thick; line++)
      pixels.fill(ink, (y + line) * picture.width + x0, (y + line) * picture.width + x1)
  }
  context.putImageData(image, 0, 0)
  return picture
}

/** '#rrggbb' as the 32 bits of an opaque pixel, little endian. */
function pixelOf(colour: string): number {
  const rgb = Number.parseInt(colour.slice(1), 16)
  return ((0xff << 24) | ((rgb & 0xff) << 16) | (rgb & 0xff00) | (rgb >> 16)) >>> 0
}

const ERROR_PIXEL = pixelOf('#dd4640')
