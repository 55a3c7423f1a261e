// Live queries: text compiled to a package, told to all agents with the desired state, taken back when its
// time is over; what agents count is merged into rows.
//
//   install ── compile ──► leased package ──► desired state ──► agents
//   report ──► newest totals of each process ──► merged once a second ──► rows, rates ──► streams
//
// Totals are cumulative per process and package version: a report that is lost or repeated changes nothing,
// and after a restart of the server the next reports bring them all back. Queries themselves are kept in
// queries.json, so that a restart takes none away before its time.

import { randomBytes } from 'node:crypto'
import { GroupTable, type TableSnapshot } from '#advice'
import type {
  AgentReport,
  PackageStatus,
  QueryCoverage,
  QueryResults,
  QueryUse,
  QueryView,
  ResultReport,
  ResultRow,
} from '#protocol'
import { compileQuery, type CompiledQuery, type Row, type Surroundings } from '#query'
import type { Agents } from './agents.ts'
import { readIfThere, replaceFile } from './files.ts'
import type { EventStream } from './http-io.ts'
import { MERGED_GROUPS_MAX, QUERIES_MAX, QUERY_AGENTS_MAX, QUERY_TICK_MS, RATE_WINDOW_MS } from './limits.ts'
import { RequestError } from './server-error.ts'

type Saved = {
  readonly id: string
  readonly name: string | undefined
  readonly text: string
  readonly createdMs: number
  readonly expiresMs: number
  readonly bagId: number
}

type Totals = { readonly epoch: string; readonly seq: number; readonly report: ResultReport }

/** Rows as they stood at a time. */
type Standing = { readonly timeMs: number; readonly rows: readonly Row[]; readonly total: number }

