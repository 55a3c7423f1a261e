// A gate with an agent: tenants take turns, and nothing of one gets into another.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Baggage } from '#baggage'
import { context } from '#context'
import { readSettings } from '../agent/settings.ts'
import { startAgent, type Agent } from '../agent/start.ts'
import { startCollector, type Collector } from '../agent/testing/rig.ts'
import { FairGate, Mutex, tags, tenant } from './index.ts'

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

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** An execution of a tenant that makes `count` calls at once. */
function execution(id: string, count: number, call: (i: number) => Promise<unknown>): Promise<unknown> {
  return context.run(Baggage.empty, async () => {
    tenant(id)
    tags.set('who', id)
    await Promise.all(Array.from({ length: count }, (_, i) => call(i)))
  })
}

test('tenants take turns whatever they have in line; each runs as itself', async () => {
  const gate = new FairGate({ name: 'g', slots: 1 })
  const ran: string[] = []
  const work = (id: string) => () =>
    gate.run(async () => {
      assert.equal(tags.get('who'), id)
      ran.push(id)
      await sleep(3)
      assert.equal(tags.get('who'), id)
    })
  await Promise.all([execution('many', 60, work('many')), execution('few', 5, work('few'))])
  assert.equal(ran.length, 65)
  // Its own share is every other call; how long a timer takes is not ours, so half of that will do.
  assert.ok(ran.lastIndexOf('few') < 40, ran.join())
  assert.ok(ran.indexOf('few') < 5, ran.join())
})

test('a mutex goes by arrival, whoever calls', async () => {
  const mutex = new Mutex()
  const ran: string[] = []
  const work = (id: string) => (i: number) => mutex.run(() => ran.push(`${id}${i}`))
  await Promise.all([execution('a', 3, work('a')), execution('b', 2, work('b'))])
  assert.deepEqual(ran, ['a0', 'a1', 'a2', 'b0', 'b1'])
})

test('a weight is a share', async () => {
  const gate = new FairGate({ name: 'g', slots: 1 })
  gate.setWeight('paid', 4)
  const ran: string[] = []
  const work = (id: string) => () =>
    gate.run(async () => {
      ran.push(id)
      await sleep(2)
    })
  await Promise.all([execution('free', 60, work('free')), execution('paid', 60, work('paid'))])
  const early = ran.slice(0, 50).filter((id) => id === 'paid').length
  assert.ok(early >= 32, `${early} of 50 for four fifths`)
})
