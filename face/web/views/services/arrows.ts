// Lines of arrows between boxes, and where their labels have room. Pure.
//
//   to the right   from the right side of a box, through its places in columns between, to the left side
//   in a column    an arc on the right of it
//   to the left    below both

import type { GraphEdge, Layout } from './layout.ts'

export const BOX = { width: 178, height: 46, gapX: 132, gapY: 24, pad: 24 } as const
/** Room for arcs right of the last column. */
const ARC_MAX = 96
const ARC_ROOM = 132
const BACK = 34

type Point = { readonly x: number; readonly y: number }
/** A cubic: its ends and handles. */
type Curve = readonly [from: Point, out: Point, into: Point, to: Point]
export type Arrow = {
  readonly path: string
  readonly curves: readonly Curve[]
  readonly isArc?: boolean
}

export type Sheet = {
  readonly width: number
  readonly height: number
  /** The upper left of a box; undefined = it is not in the picture. */
  readonly spot: (name: string) => Point | undefined
  readonly arrow: (edge: GraphEdge) => Arrow | undefined
}

export function sheetOf({ placed, columns, height, via }: Layout, edges: readonly GraphEdge[]): Sheet {
  const stepY = BOX.height + BOX.gapY
  const xOf = (column: number): number => BOX.pad + column * (BOX.width + BOX.gapX)
  const middle = (y: number): number => BOX.pad - BOX.gapY / 2 + y * stepY
  const spots = new Map(
    placed.map(({ name, column, y }) => [name, { x: xOf(column), y: middle(y) - BOX.height / 2 }]),
  )
  const columnOf = new Map(placed.map(({ name, column }) => [name, column]))
  const known = edges.filter(({ from, to }) => from !== to && columnOf.has(from) && columnOf.has(to))
  const hasArc = known.some(
    ({ from, to }) => columnOf.get(from) === columnOf.get(to) && columnOf.get(from) === columns - 1,
  )
  const hasBack = known.some(({ from, to }) => columnOf.get(from)! > columnOf.get(to)!)
  return {
    width: xOf(columns - 1) + BOX.width + (hasArc ? ARC_ROOM : BOX.pad),
    height: 2 * BOX.pad + height * stepY - BOX.gapY + (hasBack ? BACK : 0),
    spot: (name) => spots.get(name),
    arrow: (edge) => {
      const [from, to] = [spots.get(edge.from), spots.get(edge.to)]
      if (from === undefined || to === undefined || edge.from === edge.to) return undefined
      if (to.x === from.x) return arcOf(from, to)
      if (to.x < from.x) return backOf(from, to)
      return forwardOf(
        from,
        to,
        via(edge).map(({ column, y }) => ({ x: xOf(column), y: middle(y) })),
      )
    },
  }
}

function forwardOf(from: Point, to: Point, between: readonly Point[]): Arrow {
  let at: Point = { x: from.x + BOX.width, y: from.y + BOX.height / 2 }
  let path = `M${at.x} ${at.y}`
  const curves: Curve[] = []
  for (const next of [...between, { x: to.x, y: to.y + BOX.height / 2 }]) {
    const bend = (next.x - at.x) / 2
    const curve = [at, { x: at.x + bend, y: at.y }, { x: next.x - bend, y: next.y }, next] as const
    curves.push(curve)
    path += written(curve)
    at = next
    if (next.x === to.x) break
    at = { x: next.x + BOX.width, y: next.y }
    path += `L${at.x} ${at.y}`
  }
  return { path, curves }
}

/** Longer ones reach out further, so that they do not lie on each other. */
function arcOf(from: Point, to: Point): Arrow {
  const rows = Math.abs(to.y - from.y) / (BOX.height + BOX.gapY)
  const bend = Math.min(ARC_MAX, 22 + 20 * rows)
  // Arcs that leave and arcs that come meet a box at different heights.
  const tilt = to.y > from.y ? 1 : -1
  const begin = { x: from.x + BOX.width, y: from.y + BOX.height * (0.5 + 0.2 * tilt) }
  const end = { x: to.x + BOX.width, y: to.y + BOX.height * (0.5 - 0.2 * tilt) }
  const curve = [begin, { x: begin.x + bend, y: begin.y }, { x: end.x + bend, y: end.y }, end] as const
  return { path: `M${begin.x} ${begin.y}${written(curve)}`, curves: [curve], isArc: true }
}

function backOf(from: Point, to: Point): Arrow {
  const low = Math.max(from.y, to.y) + BOX.height + BACK
  const begin = { x: from.x + BOX.width / 2, y: from.y + BOX.height }
  const end = { x: to.x + BOX.width / 2, y: to.y + BOX.height }
  const curve = [begin, { x: begin.x, y: low }, { x: end.x, y: low }, end] as const
  return { path: `M${begin.x} ${begin.y}${written(curve)}`, curves: [curve] }
}

const written = ([, out, into, to]: Curve): string => `C${out.x} ${out.y} ${into.x} ${into.y} ${to.x} ${to.y}`

export type Label<T> = Point & { readonly of: T; readonly text: string }

const CHAR = 6.1
const LINE = 14

/**
 * Labels that have room, the first ones first: beside the end where arrows are apart, else further along;
 * those that would lie on others are left out.
 */
export function labelsOf<T extends GraphEdge>(
  wanted: readonly { readonly of: T; readonly text: string; readonly arrow: Arrow }[],
): readonly Label<T>[] {
  const outOf = Map.groupBy(wanted, ({ of }) => of.from)
  const into = Map.groupBy(wanted, ({ of }) => of.to)
  const placed: Label<T>[] = []
  for (const { of, text, arrow } of wanted) {
    const isApartAtEnd = (outOf.get(of.from)?.length ?? 0) >= (into.get(of.to)?.length ?? 0)
    const [first, last] = [arrow.curves[0]!, arrow.curves.at(-1)!]
    const spots = [at(last, 0.66), at(last, 0.5), at(first, 0.34), at(first, 0.5)]
    if (!isApartAtEnd) spots.reverse()
    const beside = arrow.isArc ? spots.map((spot) => besideBox(spot, text, first[0].x)) : spots
    const free = beside.find((spot) => !placed.some((other) => overlap(spot, text, other)))
    if (free !== undefined) placed.push({ ...free, of, text })
  }
  return placed
}

/** An arc leaves little room between its box and its label. */
function besideBox(spot: Point, text: string, boxRight: number): Point {
  return { x: Math.max(spot.x, boxRight + (text.length / 2) * CHAR + 6), y: spot.y }
}

function overlap(spot: Point, text: string, other: Label<unknown>): boolean {
  const width = ((text.length + other.text.length) / 2) * CHAR
  return Math.abs(spot.x - other.x) < width && Math.abs(spot.y - other.y) < LINE
}

function at([a, b, c, d]: Curve, t: number): Point {
  const s = 1 - t
  const of = (p: number, q: number, r: number, u: number): number =>
    s * s * s * p + 3 * s * s * t * q + 3 * s * t * t * r + t * t * t * u
  return { x: of(a.x, b.x, c.x, d.x), y: of(a.y, b.y, c.y, d.y) }
}
