// Live queries: text compiled to a package, told to all agents with the desired state, taken back when its
// time is over; what agents count is merged into rows.
//
//   install ── compile ──► leased package ──► desired state ──► agents
//   report ──► newest totals of each process ──► merged once a second ──► rows, rates ──► streams
//     or, where tuples have no room in baggage: events ──► gathered by execution, joined here ──► rows
//
// Totals are cumulative per process and package version: a report that is lost or repeated changes nothing,
// and after a restart of the server the next reports bring them all back. Queries themselves are kept in
// queries.json, so that a restart takes none away before its time.

import { randomBytes } from 'node:crypto'
import { GroupTable, type GroupState, type TableSnapshot } from '#advice'
import type {
  AgentReport,
  PackageStatus,
  QueryCoverage,
  QueryPlan,
  QueryResults,
  QueryUse,
  QueryView,
  ResultReport,
  RollUp,
  ToolPackage,
} from '#protocol'
import {
  compileQuery,
  sourcesOf,
  type CompiledQuery,
  type CompileOptions,
  type Gathering,
  type Row,
  type Surroundings,
} from '#query'
import type { Agents } from './agents.ts'
import { readIfThere, replaceFile } from './files.ts'
import type { EventStream } from './http-io.ts'
import { MERGED_GROUPS_MAX, QUERIES_MAX, QUERY_AGENTS_MAX, QUERY_TICK_MS, RATE_WINDOW_MS } from './limits.ts'
import { rowToJson } from './result-rows.ts'
import { RequestError } from './server-error.ts'

/** How to answer; fixed: also when tuples turn out to have no room. */
export type PlanChoice = Pick<QueryPlan, 'kind' | 'reason'> & { readonly isFixed: boolean }

type Saved = {
  readonly id: string
  readonly name: string | undefined
  readonly text: string
  readonly installedBy: string
  readonly createdMs: number
  readonly expiresMs: number
  readonly bagId: number
  readonly plan: PlanChoice & { readonly sinceMs: number; readonly version: number }
  /** Of its lines, as they were when it was asked. */
  readonly sources: CompileOptions['sources']
}

type Totals = { readonly epoch: string; readonly seq: number; readonly report: ResultReport }

/** Rows as they stood at a time. */
type Standing = { readonly timeMs: number; readonly rows: readonly Row[]; readonly total: number }

/** What all processes have told, merged. */
type Merged = {
  readonly groups: readonly GroupState[]
  readonly total: number
  readonly drops: QueryResults['drops']
}

type Live = Saved & {
  readonly compiled: CompiledQuery
  /** By process. */
  readonly totals: Map<string, Totals>
  /** Of the recorded plan. */
  readonly gathering: Gathering | undefined
  /** With the columns that each wants rolled up. */
  readonly streams: Map<EventStream, readonly string[]>
  /** Newest last, over RATE_WINDOW_MS. */
  readonly history: Standing[]
  groups: readonly GroupState[]
  drops: QueryResults['drops']
  seq: number
  isChanged: boolean
}

/**
 * Bags of queries: three-byte ids that no application and no tool uses (docs/reference/bdl.md); the place of
 * a query among those installed gives its id.
 */
const FIRST_BAG_ID = 2 ** 20

type Parts = {
  readonly file: string
  readonly agents: Agents
  readonly nowMs: () => number
  /** The packages to be leased, after each change. */
  readonly onChange: (packages: readonly CompiledQuery['tool'][]) => void
}

/** Owned by the server; `close` ends its timer. */
export class Queries {
  readonly #parts: Parts
  readonly #live = new Map<string, Live>()
  readonly #timer: NodeJS.Timeout

  constructor(parts: Parts) {
    this.#parts = parts
    for (const saved of readSaved(parts.file)) this.#restore(saved)
    this.#tellChange()
    this.#timer = setInterval(() => this.#tick(), QUERY_TICK_MS)
    this.#timer.unref()
  }

  /** Named queries, as views for others. */
  get views(): Readonly<Record<string, string>> {
    const named = [...this.#live.values()].flatMap(({ name, text }) =>
      name === undefined ? [] : [[name, text]],
    )
    return Object.fromEntries(named)
  }

