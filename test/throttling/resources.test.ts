// Resources that an application declares are measured and told like those that the agent knows: whose load
// they bear, and how slow they are.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ResourceView } from '#protocol'
import { until } from '../system/running.ts'
import { Ledger } from './ledger.ts'

const ledger = new Ledger()
let url = ''
before(async () => {
  await ledger.startServer()
  url = await ledger.startService('resource-service.mjs', 'print-shop')
})
after(() => ledger.close())

async function declared(name: string): Promise<ResourceView | undefined> {
  const { resources } = await ledger.api<{ resources: readonly ResourceView[] }>('/resources')
  return resources.find(({ resource }) => resource.startsWith(`${name}@`))
}

/** acme three times, globex once, for as long as `work` takes. */
async function whileBusy(work: () => Promise<void>): Promise<void> {
  let isOver = false
  const clients = ['acme', 'acme', 'acme', 'globex'].map(async (tenant) => {
    while (!isOver) {
      assert.equal(await (await fetch(`${url}/?tenant=${tenant}`)).text(), 'encoded')
      await sleep(20)
    }
  })
  await work().finally(() => (isOver = true))
  await Promise.all(clients)
}

test('a declared resource has its kind, its slowdown, and the load of each tenant', async () => {
  await whileBusy(async () => {
    let seen: ResourceView | undefined
    const shareOf = (view: ResourceView | undefined): number => {
      const { acme = 0, globex = 0 } = view?.load ?? {}
      return acme / (acme + globex)
    }
    await until(
      async () => {
        seen = await declared('printer')
        return Math.abs(shareOf(seen) - 0.75) < 0.06 && Math.abs((seen?.slowdown ?? 0) - 4) < 0.01
      },
      () => `the printer is told as ${JSON.stringify(seen)}`,
    )
    assert.deepEqual([seen?.kind, seen?.service], ['other', 'print-shop'])
    await until(
      async () => Math.abs(shareOf((seen = await declared('encoder'))) - 0.75) < 0.06,
      () => `the encoder is told as ${JSON.stringify(seen)}`,
    )
    assert.deepEqual([seen?.kind, seen?.slowdown], ['pool', 1], 'nobody waits for it')
  })
})
