// A whole system in simulated time: tenants with clients, requests of several steps, control points,
// resources with real queues, processes that report every second, and the controller. Seeded: same input,
// same run.
//
//   client --> [point: limiter of its tenant] --> [resource: scheduler, slots] --> next step ... --> finished
//                        ^ leases                        | totals
//                        |                               v
//                    controller.step  <-- reports -- processes          every second of simulated time
//
// Only time and chance are simulated: queues, limiters, measurements and policies are the ones that run.

import { seededRandom } from '#base'
import {
  createScheduler,
  Flow,
  heapNode,
  MinHeap,
  RateLimiter,
  Request,
  type Algorithm,
  type Scheduler,
} from '#fair'
import type { ControlLease, MeasurementReport, ResourceMeasurementKind } from '#protocol'
import type { Controller } from './controller.ts'

export type SimulatedStep = {
  readonly process: string
  /** A control point that is passed before the resource. */
  readonly point?: string
  /** Of that process. */
  readonly resource: string
  /** Time of a slot; drawn evenly from half to one and a half of it. */
  readonly meanMs: number
}

export type SimulatedWorkload = {
  /** The tenant; it may have several. */
  readonly id: string
  /** Closed loop: so many clients, each with one request after the other. */
  readonly clients?: number
  readonly thinkMs?: number
  /** Open loop instead: requests a second, by Poisson. */
  readonly perSecond?: number
  readonly steps: readonly SimulatedStep[]
  /** Default: all the time. */
  readonly fromSecond?: number
  readonly untilSecond?: number
}

export type SimulatedResource = {
  readonly process: string
  readonly name: string
  readonly kind: ResourceMeasurementKind
  readonly slots: number
  /** Default fifo: how systems are without us. */
  readonly algorithm?: Algorithm
}

export type SystemInput = {
  readonly seed: number
  readonly seconds: number
  readonly resources: readonly SimulatedResource[]
  readonly workloads: readonly SimulatedWorkload[]
  /** Without: nobody is held. */
  readonly controller?: Controller
  /** What becomes of a second's reports on their way: lost, late, twice. */
  readonly deliver?: (reports: readonly MeasurementReport[], second: number) => readonly MeasurementReport[]
  /** False = the controller is not there in this second. */
  readonly isControlled?: (second: number) => boolean
  /** Asked before a request begins, as peers of ours do; whoever is refused asks again a little later. */
  readonly admission?: Admission
  /** Called at the begin of each second, to set policies or targets. */
  readonly onSecond?: (second: number) => void
}

/** Limits that know no resource: so many at once, or nobody while it is slow. */
export type Admission = {
  admits(nowMs: number): boolean
  /** One that was admitted is over. */
  ended(latencyMs: number, nowMs: number): void
}

export type TenantSecond = {
  readonly finished: number
  readonly meanMs: number
  readonly p99Ms: number
  /** Their deadline had passed when their turn came; they count nowhere else. */
  readonly late: number
}

export type SystemSecond = {
  readonly second: number
  readonly tenants: Readonly<Record<string, TenantSecond>>
  /** Of this second alone, by `name@process`. */
  readonly slowdown: Readonly<Record<string, number>>
  /** By `point tenant`, summed over processes; those that are limited. */
  readonly rates: Readonly<Record<string, number>>
}

/** Cost: O(requests * log(requests under way)); 100,000 requests take about a second. */
export function simulateSystem(input: SystemInput): SystemSecond[] {
  return new System(input).run()
}

/** Latency of the network between a process and the controller. */
const CONTROL_DELAY_MS = 50

/** A client that was refused asks again after so long, as one that heeds no Retry-After would. */
const ASK_AGAIN_MS = 100

class Timeline {
  nowMs = 0
  #events = new MinHeap<() => void>()
  #sequence = 0

  monotonicMs(): number {
    return this.nowMs
  }

