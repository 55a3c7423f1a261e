// Counters that the agent itself puts on the block of a request that a server answers (Canopy 3.2: the
// runtime snapshots light performance counters).
//
//   event_loop_delay  ms, where it is 1 ms or more: how late the loop was when the request was taken up
//   bytes_in, _out    of the connection while the request was open: heads, bodies and framing
//   cpu_time          ms of this thread while the request was open, others' work included (opt-in: two system
//                     calls of 2 us each)
//
// Their units are those of COUNTER_UNITS, so that no span has to carry them.

import type { ServerExchange } from '#carriers'
import { TRACE_ATTRIBUTES } from '#protocol'
import { LOOP_DELAY_TOLD_MS } from './limits.ts'
import type { LoopBeat } from './loop-beat.ts'
import type { Span } from './span.ts'

export const COUNTER_NAMES = ['loop', 'bytes', 'cpu'] as const
export type CounterName = (typeof COUNTER_NAMES)[number]
/** cpu is not among them: it would double what a span costs. */
export const COUNTERS_BY_DEFAULT: readonly CounterName[] = ['loop', 'bytes']

const DELAY = `${TRACE_ATTRIBUTES.counter}event_loop_delay`
const BYTES_IN = `${TRACE_ATTRIBUTES.counter}bytes_in`
const BYTES_OUT = `${TRACE_ATTRIBUTES.counter}bytes_out`
const CPU = `${TRACE_ATTRIBUTES.counter}cpu_time`

/** What a connection had carried when its last request ended. */
export type Carried = { bytesIn: number; bytesOut: number }

export type ServerCounters = {
  begin(span: Span): void
  end(span: Span, exchange: ServerExchange, carried: Carried): void
}

type Parts = {
  readonly names: readonly CounterName[]
  readonly beat: LoopBeat
  /** Calls outside every execution. */
  readonly detached: <R>(fn: () => R) => R
}

/** Cost: 0.2 us a request without cpu. */
export function openServerCounters({ names, beat, detached }: Parts): ServerCounters {
  const [hasLoop, hasBytes, hasCpu] = COUNTER_NAMES.map((name) => names.includes(name))
  return {
    begin(span) {
      if (hasLoop) {
        beat.start(detached)
        const delayMs = beat.delayMs(span.startMs)
        if (delayMs >= LOOP_DELAY_TOLD_MS) span.add(DELAY, Math.round(delayMs * 1000) / 1000)
      }
      // Its place is kept; the end puts the difference there.
      if (hasCpu) span.add(CPU, cpuMs())
    },
    end(span, { request }, carried) {
      if (hasBytes) {
        const { bytesRead, bytesWritten } = request.socket
        span.add(BYTES_IN, bytesRead - carried.bytesIn)
        span.add(BYTES_OUT, bytesWritten - carried.bytesOut)
        carried.bytesIn = bytesRead
        carried.bytesOut = bytesWritten
      }
      const before = hasCpu ? span.get(CPU) : undefined
      if (typeof before === 'number') span.set(CPU, Math.round((cpuMs() - before) * 1000) / 1000, Infinity)
    },
  }
}

/** Of this thread; before Node 23.9 of the whole process. */
function cpuMs(): number {
  const read: unknown = Reflect.get(process, 'threadCpuUsage') ?? process.cpuUsage
  const usage: { user: number; system: number } =
    typeof read === 'function' ? Reflect.apply(read, process, []) : process.cpuUsage()
  return (usage.user + usage.system) / 1000
}
