// What `compile-recording.ts` has told: events, joined where they are gathered.
//
//   reports ──► Gathering: events by execution ── quiet ──► its DAG ── advice over it ──► groups
//
// Source: X-Trace (NSDI'07); Pivot Tracing section 3 calls it global evaluation.

import { GroupTable, valueFromJson, type TableSnapshot, type Value } from '#advice'
import { recordedVariables, TOLD_BESIDE_VARIABLES } from './compile-recording.ts'
import { ExecutionError, readExecution, type RecordedExecution } from './recorded.ts'
import { foldExecution } from './evaluate.ts'
import { layoutPlan, type Layout } from './layout.ts'
import {
  EVENTS_GATHERED_MAX,
  EXECUTION_EVENTS_MAX,
  FORGET_EVENTS_MS,
  GATHERED_GROUPS_MAX,
  QUIET_MS,
} from './limits.ts'
import type { Plan } from './plan.ts'

type Event = RecordedExecution['events'][number] & { readonly after: string[] }

/** One row: an event, and one of those directly before it. */
type Told = {
  readonly before: string | undefined
  readonly tracepoint: string
  readonly values: readonly Value[]
}

type Execution = {
  readonly events: Map<string, Event>
  /** Of all its events, told or only named by others. */
  readonly ids: Set<string>
  lastMs: number
  isDone: boolean
}

/** Owned by one query. Times are of the caller's clock, ms. */
export class Gathering {
  readonly table: GroupTable
  readonly #plan: Plan
  readonly #layout: Layout
  readonly #vars: readonly string[]
  readonly #executions = new Map<string, Execution>()
  #events = 0
  /** Events that came too late, had no room, or were never told though others came after them. */
  lost = 0

  constructor(plan: Plan) {
    this.#plan = plan
    this.#layout = layoutPlan(plan)
    this.#vars = recordedVariables(plan)
    const limits = { groups: GATHERED_GROUPS_MAX, bytes: Infinity }
    this.table = new GroupTable(
      plan.output.folds.map(({ fn }) => fn),
      limits,
    )
  }

  /** Rows of a report; those that were told before change nothing. */
  take(rows: TableSnapshot['groups'], nowMs: number): void {
    for (const [told] of rows) {
      const keys = valueFromJson(told)
      if (!Array.isArray(keys) || keys.length !== this.#vars.length + TOLD_BESIDE_VARIABLES) continue
      const [id, before, tracepoint, ...values] = keys as readonly Value[]
      if (typeof id === 'number' && typeof tracepoint === 'string')
        this.#add(
          String(id),
          { before: before === null ? undefined : String(before), tracepoint, values },
          nowMs,
        )
    }
  }

  /** Evaluates executions that have been quiet. True: there were some. */
  settle(nowMs: number): boolean {
    let isChanged = false
    for (const execution of new Set(this.#executions.values())) {
      if (execution.isDone) {
        if (nowMs - execution.lastMs >= FORGET_EVENTS_MS) this.#forget(execution)
      } else if (nowMs - execution.lastMs >= QUIET_MS) {
        this.#evaluate(execution, nowMs)
        isChanged = true
      }
    }
    return isChanged
  }

  #add(id: string, told: Told, nowMs: number): void {
    const own = this.#executions.get(id)
    const known = own?.events.get(id)
    if (known !== undefined && (told.before === undefined || known.after.includes(told.before))) return
    const other = told.before === undefined ? undefined : this.#executions.get(told.before)
    const isLate = own?.isDone === true || other?.isDone === true
    if (isLate || (known === undefined && this.#events >= EVENTS_GATHERED_MAX)) {
      this.lost += 1
      return
    }
    const execution = this.#joined(own, other)
    for (const one of told.before === undefined ? [id] : [id, told.before]) {
      execution.ids.add(one)
      this.#executions.set(one, execution)
    }
    execution.lastMs = nowMs
    if (known !== undefined && told.before !== undefined) known.after.push(told.before)
    if (known === undefined) this.#begin(execution, id, told)
  }

  #begin({ events }: Execution, id: string, told: Told): void {
    const vars = Object.fromEntries(this.#vars.map((name, i) => [name, told.values[i]]))
    const after = told.before === undefined ? [] : [told.before]
    events.set(id, { id, tracepoint: told.tracepoint, vars, after })
    this.#events += 1
  }

  /** Two executions turn out to be one: the smaller goes into the larger. */
  #joined(a: Execution | undefined, b: Execution | undefined): Execution {
    if (a === undefined || b === undefined || a === b)
      return a ?? b ?? { events: new Map(), ids: new Set(), lastMs: 0, isDone: false }
    const [into, from] = a.ids.size >= b.ids.size ? [a, b] : [b, a]
    for (const id of from.ids) {
      into.ids.add(id)
      this.#executions.set(id, into)
    }
    for (const [id, event] of from.events) into.events.set(id, event)
    return into
  }

  #evaluate(execution: Execution, nowMs: number): void {
    const { events, ids } = execution
    execution.isDone = true
    execution.lastMs = nowMs
    this.#events -= events.size
    this.lost += ids.size - events.size
    if (events.size > EXECUTION_EVENTS_MAX) this.lost += events.size
    else
      this.#fold(
        [...events.values()].map((event) => ({
          ...event,
          after: event.after.filter((id) => events.has(id)),
        })),
      )
    events.clear()
  }

  #fold(events: RecordedExecution['events']): void {
    try {
      foldExecution(readExecution({ events }), { plan: this.#plan, layout: this.#layout }, this.table)
    } catch (error: unknown) {
      if (!(error instanceof ExecutionError)) throw error
      this.lost += events.length
    }
  }

  #forget({ ids }: Execution): void {
    for (const id of ids) this.#executions.delete(id)
  }
}
