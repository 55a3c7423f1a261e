// Everything the controller knows, from reports alone: a controller that starts anew knows the same after two
// of them. Totals become rates, rates a running average; what is old, twice, from another epoch or no number
// is left out and counted.
//
//   report --check--> process --totals - last totals--> per second --smooth--> load, wait, service, passed
//
// Resources are kept by instance, `name@process`: two disks of one kind are not one disk (a hot one would be
// unseen). Points of one name are one point with many instances.
//
// Cost: one pass over the columns of a report; names are looked up only when a process has new ones.

import type { MeasurementReport, RequestMeasurement, WorkflowColumn } from '#protocol'
import {
  NAME_LENGTH_MAX,
  PROCESSES_MAX,
  PROCESS_SILENT_MS,
  RATE_NONE,
  REPORT_GAP_MS_MAX,
  REPORT_GAP_MS_MIN,
  REPORT_POINTS_MAX,
  REPORT_RESOURCES_MAX,
  REPORT_WORKFLOWS_MAX,
  SMOOTHING,
  TOTAL_MAX,
} from './limits.ts'
import { slowdownOf } from './resources.ts'

/** What became of a report; all but `taken` changed nothing. */
export type Reception = 'taken' | 'first' | 'old' | 'malformed' | 'too many processes'

/** Totals of one quantity by workflow of its process, and their rate a second. */
class Column {
  #totals: Float64Array
  perSecond: Float64Array
  #isNew = true

  constructor(length: number) {
    this.#totals = new Float64Array(length)
    this.perSecond = new Float64Array(length)
  }

  /** Cells that were no numbers, or went back. */
  take(totals: WorkflowColumn, seconds: number, length: number): number {
    if (this.perSecond.length < length) this.#grow(length)
    const blend = this.#isNew ? 1 : SMOOTHING
    this.#isNew = false
    let bad = 0
    for (let i = 0; i < length; i++) {
      const total = totals[i] ?? 0
      const before = this.#totals[i] ?? 0
      let fresh = total - before
      if (fresh >= 0 && total <= TOTAL_MAX) this.#totals[i] = total
      else {
        // A total that went back began anew: the next one will tell.
        if (total >= 0 && total < before) this.#totals[i] = total
        fresh = 0
        bad += 1
      }
      const smoothed = this.perSecond[i] ?? 0
      const rate = smoothed + blend * (fresh / seconds - smoothed)
      this.perSecond[i] = rate < RATE_NONE ? 0 : rate
    }
    return bad
  }

  /** Only remembers where totals stand. */
  start(totals: WorkflowColumn, length: number): void {
    if (this.perSecond.length < length) this.#grow(length)
    for (let i = 0; i < length; i++) {
      const total = totals[i] ?? 0
      this.#totals[i] = total >= 0 && total <= TOTAL_MAX ? total : 0
    }
  }

  #grow(length: number): void {
    const size = Math.max(length, 2 * this.perSecond.length)
    const [totals, perSecond] = [new Float64Array(size), new Float64Array(size)]
    totals.set(this.#totals)
    perSecond.set(this.perSecond)
    this.#totals = totals
    this.perSecond = perSecond
  }
}

type ResourceState = {
  readonly kind: MeasurementReport['resources'][number]['kind']
  readonly load: Column
  readonly waitMs: Column
  readonly serviceMs: Column
  utilisation: number | undefined
}

type ProcessState = {
  readonly name: string
  epoch: number
  sequence: number
  atMs: number
  seenMs: number
  names: readonly string[]
  index: Map<string, number>
  readonly resources: Map<string, ResourceState>
  readonly points: Map<string, Column>
  readonly refused: Map<string, Column>
  readonly finished: Column
  readonly latencyMs: Column
  p99Ms: WorkflowColumn
}

export type MeasurementCounts = { readonly [reason in Reception | 'bad cells']: number }

type Directory = {
  /** Name -> its place in sums over all processes. */
  readonly workflows: ReadonlyMap<string, number>
  /** For each process, its workflows' places there. */
  readonly placesOf: ReadonlyMap<ProcessState, Uint32Array>
  readonly points: ReadonlySet<string>
  readonly resources: ReadonlyMap<string, { readonly process: ProcessState; readonly state: ResourceState }>
}

