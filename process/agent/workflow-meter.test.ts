// What the agent measures by tenant.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { METER_POINTS_MAX, METER_RESOURCES_MAX, METER_WORKFLOWS_MAX } from './limits.ts'
import { quietMeters } from './testing/meters.ts'
import { WorkflowMeter } from './workflow-meter.ts'

const newMeter = () => new WorkflowMeter({ meters: quietMeters(7) })
const use = { resource: 'db', kind: 'pool', tenant: 'a', waitMs: 3, serviceMs: 2 }

test('totals by workflow and resource; columns have a number for each workflow that used it', () => {
  const meter = newMeter()
  meter.used(use)
  meter.used({ ...use, tenant: '', waitMs: 1 })
  meter.used({ ...use, waitMs: 1, serviceMs: Number.NaN })
  meter.finished('a', 10)
  meter.finished('a', 30)
  meter.passed('door', 'a')
  meter.refused('door', '')
  const { epoch, workflows, resources, points, requests } = meter.report()
  assert.deepEqual([epoch, workflows], [7, ['a', '(none)']])
  const sums = { load: [2, 2], waitMs: [4, 1], serviceMs: [2, 2] }
  const columns = { ...sums, count: [2, 1], waitSq: [10, 1], serviceSq: [4, 4] }
  assert.deepEqual(resources, [{ name: 'db', kind: 'pool', ...columns }])
  assert.deepEqual(points, [{ name: 'door', passed: [1], refused: [0, 1] }])
  assert.deepEqual(requests, { finished: [2], latencyMs: [40], p99Ms: [30] })
  assert.deepEqual(meter.report().requests?.p99Ms, [], 'of the time since the last report')
})

test('hostile names cost what is bounded: beyond the limit all are one', () => {
  const meter = newMeter()
  for (let i = 0; i < 10_000; i++) {
    meter.used({ ...use, resource: `r${i}` })
    meter.used({ ...use, tenant: `t${i}` })
    meter.passed(`p${i}`, 'x'.repeat(10_000) + i)
  }
  const { workflows, resources, points } = meter.report()
  assert.equal(workflows.length, METER_WORKFLOWS_MAX + 1)
  assert.ok(workflows.includes('(other)'))
  assert.deepEqual([resources.length, points.length], [METER_RESOURCES_MAX, METER_POINTS_MAX])
  assert.ok(JSON.stringify(meter.report()).length < 256 * 1024)
})

test('a name that is too long is cut, and stays one', () => {
  const meter = newMeter()
  const long = 'r'.repeat(300)
  for (let i = 0; i < 3; i++) {
    meter.used({ ...use, resource: long })
    meter.passed(long, 'a')
  }
  const { resources, points } = meter.report()
  assert.deepEqual(
    resources.map(({ load }) => load),
    [[6]],
  )
  assert.deepEqual(
    points.map(({ passed }) => passed),
    [[3]],
  )
})