  setTimer(ms: number, fn: () => void): { cancel(): void } {
    const node = heapNode(fn, this.#sequence++)
    this.#events.push(node, this.nowMs + ms)
    return {
      cancel: () => {
        if (node.position >= 0) this.#events.remove(node)
      },
    }
  }

  runTo(untilMs: number): void {
    for (let next = this.#events.peek(); next !== undefined; next = this.#events.peek()) {
      if (next.key > untilMs) break
      this.#events.remove(next)
      this.nowMs = Math.max(this.nowMs, next.key)
      next.owner()
    }
    this.nowMs = untilMs
  }
}

/** One request at one resource. */
type Stay = {
  readonly tenant: number
  readonly ms: number
  readonly deadlineMs: number
  done(): void
  /** It is past its deadline when its turn comes. */
  drop(): void
}

class Work extends Request {
  readonly tenant: number
  readonly ms: number
  readonly arrivedMs: number
  readonly of: Stay

  constructor(flow: Flow, arrivedMs: number, of: Stay) {
    super(flow, of.ms)
    this.tenant = of.tenant
    this.ms = of.ms
    this.arrivedMs = arrivedMs
    this.of = of
  }
}

class SimResource {
  readonly spec: SimulatedResource
  readonly load: Float64Array
  readonly waitMs: Float64Array
  readonly serviceMs: Float64Array
  readonly #time: Timeline
  readonly #scheduler: Scheduler
  readonly #flows: readonly Flow[]
  #free: number[]
  #last = { waitMs: 0, serviceMs: 0 }

  constructor(spec: SimulatedResource, tenants: number, time: Timeline) {
    this.spec = spec
    this.#time = time
    const column = () => new Float64Array(tenants)
    ;[this.load, this.waitMs, this.serviceMs] = [column(), column(), column()]
    this.#scheduler = createScheduler(spec.algorithm ?? 'fifo', { slots: spec.slots, slotRate: 1 })
    this.#flows = Array.from({ length: tenants }, (_, i) => new Flow(i, 1))
    this.#free = Array.from({ length: spec.slots }, (_, slot) => slot)
  }

  enter(stay: Stay): void {
    const flow = this.#flows[stay.tenant] as Flow
    this.#scheduler.enqueue(new Work(flow, this.#time.nowMs, stay), this.#time.nowMs)
    this.#serve()
  }

  /** Of the time since it was asked last. */
  slowdown(): number {
    const all = (column: Float64Array) => column.reduce((sum, one) => sum + one, 0)
    const now = { waitMs: all(this.waitMs), serviceMs: all(this.serviceMs) }
    const [wait, service] = [now.waitMs - this.#last.waitMs, now.serviceMs - this.#last.serviceMs]
    this.#last = now
    return service > 0 ? (wait + service) / service : 1
  }

  #serve(): void {
    while (this.#free.length > 0 && this.#scheduler.queued > 0) {
      const slot = this.#free.shift() as number
      const work = this.#scheduler.dequeue(slot, this.#time.nowMs) as Work
      if (work.of.deadlineMs < this.#time.nowMs) this.#drop(work, slot)
      else this.#time.setTimer(work.ms, () => this.#end(work, slot))
    }
  }

  #drop(work: Work, slot: number): void {
    this.waitMs[work.tenant] += this.#time.nowMs - work.arrivedMs
    this.#scheduler.complete(work, 0, this.#time.nowMs)
    this.#free.unshift(slot)
    work.of.drop()
  }

  #end(work: Work, slot: number): void {
    this.load[work.tenant] += work.ms
    this.serviceMs[work.tenant] += work.ms
    this.waitMs[work.tenant] += this.#time.nowMs - work.arrivedMs - work.ms
    this.#scheduler.complete(work, work.ms, this.#time.nowMs)
    this.#free.push(slot)
    this.#free.sort((a, b) => a - b)
    work.of.done()
    this.#serve()
  }
}

class SimProcess {
  readonly name: string
  readonly resources = new Map<string, SimResource>()
  readonly points = new Map<string, Float64Array>()
  readonly finished: Float64Array
  readonly latencyMs: Float64Array
  readonly #limiters = new Map<string, RateLimiter>()
  #limitsMs = new Map<string, number>()
  readonly #time: Timeline
  readonly #tenants: readonly string[]
  recent: number[][]
  #sequence = 0

  constructor(name: string, tenants: readonly string[], time: Timeline) {
    this.name = name
    this.#time = time
    this.#tenants = tenants
    this.finished = new Float64Array(tenants.length)
    this.latencyMs = new Float64Array(tenants.length)
    this.recent = tenants.map(() => [])
  }

