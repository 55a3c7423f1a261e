// Traces in memory: which are quiet, and what their summary is. Pure: time comes in as an argument.
//
//   add(batch) -> per span: trace by id -> span id new? -> min start, max end, counters, root
//   due(now)   -> traces to summarise, as the triggers say (triggers.ts): quiet, or so old
//   after 30 s without a span a trace leaves; its id stays in `finished`: a later span is known to be late
//
// What memory holds may be less than the store does: after a restart, after eviction, for late spans. Such a
// trace is marked `needsReread`, and its summary is computed from the store, where all its spans are (a
// segment is assembled only after its insert). So memory is an accelerator, the store the truth. The same for
// a span id seen twice: what the last write says is in the store. A trace without a root is read again too,
// and so is one that lasted longer than memory keeps quiet traces: it may be the tail of one that left long
// ago (the root of a long request comes last).
//
// Source: Canopy 4.2 (cache by trace id, triggers, LRU, ids seen, runaway traces), with short idle times
// instead of ten minutes.

import * as limits from './assembly-limits.ts'
import { headWeightOf, isWanted } from './head-weight.ts'
import { servicesOf } from './span-table.ts'
import type { SpanBatch } from './span-batch.ts'
import { DEFAULT_TRIGGERS, type Triggers } from './triggers.ts'

/** One row of table `traces`, but for its version. */
export type Summary = {
  /** 32 hex digits. */
  readonly traceId: string
  readonly startNs: bigint
  readonly durationNs: bigint
  readonly rootService: string
  readonly rootName: string
  readonly hasRoot: boolean
  readonly spanCount: number
  readonly errorCount: number
  /** '' = it has none. */
  readonly rootTraceState: string
  /** How many it stands for by its head's tracestate. */
  readonly headWeight: number
  readonly services: ReadonlyMap<string, number>
  /** `service NUL name`. */
  readonly operations: readonly string[]
}

export type DueTrace = {
  readonly traceId: string
  /** Greatest log sequence seen; the version of the summary. */
  readonly sequence: number
  /** undefined = memory does not know enough: compute it from the store. */
  readonly summary: Summary | undefined
  /** The start under which the summary before stands, when it was another: that row is to be taken back. */
  readonly movedFromNs: bigint | undefined
  /** Was summarised before, or may have been by a worker before us. */
  readonly isAgain?: boolean
}

export type Due = {
  readonly traces: readonly DueTrace[]
  /**
   * Once these traces are written, every span of segments with a lower ordinal is in a summary. Infinity = of
   * all segments.
   */
  readonly settledBefore: number
}

/** Where spans come from. */
export type Arrival = {
  /** Log sequence of the record. */
  readonly sequence: number
  /** Grows with each segment added. */
  readonly ordinal: number
  /** The store had this record before this worker started. */
  readonly isReplay: boolean
}

export const OPERATION_SEPARATOR = '\0'

/** A set of 8-byte ids as pairs of words, open addressing; 0,0 is no id. */
class IdSet {
  #words = new Uint32Array(32)
  size = 0

  /** True when it was new. */
  add(high: number, low: number): boolean {
    if (this.size * 8 >= this.#words.length * 3) this.#grow()
    return this.#put(high, low)
  }

  #put(high: number, low: number): boolean {
    const words = this.#words
    const mask = (words.length >> 1) - 1
    let at = (Math.imul(high ^ (low >>> 7), 0x9e3779b1) ^ low) & mask
    while (words[2 * at] !== 0 || words[2 * at + 1] !== 0) {
      if (words[2 * at] === high && words[2 * at + 1] === low) return false
      at = (at + 1) & mask
    }
    words[2 * at] = high
    words[2 * at + 1] = low
    this.size++
    return true
  }

  #grow(): void {
    const old = this.#words
    this.#words = new Uint32Array(old.length * 2)
    this.size = 0
    for (let i = 0; i < old.length; i += 2)
      if (old[i] !== 0 || old[i + 1] !== 0) this.#put(old[i]!, old[i + 1]!)
  }
}

const NEVER_NS = 0xffff_ffff_ffff_ffffn

