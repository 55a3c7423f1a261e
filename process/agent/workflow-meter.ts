// What each workflow (tenant) takes of each resource of this process: the agent's end of the controller.
//
//   FairGate, Mutex --used--> columns --each second, totals--> report
//   HTTP requests --finished-/   |
//   points/ --passed, refused---/
//
// What resources are used is `meters/`; here is what of it belongs to points and requests. Fixed memory: so
// many workflows, resources and points have a column of their own, all others one together, which no policy
// can hold.

import type { HostUse, Measured, ResourceMeasurementKind } from '#protocol'
import { METER_LATENCIES_MAX, METER_POINTS_MAX, TENANT_LENGTH_MAX } from './limits.ts'
import { useOf } from './meters/columns.ts'
import type { Meters } from './meters/meters.ts'
import { OTHERS } from './meters/workflows.ts'

const KINDS: ReadonlySet<string> = new Set(['pool', 'queue', 'lock', 'cpu', 'disk', 'network'])

type PointColumns = { readonly passed: number[]; readonly refused: number[] }

export class WorkflowMeter {
  readonly #meters: Meters
  readonly #points = new Map<string, PointColumns>()
  #finished: number[] = []
  #latencyMs: number[] = []
  /** Since the last report, by workflow. */
  #latencies = new Map<number, number[]>()

  constructor(options: { readonly meters: Meters }) {
    this.#meters = options.meters
  }

  used({ resource, kind, tenant, waitMs, serviceMs, load = serviceMs }: HostUse): void {
    const { usage } = this.#meters
    if (tenant !== '') this.#meters.named()
    const columns = usage.resource(resource, kindOf(kind))
    if (columns !== undefined) usage.charge(columns, usage.payerNamed(tenant), useOf(waitMs, serviceMs, load))
  }

  finished(tenant: string, latencyMs: number): void {
    if (tenant !== '') this.#meters.named()
    const at = this.#workflow(tenant)
    add(this.#finished, at, 1)
    add(this.#latencyMs, at, latencyMs)
    const recent = this.#latencies.get(at) ?? []
    this.#latencies.set(at, recent)
    if (recent.length < METER_LATENCIES_MAX) recent.push(latencyMs)
    else recent[Math.floor(Math.random() * METER_LATENCIES_MAX)] = latencyMs
  }

  passed(point: string, tenant: string): void {
    const columns = this.#point(point)
    if (columns !== undefined) add(columns.passed, this.#workflow(tenant), 1)
  }

  refused(point: string, tenant: string): void {
    const columns = this.#point(point)
    if (columns !== undefined) add(columns.refused, this.#workflow(tenant), 1)
  }

  /** Under which name it is measured: its own, or that of all others. */
  nameOf(tenant: string): string {
    return this.#meters.usage.workflows.names[this.#workflow(tenant)] ?? OTHERS
  }

  report(): Measured {
    const p99Ms: number[] = []
    for (const [at, values] of this.#latencies) {
      values.sort((a, b) => a - b)
      add(p99Ms, at, values[Math.min(values.length - 1, Math.floor(values.length * 0.99))] ?? 0)
    }
    this.#latencies = new Map()
    const { usage } = this.#meters
    this.#meters.settle()
    const measured = {
      epoch: usage.epoch,
      atMs: performance.now(),
      workflows: [...usage.workflows.names],
      resources: usage.told(),
      points: [...this.#points].map(([name, { passed, refused }]) => ({
        name,
        passed: [...passed],
        refused: [...refused],
      })),
      requests: { finished: [...this.#finished], latencyMs: [...this.#latencyMs], p99Ms },
    }
    if (this.#meters.renewed()) this.#begin()
    return measured
  }

  /** Places were given anew: totals begin at 0 with them. */
  #begin(): void {
    this.#finished = []
    this.#latencyMs = []
    for (const { passed, refused } of this.#points.values()) passed.length = refused.length = 0
  }

  #workflow(tenant: string): number {
    return this.#meters.usage.workflows.placeOf(tenant)
  }

  #point(name: string): PointColumns | undefined {
    const cut = name.slice(0, TENANT_LENGTH_MAX)
    const known = this.#points.get(cut)
    if (known !== undefined || this.#points.size >= METER_POINTS_MAX) return known
    const made: PointColumns = { passed: [], refused: [] }
    this.#points.set(cut, made)
    return made
  }
}

function kindOf(kind: string): ResourceMeasurementKind {
  return KINDS.has(kind) ? (kind as ResourceMeasurementKind) : 'other'
}

/** Columns may be shorter than there are workflows; holes would be `null` in JSON. */
function add(column: number[], at: number, by: number): void {
  while (column.length <= at) column.push(0)
  if (by >= 0 && by < Number.POSITIVE_INFINITY) column[at] += by
}
