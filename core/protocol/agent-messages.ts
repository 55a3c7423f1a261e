// What an agent says about itself. It only dials out: one POST when it starts, one stream of desired state,
// one report a second.
//
//   POST /agent/v1/hello   AgentHello  -> { ok: true }
//   GET  /agent/v1/state   ?agent=ID   -> server-sent `state` events (SignedState), a comment every 10 s
//   POST /agent/v1/report  AgentReport -> { ok: true }
// All with Authorization: Bearer <agent token>. The token is `<secret>.<fingerprint>`: the fingerprint
// (base64url of the first 16 bytes of SHA-256 of the server's raw Ed25519 public key) pins the key that signs
// desired state.

import type { Measured } from './measurements.ts'
import type { SamplingUse } from './sampling-policy.ts'

export type AgentHello = {
  readonly agent: string
  readonly service: string
  readonly pid: number
  readonly host: string
  readonly nodeVersion: string
  readonly agentVersion: string
  readonly startedMs: number
  /** Resource attributes as exported with spans. */
  readonly resource: { readonly [key: string]: string }
  readonly tracepoints: readonly TracepointInfo[]
}

/**
 * A place where advice can run, and what it exports. A function is told once, with the line it is written at:
 * `@return`, `@throw` and `@exit` of it export `return`, `error` and `durationMs` too.
 */
export type TracepointInfo = {
  readonly name: string
  readonly vars: readonly string[]
  /** Of a function: its first and last line, 1-based, in the file it was written in. */
  readonly lines?: readonly [first: number, last: number]
  /** Names the text of the module it is in. */
  readonly source?: string
}

/**
 * What one package's EMIT has counted in one process since it was installed there: totals, so a lost report
 * loses nothing. Values and states as JSON (`{ n: digits }` for a whole number beyond 2^53).
 */
export type ResultReport = {
  readonly tool: string
  readonly version: number
  readonly result: string
  readonly hits: number
  readonly groups: readonly (readonly [keys: unknown, states: unknown])[]
  /** Rows that found no group any more. */
  readonly otherRows: number
  /** Hits whose tuples or rows had no room. */
  readonly overflows: number
}

/**
 * Why not every hit of a tool is counted: its time (`cpu`), its part in a late event loop (`loop`) or in a
 * heap that is nearly full (`heap`).
 */
export type DegradedBy = 'cpu' | 'loop' | 'heap'

const REASONS: Readonly<Record<DegradedBy, string>> = {
  cpu: 'it costs too much',
  loop: 'it held up the event loop',
  heap: 'it filled the heap, and its rows so far were let go',
}

/** How a query is counted in a process where not every hit is, for people. */
export function degradedText(how: {
  readonly every: number
  readonly estimated: number
  readonly why?: DegradedBy
}): string {
  const { every, estimated, why = 'cpu' } = how
  if (every === 1) return `${estimated} hits are estimated, for it cost too much for a while`
  return `${every === 0 ? 'disarmed' : `1 hit in ${every} is counted`}, ${REASONS[why]}`
}

/** What a package costs a process, totals since it was installed there. */
export type PackageUse = {
  /** Woven functions that its advice is at. */
  readonly functions: number
  /** Where its advice should be and cannot, and why; the first of them. */
  readonly missed: readonly { readonly tracepoint: string; readonly reason: string }[]
  readonly runs: number
  /** Hits that were not looked at, for others stood for them. */
  readonly estimated: number
  /** Of the event loop, measured by sampling. */
  readonly ns: number
  /** 1 = every hit; n = one hit in n, counted n times; 0 = disarmed, for it cost too much. */
  readonly every: number
  /** Absent while every hit is counted. */
  readonly why?: DegradedBy
  /** Bytes of baggage that a pack added, on average. */
  readonly packedBytes: number
}

export type PackageStatus = {
  readonly name: string
  readonly version: number
  readonly error?: string
  readonly use?: PackageUse
  /** Requests and calls that it holds now; absent = none. */
  readonly held?: number
}

/** A deployed tool in the processes that are connected, by their last reports. */
export type ToolAgents = {
  readonly installed: number
  readonly failed: number
  /** Requests and calls that it holds, and where. */
  readonly held: number
  readonly holding: readonly {
    readonly agent: string
    readonly service: string
    readonly pid: number
    readonly held: number
  }[]
}

/**
 * Counters are totals since the agent started: a lost report loses nothing, a repeated one counts nothing
 * twice.
 */
export type AgentReport = {
  readonly agent: string
  /** Random per process start; with seq it shows loss and repetition. */
  readonly epoch: string
  readonly seq: number
  readonly timeMs: number
  /** The version of desired state that is in force; 0 = none yet. */
  readonly stateVersion: number
  readonly packages: readonly PackageStatus[]
  /** Tracepoints, or patterns of them, where advice is now; the first of them. */
  readonly woven?: readonly string[]
  /** What workflows take of what resources. */
  readonly measured?: Measured
  /** Those that changed lately; the others stand as they were last told. */
  readonly results?: readonly ResultReport[]
  /** By policy that may apply in this process. */
  readonly sampling?: readonly SamplingUse[]
  /** emitted = sent + dropped + queued, exactly. */
  readonly spans: {
    readonly emitted: number
    readonly sent: number
    readonly dropped: number
    readonly queued: number
  }
  /** By reason: 'queue-full', 'export-failed', 'baggage-trimmed', 'bad-member', ... */
  readonly drops: { readonly [reason: string]: number }
  /** ns of the event loop that advice took, measured by sampling; runs of advice. */
  readonly budget: { readonly adviceNs: number; readonly adviceRuns: number; readonly isTripped: boolean }
  readonly eventLoopDelayMsP99: number
  readonly rssBytes: number
  /** Last error of exporting spans or of the control connection, for `doctor`. */
  readonly lastError?: {
    readonly where: string
    readonly code: string
    readonly message: string
    readonly timeMs: number
  }
}

/** One row of GET /api/v1/agents. */
export type AgentView = AgentHello & {
  readonly isConnected: boolean
  readonly lastSeenMs: number
  readonly report?: AgentReport
}