  /** What would be installed. Errors: QueryError. */
  compile(text: string): ToolPackage {
    const options = { name: TOOL_PREFIX, version: 1, bagId: FIRST_BAG_ID }
    return compileQuery(text, options, this.#around()).tool
  }

  packageOf(id: string): ToolPackage | undefined {
    return this.#live.get(id)?.compiled.tool
  }

  /** Errors: QueryError; 409 for a name that is taken, too many queries. */
  install(
    given: {
      readonly text: string
      readonly name: string | undefined
      readonly ttlMs: number
      readonly by: string
    } & PlanChoice,
  ): QueryView {
    const { text, name, ttlMs, by: installedBy, kind, reason, isFixed } = given
    if (name !== undefined && Object.hasOwn(this.views, name))
      throw new RequestError(
        409,
        'E_NAME_TAKEN',
        `a query named ${name} runs already`,
        'remove it, or choose another name',
      )
    if (this.#live.size >= QUERIES_MAX)
      throw new RequestError(409, 'E_TOO_MANY_QUERIES', `${QUERIES_MAX} queries run already`, 'remove one')
    const createdMs = this.#parts.nowMs()
    const id = randomBytes(4).toString('hex')
    const bagId = this.#freeBagId()
    const plan = { kind, reason, isFixed, sinceMs: createdMs, version: 1 }
    const expiresMs = createdMs + ttlMs
    const sources = sourcesOf(this.#parts.agents.tracepoints('*'), tracepointsOf(this.compile(text)))
    const saved = { id, name, text, installedBy, createdMs, expiresMs, bagId, plan, sources }
    const live = this.#make(saved, this.#around())
    this.#live.set(id, live)
    this.#save()
    return this.#viewOf(live)
  }

  remove(id: string): boolean {
    const live = this.#live.get(id)
    if (live === undefined) return false
    this.#live.delete(id)
    for (const stream of live.streams.keys()) stream.close()
    this.#save()
    return true
  }

  list(): readonly QueryView[] {
    return [...this.#live.values()].map((live) => this.#viewOf(live))
  }

  /** `by`: columns that name groups; each subset of them comes rolled up. */
  results(id: string, by: readonly string[] = []): QueryResults | undefined {
    const live = this.#live.get(id)
    if (live === undefined) return undefined
    this.#refresh(live)
    return this.#resultsOf(live, by)
  }

  /** The results now and at each change; false = there is no such query. */
  stream(id: string, stream: EventStream, by: readonly string[] = []): boolean {
    const live = this.#live.get(id)
    if (live === undefined) return false
    live.streams.set(stream, by)
    stream.onClose(() => live.streams.delete(stream))
    this.#refresh(live)
    stream.send(JSON.stringify(this.#resultsOf(live, by)))
    return true
  }

  take({ agent, epoch, seq, results }: AgentReport): void {
    for (const report of results ?? []) {
      const live = this.#live.get(report.tool.slice(TOOL_PREFIX.length))
      if (live === undefined || !isOf(report, live)) continue
      const before = live.totals.get(agent)
      if (before?.epoch === epoch && before.seq >= seq) continue
      if (before === undefined && live.totals.size >= QUERY_AGENTS_MAX) continue
      live.totals.set(agent, { epoch, seq, report })
      live.gathering?.take(report.groups, this.#parts.nowMs())
      live.isChanged = true
      if (report.overflows > 0 && !live.plan.isFixed) this.#record(live, report.overflows)
    }
  }

  /** From baggage to the recorded plan; what was counted so far lacks what had no room. */
  #record(live: Live, overflows: number): void {
    const reason = `the tuples of ${overflows} hits had no room in the baggage`
    const [sinceMs, version] = [this.#parts.nowMs(), live.plan.version + 1]
    const plan = { kind: 'recorded', reason, isFixed: true, sinceMs, version } as const
    const saved = { ...savedOf(live), plan, bagId: this.#freeBagId() }
    this.#live.set(live.id, {
      ...this.#make(saved, this.#around()),
      streams: live.streams,
      seq: live.seq + 1,
    })
    this.#save()
  }

  close(): void {
    clearInterval(this.#timer)
    for (const { streams } of this.#live.values()) for (const stream of streams.keys()) stream.close()
  }

  #around(): Surroundings {
    return { views: this.views }
  }

  #freeBagId(): number {
    const taken = new Set([...this.#live.values()].map(({ bagId }) => bagId))
    let id = FIRST_BAG_ID
    while (taken.has(id)) id++
    return id
  }

  #make(saved: Saved, around: Surroundings): Live {
    const { id, bagId, plan, sources = {} } = saved
    const isRecorded = plan.kind === 'recorded'
    const options = { name: `${TOOL_PREFIX}${id}`, version: plan.version, bagId, sources, isRecorded }
    const compiled = compileQuery(saved.text, options, around)
    return {
      ...saved,
      compiled,
      gathering: isRecorded ? compiled.gather() : undefined,
      totals: new Map(),
      streams: new Map(),
      history: [],
      groups: [],
      drops: { otherRows: 0, overflows: 0, lost: 0 },
      seq: 0,
      isChanged: true,
    }
  }

  /** One that no longer compiles (its view is gone) or is over is left out. */
  #restore(saved: Saved): void {
    if (saved.expiresMs <= this.#parts.nowMs()) return
    try {
      this.#live.set(saved.id, this.#make(saved, this.#around()))
    } catch {
      this.#live.delete(saved.id)
    }
  }

  #save(): void {
    const saved = [...this.#live.values()].map(savedOf)
    replaceFile(this.#parts.file, JSON.stringify({ format: 1, queries: saved }))
    this.#tellChange()
  }

  #tellChange(): void {
    this.#parts.onChange([...this.#live.values()].map(({ compiled }) => compiled.tool))
  }

  #tick(): void {
    const nowMs = this.#parts.nowMs()
    for (const live of this.#live.values()) {
      if (live.gathering?.settle(nowMs) === true) live.isChanged = true
      if (live.expiresMs <= nowMs) this.remove(live.id)
      else if (live.streams.size > 0) this.#tell(live)
    }
  }

  #tell(live: Live): void {
    this.#refresh(live)
    const made = new Map<string, string>()
    for (const [stream, by] of live.streams) {
      const key = JSON.stringify(by)
      const data = made.get(key) ?? JSON.stringify(this.#resultsOf(live, by))
      made.set(key, data)
      stream.send(data)
    }
  }

  /** Merges what all processes have told so far; rates fall back to 0 when nothing comes any more. */
  #refresh(live: Live): void {
    const timeMs = this.#parts.nowMs()
    const last = live.history.at(-1)
    if (last !== undefined && timeMs - last.timeMs < QUERY_TICK_MS / 2 && !live.isChanged) return
    const standing = live.isChanged || last === undefined ? standingOf(live) : last
    if (live.isChanged) live.seq++
    live.isChanged = false
    live.history.push({ ...standing, timeMs })
    while (live.history.length > 2 && timeMs - live.history[1].timeMs >= RATE_WINDOW_MS) live.history.shift()
  }

  #resultsOf(live: Live, by: readonly string[]): QueryResults {
    const newest = live.history.at(-1) ?? { timeMs: live.createdMs, rows: [], total: 0 }
    const oldest = live.history[0] ?? newest
    return {
      id: live.id,
      seq: live.seq,
      timeMs: newest.timeMs,
      columns: live.compiled.columns,
      roles: live.compiled.roles,
      ...topOf(live.compiled),
      ...(by.length === 0 ? {} : { rollUps: rollUps(live, by) }),
      rows: newest.rows.map(rowToJson),
      total: newest.total,
      perSecond: rates(live.compiled, oldest, newest),
      coverage: this.#coverageOf(live),
      plan: planOf(live),
      use: this.#useOf(live),
      drops: live.drops,
    }
  }

  #viewOf(live: Live): QueryView {
    this.#refresh(live)
    const { id, name, text, installedBy, createdMs, expiresMs, compiled } = live
    const total = live.history.at(-1)?.total ?? 0
    const { columns } = compiled
    const named = name === undefined ? {} : { name }
    const coverage = this.#coverageOf(live)
    const plan = planOf(live)
    return { id, ...named, text, columns, installedBy, createdMs, expiresMs, plan, coverage, total }
  }

  #coverageOf(live: Live): QueryCoverage {
    const told = this.#told(live)
    const installed = told.filter(({ status }) => status.error === undefined)
    return {
      connected: this.#parts.agents.views().filter(({ isConnected }) => isConnected).length,
      installed: installed.length,
      functions: installed.reduce((sum, { status }) => sum + (status.use?.functions ?? 0), 0),
      missed: counted(installed.flatMap(({ status }) => status.use?.missed ?? [])),
      sampled: installed.flatMap(({ agent, service, status: { use } }) => {
        if (use === undefined || (use.every === 1 && use.estimated === 0)) return []
        const { every, estimated, why } = use
        return [{ agent, service, every, estimated, why }]
      }),
      refused: told.flatMap(({ agent, service, status: { error } }) =>
        error === undefined ? [] : [{ agent, service, error }],
      ),
    }
  }

  #useOf(live: Live): QueryUse {
    const uses = this.#told(live).flatMap(({ status: { use } }) => (use === undefined ? [] : [use]))
    return {
      runs: uses.reduce((sum, { runs }) => sum + runs, 0),
      ns: uses.reduce((sum, { ns }) => sum + ns, 0),
      packedBytes: Math.max(0, ...uses.map(({ packedBytes }) => packedBytes)),
    }
  }

  /** What connected processes last said of this query. */
  #told({ compiled }: Live): readonly { agent: string; service: string; status: PackageStatus }[] {
    return this.#parts.agents
      .views()
      .filter(({ isConnected }) => isConnected)
      .flatMap(({ agent, service, report }) =>
        (report?.packages ?? [])
          .filter(({ name, version }) => name === compiled.tool.name && version === compiled.tool.version)
          .map((status) => ({ agent, service, status })),
      )
  }
}

