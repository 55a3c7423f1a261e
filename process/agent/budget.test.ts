// What a meter tells of one tool.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AdviceEnvironment } from '#advice'
import { Baggage } from '#baggage'
import { ToolMeter } from './budget.ts'
import { ADVICE_SAMPLE_EVERY } from './limits.ts'

test('a pack that leaves the baggage smaller adds nothing: the report of the whole process stays valid', () => {
  const meter = new ToolMeter(
    'query-1',
    () => 0,
    () => {},
  )
  const large = Baggage.of([new Uint8Array(80)])
  const small = Baggage.of([new Uint8Array(12)])
  const packing = (after: Baggage) => ({
    packs: true,
    run: (environment: AdviceEnvironment) => void (environment.baggage = after),
  })
  const spend = (before: Baggage, after: Baggage): void => {
    for (let i = 0; i < ADVICE_SAMPLE_EVERY; i++)
      meter.spend(packing(after), { baggage: before } as AdviceEnvironment)
  }
  spend(large, small)
  assert.equal(meter.use.packedBytes, 0)
  spend(Baggage.empty, large)
  spend(Baggage.empty, large)
  assert.equal(
    meter.use.packedBytes,
    Math.round((2 * large.byteLength - (large.byteLength - small.byteLength)) / 3),
  )
})
