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

/** A segment of computation that was begun; `end` counts once. */
export type HostBlock = {
  end(error?: unknown): void
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
  startBlock(name: string, attributes: HostAttributes): HostBlock
  /**
   * Runs fn inside a block that is active for fn and all it awaits; gives what fn gives (a promise: one
   * that settles alike).
   */
  runBlock(name: string, fn: () => unknown): unknown
  point(name: string, attributes: HostAttributes): void
  /** A duration, as an event of the active span. */
  measured(name: string, durationMs: number): void
  /** undefined = go on at once, with no turn of the event loop. */
  controlPoint(name: string): Promise<void> | undefined
  declareResource(name: string, kind: string): void
}
