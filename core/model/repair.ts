// Makes any list of spans a forest with sane times, and says what it changed.
//
//   spans -> one per id -> parents that exist and form no cycle -> times relative to a base, end >= start
//
// Owner: buildTrace calls these in order over one Draft, whose columns are then only read. Source: Canopy 4.2
// ("complete incomplete elements, correct errors"; every change is annotated, so that instrumentation bugs
// get fixed).

import { originOf } from './hosts.ts'
import { BASE_SAMPLES, RELATIVE_NS_MAX, REPAIRS_MAX, WALL_NS_MAX, WALL_NS_MIN } from './limits.ts'
import type { OtlpSpan } from './otlp-span.ts'
import type { Repair, RepairKind } from './trace.ts'

/** Collects what was changed: all counted, the first REPAIRS_MAX told. */
export class RepairLog {
  readonly entries: Repair[] = []
  count = 0

  add(kind: RepairKind, spanId: string | undefined, message: string): void {
    this.count += 1
    if (this.entries.length < REPAIRS_MAX) this.entries.push({ kind, spanId, message })
  }
}

/** One trace under repair; columns are parallel to spans. */
export type Draft = {
  readonly spans: readonly OtlpSpan[]
  readonly indexOf: ReadonlyMap<string, number>
  /** -1 = root. */
  readonly parent: Int32Array
  /** ns relative to baseNs, whole, within +-RELATIVE_NS_MAX. */
  readonly start: Float64Array
  readonly end: Float64Array
  /** 1 = this span's times were repaired: they are no evidence about clocks. */
  readonly isDoubtful: Uint8Array
  readonly baseNs: bigint
}

/** A draft of spans of one trace (those of another trace are left out). Cost: O(n). */
export function repairSpans(all: readonly OtlpSpan[], log: RepairLog): Draft {
  const { spans, indexOf } = uniqueSpans(all, log)
  const start = new Float64Array(spans.length)
  const end = new Float64Array(spans.length)
  const isDoubtful = new Uint8Array(spans.length)
  const parent = findParents(spans, indexOf, log)
  const draft = { spans, indexOf, parent, start, end, isDoubtful, baseNs: baseTime(spans) }
  const open = repairTimes(draft, log)
  cutCycles(spans, parent, start, log)
  if (open.size > 0) completeEnds(draft, open)
  return draft
}

/** One span per id: the later end, then more attributes, then later in the input (README says why). */
function uniqueSpans(
  all: readonly OtlpSpan[],
  log: RepairLog,
): { readonly spans: OtlpSpan[]; readonly indexOf: ReadonlyMap<string, number> } {
  const traceId = all[0]?.traceId
  const spans: OtlpSpan[] = []
  const indexOf = new Map<string, number>()
  for (const span of all) {
    if (span.traceId !== traceId) {
      log.add('foreign-span', span.spanId, `belongs to trace ${span.traceId}; left out`)
      continue
    }
    const at = indexOf.get(span.spanId)
    if (at === undefined) indexOf.set(span.spanId, spans.push(span) - 1)
    else {
      const other = spans[at]
      const isSame =
        span.startTimeUnixNano === other.startTimeUnixNano &&
        span.endTimeUnixNano === other.endTimeUnixNano &&
        span.name === other.name
      log.add(
        isSame ? 'duplicate-span' : 'conflicting-span',
        span.spanId,
        isSame
          ? 'arrived more than once; kept once'
          : 'two different spans have this id; the one that ends later was kept',
      )
      if (isBetter(span, other)) spans[at] = span
    }
  }
  return { spans, indexOf }
}

function isBetter(span: OtlpSpan, other: OtlpSpan): boolean {
  if (span.endTimeUnixNano !== other.endTimeUnixNano) return span.endTimeUnixNano > other.endTimeUnixNano
  return Object.keys(span.attributes).length >= Object.keys(other.attributes).length
}

function findParents(
  spans: readonly OtlpSpan[],
  indexOf: ReadonlyMap<string, number>,
  log: RepairLog,
): Int32Array {
  const parent = new Int32Array(spans.length).fill(-1)
  for (const [index, span] of spans.entries()) {
    const parentId = span.parentSpanId
    if (parentId === undefined || parentId === '') continue
    const found = indexOf.get(parentId)
    if (found === undefined)
      log.add('missing-parent', span.spanId, `its parent ${parentId} is not in this trace; shown as a root`)
    else if (found === index)
      log.add('self-parent', span.spanId, 'names itself as its parent; shown as a root')
    else parent[index] = found
  }
  return parent
}

/**
 * Each cycle is cut before its earliest span (ties: smaller id), which becomes a root. Three colours, no
 * recursion.
 */
