// What a process measures about its resources, by workflow, and what the controller answers. Once a second;
// the shape is that of columns, so that a report of a thousand workflows is a few arrays of numbers.
//
//   workflows   [ 'acme', 'globex', ... ]        grows only at the end while `epoch` stays
//   resource    load      [ 12.1, 0.3, ... ]      one entry a workflow, by its place in `workflows`:
//               waitMs    [ 80,   0,   ... ]      totals since `epoch`, so that a lost report loses nothing
//               serviceMs [ 20,   1,   ... ]
//
// Columns may be shorter than `workflows`: what is missing is 0. They travel as bytes: measured-columns.ts.

/** One entry a workflow, totals since the process began. */
export type WorkflowColumn = Float64Array | readonly number[]

export type ResourceMeasurement = {
  /** Unique in its process. */
  readonly name: string
  readonly kind: ResourceMeasurementKind
  /** In the resource's own unit: ms held, ms of CPU, bytes. */
  readonly load: WorkflowColumn
  /** What it took with and without others in the way: waiting, and being served. */
  readonly waitMs: WorkflowColumn
  readonly serviceMs: WorkflowColumn
  /** How often it was used, and sums of squares of waits and services: for means and variances. */
  readonly count?: WorkflowColumn
  readonly waitSq?: WorkflowColumn
  readonly serviceSq?: WorkflowColumn
  /** Of a link: part of its bandwidth in use now, 0 to 1; its slowdown is computed from it (M/M/1). */
  readonly utilisation?: number
}

export type ResourceMeasurementKind = 'pool' | 'queue' | 'lock' | 'cpu' | 'disk' | 'network' | 'other'

export type PointMeasurement = {
  /** The same name in many processes is one point with many instances. */
  readonly name: string
  readonly passed: WorkflowColumn
  /** Who was told to come again, or whose time was over. */
  readonly refused?: WorkflowColumn
}

/** Of requests that this process served. */
export type RequestMeasurement = {
  readonly finished: WorkflowColumn
  readonly latencyMs: WorkflowColumn
  /** 99th percentile since the last report; 0 = none finished. Not a total. */
  readonly p99Ms?: WorkflowColumn
}

export type MeasurementReport = {
  readonly process: string
  /** Changes when the process begins anew. */
  readonly epoch: number
  /** 1, 2, 3, ... within an epoch. */
  readonly sequence: number
  /** Since the epoch, on a clock that does not jump. */
  readonly atMs: number
  readonly workflows: readonly string[]
  readonly resources: readonly ResourceMeasurement[]
  readonly points: readonly PointMeasurement[]
  readonly requests?: RequestMeasurement
  /** The order that this process obeyed last; a controller that begins anew counts on from there. */
  readonly obeyed?: number
}

/** What an agent adds to its report; process, epoch and sequence stand there already. */
export type Measured = Omit<MeasurementReport, 'process' | 'sequence'>

/** What one process shall do at one point for one workflow. */
export type ControlSetting = {
  readonly point: string
  readonly workflow: string
  /** Passages a second; Infinity = not limited. */
  readonly rate: number
  /** Its share against that of others, where they wait in line; 1 is everybody's. */
  readonly weight: number
  /** Who passes has a deadline of so many ms from then on. */
  readonly limitMs?: number
}

/**
 * All settings of one process. A lease: after `forMs` without another, everything not said again is as if it
 * had never been said (no limit, weight 1), so a controller that died holds nobody.
 */
export type ControlLease = {
  readonly process: string
  readonly forMs: number
  readonly settings: readonly ControlSetting[]
}

/**
 * The payload of a `control` event of the state stream, signed like desired state. `control` says that it
 * is no state.
 */
export type ControlOrder = {
  readonly control: 1
  readonly agent: string
  /**
   * Grows from order to order of one agent, by what a clock of the controller says that never jumps: an order
   * that is not larger than the last came twice or too late.
   */
  readonly sentMs: number
  readonly forMs: number
  /** `rate` is left out where there is no limit, for JSON has no Infinity. */
  readonly settings: readonly (Omit<ControlSetting, 'rate'> & { readonly rate?: number })[]
}