const tracepointsOf = ({ advice }: ToolPackage): readonly string[] =>
  advice.flatMap(({ tracepoint }) => tracepoint.split(','))

const savedOf = ({
  id,
  name,
  text,
  installedBy,
  createdMs,
  expiresMs,
  bagId,
  plan,
  sources,
}: Live): Saved => ({
  id,
  name,
  text,
  installedBy,
  createdMs,
  expiresMs,
  bagId,
  plan,
  sources,
})

/** What the plan before this one has counted says nothing any more. */
const isOf = (report: ResultReport, { compiled: { tool } }: Live): boolean =>
  report.tool === tool.name && report.version === tool.version

const planOf = ({ plan: { kind, sinceMs, reason } }: Saved): QueryPlan => ({
  kind,
  sinceMs,
  ...(reason === undefined ? {} : { reason }),
})

type Missed = QueryCoverage['missed'][number]

/** Equal ones once. */
function counted(missed: readonly Omit<Missed, 'agents'>[]): Missed[] {
  const all = new Map<string, Missed>()
  for (const one of missed) {
    const key = JSON.stringify([one.tracepoint, one.reason])
    all.set(key, { ...one, agents: (all.get(key)?.agents ?? 0) + 1 })
  }
  return [...all.values()]
}

const TOOL_PREFIX = 'query-'
const MERGED_LIMITS = { groups: MERGED_GROUPS_MAX, bytes: Infinity }

