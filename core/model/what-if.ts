// What would it have brought? Slack, drag and the effect of a faster operation, all by replaying the schedule
// (schedule.ts) with the work of some blocks shortened.
//
//   slack   by how much a block may grow before the whole takes longer
//   drag    by how much the whole would be shorter if the block had no work at all
//   saving  by how much if every block of an operation did its work in (100 - faster) % of the time
//
// A saving is never more than the part of the operation's time on the critical path that was taken away, and
// less where a second path is almost as long. Source: Devaux, Total Project Control (drag); Coz (SOSP'15).

import { endToEnd, replay, scheduleOf, slacks, type Schedule } from './schedule.ts'
import type { Trace } from './trace.ts'

/** All blocks of this service (any, if left out) and name (any) work `faster` percent faster, 0..100. */
export type WhatIf = { readonly service?: string; readonly name?: string; readonly faster: number }

export type Impact = {
  /** Absent: nothing waits for the block, it may take as long as it likes. */
  readonly slackNs?: bigint
  readonly dragNs: bigint
  /** Work of the block itself: neither waiting for others nor outside it. */
  readonly workNs: bigint
}

/** End-to-end ns of the root, before and after. Cost: a schedule and a replay; keep the schedule for more. */
export function whatIf(
  trace: Trace | Schedule,
  change: WhatIf,
): { readonly beforeNs: bigint; readonly afterNs: bigint } {
  const schedule = asSchedule(trace)
  const after = afterChange(schedule, change)
  return { beforeNs: lengthOf(schedule), afterNs: BigInt(Math.round(after)) }
}

/** The same for many changes, in ns as numbers: what an aggregate over thousands of traces adds up. */
export function afterChange(schedule: Schedule, change: WhatIf): number {
  const left = 1 - change.faster / 100
  const { blocks } = schedule.trace
  const isMeant = (index: number): boolean =>
    (change.service === undefined || blocks[index].service === change.service) &&
    (change.name === undefined || blocks[index].name === change.name)
  return endToEnd(
    schedule,
    replay(schedule, (index) => (isMeant(index) ? left : 1)),
  )
}

/** undefined = no such span in the trace. */
export function impactOf(trace: Trace | Schedule, spanId: string): Impact | undefined {
  const schedule = asSchedule(trace)
  const block = schedule.trace.blocks.find((candidate) => candidate.spanId === spanId)
  if (block === undefined) return undefined
  const slack = slacks(schedule)[block.index]
  const without = endToEnd(
    schedule,
    replay(schedule, (index) => (index === block.index ? 0 : 1)),
  )
  return {
    ...(Number.isFinite(slack) ? { slackNs: BigInt(slack) } : {}),
    dragNs: lengthOf(schedule) - BigInt(without),
    workNs: BigInt(workOf(schedule, block.index)),
  }
}

/** ns that a block worked itself. */
export function workOf({ first, work }: Schedule, block: number): number {
  let sum = 0
  for (let place = first[block]; place < first[block + 1]; place++) sum += work[place]
  return sum
}

function asSchedule(trace: Trace | Schedule): Schedule {
  return 'order' in trace ? trace : scheduleOf(trace)
}

function lengthOf({ trace }: Schedule): bigint {
  const root = trace.blocks[trace.root]
  return root === undefined ? 0n : root.endNs - root.startNs
}
