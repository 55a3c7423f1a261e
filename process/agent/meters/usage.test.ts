// More tenants than places: who keeps one when the table begins anew, and when it does.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openWorkflow } from '../bags.ts'
import { METER_WORKFLOWS_MAX } from '../limits.ts'
import { useOf } from './columns.ts'
import { RENEW_MS_MIN } from './limits.ts'
import { Usage } from './usage.ts'

/** A full table: `steady` with 100 ms, and others with one each; a look at it has been taken. */
function full() {
  const clock = { nowMs: 0 }
  const usage = new Usage({ epoch: 1, reads: openWorkflow(), nowMs: () => clock.nowMs })
  const uses = (tenant: string, ms: number) => {
    const columns = usage.resource('db', 'pool')
    if (columns !== undefined) usage.charge(columns, usage.payerNamed(tenant), useOf(0, ms, ms))
  }
  const minuteLater = () => {
    clock.nowMs += RENEW_MS_MIN
    return usage.renewed()
  }
  uses('steady', 100)
  for (let i = 1; i < METER_WORKFLOWS_MAX; i++) uses(`early-${i}`, 1)
  assert.equal(minuteLater(), false)
  return { usage, uses, minuteLater }
}

test('others have much: who used most in the last minute keeps a place, who comes next has one', () => {
  const { usage, uses, minuteLater } = full()
  uses('steady', 100)
  for (let i = 0; i < 100_000; i++) uses(`late-${i}`, 0.01)
  assert.equal(usage.workflows.names.length, METER_WORKFLOWS_MAX + 1)
  assert.equal(minuteLater(), true)
  assert.deepEqual([usage.epoch, usage.workflows.names], [2, ['steady']])
  assert.deepEqual(usage.told()[0]?.load, [], 'totals begin anew with the places')
  uses('new', 5)
  assert.deepEqual(usage.workflows.names, ['steady', 'new'])
})

test('others have less than a tenth: everybody stays, however long', () => {
  const { usage, uses, minuteLater } = full()
  for (let minute = 0; minute < 5; minute++) {
    uses('steady', 100)
    uses(`late-${minute}`, 9)
    assert.equal(minuteLater(), false, `minute ${minute}`)
  }
  uses('steady', 100)
  uses('late', 15)
  assert.equal(usage.renewed(), false, 'not before a minute is over')
  assert.equal(minuteLater(), true)
})