type Live = Saved & {
  readonly compiled: CompiledQuery
  /** By process. */
  readonly totals: Map<string, Totals>
  readonly streams: Set<EventStream>
  /** Newest last, over RATE_WINDOW_MS. */
  readonly history: Standing[]
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

  /** Errors: QueryError; 409 for a name that is taken, too many queries. */
  install(given: {
    readonly text: string
    readonly name: string | undefined
    readonly ttlMs: number
  }): QueryView {
    const { text, name, ttlMs } = given
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
    const saved = { id, name, text, createdMs, expiresMs: createdMs + ttlMs, bagId: this.#freeBagId() }
    const live = this.#make(saved, this.#around())
    this.#live.set(id, live)
    this.#save()
    return this.#viewOf(live)
  }

  remove(id: string): boolean {
    const live = this.#live.get(id)
    if (live === undefined) return false
    this.#live.delete(id)
    for (const stream of live.streams) stream.close()
    this.#save()
    return true
  }

  list(): readonly QueryView[] {
    return [...this.#live.values()].map((live) => this.#viewOf(live))
  }

  results(id: string): QueryResults | undefined {
    const live = this.#live.get(id)
    if (live === undefined) return undefined
    this.#refresh(live)
    return this.#resultsOf(live)
  }

  /** The results now and at each change; false = there is no such query. */
  stream(id: string, stream: EventStream): boolean {
    const live = this.#live.get(id)
    if (live === undefined) return false
    live.streams.add(stream)
    stream.onClose(() => live.streams.delete(stream))
    this.#refresh(live)
    stream.send(JSON.stringify(this.#resultsOf(live)))
    return true
  }

  take({ agent, epoch, seq, results }: AgentReport): void {
    for (const report of results ?? []) {
      const live = this.#live.get(report.tool.slice(TOOL_PREFIX.length))
      if (live === undefined || report.tool !== live.compiled.tool.name) continue
      const before = live.totals.get(agent)
      if (before?.epoch === epoch && before.seq >= seq) continue
      if (before === undefined && live.totals.size >= QUERY_AGENTS_MAX) continue
      live.totals.set(agent, { epoch, seq, report })
      live.isChanged = true
    }
  }

  close(): void {
    clearInterval(this.#timer)
    for (const { streams } of this.#live.values()) for (const stream of streams) stream.close()
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
    const options = { name: `${TOOL_PREFIX}${saved.id}`, version: 1, bagId: saved.bagId }
    return {
      ...saved,
      compiled: compileQuery(saved.text, options, around),
      totals: new Map(),
      streams: new Set(),
      history: [],
      drops: { otherRows: 0, overflows: 0 },
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
    const saved = [...this.#live.values()].map(({ id, name, text, createdMs, expiresMs, bagId }): Saved => ({
      id,
      name,
      text,
      createdMs,
      expiresMs,
      bagId,
    }))
    replaceFile(this.#parts.file, JSON.stringify({ format: 1, queries: saved }))
    this.#tellChange()
  }

  #tellChange(): void {
    this.#parts.onChange([...this.#live.values()].map(({ compiled }) => compiled.tool))
  }

  #tick(): void {
    const nowMs = this.#parts.nowMs()
    for (const live of this.#live.values()) {
      if (live.expiresMs <= nowMs) this.remove(live.id)
      else if (live.streams.size > 0) this.#tell(live)
    }
  }

  #tell(live: Live): void {
    this.#refresh(live)
    const data = JSON.stringify(this.#resultsOf(live))
    for (const stream of live.streams) stream.send(data)
  }

  /** Merges what all processes have told so far; rates fall back to 0 when nothing comes any more. */
  #refresh(live: Live): void {
    const timeMs = this.#parts.nowMs()
    const last = live.history.at(-1)
    if (last !== undefined && timeMs - last.timeMs < QUERY_TICK_MS / 2 && !live.isChanged) return
    const { rows, total, drops } =
      live.isChanged || last === undefined ? merge(live) : { ...last, drops: live.drops }
    if (live.isChanged) live.seq++
    live.isChanged = false
    live.drops = drops
    live.history.push({ timeMs, rows, total })
    while (live.history.length > 2 && timeMs - live.history[1].timeMs >= RATE_WINDOW_MS) live.history.shift()
  }

  #resultsOf(live: Live): QueryResults {
    const newest = live.history.at(-1) ?? { timeMs: live.createdMs, rows: [], total: 0 }
    const oldest = live.history[0] ?? newest
    return {
      id: live.id,
      seq: live.seq,
      timeMs: newest.timeMs,
      columns: live.compiled.columns,
      rows: newest.rows.map(rowToJson),
      total: newest.total,
      perSecond: rates(live.compiled, oldest, newest),
      coverage: this.#coverageOf(live),
      use: this.#useOf(live),
      drops: live.drops,
    }
  }

  #viewOf(live: Live): QueryView {
    this.#refresh(live)
    const { id, name, text, createdMs, expiresMs, compiled } = live
    const total = live.history.at(-1)?.total ?? 0
    const { columns } = compiled
    const named = name === undefined ? {} : { name }
    return { id, ...named, text, columns, createdMs, expiresMs, coverage: this.#coverageOf(live), total }
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
          .filter(({ name }) => name === compiled.tool.name)
          .map((status) => ({ agent, service, status })),
      )
  }
}

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

function merge({
  compiled,
  totals,
}: Live): Pick<QueryResults, 'drops' | 'total'> & { readonly rows: readonly Row[] } {
  const table = new GroupTable(
    compiled.output.folds.map(({ fn }) => fn),
    MERGED_LIMITS,
  )
  let overflows = 0
  for (const { report } of totals.values()) {
    const snapshot: TableSnapshot = report
    table.merge(snapshot)
    overflows += report.overflows
  }
  return {
    rows: compiled.rows(table.groups()),
    total: table.hits,
    drops: { otherRows: table.otherRows, overflows },
  }
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

function rowToJson(row: Row): ResultRow {
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => [
      column,
      typeof value === 'bigint' ? value.toString() : value,
    ]),
  )
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
  const { id, text, createdMs, expiresMs, bagId } = Object(value)
  return (
    typeof id === 'string' &&
    typeof text === 'string' &&
    typeof createdMs === 'number' &&
    typeof expiresMs === 'number' &&
    Number.isSafeInteger(bagId)
  )
}
