// The route /api/v1/pipeline.

import type { PipelineView } from '#protocol'
import { get } from './api.ts'
import { array, boolean, number, object, oneOf, optional, record, string, type Reader } from './decode.ts'

const maybe: Reader<number | null> = (value, where) => (value === null ? null : number(value, where))

const pipeline: Reader<PipelineView> = object({
  nowMs: number,
  parts: array(object({ name: string, state: string, restarts: number, lastError: optional(string) })),
  losses: array(
    object({
      stage: oneOf('agents', 'ingest', 'traces', 'features', 'store'),
      cause: string,
      what: string,
      unit: string,
      isIntentional: boolean,
      count: number,
    }),
  ),
  owners: array(
    object({
      owner: string,
      waiting: number,
      queueMax: number,
      cpuMs: number,
      overBudget: number,
      refused: number,
      quarantines: number,
      restsUntilMs: optional(number),
    }),
  ),
  past: object({
    stepMs: number,
    timesMs: array(number),
    gauges: record(array(maybe)),
    rates: record(array(maybe)),
    losses: record(array(number)),
    ownersWaiting: record(array(maybe)),
  }),
})

export function readPipeline(minutes: number, signal: AbortSignal): Promise<PipelineView> {
  return get(`/api/v1/pipeline?minutes=${minutes}`, pipeline, signal)
}
