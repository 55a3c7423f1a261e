// Schemas of routes/pipeline.ts.

import { count, flag, list, map, maybeNumber, number, object, text, type Schema } from './terms.ts'

export const PIPELINE_SCHEMAS = {
  PipelineView: object({
    nowMs: number,
    parts: list(object({ name: text, state: text, restarts: count, 'lastError?': text })),
    losses: list(
      object({
        stage: { enum: ['agents', 'ingest', 'traces', 'features', 'store'] },
        cause: text,
        what: text,
        unit: text,
        isIntentional: flag,
        count,
      }),
    ),
    owners: list(
      object({
        owner: text,
        waiting: count,
        queueMax: count,
        cpuMs: number,
        overBudget: count,
        refused: count,
        quarantines: count,
        'restsUntilMs?': number,
      }),
    ),
    past: object({
      stepMs: count,
      timesMs: list(number),
      gauges: map(list(maybeNumber)),
      rates: map(list(maybeNumber)),
      losses: map(list(count)),
      ownersWaiting: map(list(maybeNumber)),
    }),
  }),
} satisfies { readonly [name: string]: Schema }
