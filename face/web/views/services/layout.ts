// Where the services of a graph stand: in columns by how far they are from where requests come in, callers
// left of whom they call; in a column ordered so that arrows cross little.
//
//   client ---> gateway ---> worker ----> datanode-A     who call each other around stand in one column
//          \            \--- . . . . --/> namenode       an arrow over a column has a place in it
//
// Only main callers push a service to the right, those with a third of its calls or more: a rare call, or a
// chain of replicas that hand data on, would else make one long line of the graph. Who calls half of its
// column and is called by none of it stands before it.
//
// Source: the layered drawing of Sugiyama, Tagawa and Toda (1981), with mean places, in small.

export type GraphEdge = { readonly from: string; readonly to: string; readonly count?: number }
/** y: the middle of its box, in boxes from the top. */
export type Placed = { readonly name: string; readonly column: number; readonly y: number }
export type Layout = {
  readonly placed: readonly Placed[]
  readonly columns: number
  /** In boxes. */
  readonly height: number
  /** Where an arrow passes columns between its ends. */
  readonly via: (edge: GraphEdge) => readonly { readonly column: number; readonly y: number }[]
}

/** Sweeps over the columns; more change little. */
const SWEEPS = 8
const MAIN_SHARE = 1 / 3
/** Height of a place where arrows pass, in boxes. */
const PASS = 0.45

/** Arrows of one service pass a column at one place. */
const passOf = (from: string, column: number): string => `\0${column}\0${from}`
const isPass = (name: string): boolean => name.startsWith('\0')
const heightOf = (name: string): number => (isPass(name) ? PASS : 1)

export function placeServices(names: readonly string[], edges: readonly GraphEdge[]): Layout {
  const known = new Set(names)
  const real = edges.filter(({ from, to }) => from !== to && known.has(from) && known.has(to))
  const column = columnsOf(names, real)
  splitCallers(names, real, column)
  const columns: string[][] = []
  for (const name of names) (columns[column.get(name)!] ??= []).push(name)
  const steps = stepsOf(real, column, columns)
  for (let sweep = 0; sweep < SWEEPS; sweep++) order(columns, steps, sweep % 2 === 0)
  const height = Math.max(1, ...columns.map((list) => totalHeight(list)))
  const yOf = new Map(columns.flatMap((list) => heights(list, height)))
  return {
    placed: names.map((name) => ({ name, column: column.get(name)!, y: yOf.get(name)! })),
    columns: columns.length,
    height,
    via: ({ from, to }) => {
      const between: { column: number; y: number }[] = []
      for (let at = (column.get(from) ?? 0) + 1; at < (column.get(to) ?? 0); at++) {
        const y = yOf.get(passOf(from, at))
        if (y !== undefined) between.push({ column: at, y })
      }
      return between
    },
  }
}

/** The longest way over main calls, those around in one column. */
function columnsOf(names: readonly string[], edges: readonly GraphEdge[]): Map<string, number> {
  const main = mainCalls(edges)
  const next = Map.groupBy(main, ({ from }) => from)
  const reached = new Map(names.map((name) => [name, reachedFrom(name, next)]))
  const areAround = (a: string, b: string): boolean =>
    a === b || (reached.get(a)?.has(b) === true && reached.get(b)?.has(a) === true)
  const calls = main.filter(({ from, to }) => !areAround(from, to))
  const column = new Map(names.map((name) => [name, 0]))
  for (let round = 0; round < names.length; round++) {
    let isMoved = false
    for (const { from, to } of calls) {
      const after = column.get(from)! + 1
      if (column.get(to)! >= after) continue
      for (const name of names) if (areAround(name, to)) column.set(name, after)
      isMoved = true
    }
    if (!isMoved) break
  }
  return column
}

function mainCalls(edges: readonly GraphEdge[]): readonly GraphEdge[] {
  return [...Map.groupBy(edges, ({ to }) => to).values()].flatMap((into) => {
    const total = into.reduce((sum, { count = 1 }) => sum + count, 0)
    const most = Math.max(...into.map(({ count = 1 }) => count))
    return into.filter(({ count = 1 }) => count >= total * MAIN_SHARE || count === most)
  })
}

/** Once for each column, from the left; all that is right of it moves on. */
function splitCallers(
  names: readonly string[],
  edges: readonly GraphEdge[],
  column: Map<string, number>,
): void {
  for (let at = 0; at <= Math.max(...column.values()); at++) {
    const list = names.filter((name) => column.get(name) === at)
    const inside = edges.filter(({ from, to }) => column.get(from) === at && column.get(to) === at)
    const ahead = list.filter((name) => {
      const called = new Set(inside.filter(({ from }) => from === name).map(({ to }) => to))
      return called.size * 2 >= list.length - 1 && called.size > 1 && !inside.some(({ to }) => to === name)
    })
    if (ahead.length === 0 || ahead.length === list.length) continue
    for (const name of names)
      if (column.get(name)! >= at && !ahead.includes(name)) column.set(name, column.get(name)! + 1)
    at++ // what is left of the column is not split again
  }
}

/** All that a service calls, and what that calls. */
function reachedFrom(name: string, next: ReadonlyMap<string, readonly GraphEdge[]>): ReadonlySet<string> {
  const seen = new Set<string>()
  const open = [name]
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    for (const { to } of next.get(at) ?? []) {
      if (seen.has(to)) continue
      seen.add(to)
      open.push(to)
    }
  }
  return seen
}

/** Arrows as steps from a column to the next; those that are longer get places between. */
function stepsOf(
  edges: readonly GraphEdge[],
  column: ReadonlyMap<string, number>,
  columns: string[][],
): readonly GraphEdge[] {
  const steps: GraphEdge[] = []
  const made = new Set<string>()
  for (const { from, to } of edges) {
    const end = column.get(to)!
    let before = from
    for (let at = column.get(from)! + 1; at < end; at++) {
      const pass = passOf(from, at)
      if (!made.has(pass)) {
        made.add(pass)
        columns[at]!.push(pass)
        steps.push({ from: before, to: pass })
      }
      before = pass
    }
    if (end > column.get(from)!) steps.push({ from: before, to })
  }
  return steps
}

/** Each to the mean place of its neighbours on one side. */
function order(columns: string[][], steps: readonly GraphEdge[], isForward: boolean): void {
  const place = new Map(
    columns.flatMap((list) => list.map((name, row) => [name, (row + 0.5) / list.length] as const)),
  )
  for (const list of isForward ? columns : columns.toReversed()) {
    const wish = new Map(
      list.map((name) => {
        const near = steps
          .filter((step) => (isForward ? step.to : step.from) === name)
          .map((step) => place.get(isForward ? step.from : step.to) ?? 0)
        return [name, near.length === 0 ? place.get(name)! : near.reduce((a, b) => a + b, 0) / near.length]
      }),
    )
    list.sort((a, b) => wish.get(a)! - wish.get(b)! || (a < b ? -1 : 1))
    list.forEach((name, row) => place.set(name, (row + 0.5) / list.length))
  }
}

const totalHeight = (list: readonly string[]): number => list.reduce((sum, name) => sum + heightOf(name), 0)

/** Below each other, shorter columns in the middle. */
function heights(list: readonly string[], height: number): readonly (readonly [string, number])[] {
  let top = (height - totalHeight(list)) / 2
  return list.map((name) => {
    const y = top + heightOf(name) / 2
    top += heightOf(name)
    return [name, y] as const
  })
}