class LiveTrace {
  readonly ids = new IdSet()
  readonly services = new Map<string, number>()
  readonly operations = new Set<string>()
  spanCount = 0
  errorCount = 0
  startNs = NEVER_NS
  endNs = 0n
  rootStartNs = NEVER_NS
  rootService = ''
  rootName = ''
  rootTraceState = ''
  wantedStartNs = NEVER_NS
  wantedTraceState = ''
  firstStartNs = NEVER_NS
  firstTraceState = ''
  hasRoot = false
  /** Start in the last summary. */
  writtenStartNs: bigint | undefined
  /** Of services and operations. */
  textChars = 0
  sequence = 0
  lastSpanMs = 0
  /** Until the first summary: when its first span came. */
  lastSummaryMs: number
  /** The first segment whose spans no summary has yet; NONE = all are summarised. */
  dirtySince = NONE
  needsReread: boolean
  isFenced = false

  constructor(nowMs: number, needsReread: boolean) {
    this.lastSummaryMs = nowMs
    this.needsReread = needsReread
  }
}

const NONE = Infinity
const RETAIN_NS = BigInt(limits.RETAIN_MS) * 1_000_000n

/** What one batch says once, instead of once a span. */
type BatchNames = {
  readonly services: readonly string[]
  readonly operation: (resourceRow: number, name: number) => string
  readonly traceState: (state: number) => BatchTraceState
}
type BatchTraceState = { readonly text: string; readonly isWanted: boolean }

export type AssemblerStats = {
  readonly duplicateSpans: number
  readonly evictedTraces: number
  readonly fencedTraces: number
  readonly tracesInMemory: number
  readonly spansInMemory: number
}

export class Assembler {
  /** In order of the last span: the first is the least recently used. */
  readonly #live = new Map<string, LiveTrace>()
  /** Of these, in the same order, those with spans that no summary has yet. */
  readonly #dirty = new Map<string, LiveTrace>()
  readonly #finished = new Set<string>()
  /** Each operation's text once for all traces, not once a batch; begins anew when it is full. */
  readonly #operations = new Map<string, string>()
  /** Traces that were put out of memory before they were summarised. */
  #evicted: DueTrace[] = []
  #spansInMemory = 0
  #textCharsInMemory = 0
  #counts = { duplicateSpans: 0, evictedTraces: 0, fencedTraces: 0 }
  readonly #triggers: Triggers

  /**
   * Traces of which the store has spans that this memory never saw: raw ids as latin1 text, for after a
   * restart.
   */
  constructor(knownBefore: Iterable<string>, triggers: Triggers = DEFAULT_TRIGGERS) {
    this.#triggers = triggers
    for (const key of knownBefore) this.#finished.add(key)
  }

