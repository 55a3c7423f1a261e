// What exactly-once.test.ts sends: batches whose traces are spread over two of them.

import type { FixtureSpan } from './span-batch.fixture.ts'

export const TRACES_PER_BATCH = 3
export const SPANS_PER_TRACE = 4
const SECOND_NS = 1_000_000_000n

/** Batch n: the first half of the spans of trace group n, and the second half of group n - 1. */
export function spansOfBatch(n: number): FixtureSpan[] {
  const half = SPANS_PER_TRACE / 2
  return [n, n - 1].flatMap((group, isSecond) =>
    group < 0
      ? []
      : Array.from({ length: TRACES_PER_BATCH * half }, (_, i) => {
          const trace = group * TRACES_PER_BATCH + Math.floor(i / half)
          const place = 1 + isSecond * half + (i % half)
          return {
            traceId: (trace + 1).toString(16),
            spanId: place.toString(16),
            parentSpanId: place === 1 ? undefined : '1',
            service: place === 1 ? 'front' : 'back',
            name: `step ${place}`,
            startNs: BigInt(1_700_000_000 + trace) * SECOND_NS + BigInt(place),
            endNs: BigInt(1_700_000_000 + trace) * SECOND_NS + 1000n,
          }
        }),
  )
}
