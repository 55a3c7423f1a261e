// Swimlanes: one lane a process (service on a host), and in it its units of work, stacked where they overlap.
//
//   gateway @ A   [========== POST /checkout ==========]
//                   [authenticate]   [ compute total ]        below its parent, on a free line
//   cart @ C         [== GET /cart ==]
//                      [SELECT]     [== GET /cart ==]         a second unit at the same time: lines below
//
// A unit is a stay in one process: a span whose parent is of another process begins one (and so do server and
// consumer spans). Units of a lane take the first lines that are free for all of their depth; a lane of more
// lines than LANE_LINES_MAX lays the rest over its last ones. Cost: O(spans x lines of a lane), in practice a
// few.

import type { TraceColumns } from './columns.ts'

export const LANE_LINES_MAX = 200
/** px between two lanes. */
export const LANE_SPLIT = 1

export type Lane = {
  readonly origin: number
  readonly firstLine: number
  readonly lines: number
  readonly spans: number
}

export type Lanes = {
  readonly lanes: readonly Lane[]
  /** Line of each span, counted over all lanes. */
  readonly lineOf: Int32Array
  readonly lineCount: number
  /** Spans by line, each line by start: list[first[line] .. first[line + 1]]. */
  readonly first: Uint32Array
  readonly list: Uint32Array
  /** Place in `list` of the first span of a line that starts (ends) at or after an instant; or its end. */
  readonly firstStarting: (line: number, ns: bigint) => number
  readonly firstEnding: (line: number, ns: bigint) => number
}

const SERVER = 2
const CONSUMER = 5

export function lanesOf(columns: TraceColumns): Lanes {
  const { count, parent, origin, kind } = columns
  const unitOf = new Int32Array(count)
  const inUnit = new Uint16Array(count)
  const units: { entry: number; origin: number; lines: number; endNs: bigint; free: bigint[] }[] = []
  for (let span = 0; span < count; span++) {
    const above = parent[span]!
    const begins =
      above < 0 || origin[above] !== origin[span] || kind[span] === SERVER || kind[span] === CONSUMER
    if (begins) {
      unitOf[span] = units.length
      const endNs = columns.endNs[span]!
      units.push({ entry: span, origin: origin[span]!, lines: 1, endNs, free: [endNs] })
      continue
    }
    const unit = units[unitOf[above]!]!
    unitOf[span] = unitOf[above]!
    inUnit[span] = lineBelow(unit.free, inUnit[above]! + 1, columns.startNs[span]!)
    unit.free[inUnit[span]!] = columns.endNs[span]!
    unit.lines = Math.min(LANE_LINES_MAX, Math.max(unit.lines, inUnit[span]! + 1))
    if (columns.endNs[span]! > unit.endNs) unit.endNs = columns.endNs[span]!
  }
  const placed = placeUnits(columns, units)
  const lineOf = new Int32Array(count)
  for (let span = 0; span < count; span++) {
    const unit = unitOf[span]!
    const line = placed.firstLine[unit]! + Math.min(inUnit[span]!, units[unit]!.lines - 1)
    lineOf[span] = Math.min(line, placed.lastLine[units[unit]!.origin]!)
  }
  return {
    lanes: placed.lanes,
    lineOf,
    lineCount: placed.lineCount,
    ...byLine(columns, lineOf, placed.lineCount),
  }
}

type Unit = {
  readonly entry: number
  readonly origin: number
  readonly lines: number
  readonly endNs: bigint
}

