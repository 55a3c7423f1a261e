// A trace as the events it consists of, and what each came directly after: a causal DAG, so that questions
// about happened-before can be asked of what is over.
//
//   block of a server:  span.start ─► http.server.request.start ─► points ─► span.end ─► http.server.response
//                  ▲                   │                    ▲                     │   └► .request.end
//   parent, edges ─┘                   └► children          └ children that ended └► the parent
//
// Within a block one thing comes after the other. A child begins after what its parent had done by then, and
// what it did comes before what its parent did after its end; the server of a call that was answered may end
// later, then what it had done by then comes before the answer. Siblings are in order only where an edge says
// so (our agent tells of every join), or, in units that others instrumented, where one ended before the next
// began: those are counted as assumed. Barrier edges are left out, as baggage does not cross them.
// Every edge goes forward in the order (time, place in the tree), so there is no circle, whatever clocks say;
// what would go backward is left out.
//
// Source: Pivot Tracing 3.1 (happened-before joins); Canopy 3.4 (what nesting, times and edges imply).

import type { OtlpSpan } from './otlp-span.ts'
import type { Block, Trace } from './trace.ts'

export type CausalEvent = {
  readonly id: string
  /** As live: `span.end`, `http.server.request.start`; of a span event, its name. */
  readonly tracepoint: string
  readonly vars: Readonly<Record<string, unknown>>
  /** Ids of the events directly before. */
  readonly after: readonly string[]
}

export type CausalEvents = {
  readonly events: readonly CausalEvent[]
  /** Pairs of siblings whose order only their times say. */
  readonly assumed: number
}

/** One step of a block; `rank` orders steps of one instant. */
type Step = {
  readonly id: string
  readonly timeNs: bigint
  readonly rank: number
  readonly after: Set<string>
}

/** What a block did, in order; `head` and `tail` are first and last of it, `end` the end of its span. */
type Steps = {
  readonly inOrder: readonly Step[]
  readonly head: Step
  readonly end: Step
  readonly tail: Step
}

/** Cost: O(n log n) for n blocks and points. Never throws on what buildTrace made. */
export function causalEvents(trace: Trace): CausalEvents {
  const told: (Omit<CausalEvent, 'after'> & { readonly after: ReadonlySet<string> })[] = []
  const steps = stepsOf(trace, (step, tracepoint, vars) =>
    told.push({ id: step.id, tracepoint, vars, after: step.after }),
  )
  joinNested(trace, steps)
  joinEdges(trace, steps)
  const assumed = joinSiblings(trace, steps)
  return { events: told.map((event) => ({ ...event, after: [...event.after] })), assumed }
}

type Tell = (step: Step, tracepoint: string, vars: Readonly<Record<string, unknown>>) => void

function stepsOf(trace: Trace, tell: Tell): readonly Steps[] {
  const places = placesOf(trace)
  const pointsOf = Map.groupBy(trace.points, ({ block }) => block)
  return trace.blocks.map((block) => {
    const inOrder: Step[] = []
    const next = (name: string, timeNs: bigint, rank: number): Step => {
      const before = inOrder.at(-1)
      const step = {
        id: `${block.spanId}/${name}`,
        timeNs,
        rank,
        after: new Set(before === undefined ? [] : [before.id]),
      }
      inOrder.push(step)
      return step
    }
    const { enter, leave } = places[block.index]
    const own = spanVars(block)
    const http = httpVars(block)
    const head = next('start', block.startNs, enter)
    tell(head, 'span.start', own)
    if (http !== undefined)
      tell(next('request', block.startNs, enter), `http.${http.side}.request.start`, http.atStart)
    const points = [...(pointsOf.get(block.index) ?? [])].sort((a, b) => compare(a.timeNs, b.timeNs))
    for (const { timeNs, name, event } of points) {
      const at = timeNs < block.startNs ? block.startNs : timeNs > block.endNs ? block.endNs : timeNs
      const attributes = block.span.events[event]?.attributes ?? {}
      tell(next(`point ${event}`, at, enter), name, { ...own, ...attributes, time: timeNs })
    }
    const over = { time: block.endNs, durationMs: Number(block.endNs - block.startNs) / 1e6 }
    const end = next('end', block.endNs, leave)
    tell(end, 'span.end', { ...own, ...over, status: STATUSES[block.span.status.code] })
    if (http !== undefined) {
      const answered = { ...http.atStart, ...over, status: http.status }
      const response = next('response', block.endNs, leave)
      tell(response, `http.${http.side}.response`, answered)
      // The answer has left: what happens here reaches nobody.
      const left = { ...response, id: `${block.spanId}/over`, after: new Set([response.id]) }
      tell(left, `http.${http.side}.request.end`, answered)
    }
    return { inOrder, head, end, tail: inOrder.at(-1) ?? end }
  })
}

/** Places of begin and end of each block in a walk around the tree. */
function placesOf({ blocks }: Trace): readonly { readonly enter: number; readonly leave: number }[] {
  const places = blocks.map(() => ({ enter: 0, leave: 0 }))
  const open: number[] = []
  let place = 0
  const leaveUntil = (parent: number): void => {
    for (let top = open.at(-1); top !== undefined && top !== parent; top = open.at(-1)) {
      places[top].leave = place++
      open.pop()
    }
  }
  for (const { index, parent } of blocks) {
    leaveUntil(parent)
    places[index].enter = place++
    open.push(index)
  }
  leaveUntil(-2)
  return places
}

