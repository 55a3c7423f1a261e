// Work for several at once: whose it is, in shares, for all that it uses.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Baggage } from '#baggage'
import { context } from '#context'
import { openWorkflow } from '../agent/bags.ts'
import { readSettings } from '../agent/settings.ts'
import { startAgent, type Agent } from '../agent/start.ts'
import { startCollector, type Collector } from '../agent/testing/rig.ts'
import { Queue, tenant } from './index.ts'

const workflow = openWorkflow()
let collector: Collector
let agent: Agent
before(async () => {
  collector = await startCollector()
  agent = startAgent(readSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }))
})
after(async () => {
  agent.stop()
  await collector.close()
})

const as = <R>(id: string | ReadonlyMap<string, number>, fn: () => R): R =>
  context.run(Baggage.empty, () => {
    tenant(id)
    return fn()
  })
const members = () => Object.fromEntries(workflow.members(context.current()) ?? [])
const named = () => workflow.tenant(context.current())

test('named with shares, it is of all of them, and called after the largest', () => {
  as(
    new Map([
      ['small', 1],
      ['large', 3],
    ]),
    () => {
      assert.deepEqual(members(), { large: 3, small: 1 })
      assert.equal(named(), 'large')
    },
  )
  as(new Map([['one', 5]]), () => assert.deepEqual([members(), named()], [{}, 'one']))
  as(
    new Map([
      ['odd', Number.NaN],
      ['', 1],
    ]),
    () => assert.equal(named(), undefined),
  )
})

test('items that are worked on together are of whoever put them in, each by their number', () => {
  const queue = new Queue('log')
  const items = ['a', 'b', 'a', 'c'].map((who) => as(who, () => queue.enqueue()))
  items.push(
    as(
      new Map([
        ['b', 1],
        ['c', 3],
      ]),
      () => queue.enqueue(),
    ),
  )
  const seen = queue.processAll(items, members)
  assert.deepEqual(seen, { a: 2, c: 1.75, b: 1.25 })
  const alone = ['a', 'a'].map((who) => as(who, () => queue.enqueue()))
  assert.deepEqual(
    queue.processAll(alone, () => [members(), named()]),
    [{}, 'a'],
  )
})