  /** Takes the spans of one log record, whose rows are already durable in the store. */
  add(batch: SpanBatch, arrival: Arrival, nowMs: number): void {
    const names = namesOf(batch, (text) => this.#once(text))
    const ids = new DataView(batch.spanIds.buffer, batch.spanIds.byteOffset, batch.spanIds.byteLength)
    // The raw 16 bytes as latin1 text are the key: half as long as hex, and made for all spans at once.
    const keys = Buffer.from(
      batch.traceIds.buffer,
      batch.traceIds.byteOffset,
      batch.traceIds.byteLength,
    ).toString('latin1')
    let lastKey = ''
    let trace: LiveTrace | undefined
    for (let i = 0; i < batch.spanCount; i++) {
      const key = keys.slice(16 * i, 16 * i + 16)
      if (trace === undefined || key !== lastKey) {
        // The trace of the span before is whole in its bounds now; one batch may bring 500,000 traces.
        this.#makeRoom()
        trace = this.#touch(key, arrival, nowMs)
        lastKey = key
      }
      if (!this.#isNew(trace, ids.getUint32(8 * i), ids.getUint32(8 * i + 4))) continue
      this.#textCharsInMemory += addSpan(trace, batch, i, names)
    }
    this.#makeRoom()
  }

  /** False = so many traces wait for their summary to be written that no more spans should be added. */
  hasRoom(): boolean {
    return this.#evicted.length < limits.EVICTED_WAITING_MAX
  }

  /** Traces to summarise now; forgets those that have been quiet for long. */
  due(nowMs: number): Due {
    return this.#collect(nowMs, false)
  }

  /** Everything not yet summarised; for an orderly end. */
  flush(nowMs: number): Due {
    return this.#collect(nowMs, true)
  }

  #collect(nowMs: number, isAll: boolean): Due {
    const traces = this.#evicted
    this.#evicted = []
    let settledBefore = NONE
    // Least recently used first: what comes after the first that stays, stays too. Looking at every trace ten
    // times a second costs more than adding their spans.
    for (const [key, trace] of this.#live) {
      if (nowMs - trace.lastSpanMs < limits.RETAIN_MS) break
      if (trace.dirtySince === NONE) this.#forget(key, trace)
    }
    for (const [key, trace] of this.#dirty) {
      if (isAll || isDue(trace, this.#triggers, nowMs)) traces.push(this.#take(key, trace, nowMs))
      else settledBefore = Math.min(settledBefore, trace.dirtySince)
    }
    return { traces, settledBefore }
  }

  stats(): AssemblerStats {
    return { ...this.#counts, tracesInMemory: this.#live.size, spansInMemory: this.#spansInMemory }
  }

  #once(text: string): string {
    const known = this.#operations.get(text)
    if (known !== undefined) return known
    if (this.#operations.size === limits.OPERATION_TEXTS_MAX) this.#operations.clear()
    this.#operations.set(text, text)
    return text
  }

  #touch(key: string, arrival: Arrival, nowMs: number): LiveTrace {
    let trace = this.#live.get(key)
    if (trace === undefined) trace = new LiveTrace(nowMs, this.#finished.has(key))
    else {
      this.#live.delete(key)
      this.#dirty.delete(key)
    }
    this.#live.set(key, trace)
    this.#dirty.set(key, trace)
    trace.lastSpanMs = nowMs
    trace.dirtySince = Math.min(trace.dirtySince, arrival.ordinal)
    trace.sequence = Math.max(trace.sequence, arrival.sequence)
    if (arrival.isReplay) trace.needsReread = true
    return trace
  }

  #isNew(trace: LiveTrace, high: number, low: number): boolean {
    if (trace.isFenced) return true
    if (!trace.ids.add(high, low)) {
      this.#counts.duplicateSpans++
      trace.needsReread = true
      return false
    }
    this.#spansInMemory++
    if (trace.ids.size >= limits.SPANS_PER_TRACE_MAX) {
      trace.isFenced = true
      this.#counts.fencedTraces++
    }
    return true
  }

  #take(key: string, trace: LiveTrace, nowMs: number): DueTrace {
    trace.dirtySince = NONE
    this.#dirty.delete(key)
    trace.lastSummaryMs = nowMs
    const isLong = trace.endNs > trace.startNs + RETAIN_NS
    const isKnown = trace.isFenced || (!trace.needsReread && trace.hasRoot && !isLong)
    const movedFromNs = trace.writtenStartNs === trace.startNs ? undefined : trace.writtenStartNs
    const isAgain = trace.needsReread || trace.writtenStartNs !== undefined
    trace.writtenStartNs = trace.startNs
    const traceId = Buffer.from(key, 'latin1').toString('hex')
    return {
      traceId,
      sequence: trace.sequence,
      summary: isKnown ? summaryOf(traceId, trace) : undefined,
      movedFromNs,
      isAgain,
    }
  }

  #forget(key: string, trace: LiveTrace): void {
    this.#live.delete(key)
    this.#spansInMemory -= trace.ids.size
    this.#textCharsInMemory -= trace.textChars
    this.#finished.add(key)
    if (this.#finished.size > limits.FINISHED_IDS_MAX) this.#forgetFinished()
  }

  /** A tenth at once: a Set finds its first key behind all that was deleted at its front, 70 us each time. */
  #forgetFinished(): void {
    for (const oldest of this.#finished) {
      this.#finished.delete(oldest)
      if (this.#finished.size <= 0.9 * limits.FINISHED_IDS_MAX) return
    }
  }

  #makeRoom(): void {
    if (this.#isWithinBounds()) return
    for (const [key, trace] of this.#live) {
      if (this.#isWithinBounds()) return
      if (trace.dirtySince !== NONE) {
        this.#counts.evictedTraces++
        this.#evicted.push(this.#take(key, trace, trace.lastSpanMs))
      }
      this.#forget(key, trace)
    }
  }

  #isWithinBounds(): boolean {
    return (
      this.#live.size <= limits.TRACES_IN_MEMORY_MAX &&
      this.#spansInMemory <= limits.SPANS_IN_MEMORY_MAX &&
      this.#textCharsInMemory <= limits.TEXT_CHARS_IN_MEMORY_MAX
    )
  }
}

function isDue(trace: LiveTrace, triggers: Triggers, nowMs: number): boolean {
  const { idleMs, rootlessIdleMs, firstMs, againMs } = triggers
  return (
    nowMs - trace.lastSpanMs >= (trace.hasRoot ? idleMs : rootlessIdleMs) ||
    nowMs - trace.lastSummaryMs >= (trace.writtenStartNs === undefined ? firstMs : againMs)
  )
}

function namesOf(batch: SpanBatch, once: (text: string) => string): BatchNames {
  const services = servicesOf(batch)
  const operations = services.map(() => new Map<number, string>())
  const operation = (resourceRow: number, name: number): string => {
    const known = operations[resourceRow]!
    let text = known.get(name)
    if (text === undefined) {
      text = once(services[resourceRow]! + OPERATION_SEPARATOR + batch.strings.text(name))
      known.set(name, text)
    }
    return text
  }
  const traceStates = new Map<number, BatchTraceState>([[0, { text: '', isWanted: false }]])
  const traceState = (state: number): BatchTraceState => {
    let known = traceStates.get(state)
    if (known === undefined) {
      const text = batch.strings.text(state)
      known = { text, isWanted: isWanted(text) }
      traceStates.set(state, known)
    }
    return known
  }
  return { services, operation, traceState }
}

/** Returns the characters of names that the trace holds more than before. */
function addSpan(trace: LiveTrace, batch: SpanBatch, i: number, names: BatchNames): number {
  const startNs = batch.startNs[i]!
  const endNs = batch.endNs[i]!
  const resourceRow = batch.resourceRows[i]!
  const service = names.services[resourceRow]!
  trace.spanCount++
  if (startNs < trace.startNs) trace.startNs = startNs
  if (endNs > trace.endNs) trace.endNs = endNs
  if (batch.statusCodes[i] === 2) trace.errorCount++
  const added = addNames(trace, service, names.operation(resourceRow, batch.names[i]!))
  const isTrueRoot = isRoot(batch.parentSpanIds, 8 * i)
  // While no span without a parent was seen, the earliest span stands for it.
  if ((isTrueRoot && !trace.hasRoot) || (isTrueRoot === trace.hasRoot && startNs < trace.rootStartNs)) {
    trace.hasRoot = isTrueRoot
    trace.rootStartNs = startNs
    trace.rootService = service
    trace.rootName = batch.strings.text(batch.names[i]!)
    trace.rootTraceState = names.traceState(batch.traceStates[i]!).text
  }
  if (batch.traceStates[i] !== 0) addTraceState(trace, names.traceState(batch.traceStates[i]!), startNs)
  return added
}

function addTraceState(trace: LiveTrace, { text, isWanted: wanted }: BatchTraceState, startNs: bigint): void {
  if (startNs < trace.firstStartNs) {
    trace.firstStartNs = startNs
    trace.firstTraceState = text
  }
  if (wanted && startNs < trace.wantedStartNs) {
    trace.wantedStartNs = startNs
    trace.wantedTraceState = text
  }
}

function addNames(trace: LiveTrace, service: string, operation: string): number {
  const before = trace.textChars
  const count = trace.services.get(service)
  if (count !== undefined || trace.services.size < limits.SERVICES_PER_SUMMARY_MAX) {
    if (count === undefined) trace.textChars += service.length
    trace.services.set(service, (count ?? 0) + 1)
  } else {
    trace.services.set(limits.OVERFLOW_NAME, (trace.services.get(limits.OVERFLOW_NAME) ?? 0) + 1)
  }
  if (trace.operations.size < limits.OPERATIONS_PER_SUMMARY_MAX && !trace.operations.has(operation)) {
    trace.textChars += operation.length
    trace.operations.add(operation)
  }
  return trace.textChars - before
}

function isRoot(ids: Uint8Array, at: number): boolean {
  for (let i = at; i < at + 8; i++) if (ids[i] !== 0) return false
  return true
}

function summaryOf(traceId: string, trace: LiveTrace): Summary {
  const endNs = trace.endNs > trace.startNs ? trace.endNs : trace.startNs
  return {
    traceId,
    startNs: trace.startNs,
    durationNs: endNs - trace.startNs,
    rootService: trace.rootService,
    rootName: trace.rootName,
    hasRoot: trace.hasRoot,
    spanCount: trace.spanCount,
    errorCount: trace.errorCount,
    rootTraceState: trace.rootTraceState,
    headWeight: headWeightOf(traceId, trace),
    services: new Map(trace.services),
    operations: [...trace.operations],
  }
}
