// What the entry `crosscut` and the agent say to each other inside one process.
//
// The application imports its own copy of `crosscut`; the agent was loaded from another one by --import. They
// meet in one slot of globalThis, so neither needs the other: without an agent the slot is empty and every
// call of the entry is a cheap no-op. The number in the name grows with an incompatible change; an entry that
// finds no slot of its number does nothing.

/** The slot of globalThis where an agent hangs its HostApi. */
export const HOST_API_SLOT: unique symbol = Symbol.for('crosscut.host.1')

/** What variables and attributes may be. */
export type HostValue = string | number | bigint | boolean

export type HostAttributes = { readonly [key: string]: HostValue }

/** What may stand on a block, a point or an edge: see trace-attributes.ts for names with a meaning. */
export type HostAnnotations = {
  readonly [key: string]: HostValue | readonly (string | number | boolean)[]
}

/** A segment of computation that was begun; `end` counts once, and nothing changes it afterwards. */
export type HostBlock = {
  end(error?: unknown): void
  annotate(annotations: HostAnnotations): void
  /** Adds to a counter of this block. */
  count(name: string, by: number, unit: string | undefined): void
  point(name: string, annotations: HostAnnotations): void
}

/** A point of the execution, as the source of an edge: the span that was active, and when. Opaque. */
export type HostMark = { readonly traceId: string; readonly spanId: string; readonly atMs: number }

export type HostEdge = {
  readonly kind: 'queue' | 'lock' | 'async'
  readonly name: string
  readonly annotations: HostAnnotations
}

/** Something that lies in a queue of the application. */
export type HostQueued = {
  /**
   * It is taken out, and with it others that lie before the same queue: fn runs as the work on all of them,
   * in the context of who put in this one. Gives what fn gives, as runBlock does.
   */
  dequeue(fn: () => unknown, others: readonly HostQueued[]): unknown
  /** The current execution goes on because the work on it is over: an edge that arrives now. */
  arrived(): void
}

/** One use of a resource that is over. */
export type HostUse = {
  readonly resource: string
  readonly kind: string
  /** '' = nobody in particular. */
  readonly tenant: string
  readonly waitMs: number
  readonly serviceMs: number
  /** In the resource's own unit; without it, the time of service. */
  readonly load?: number
}

/** No member throws and none blocks: the agent guards each of them. */
export type HostApi = {
  /** Runs the advice that is woven at this tracepoint. */
  tracepoint(name: string, vars: HostAttributes): void
  /** False = nobody is interested; the caller need not even collect the variables. */
  isWoven(name: string): boolean
  setTenant(id: string): void
  tenant(): string | undefined
  setTag(key: string, value: string): void
  tag(key: string): string | undefined
  /** The log level that a tool set for this execution. */
  logLevel(): string | undefined
  /** A child of the active span; does not become active. */
  startBlock(name: string, annotations: HostAnnotations): HostBlock
  /**
   * Runs fn inside a block that is active for fn and all it awaits; gives what fn gives (a promise: one
   * that settles alike).
   */
  runBlock(name: string, fn: () => unknown, annotations?: HostAnnotations): unknown
  point(name: string, annotations: HostAnnotations): void
  /** On the active span. */
  annotate(annotations: HostAnnotations): void
  /** Adds to a counter of the active span. */
  count(name: string, by: number, unit: string | undefined): void
  /** undefined = nothing is recorded here. */
  mark(): HostMark | undefined
  /** The active span goes on because of `from`: an edge that arrives now. */
  arrive(from: HostMark, edge: HostEdge): void
  /** The execution waited from `sinceMs` (performance.now) until now: a block, with an edge that ended it. */
  waited(sinceMs: number, from: HostMark | undefined, edge: HostEdge): void
  enqueue(name: string, annotations: HostAnnotations): HostQueued
  /** A duration, as an event of the active span. */
  measured(name: string, durationMs: number): void
  /** undefined = go on at once, with no turn of the event loop. */
  controlPoint(name: string, signal?: AbortSignal): Promise<void> | undefined
  used(use: HostUse): void
  // What came later: an agent of before does not have it.
  /** Of work for several: their shares by name, above 0. */
  setMembers?(shares: ReadonlyMap<string, number>): void
  /** 0 = it passed; else ms until it may, as things stand. */
  tryControlPoint?(name: string): number
  /** Shares that are ordered for whoever waits in line there; the same object until another order came. */
  weightsAt?(name: string): ReadonlyMap<string, number> | undefined
  /**
   * Runs fn, which holds what others wait for: no point stops it. Gives what fn gives, throws what it
   * throws.
   */
  whileHolding?<R>(fn: () => R): R
  /** The current execution shall be over in so many ms; a nearer deadline stays. */
  setDeadline?(ms: number): void
  /** Of the current execution: undefined = it has no deadline; below 0 = it has passed. */
  remainingMs?(): number | undefined
  /** Aborted at the deadline; undefined = there is none. */
  cancelSignal?(): AbortSignal | undefined
}
