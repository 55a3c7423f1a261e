// A query over a recorded execution, by definition or by the advice that processes would run.
//
//   events in causal order:  baggage = join of those directly before ── advice of this tracepoint ──► baggage

import { Baggage } from '#baggage'
import { Reporter, type Diagnostic } from '#base'
import type { ToolPackage } from '#protocol'
import {
  compilePackage,
  GroupTable,
  matchesTracepoint,
  STAMP_BYTES,
  TupleOwners,
  verifyPackage,
  type AdviceEnvironment,
  type Value,
} from '#advice'
import { compilePlan } from './compile.ts'
import { evaluateByDefinition, variableOf } from './definition.ts'
import { rowsOfGroups } from './output.ts'
import { parseQuery } from './parser.ts'
import { layoutPlan, type Layout, type Pushing } from './layout.ts'
import { EVALUATED_ROWS_MAX, EVALUATED_TUPLE_BYTES_MAX } from './limits.ts'
import { buildPlan, type Plan } from './plan.ts'
import {
  ExecutionError,
  readExecution,
  type Recorded,
  type RecordedEvent,
  type RecordedExecution,
} from './recorded.ts'
import { resolveQuery, type Surroundings } from './resolve.ts'
import type { ResolvedQuery } from './resolved.ts'
import { rewritePlan, settlePlan } from './rewrite.ts'
import type { Row } from './rows.ts'

/** A text that is no query; `diagnostics` say all that is wrong. */
export class QueryError extends Error {
  override readonly name = 'QueryError'
  readonly code = 'E_QUERY'
  readonly diagnostics: readonly Diagnostic[]

  constructor(diagnostics: readonly Diagnostic[]) {
    const [first] = diagnostics.filter(({ severity }) => severity === 'error')
    super(first === undefined ? 'no query' : `${first.span.line}:${first.span.column} ${first.message}`)
    this.diagnostics = diagnostics
  }
}

/** Errors: QueryError. */
export function readQuery(text: string, around: Surroundings = {}): ResolvedQuery {
  const report = new Reporter(text)
  const query = parseQuery(text, report)
  const resolved = query === undefined ? undefined : resolveQuery(query, around, report)
  if (resolved === undefined) throw new QueryError(report.diagnostics)
  return resolved
}

export type EvaluateOptions = {
  /**
   * false = by definition over the recorded DAG (the oracle); true = the compiled advice and baggage along
   * it. Default: true.
   */
  readonly optimized?: boolean
  readonly views?: Readonly<Record<string, string>>
}

/**
 * Rows keyed by the columns of Select, in order of their values (with Top: largest first). Errors: QueryError
 * E_QUERY, ExecutionError E_EXECUTION.
 */
export function evaluate(text: string, execution: RecordedExecution, options: EvaluateOptions = {}): Row[] {
  const query = readQuery(text, options)
  const recorded = readExecution(execution)
  const isOptimized = options.optimized ?? true
  return [...(isOptimized ? evaluateCompiled(query, recorded, 'all') : evaluateByDefinition(query, recorded))]
}

const RESULT = 'evaluate'
const NO_LIMITS = { groups: Infinity, bytes: Infinity }
/** Any: nothing else rides in this baggage. */
const BAG_ID = 64

/** `none`: with nothing moved down that need not be. */
export function evaluateCompiled(query: ResolvedQuery, recorded: Recorded, pushing: Pushing): readonly Row[] {
  const built = buildPlan(query)
  const plan = pushing === 'all' ? rewritePlan(built) : settlePlan(built)
  const table = new GroupTable(
    plan.output.folds.map(({ fn }) => fn),
    NO_LIMITS,
  )
  foldExecution(recorded, { plan, layout: layoutPlan(plan, pushing) }, table)
  return rowsOfGroups(plan.output, table.groups())
}

/** Adds what one execution gives to the table. Errors: ExecutionError E_EXECUTION where it explodes. */
export function foldExecution(
  recorded: Recorded,
  { plan, layout }: { readonly plan: Plan; readonly layout: Layout },
  table: GroupTable,
): void {
  runAlong(recorded, compilePlan(plan, { name: RESULT, version: 1, bagId: BAG_ID }, layout), { table })
}

/** Runs a package along an execution, event by event. `random` is asked with the event at hand. */
export function runAlong(
  { events }: Recorded,
  tool: ToolPackage,
  { table, random }: { readonly table: GroupTable; readonly random?: (event: RecordedEvent) => number },
): void {
  let components = 0
  let [current] = events
  const advice = compilePackage(verifyPackage(tool), {
    owners: new TupleOwners(),
    fresh: () => bigEndian(++components),
    results: () => table,
    random: () => random?.(current) ?? 0,
    rowsMax: EVALUATED_ROWS_MAX,
    tupleBytesMax: EVALUATED_TUPLE_BYTES_MAX,
  })
  const left: Baggage[] = []
  for (current of events) {
    const environment = new EventEnvironment(current, Baggage.join(...current.after.map((at) => left[at])))
    for (const one of advice) if (matchesTracepoint(one.tracepoint, current.tracepoint)) one.run(environment)
    left.push(environment.baggage)
  }
}

/** Advice at a recorded event. Acts have nobody to act on. */
class EventEnvironment implements AdviceEnvironment {
  baggage: Baggage
  readonly #event: RecordedEvent

  constructor(event: RecordedEvent, baggage: Baggage) {
    this.#event = event
    this.baggage = baggage
  }

  variable(name: string): Value {
    return variableOf(this.#event, name)
  }

  /** Lamport depth, then id. */
  stamp(): Uint8Array {
    const stamp = new Uint8Array(STAMP_BYTES)
    stamp.set(bigEndian(this.#event.depth))
    stamp.set(bigEndian(this.#event.rank), STAMP_BYTES / 2)
    return stamp
  }

  nowNs(): bigint {
    return 0n
  }

  isAuthentic(): boolean {
    return false
  }

  keep(): void {}
  act(): void {}

  /** There is far more room than in a process: what has none here would never end. */
  overflow(what: 'tuples' | 'rows'): void {
    throw new ExecutionError(`${what} of event ${this.#event.id} have no room`)
  }
}

function bigEndian(value: number): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value))
  return bytes
}