function cutCycles(
  spans: readonly OtlpSpan[],
  parent: Int32Array,
  start: Float64Array,
  log: RepairLog,
): void {
  const colour = new Uint32Array(spans.length)
  for (let from = 0; from < spans.length; from++) {
    const mine = from + 1
    let at = from
    while (at !== -1 && colour[at] === 0) {
      colour[at] = mine
      at = parent[at]
    }
    if (at === -1 || colour[at] !== mine) continue
    let first = at
    for (let next = parent[at]; next !== at; next = parent[next]) {
      if (
        start[next] < start[first] ||
        (start[next] === start[first] && spans[next].spanId < spans[first].spanId)
      )
        first = next
    }
    parent[first] = -1
    log.add(
      'parent-cycle',
      spans[first].spanId,
      'its ancestors lead back to it; the circle was cut here, at its earliest span',
    )
  }
}

/** The median of a sample of sane starts: a few clocks at 0 or at 2^64-1 cannot move it. */
function baseTime(spans: readonly OtlpSpan[]): bigint {
  const step = Math.max(1, Math.floor(spans.length / BASE_SAMPLES))
  const sample: bigint[] = []
  for (let index = 0; index < spans.length && sample.length < BASE_SAMPLES; index += step) {
    if (isSane(spans[index].startTimeUnixNano)) sample.push(spans[index].startTimeUnixNano)
  }
  const fallback = spans.find((span) => isSane(span.startTimeUnixNano) || isSane(span.endTimeUnixNano))
  if (sample.length === 0 && fallback !== undefined) sample.push(fallback.endTimeUnixNano)
  sample.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
  return sample[sample.length >> 1] ?? spans[0]?.startTimeUnixNano ?? 0n
}

function isSane(ns: bigint): boolean {
  return ns >= WALL_NS_MIN && ns <= WALL_NS_MAX
}

/**
 * Fills start and end. A time of zero takes the span's other time; both zero: the base. In a trace without
 * any wall-clock time (simulations, tests) zero is a time like any other. Gives the spans that have begun and
 * tell no end.
 */
function repairTimes(draft: Draft, log: RepairLog): ReadonlySet<number> {
  const open = new Set<number>()
  const { spans, start, end, isDoubtful, baseNs } = draft
  const isMissing = (ns: bigint): boolean => ns === 0n && isSane(baseNs)
  for (const [index, span] of spans.entries()) {
    const { startTimeUnixNano: rawStart, endTimeUnixNano: rawEnd, spanId } = span
    if (isMissing(rawStart) || isMissing(rawEnd)) {
      isDoubtful[index] = 1
      log.add(
        'zero-time',
        spanId,
        isMissing(rawEnd) && isMissing(rawStart)
          ? 'has no times; placed amid the trace'
          : isMissing(rawEnd)
            ? 'has no end time; ends with the last that is known inside it'
            : 'has no start time; shown with zero duration',
      )
    }
    if (isMissing(rawEnd) && !isMissing(rawStart)) open.add(index)
    const soundStart = !isMissing(rawStart) ? rawStart : !isMissing(rawEnd) ? rawEnd : baseNs
    start[index] = relative(soundStart, index, draft, log)
    end[index] = relative(isMissing(rawEnd) ? soundStart : rawEnd, index, draft, log)
    if (end[index] >= start[index]) continue
    log.add(
      'end-before-start',
      spanId,
      `ended ${start[index] - end[index]} ns before it started; shown with zero duration`,
    )
    end[index] = start[index]
    isDoubtful[index] = 1
  }
  return open
}

/**
 * An open span lasted at least until its last event, and until the last of its children by the same clock (a
 * process that died, a span that was exported before it was over). Children first, without recursion. Cost:
 * O(n).
 */
function completeEnds({ spans, parent, start, end, baseNs }: Draft, open: ReadonlySet<number>): void {
  const below = new Int32Array(spans.length)
  for (const up of parent) if (up !== -1) below[up] += 1
  const ready = [...spans.keys()].filter((index) => below[index] === 0)
  for (const index of ready) {
    if (open.has(index))
      for (const { timeUnixNano } of spans[index].events) {
        const at = Number(timeUnixNano - baseNs)
        if (at <= start[index] + RELATIVE_NS_MAX) end[index] = Math.max(end[index], at)
      }
    const up = parent[index]
    if (up === -1) continue
    if (open.has(up) && isSameClock(spans[up], spans[index])) end[up] = Math.max(end[up], end[index])
    if (--below[up] === 0) ready.push(up)
  }
}

function isSameClock({ resource: one }: OtlpSpan, { resource: other }: OtlpSpan): boolean {
  return one === other || originOf(one.attributes).host === originOf(other.attributes).host
}

function relative(ns: bigint, index: number, draft: Draft, log: RepairLog): number {
  const offset = Number(ns - draft.baseNs)
  if (Math.abs(offset) <= RELATIVE_NS_MAX) return offset
  draft.isDoubtful[index] = 1
  log.add(
    'time-out-of-range',
    draft.spans[index].spanId,
    `a time of ${ns} is over 52 days from the rest; moved to that distance`,
  )
  return offset < 0 ? -RELATIVE_NS_MAX : RELATIVE_NS_MAX
}
