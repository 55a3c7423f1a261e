// A canvas with the pixels of the screen and the coordinates of the page.

import type { Size } from './use-size.ts'

/**
 * Fits the canvas to a size and clears it. undefined: nothing to draw on. Cost: a resize only when the size
 * changed.
 */
export function prepareCanvas(
  canvas: HTMLCanvasElement | null,
  size: Size,
): CanvasRenderingContext2D | undefined {
  const context = canvas?.getContext('2d')
  if (canvas === null || !context || size.width === 0 || size.height === 0) return undefined
  const ratio = devicePixelRatio || 1
  const width = Math.round(size.width * ratio)
  const height = Math.round(size.height * ratio)
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width
    canvas.height = height
    canvas.style.width = `${size.width}px`
    canvas.style.height = `${size.height}px`
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0)
  context.clearRect(0, 0, size.width, size.height)
  return context
}

/**
 * The longest beginning of a text that fits, with an ellipsis when it is not the whole. Widths are remembered
 * per font.
 */
export function fitText(context: CanvasRenderingContext2D, text: string, width: number): string {
  if (width <= 0) return ''
  if (context.measureText(text).width <= width) return text
  let low = 0
  let high = text.length
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (context.measureText(`${text.slice(0, middle)}…`).width <= width) low = middle
    else high = middle - 1
  }
  return low === 0 ? '' : `${text.slice(0, low).trimEnd()}…`
}
