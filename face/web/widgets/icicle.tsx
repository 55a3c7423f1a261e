// A tree of amounts as a picture, largest first, on a canvas: pointed at it says what a block is, a click
// opens it. Beside it must stand a table of the same: a canvas tells nothing to those who cannot see it.

import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { icicleBlocks, type IcicleBlock, type IcicleNode } from '../base/icicle.ts'
import { hueColour, type Theme } from '../base/palette.ts'
import { token, useTheme } from '../base/theme.ts'
import { fitText, prepareCanvas } from './canvas.ts'
import { useSize } from './use-size.ts'

export type Slice = IcicleNode & {
  readonly label: string
  readonly hue: number
  /** Part of it to be underlined, 0..1. */
  readonly marked: number
  readonly isBad: boolean
}

const LINE = 22
/** Thinner blocks, px, are not drawn. */
const BLOCK_MIN = 0.7
const LABEL_MIN = 30

export function Icicle({
  slices,
  top,
  chosen,
  label,
  titleOf,
  onOpen,
}: {
  readonly slices: readonly Slice[]
  /** The slice that is the whole picture; -1 = all. */
  readonly top: number
  readonly chosen: number
  readonly label: string
  readonly titleOf: (slice: number) => string
  readonly onOpen: (slice: number) => void
}) {
  const box = useRef<HTMLDivElement>(null)
  const canvas = useRef<HTMLCanvasElement>(null)
  const size = useSize(box)
  const theme = useTheme()
  const [hovered, setHovered] = useState(-1)
  const blocks = useMemo(
    () => icicleBlocks(slices, top, BLOCK_MIN / Math.max(1, size.width)),
    [slices, top, size.width],
  )
  const height = blocks.reduce((most, { row }) => Math.max(most, row + 1), 0) * LINE + 4
  useEffect(() => {
    const context = prepareCanvas(canvas.current, { width: size.width, height })
    if (context === undefined) return
    const inks = {
      path: token('path'),
      error: token('error'),
      ink: token('ink'),
      surface: token('surface'),
      font: token('font'),
    }
    for (const block of blocks) {
      const slice = slices[block.node]!
      const look = { isHovered: block.node === hovered, isChosen: block.node === chosen }
      draw(context, { block, slice, inks, theme, width: size.width, ...look })
    }
  }, [blocks, slices, theme, size, height, hovered, chosen])
  const sliceAt = (event: MouseEvent): number => {
    const bounds = canvas.current!.getBoundingClientRect()
    const x = (event.clientX - bounds.left) / Math.max(1, size.width)
    const row = Math.floor((event.clientY - bounds.top) / LINE)
    return blocks.find((block) => block.row === row && x >= block.x && x < block.x + block.width)?.node ?? -1
  }
  return (
    <div ref={box} class="icicle" style={{ height: `${height}px` }}>
      <canvas
        ref={canvas}
        role="img"
        aria-label={label}
        title={hovered >= 0 && hovered < slices.length ? titleOf(hovered) : undefined}
        onPointerMove={(event) => setHovered(sliceAt(event))}
        onPointerLeave={() => setHovered(-1)}
        onClick={(event) => {
          const at = sliceAt(event)
          if (at >= 0) onOpen(at)
        }}
      />
    </div>
  )
}

type Drawn = {
  readonly block: IcicleBlock
  readonly slice: Slice
  readonly inks: { readonly [name in 'path' | 'error' | 'ink' | 'surface' | 'font']: string }
  readonly theme: Theme
  readonly width: number
  readonly isHovered: boolean
  readonly isChosen: boolean
}

function draw(context: CanvasRenderingContext2D, drawn: Drawn): void {
  const { block, slice, inks } = drawn
  const x = block.x * drawn.width
  const width = Math.max(BLOCK_MIN, block.width * drawn.width - 1)
  const top = block.row * LINE
  context.fillStyle = hueColour(slice.hue, drawn.theme)
  context.globalAlpha = drawn.isHovered ? 1 : 0.84
  context.fillRect(x, top, width, LINE - 3)
  context.globalAlpha = 1
  if (slice.marked > 0) {
    context.fillStyle = inks.path
    context.fillRect(x, top + LINE - 4, Math.max(1, width * Math.min(1, slice.marked)), 2)
  }
  if (slice.isBad) {
    context.fillStyle = inks.error
    context.fillRect(x, top, Math.min(3, width), LINE - 3)
  }
  if (drawn.isChosen) {
    context.strokeStyle = inks.ink
    context.lineWidth = 2
    context.strokeRect(x + 1, top + 1, Math.max(1, width - 2), LINE - 5)
  }
  if (width < LABEL_MIN) return
  context.font = `500 11px ${inks.font}`
  context.textBaseline = 'middle'
  context.fillStyle = inks.surface
  context.fillText(fitText(context, slice.label, width - 12), x + 6, top + LINE / 2 - 1)
}