function joinNested({ blocks }: Trace, steps: readonly Steps[]): void {
  for (const block of blocks) {
    if (block.parent < 0) continue
    const { inOrder, head, tail } = steps[block.index]
    const above = steps[block.parent]
    const begun = lastUntil(above.inOrder, head)
    if (begun !== undefined) head.after.add(begun.id)
    const next = firstFrom(above.inOrder, tail)
    if (next !== undefined) next.after.add(tail.id)
    else if (isAnsweredBy(blocks[block.parent], block)) {
      // The server ended its span when the caller had the answer: what it had done by then came before.
      const done = lastUntil(inOrder, above.end)
      if (done !== undefined) above.end.after.add(done.id)
    }
  }
}

/** A call over HTTP that got an answer, and who served it. */
function isAnsweredBy(call: Block, serving: Block): boolean {
  return call.span.kind === 3 && serving.span.kind === 2 && httpVars(call)?.status !== undefined
}

function joinEdges({ edges }: Trace, steps: readonly Steps[]): void {
  for (const { kind, from, to } of edges) {
    if (from === undefined || kind === 'barrier') continue
    const source = lastUntil(steps[from.block].inOrder, { timeNs: from.timeNs, rank: Infinity })
    if (source === undefined) continue
    const target = steps[to.block].inOrder.find((step) => step.timeNs >= to.timeNs && isBefore(source, step))
    target?.after.add(source.id)
  }
}

/** In units of others: who ended before the next began. Gives how many pairs that were. */
function joinSiblings({ blocks }: Trace, steps: readonly Steps[]): number {
  const siblings = Map.groupBy(
    blocks.filter(({ parent, span }) => parent >= 0 && !isOurs(span)),
    ({ parent, unit }) => `${parent} ${unit}`,
  )
  let assumed = 0
  for (const children of siblings.values()) {
    const byEnd = [...children].sort((a, b) => compare(a.endNs, b.endNs))
    // Of those that have ended, who is before no other that has.
    let latest: Block[] = []
    let lastBegin: bigint | undefined
    let at = 0
    for (const child of children) {
      const before = at
      while (at < byEnd.length && byEnd[at].endNs <= child.startNs && byEnd[at] !== child) {
        const ended = byEnd[at++]
        latest.push(ended)
        if (lastBegin === undefined || ended.startNs > lastBegin) lastBegin = ended.startNs
      }
      if (at > before) latest = latest.filter(({ endNs }) => lastBegin === undefined || endNs >= lastBegin)
      for (const ended of latest) {
        const { tail } = steps[ended.index]
        const { head } = steps[child.index]
        if (!isBefore(tail, head)) continue
        head.after.add(tail.id)
        assumed += 1
      }
    }
  }
  return assumed
}

type Moment = Pick<Step, 'timeNs' | 'rank'>

const isBefore = (a: Moment, b: Moment): boolean =>
  a.timeNs < b.timeNs || (a.timeNs === b.timeNs && a.rank < b.rank)

/** The last step before a moment. */
function lastUntil(steps: readonly Step[], moment: Moment): Step | undefined {
  let [low, high] = [0, steps.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isBefore(steps[middle], moment)) low = middle + 1
    else high = middle
  }
  return steps[low - 1]
}

/** The first step after a moment. */
function firstFrom(steps: readonly Step[], moment: Moment): Step | undefined {
  let [low, high] = [0, steps.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isBefore(moment, steps[middle])) high = middle
    else low = middle + 1
  }
  return steps[low]
}

const compare = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0)

/** Our agent tells of each join, so times need not be asked. */
const isOurs = ({ resource }: OtlpSpan): boolean => resource.attributes['telemetry.sdk.name'] === 'crosscut'

const KINDS = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'] as const
const STATUSES = ['unset', 'ok', 'error'] as const

/** What every step of a block can say; names as in a running process. */
function spanVars({ span, service, startNs }: Block): Readonly<Record<string, unknown>> {
  const { attributes, resource } = span
  return {
    ...Object.fromEntries(Object.entries(attributes).map(([key, value]) => [`attributes.${key}`, value])),
    name: span.name,
    kind: KINDS[span.kind],
    traceId: span.traceId,
    spanId: span.spanId,
    host: resource.attributes['host.name'],
    service,
    procName: service,
    procId: resource.attributes['process.pid'],
    time: startNs,
  }
}

type Http = {
  readonly side: 'server' | 'client'
  readonly atStart: Readonly<Record<string, unknown>>
  readonly status: unknown
}

/** By the semantic conventions for HTTP, the stable ones or those before; undefined = it is no such span. */
function httpVars(block: Block): Http | undefined {
  const { span, service, startNs } = block
  const read = (keys: readonly string[]): unknown =>
    keys.map((key) => span.attributes[key]).find((one) => one !== undefined)
  const method = read(['http.request.method', 'http.method'])
  if (method === undefined || (span.kind !== 2 && span.kind !== 3)) return undefined
  const side = span.kind === 2 ? 'server' : 'client'
  const address = read(['server.address', 'net.host.name', 'net.peer.name'])
  const port = read(['server.port', 'net.host.port', 'net.peer.port'])
  return {
    side,
    atStart: {
      ...pick(spanVars(block), ['traceId', 'spanId', 'procName', 'procId']),
      service,
      time: startNs,
      method,
      path: pathOf(read(['url.path', 'url.full', 'http.target', 'http.url'])),
      // A server tells the Host header as it came.
      host: side === 'server' && port !== undefined ? `${String(address)}:${String(port)}` : address,
      port,
    },
    status: read(['http.response.status_code', 'http.status_code']),
  }
}

function pathOf(url: unknown): string | undefined {
  if (typeof url !== 'string') return undefined
  return url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '').replace(/[?#].*$/s, '') || '/'
}

function pick(vars: Readonly<Record<string, unknown>>, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, vars[name]]))
}