export class Measurements {
  #processes = new Map<string, ProcessState>()
  /** undefined = something came or went since it was made. */
  #known: Directory | undefined
  /** By point, over all processes, by workflow; made when asked for, until the next report. */
  #passed = new Map<string, Float64Array>()
  #counts: Record<Reception | 'bad cells', number> = {
    taken: 0,
    first: 0,
    old: 0,
    malformed: 0,
    'too many processes': 0,
    'bad cells': 0,
  }

  get counts(): MeasurementCounts {
    return { ...this.#counts }
  }

  /** Processes that report, in order of their first report. */
  get processes(): readonly string[] {
    return [...this.#processes.keys()]
  }

  has(process: string): boolean {
    return this.#processes.has(process)
  }

  take(report: MeasurementReport, nowMs: number): Reception {
    const reception = this.#receive(report, nowMs)
    if (this.#passed.size > 0) this.#passed = new Map()
    this.#counts[reception] += 1
    return reception
  }

  /** Forgets processes that have gone silent. */
  expire(nowMs: number): void {
    for (const [name, process] of this.#processes)
      if (nowMs - process.seenMs > PROCESS_SILENT_MS) {
        this.#processes.delete(name)
        this.#known = undefined
        this.#passed = new Map()
      }
  }

  workflows(): string[] {
    return [...this.#directory().workflows.keys()]
  }

  /** `name@process`. */
  resources(): string[] {
    return [...this.#directory().resources.keys()]
  }

  points(): string[] {
    return [...this.#directory().points]
  }

  kind(resource: string): string {
    return this.#directory().resources.get(resource)?.state.kind ?? 'other'
  }

  load(resource: string, workflow: string): number {
    return this.#ofResource(resource, workflow, (state) => state.load)
  }

  /** Seconds a second. */
  latencyAt(resource: string, workflow: string): number {
    const wait = this.#ofResource(resource, workflow, (state) => state.waitMs)
    return (wait + this.#ofResource(resource, workflow, (state) => state.serviceMs)) / 1000
  }

  slowdown(resource: string): number {
    const found = this.#directory().resources.get(resource)
    if (found === undefined) return 1
    const { kind, utilisation, waitMs, serviceMs } = found.state
    return slowdownOf({
      kind,
      utilisation,
      waitMs: sum(waitMs.perSecond),
      serviceMs: sum(serviceMs.perSecond),
    })
  }

  /**
   * Mean seconds of a request in the process where it takes longest: that is where it enters the system, for
   * its time has that of all others in it. 0 = none finished.
   */
  latency(workflow: string): number {
    let longest = 0
    for (const process of this.#processes.values()) {
      const finished = valueOf(process, process.finished, workflow)
      if (finished > 0)
        longest = Math.max(longest, valueOf(process, process.latencyMs, workflow) / finished / 1000)
    }
    return longest
  }

  /** The largest of the processes' 99th percentiles, in seconds. */
  latencyP99(workflow: string): number {
    let largest = 0
    for (const { index, p99Ms } of this.#processes.values()) {
      const at = index.get(workflow)
      const ms = at === undefined ? 0 : (p99Ms[at] ?? 0)
      if (ms > largest && ms <= TOTAL_MAX) largest = ms
    }
    return largest / 1000
  }

  /** Requests a second, in the process where most finish. */
  finished(workflow: string): number {
    const each = [...this.#processes.values()].map((process) => valueOf(process, process.finished, workflow))
    return Math.max(0, ...each)
  }

  /** A point's processes; of one instance, `point@process`, that process alone. */
  placesOf(point: string): { readonly name: string; readonly processes: readonly string[] } {
    if (!this.#directory().points.has(point)) {
      const at = point.lastIndexOf('@')
      const [name, process] = [point.slice(0, at), point.slice(at + 1)]
      if (at > 0 && this.hasPoint(process, name)) return { name, processes: [process] }
    }
    return { name: point, processes: this.processes.filter((process) => this.hasPoint(process, point)) }
  }

  /** Instances of points in the process of a resource. */
  pointsAt(resource: string): string[] {
    const process = this.#directory().resources.get(resource)?.process
    return process === undefined ? [] : [...process.points.keys()].map((point) => `${point}@${process.name}`)
  }

  throughput(point: string, workflow: string): number {
    if (!this.#directory().points.has(point)) {
      const { name, processes } = this.placesOf(point)
      return processes.reduce((sum, process) => sum + this.throughputAt(name, workflow, process), 0)
    }
    const at = this.#directory().workflows.get(workflow)
    return at === undefined ? 0 : (this.#passing(point)[at] ?? 0)
  }

  /** Told to come again at a point, a second. */
  refusals(point: string, workflow: string): number {
    const { name, processes } = this.placesOf(point)
    return processes.reduce((sum, process) => {
      const state = this.#processes.get(process)
      return state === undefined ? sum : sum + valueOf(state, state.refused.get(name), workflow)
    }, 0)
  }

  throughputAt(point: string, workflow: string, process: string): number {
    const state = this.#processes.get(process)
    return state === undefined ? 0 : valueOf(state, state.points.get(point), workflow)
  }

  hasPoint(process: string, point: string): boolean {
    return this.#processes.get(process)?.points.has(point) ?? false
  }

  #receive(report: MeasurementReport, nowMs: number): Reception {
    if (!isWellFormed(report)) return 'malformed'
    const known = this.#processes.get(report.process)
    if (known !== undefined && report.epoch < known.epoch) return 'old'
    if (known === undefined || report.epoch > known.epoch) {
      if (known === undefined && this.#processes.size >= PROCESSES_MAX) return 'too many processes'
      this.#begin(report, nowMs)
      return 'first'
    }
    const elapsedMs = report.atMs - known.atMs
    if (report.sequence <= known.sequence || elapsedMs <= 0) return 'old'
    if (!startsWith(report.workflows, known.names)) return 'malformed'
    this.#advance(known, report, Math.min(REPORT_GAP_MS_MAX, Math.max(REPORT_GAP_MS_MIN, elapsedMs)) / 1000)
    known.seenMs = nowMs
    return 'taken'
  }

  /** Totals of before we came say nothing of now. */
  #begin(report: MeasurementReport, nowMs: number): void {
    const size = report.workflows.length
    const state: ProcessState = {
      name: report.process,
      epoch: report.epoch,
      sequence: report.sequence,
      atMs: report.atMs,
      seenMs: nowMs,
      names: [],
      index: new Map(),
      resources: new Map(),
      points: new Map(),
      refused: new Map(),
      finished: new Column(size),
      latencyMs: new Column(size),
      p99Ms: new Float64Array(0),
    }
    learnNames(state, report.workflows)
    for (const { name, kind, load, waitMs, serviceMs, utilisation } of report.resources) {
      const resource = newResource(kind, size)
      resource.load.start(load, size)
      resource.waitMs.start(waitMs, size)
      resource.serviceMs.start(serviceMs, size)
      resource.utilisation = utilisation
      state.resources.set(name, resource)
    }
    for (const { name, passed, refused } of report.points) {
      const column = new Column(size)
      column.start(passed, size)
      state.points.set(name, column)
      if (refused === undefined || refused.length === 0) continue
      const refusals = new Column(size)
      refusals.start(refused, size)
      state.refused.set(name, refusals)
    }
    if (report.requests !== undefined) {
      state.finished.start(report.requests.finished, size)
      state.latencyMs.start(report.requests.latencyMs, size)
    }
    this.#known = undefined
    this.#processes.delete(report.process)
    this.#processes.set(report.process, state)
  }

  #advance(state: ProcessState, report: MeasurementReport, seconds: number): void {
    const size = report.workflows.length
    const take = (column: Column, totals: WorkflowColumn) => {
      this.#counts['bad cells'] += column.take(totals, seconds, size)
    }
    state.sequence = report.sequence
    state.atMs = report.atMs
    if (hasNews(state, report)) this.#known = undefined
    learnNames(state, report.workflows)
    for (const one of report.resources) {
      const resource = state.resources.get(one.name) ?? newResource(one.kind, size)
      state.resources.set(one.name, resource)
      take(resource.load, one.load)
      take(resource.waitMs, one.waitMs)
      take(resource.serviceMs, one.serviceMs)
      resource.utilisation = one.utilisation
    }
    for (const { name, passed, refused } of report.points) {
      const column = state.points.get(name) ?? new Column(size)
      state.points.set(name, column)
      take(column, passed)
      if (refused === undefined || refused.length === 0) continue
      const refusals = state.refused.get(name) ?? new Column(size)
      state.refused.set(name, refusals)
      take(refusals, refused)
    }
    if (report.requests !== undefined) this.#takeRequests(state, report.requests, take)
  }

  #takeRequests(
    state: ProcessState,
    requests: RequestMeasurement,
    take: (column: Column, totals: WorkflowColumn) => void,
  ): void {
    take(state.finished, requests.finished)
    take(state.latencyMs, requests.latencyMs)
    if (requests.p99Ms !== undefined) state.p99Ms = requests.p99Ms
  }

  /** Looked up a million times a step, changed hardly ever. */
  #directory(): Directory {
    this.#known ??= directoryOf(this.#processes.values())
    return this.#known
  }

  #ofResource(id: string, workflow: string, pick: (state: ResourceState) => Column): number {
    const found = this.#directory().resources.get(id)
    return found === undefined ? 0 : valueOf(found.process, pick(found.state), workflow)
  }

  #passing(point: string): Float64Array {
    const known = this.#passed.get(point)
    if (known !== undefined) return known
    const { workflows, placesOf } = this.#directory()
    const sums = new Float64Array(workflows.size)
    for (const [{ points }, places] of placesOf) {
      const column = points.get(point)?.perSecond
      if (column === undefined) continue
      for (let i = 0; i < places.length; i++) sums[places[i] ?? 0] += column[i] ?? 0
    }
    this.#passed.set(point, sums)
    return sums
  }
}

function directoryOf(processes: Iterable<ProcessState>): Directory {
  const workflows = new Map<string, number>()
  const placesOf = new Map<ProcessState, Uint32Array>()
  const points = new Set<string>()
  const resources = new Map<string, { readonly process: ProcessState; readonly state: ResourceState }>()
  for (const process of processes) {
    const places = new Uint32Array(process.names.length)
    for (const [i, name] of process.names.entries()) {
      const place = workflows.get(name) ?? workflows.size
      workflows.set(name, place)
      places[i] = place
    }
    placesOf.set(process, places)
    for (const point of process.points.keys()) points.add(point)
    for (const [name, state] of process.resources)
      resources.set(`${name}@${process.name}`, { process, state })
  }
  return { workflows, placesOf, points, resources }
}

function hasNews(state: ProcessState, { workflows, resources, points }: MeasurementReport): boolean {
  return (
    workflows.length > state.names.length ||
    resources.some(({ name }) => !state.resources.has(name)) ||
    points.some(({ name }) => !state.points.has(name))
  )
}

function newResource(kind: ResourceState['kind'], size: number): ResourceState {
  return {
    kind,
    load: new Column(size),
    waitMs: new Column(size),
    serviceMs: new Column(size),
    utilisation: undefined,
  }
}

function valueOf(process: ProcessState, column: Column | undefined, workflow: string): number {
  const at = process.index.get(workflow)
  return at === undefined || column === undefined ? 0 : (column.perSecond[at] ?? 0)
}

/** Keeps the names it has where no new ones come: those of a report are then gone with it. */
function learnNames(state: ProcessState, names: readonly string[]): void {
  if (names.length === state.names.length) return
  for (let i = state.names.length; i < names.length; i++) state.index.set(names[i] ?? '', i)
  state.names = names
}

function isWellFormed(report: MeasurementReport): boolean {
  const isName = (name: string) => name.length > 0 && name.length <= NAME_LENGTH_MAX
  return (
    isName(report.process) &&
    Number.isSafeInteger(report.epoch) &&
    Number.isSafeInteger(report.sequence) &&
    Number.isFinite(report.atMs) &&
    report.workflows.length <= REPORT_WORKFLOWS_MAX &&
    report.resources.length <= REPORT_RESOURCES_MAX &&
    report.points.length <= REPORT_POINTS_MAX &&
    report.resources.every(({ name }) => isName(name)) &&
    report.points.every(({ name }) => isName(name))
  )
}

/** Within an epoch names only come in at the end: else the columns would be read for others. */
function startsWith(names: readonly string[], before: readonly string[]): boolean {
  if (names === before) return true
  return names.length >= before.length && before.every((name, i) => names[i] === name)
}

function sum(values: Float64Array): number {
  let total = 0
  for (const value of values) total += value
  return total
}
