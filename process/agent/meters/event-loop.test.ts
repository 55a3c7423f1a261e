// Whose CPU it was: work of known tenants on one event loop, against clocks read around each piece of work.
// Shares are compared by wall time, for so are stretches of a loop: another process may take its CPU away.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { context, currentFrame, runWith, startContext, stopContext } from '#context'
import { openWorkflow } from '../bags.ts'
import { Meters } from './meters.ts'

const workflow = openWorkflow()
const detached = <R>(fn: () => R): R => runWith(undefined, fn)
const tenant = (id: string) => context.update((baggage) => workflow.withTenant(baggage, id))

before(() => startContext('meters'))
after(() => {
  stopContext('meters')
})

/** Loads by workflow of one resource, and what the workers themselves counted: wall time, and CPU in all. */
async function metered(work: (burn: (who: string, ms: number) => void) => Promise<unknown>): Promise<{
  readonly load: (resource: string) => Record<string, number>
  readonly true_: Record<string, number>
  readonly spentMs: number
}> {
  const meters = new Meters({ epoch: 1, reads: workflow, detached, isWanted: true })
  const true_: Record<string, number> = {}
  let spentMs = 0
  meters.enable(() => {})
  meters.named()
  await new Promise((resolve) => setTimeout(resolve, 5))
  await work((who, ms) => {
    const beganMs = performance.now()
    const beforeMs = cpuMs()
    while (cpuMs() - beforeMs < ms);
    spentMs += cpuMs() - beforeMs
    true_[who] = (true_[who] ?? 0) + performance.now() - beganMs
  })
  await new Promise((resolve) => setImmediate(resolve))
  meters.settle()
  const told = meters.usage.told()
  const names = [...meters.usage.workflows.names]
  meters.disable()
  const load = (resource: string) => {
    const found = told.find(({ name }) => name === resource)
    return Object.fromEntries(names.map((name, i) => [name, found?.load[i] ?? 0]))
  }
  return { load, true_, spentMs }
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

const request = (fn: () => Promise<void>): Promise<void> =>
  new Promise((resolve, reject) => {
    setImmediate(() => context.run(context.current(), () => fn().then(resolve, reject)))
  })

function sharesOf(amounts: Record<string, number>): Record<string, number> {
  const total = Object.values(amounts).reduce((sum, one) => sum + one, 0)
  return Object.fromEntries(Object.entries(amounts).map(([name, amount]) => [name, amount / total]))
}

test('CPU of interleaved requests is charged to whose it is, also behind awaits', async () => {
  const weights = { acme: 3, globex: 1.5, initech: 0.5 }
  const { load, true_, spentMs } = await metered(async (burn) => {
    const one = async (who: string, ms: number) => {
      tenant(who)
      for (let i = 0; i < 4; i++) {
        burn(who, ms / 2)
        await Promise.resolve()
        burn(who, ms / 2)
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    const all = Object.entries(weights).flatMap(([who, ms]) =>
      Array.from({ length: 8 }, () => request(() => one(who, ms))),
    )
    await Promise.all(all)
  })
  const cpu = load('cpu')
  const found = sharesOf(cpu)
  const expected = sharesOf(true_)
  for (const who of Object.keys(weights))
    assert.ok(Math.abs((found[who] ?? 0) - (expected[who] ?? 0)) < 0.08, JSON.stringify({ found, expected }))
  assert.ok((found['(none)'] ?? 0) + (found['(background)'] ?? 0) < 0.15, JSON.stringify(found))
  const total = Object.values(cpu).reduce((sum, one) => sum + one, 0)
  assert.ok(total >= spentMs, 'nothing that the thread did is lost')
})

test('what is used before anybody is named goes to the next name of the same execution', async () => {
  const { load, true_ } = await metered(async (burn) => {
    const named = async () => {
      burn('late', 15)
      await new Promise((resolve) => setImmediate(resolve))
      tenant('late')
      burn('late', 5)
    }
    const never = async () => burn('nobody', 2)
    await Promise.all([request(named), request(never)])
  })
  const found = sharesOf(load('cpu'))
  const expected = sharesOf(true_)
  assert.ok((found['late'] ?? 0) > (expected['late'] ?? 1) - 0.15, JSON.stringify({ found, expected }))
})

test('who is not named in time, or ended without a name, is nobody', () => {
  const meters = new Meters({ epoch: 1, reads: workflow, detached, isWanted: false })
  const { usage } = meters
  const columns = usage.resource('cpu', 'cpu')
  assert.ok(columns)
  const use = { count: 1, load: 2, waitMs: 0, waitSq: 0, serviceMs: 2, serviceSq: 4 }
  context.run(context.current(), () => {
    usage.charge(columns, usage.payerHere(), use)
    usage.over(currentFrame()?.scope.execution.root ?? 0, '')
  })
  const at = usage.workflows.names.indexOf('(none)')
  assert.equal(usage.told()[0]?.load[at], 2)
})

test('a batch is charged to its members by their shares', async () => {
  const { load } = await metered(async (burn) => {
    await request(async () => {
      context.update((baggage) =>
        workflow.withMembers(
          baggage,
          new Map([
            ['big', 3],
            ['small', 1],
          ]),
        ),
      )
      for (let i = 0; i < 4; i++) {
        burn('batch', 10)
        await Promise.resolve()
      }
    })
  })
  const { big = 0, small = 0 } = load('cpu')
  assert.ok(small > 5 && Math.abs(big / small - 3) < 0.3, `${big} : ${small}`)
})

test('the loop and the collector are told beside the CPU', async () => {
  const { load } = await metered(async (burn) => {
    await request(async () => {
      tenant('acme')
      burn('acme', 30)
      await new Promise((resolve) => setTimeout(resolve, 200))
    })
  })
  const busy = Object.values(load('loop')).reduce((sum, one) => sum + one, 0)
  assert.ok(busy >= 29, `${busy} ms`)
  assert.ok('acme' in load('gc'))
})