/** Takes what has come in; the rows of it. */
function standingOf(live: Live): Omit<Standing, 'timeMs'> {
  const { groups, total, drops } = merge(live)
  live.groups = groups
  live.drops = drops
  return { rows: live.compiled.rows(groups), total }
}

/** Each subset of the columns, the empty one first. Cost: a pass over all groups for each. */
function rollUps({ compiled, groups }: Live, by: readonly string[]): readonly RollUp[] {
  const subsets = by.reduce<readonly (readonly string[])[]>(
    (all, column) => [...all, ...all.map((one) => [...one, column])],
    [[]],
  )
  return subsets.map((one) => ({ by: one, rows: compiled.rollUp(groups, one).map(rowToJson) }))
}

function topOf({ output: { top } }: CompiledQuery): Pick<QueryResults, 'top'> {
  return top === undefined ? {} : { top: top.count }
}

function merge({ compiled, totals, gathering }: Live): Merged {
  const table = new GroupTable(
    compiled.output.folds.map(({ fn }) => fn),
    MERGED_LIMITS,
  )
  let overflows = 0
  let lost = gathering?.lost ?? 0
  for (const { report } of totals.values()) {
    const snapshot: TableSnapshot = report
    if (gathering === undefined) table.merge(snapshot)
    else lost += report.otherRows
    overflows += report.overflows
  }
  const { hits: total, otherRows } = gathering?.table ?? table
  return { groups: (gathering?.table ?? table).groups(), total, drops: { otherRows, overflows, lost } }
}

/** What grew between two times, a second: COUNT and SUM columns; the others name the row. */
function rates(compiled: CompiledQuery, from: Standing, to: Standing): QueryResults['perSecond'] {
  const seconds = (to.timeMs - from.timeMs) / 1000
  const isSummed = new Set(compiled.summed)
  const nameOf = (row: Row): string =>
    JSON.stringify(Object.entries(rowToJson(row)).filter(([column]) => !isSummed.has(column)))
  const before = new Map(from.rows.map((row) => [nameOf(row), row]))
  const rate = (now: unknown, then: unknown): number =>
    seconds > 0 ? (Number(now ?? 0) - Number(then ?? 0)) / seconds : 0
  const rows = isSummed.size === 0 ? [] : to.rows
  return {
    total: rate(to.total, from.total),
    rows: rows.map((row) => {
      const then = before.get(nameOf(row))
      return Object.fromEntries(
        Object.entries(rowToJson(row)).map(([column, value]) => [
          column,
          isSummed.has(column) ? rate(value, then?.[column]) : value,
        ]),
      )
    }),
  }
}

/** A damaged file holds nothing: queries are short-lived, and asking again costs a line. */
function readSaved(file: string): readonly Saved[] {
  const text = readIfThere(file)
  if (text === undefined) return []
  try {
    const value: unknown = JSON.parse(text)
    const queries: unknown =
      typeof value === 'object' && value !== null && 'queries' in value ? value.queries : []
    return Array.isArray(queries) ? queries.filter(isSaved) : []
  } catch {
    return []
  }
}

function isSaved(value: unknown): value is Saved {
  if (typeof value !== 'object' || value === null) return false
  const { id, text, installedBy, createdMs, expiresMs, bagId, plan } = Object(value)
  return (
    typeof id === 'string' &&
    typeof text === 'string' &&
    typeof installedBy === 'string' &&
    typeof createdMs === 'number' &&
    typeof expiresMs === 'number' &&
    Number.isSafeInteger(bagId) &&
    Number.isSafeInteger(plan?.version)
  )
}
