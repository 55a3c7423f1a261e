// Numbers of /metrics.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { metricsIn } from './metrics.ts'

test('samples without labels are read, all else is passed over', () => {
  const text = `# HELP crosscut_a x
# TYPE crosscut_a gauge
crosscut_a 1.5
crosscut_b_total{owner="a b"} 3
crosscut_c NaN
crosscut_d_total 12
broken`
  assert.deepEqual(
    [...metricsIn(text)],
    [
      ['crosscut_a', 1.5],
      ['crosscut_d_total', 12],
    ],
  )
})
