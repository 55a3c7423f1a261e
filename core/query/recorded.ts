// An execution as it was recorded: events and what each came directly after. A causal DAG; happened-before is
// reachability in it.

import { EVENTS_MAX } from './limits.ts'

export type RecordedExecution = {
  readonly events: readonly {
    readonly id: string
    readonly tracepoint: string
    readonly vars: Readonly<Record<string, unknown>>
    /** Ids of the events directly before. */
    readonly after: readonly string[]
  }[]
}

export class ExecutionError extends Error {
  override readonly name = 'ExecutionError'
  readonly code = 'E_EXECUTION'
}

export type RecordedEvent = {
  readonly id: string
  readonly tracepoint: string
  readonly vars: Readonly<Record<string, unknown>>
  /** Positions in the causal order. */
  readonly after: readonly number[]
  /** Lamport: 1 + the largest of those before. */
  readonly depth: number
  /** Rank of its id among all ids. */
  readonly rank: number
}

export type Recorded = {
  /** Each behind all that happened before it. */
  readonly events: readonly RecordedEvent[]
  /** Positions in `events`. */
  happenedBefore(first: number, second: number): boolean
}

/** Errors: E_EXECUTION for an id that is there twice or not at all, a cycle, too many events. */
export function readExecution(execution: RecordedExecution, eventsMax = EVENTS_MAX): Recorded {
  const given = execution.events
  if (given.length > eventsMax) throw new ExecutionError(`at most ${eventsMax} events are evaluated`)
  const byId = new Map(given.map((event) => [event.id, event]))
  if (byId.size < given.length) throw new ExecutionError('two events have the same id')
  const ranks = new Map([...byId.keys()].sort(compareText).map((id, rank) => [id, rank]))
  const placeOf = new Map<string, number>()
  const events: RecordedEvent[] = []
  for (const id of causalOrder(execution)) {
    const event = byId.get(id)
    if (event === undefined) throw new ExecutionError(`there is no event ${id}`)
    const after = event.after.map((before) => placeOf.get(before) ?? 0)
    const depth = 1 + after.reduce((deepest, place) => Math.max(deepest, events[place].depth), 0)
    placeOf.set(id, events.length)
    events.push({
      id,
      tracepoint: event.tracepoint,
      vars: event.vars,
      after,
      depth,
      rank: ranks.get(id) ?? 0,
    })
  }
  let ancestors: bigint[] | undefined
  const happenedBefore = (first: number, second: number): boolean => {
    ancestors ??= ancestorsOf(events)
    return ((ancestors[second] >> BigInt(first)) & 1n) === 1n
  }
  return { events, happenedBefore }
}

/** Kahn's algorithm; ids ready at once come in the order given. */
function causalOrder({ events }: RecordedExecution): string[] {
  const waiting = new Map(events.map((event) => [event.id, new Set(event.after).size]))
  const followers = Map.groupBy(
    events.flatMap((event) => [...new Set(event.after)].map((before) => ({ before, id: event.id }))),
    ({ before }) => before,
  )
  for (const before of followers.keys())
    if (!waiting.has(before)) throw new ExecutionError(`there is no event ${before}`)
  const order = events.filter(({ after }) => after.length === 0).map(({ id }) => id)
  for (const id of order) {
    for (const follower of followers.get(id) ?? []) {
      const left = (waiting.get(follower.id) ?? 0) - 1
      waiting.set(follower.id, left)
      if (left === 0) order.push(follower.id)
    }
  }
  if (order.length < events.length) throw new ExecutionError('the events come after each other in a circle')
  return order
}

/** Bit i of entry j: event i happened before event j. */
function ancestorsOf(events: readonly RecordedEvent[]): bigint[] {
  const ancestors: bigint[] = []
  for (const { after } of events)
    ancestors.push(after.reduce((bits, place) => bits | ancestors[place] | (1n << BigInt(place)), 0n))
  return ancestors
}

export const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