function placeUnits(
  columns: TraceColumns,
  units: readonly Unit[],
): { lanes: Lane[]; firstLine: Int32Array; lastLine: number[]; lineCount: number } {
  const byOrigin = new Map<number, number[]>()
  units.forEach(({ origin }, unit) => {
    const list = byOrigin.get(origin)
    if (list === undefined) byOrigin.set(origin, [unit])
    else list.push(unit)
  })
  const firstLine = new Int32Array(units.length)
  const lastLine: number[] = new Array(columns.origins.length).fill(0)
  const lanes: Lane[] = []
  let lineCount = 0
  // In the order in which the trace comes to the processes.
  for (const [origin, own] of byOrigin) {
    own.sort((a, b) => compareNs(columns.startNs[units[a]!.entry]!, columns.startNs[units[b]!.entry]!))
    /** When each line of the lane is free again. */
    const free: bigint[] = []
    for (const unit of own) {
      const { entry, lines, endNs } = units[unit]!
      const at = freeLines(free, lines, columns.startNs[entry]!)
      firstLine[unit] = lineCount + at
      for (let line = at; line < Math.min(at + lines, LANE_LINES_MAX); line++) free[line] = endNs
    }
    lanes.push({ origin, firstLine: lineCount, lines: free.length, spans: own.length })
    lineCount += free.length
    lastLine[origin] = lineCount - 1
  }
  return { lanes, firstLine, lastLine, lineCount }
}

/** Siblings that ran side by side stand on lines of their own. */
function lineBelow(free: readonly bigint[], from: number, startNs: bigint): number {
  let line = from
  while (line < free.length && free[line]! > startNs) line += 1
  return Math.min(line, LANE_LINES_MAX - 1)
}

/** The first place with so many free lines below each other. */
function freeLines(free: readonly bigint[], lines: number, startNs: bigint): number {
  let at = 0
  for (let line = 0; line < free.length && line - at < lines; line++) if (free[line]! > startNs) at = line + 1
  return Math.min(at, LANE_LINES_MAX - 1)
}

function byLine(
  columns: TraceColumns,
  lineOf: Int32Array,
  lines: number,
): Pick<Lanes, 'first' | 'list' | 'firstStarting' | 'firstEnding'> {
  const first = new Uint32Array(lines + 1)
  for (const line of lineOf) first[line + 1]! += 1
  for (let line = 0; line < lines; line++) first[line + 1]! += first[line]!
  const next = first.slice(0, lines)
  const list = new Uint32Array(columns.count)
  for (let span = 0; span < columns.count; span++) list[next[lineOf[span]!]!++] = span
  for (let line = 0; line < lines; line++)
    list
      .subarray(first[line], first[line + 1])
      .sort((a, b) => compareNs(columns.startNs[a]!, columns.startNs[b]!) || a - b)
  // The latest end so far, so that a long span is found though shorter ones came after it.
  const endsBy = new BigInt64Array(columns.count)
  for (let line = 0; line < lines; line++) {
    let latest = columns.endNs[list[first[line]!]!] ?? 0n
    for (let at = first[line]!; at < first[line + 1]!; at++) {
      const end = columns.endNs[list[at]!]!
      if (end > latest) latest = end
      endsBy[at] = latest
    }
  }
  const search = (line: number, isBefore: (at: number) => boolean): number => {
    let low = first[line]!
    let high = first[line + 1]!
    while (low < high) {
      const middle = (low + high) >> 1
      if (isBefore(middle)) low = middle + 1
      else high = middle
    }
    return low
  }
  return {
    first,
    list,
    firstStarting: (line, ns) => search(line, (at) => columns.startNs[list[at]!]! < ns),
    firstEnding: (line, ns) => search(line, (at) => endsBy[at]! < ns),
  }
}

/** The span of a line at an instant, within `slackNs` of it; the last to begin wins. */
export function spanInLine(
  columns: TraceColumns,
  lanes: Lanes,
  { line, ns, slackNs }: { readonly line: number; readonly ns: bigint; readonly slackNs: bigint },
): number {
  if (line < 0 || line >= lanes.lineCount) return -1
  const first = lanes.first[line]!
  for (let at = lanes.firstStarting(line, ns + slackNs + 1n) - 1; at >= first; at--) {
    const span = lanes.list[at]!
    if (columns.endNs[span]! + slackNs >= ns) return span
    if (at < lanes.firstEnding(line, ns - slackNs)) return -1
  }
  return -1
}

function compareNs(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0
}
