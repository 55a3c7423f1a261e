// What a policy is and what it sees: Retro's table 1 with weights. Types only: service/control runs them.
// They stand here and not there because whoever writes a policy imports them from `crosscut/control`, which
// is part of the package without a server.

/**
 * A pure function of what it sees and of its own state: it reads loads and slowdowns and sets rates and
 * weights, about once a second. Nothing else may be touched or remembered.
 */
export interface Policy<S = unknown> {
  name: string
  step(api: ControllerApi, params: Record<string, number>, state: S): S
}

/**
 * w: workflow (tenant), r: resource, p: control point; names as `workflows()`, `resources()`, `points()` list
 * them. Every number is finite and 0 or more; unknown names read 0, their slowdown 1.
 */
export interface ControllerApi {
  workflows(): string[]
  resources(): string[]
  points(): string[]
  /** How much of the resource the workflow takes, in its own unit a second. */
  load(r: string, w: string): number
  /** How slow the resource is against itself without contention: 1 = not at all. */
  slowdown(r: string): number
  /** Seconds a second that the workflow spends at the resource, waiting and being served. */
  latency(r: string, w: string): number
  /** Seconds that a request of the workflow takes: the mean, or the 99th percentile if its target is one. */
  latency(w: string): number
  /** What `latency(w)` shall be at most, in seconds; undefined = nobody said. */
  targetLatency(w: string): number | undefined
  /** Passages a second. */
  throughput(p: string, w: string): number
  /** The limit, in passages a second; what passes now where there is none. */
  getRate(p: string, w: string): number
  setRate(p: string, w: string, v: number): void
  /** 1 where nobody said otherwise. */
  getWeight(p: string, w: string): number
  setWeight(p: string, w: string, v: number): void
  // Beyond the paper. A point may be one instance of it, `point@process`: a rate set there holds at that
  // process alone.
  /** Of which statistic the target is, and so `latency(w)`; undefined = there is no target. */
  targetStatistic?(w: string): 'mean' | 'p99' | undefined
  /** The instances of points that lie in the process of the resource. */
  pointsAt?(r: string): string[]
  /** Where this policy limits the workflow now. */
  held?(w: string): string[]
  /** Who passes has a deadline so many seconds from then on; Infinity takes it away. */
  setTimeLimit?(p: string, w: string, seconds: number): void
}