  /** `go` is told until when what passes may take. */
  pass(point: string, tenant: number, go: (deadlineMs: number) => void): void {
    const name = this.#tenants[tenant] ?? ''
    this.#limiter(point, name).whenFree(() => {
      const passed = this.points.get(point)
      if (passed !== undefined) passed[tenant] += 1
      go(this.#time.nowMs + (this.#limitsMs.get(`${point} ${name}`) ?? Infinity))
    })
  }

  obey(lease: ControlLease): void {
    for (const { point, workflow, rate } of lease.settings)
      this.#limiter(point, workflow).setRate(rate, { forMs: lease.forMs, thenRate: Infinity })
    this.#limitsMs = new Map(
      lease.settings.flatMap(({ point, workflow, limitMs }) =>
        limitMs === undefined ? [] : [[`${point} ${workflow}`, limitMs] as const],
      ),
    )
    const said = new Set(lease.settings.map(({ point, workflow }) => `${point} ${workflow}`))
    for (const [id, limiter] of this.#limiters)
      if (!said.has(id) && limiter.rate !== Infinity) limiter.setRate(Infinity)
  }

  rates(): [id: string, rate: number][] {
    return [...this.#limiters].flatMap(([id, { rate }]) => (rate === Infinity ? [] : [[id, rate]]))
  }

  ended(tenant: number, latencyMs: number): void {
    this.finished[tenant] += 1
    this.latencyMs[tenant] += latencyMs
    this.recent[tenant]?.push(latencyMs)
  }

  report(): MeasurementReport {
    const copy = (column: Float64Array) => column.slice()
    this.#sequence += 1
    return {
      process: this.name,
      epoch: 1,
      sequence: this.#sequence,
      atMs: this.#time.nowMs,
      workflows: this.#tenants,
      resources: [...this.resources].map(([name, { spec, load, waitMs, serviceMs }]) => ({
        name,
        kind: spec.kind,
        load: copy(load),
        waitMs: copy(waitMs),
        serviceMs: copy(serviceMs),
      })),
      points: [...this.points].map(([name, passed]) => ({ name, passed: copy(passed) })),
      requests: {
        finished: copy(this.finished),
        latencyMs: copy(this.latencyMs),
        p99Ms: Float64Array.from(this.recent, (values) => quantile(values, 0.99)),
      },
    }
  }

  #limiter(point: string, tenant: string): RateLimiter {
    const id = `${point} ${tenant}`
    const known = this.#limiters.get(id)
    if (known !== undefined) return known
    const made = new RateLimiter({ clock: this.#time, rate: Infinity, burstSeconds: 0.1 })
    this.#limiters.set(id, made)
    return made
  }
}

class System {
  readonly #input: SystemInput
  readonly #time = new Timeline()
  readonly #processes = new Map<string, SimProcess>()
  readonly #uniform: () => number
  readonly #tenants: readonly string[]
  readonly #latencies: number[][]
  #late: number[]

  constructor(input: SystemInput) {
    this.#input = input
    const random = seededRandom(input.seed)
    this.#uniform = () => random.uint32() / 2 ** 32
    const tenants = [...new Set(input.workloads.map(({ id }) => id))]
    this.#tenants = tenants
    this.#latencies = tenants.map(() => [])
    this.#late = tenants.map(() => 0)
    for (const spec of input.resources) {
      const process = this.#processes.get(spec.process) ?? new SimProcess(spec.process, tenants, this.#time)
      this.#processes.set(spec.process, process)
      process.resources.set(spec.name, new SimResource(spec, tenants.length, this.#time))
    }
    for (const { process, point } of input.workloads.flatMap(({ steps }) => steps))
      if (point !== undefined) this.#process(process).points.set(point, new Float64Array(tenants.length))
    for (const workload of input.workloads) this.#begin(tenants.indexOf(workload.id), workload)
  }

  run(): SystemSecond[] {
    const seconds: SystemSecond[] = []
    for (let second = 0; second < this.#input.seconds; second++) {
      this.#input.onSecond?.(second)
      this.#time.runTo((second + 1) * 1000)
      seconds.push(this.#observe(second))
      this.#control(second)
    }
    return seconds
  }

  #process(name: string): SimProcess {
    const process = this.#processes.get(name)
    if (process === undefined) throw new Error(`a step is in process '${name}', which has no resource`)
    return process
  }

  #control(second: number): void {
    const { controller, deliver, isControlled } = this.#input
    const reports = [...this.#processes.values()].map((process) => process.report())
    for (const process of this.#processes.values()) process.recent = process.recent.map(() => [])
    if (controller === undefined || isControlled?.(second) === false) return
    const nowMs = this.#time.nowMs
    for (const report of deliver?.(reports, second) ?? reports) controller.take(report, nowMs)
    for (const lease of controller.step(nowMs))
      this.#time.setTimer(CONTROL_DELAY_MS, () => this.#processes.get(lease.process)?.obey(lease))
  }

  #begin(tenant: number, workload: SimulatedWorkload): void {
    const { clients = 0, thinkMs = 0, perSecond = 0, fromSecond = 0, untilSecond = Infinity } = workload
    const isOver = () => this.#time.nowMs >= untilSecond * 1000
    const client = (): void => {
      if (isOver()) return
      this.#request(tenant, workload, () => void this.#time.setTimer(thinkMs, client))
    }
    const arrive = (): void => {
      if (isOver()) return
      this.#request(tenant, workload, () => {})
      this.#time.setTimer((-1000 * Math.log(1 - this.#uniform())) / perSecond, arrive)
    }
    for (let i = 0; i < clients; i++) this.#time.setTimer(fromSecond * 1000 + this.#uniform() * 10, client)
    if (perSecond > 0) this.#time.setTimer(fromSecond * 1000, arrive)
  }

  #request(tenant: number, { steps }: SimulatedWorkload, done: () => void): void {
    const { admission } = this.#input
    const beganMs = this.#time.nowMs
    if (admission?.admits(beganMs) === false) {
      this.#time.setTimer(ASK_AGAIN_MS, done)
      return
    }
    const go = (at: number, deadlineMs: number): void => {
      const step = steps[at]
      if (step === undefined) {
        const latencyMs = this.#time.nowMs - beganMs
        admission?.ended(latencyMs, this.#time.nowMs)
        this.#finish(tenant, steps, latencyMs)
        done()
        return
      }
      const process = this.#process(step.process)
      const ms = step.meanMs * (0.5 + this.#uniform())
      const enter = (untilMs: number) => {
        const nearerMs = Math.min(deadlineMs, untilMs)
        const next = () => go(at + 1, nearerMs)
        const drop = () => {
          this.#late[tenant] = (this.#late[tenant] ?? 0) + 1
          admission?.ended(this.#time.nowMs - beganMs, this.#time.nowMs)
          this.#time.setTimer(0, done)
        }
        process.resources.get(step.resource)?.enter({ tenant, ms, deadlineMs: nearerMs, done: next, drop })
      }
      if (step.point === undefined) enter(Infinity)
      else process.pass(step.point, tenant, enter)
    }
    go(0, Infinity)
  }

  #finish(tenant: number, steps: readonly SimulatedStep[], latencyMs: number): void {
    this.#process(steps[0]?.process ?? '').ended(tenant, latencyMs)
    this.#latencies[tenant]?.push(latencyMs)
  }

  #observe(second: number): SystemSecond {
    const tenants = this.#tenants.map((id, tenant) => {
      const latencies = this.#latencies[tenant]?.splice(0) ?? []
      const meanMs = latencies.reduce((sum, one) => sum + one, 0) / Math.max(1, latencies.length)
      const late = this.#late[tenant] ?? 0
      return [id, { finished: latencies.length, meanMs, p99Ms: quantile(latencies, 0.99), late }] as const
    })
    this.#late = this.#tenants.map(() => 0)
    const slowdown = [...this.#processes.values()].flatMap(({ name, resources }) =>
      [...resources].map(([resource, state]) => [`${resource}@${name}`, state.slowdown()] as const),
    )
    const rates: Record<string, number> = {}
    for (const process of this.#processes.values())
      for (const [id, rate] of process.rates()) rates[id] = (rates[id] ?? 0) + rate
    return { second, tenants: Object.fromEntries(tenants), slowdown: Object.fromEntries(slowdown), rates }
  }
}

function quantile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))] ?? 0
}
