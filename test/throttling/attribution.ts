// Three services in a row under the load of three tenants, and what the server was told meanwhile: beside it
// the truth that the services keep themselves. For a test, and for bench retro (E14).
//
// Loads are a second's, smoothed: added up from before the first request until all has faded they are totals.

import { setTimeout as sleep } from 'node:timers/promises'
import type { ResourceView } from '#protocol'
import { Ledger } from './ledger.ts'

export type Amounts = { readonly [tenant: string]: number }

export type Attribution = {
  /** Of CPU, and of time that connections of the pool were held, ms. */
  readonly truth: { readonly cpu: Amounts; readonly db: Amounts }
  /** By name of the resource, in all processes, in a unit of its own. */
  readonly charged: ReadonlyMap<string, Amounts>
}

/** Requests a second. */
export const RATES: Amounts = { big: 9, middle: 12, small: 15 }
const LOAD_MS = 15_000
const SAMPLE_MS = 250

/** Takes half a minute. */
export async function attribute(): Promise<Attribution> {
  const ledger = new Ledger()
  try {
    await ledger.startServer()
    const urls: string[] = []
    for (const name of ['back', 'middle', 'front'])
      urls.unshift(await ledger.startService('attribution-service.mjs', name, {}, urls.slice(0, 1)))
    const charged = await watchWhile(ledger, () => sendAll(urls[0] ?? ''))
    return { truth: await truthOf(urls), charged }
  } finally {
    await ledger.close()
  }
}

/** Parts of what was charged to these tenants. */
export function sharesOf(amounts: Amounts = {}): Amounts {
  const own = Object.entries(amounts).filter(([tenant]) => tenant in RATES)
  const total = own.reduce((sum, [, amount]) => sum + amount, 0)
  return Object.fromEntries(own.map(([tenant, amount]) => [tenant, amount / total]))
}

/** The largest difference between a share as charged and as it was, 0 to 1. */
export function worstError({ truth, charged }: Attribution, resource: 'cpu' | 'db'): number {
  const [found, expected] = [sharesOf(charged.get(resource)), sharesOf(truth[resource])]
  return Math.max(...Object.keys(RATES).map((one) => Math.abs((found[one] ?? 0) - (expected[one] ?? 0))))
}

/** Part of the CPU that is nobody's. */
export function unattributed({ charged }: Attribution): number {
  const cpu = Object.entries(charged.get('cpu') ?? {})
  const sum = (all: typeof cpu) => all.reduce((total, [, one]) => total + one, 0)
  return 1 - sum(cpu.filter(([tenant]) => tenant in RATES)) / sum(cpu)
}

/** Each tenant at its own pace, whatever is answered when. */
async function sendAll(url: string): Promise<void> {
  const tenants = Object.entries(RATES).map(async ([tenant, perSecond]) => {
    const pending: Promise<unknown>[] = []
    for (let i = 0; i < (LOAD_MS / 1000) * perSecond; i++) {
      pending.push(fetch(`${url}/ask/${tenant}`).then((answer) => answer.text()))
      await sleep(1000 / perSecond)
    }
    await Promise.all(pending)
  })
  await Promise.all(tenants)
}

/** Until nothing of a tenant's is left. What a start takes is nobody's, and no part of it. */
async function watchWhile(ledger: Ledger, work: () => Promise<void>): Promise<ReadonlyMap<string, Amounts>> {
  const charged = new Map<string, Record<string, number>>()
  const sample = async (counts: (tenant: string) => boolean): Promise<number> => {
    const { resources } = await ledger.api<{ resources: readonly ResourceView[] }>('/resources')
    let left = 0
    for (const { resource, load } of resources) {
      const name = resource.slice(0, resource.indexOf('@'))
      const sums = charged.get(name) ?? {}
      charged.set(name, sums)
      for (const [tenant, perSecond] of Object.entries(load)) {
        sums[tenant] = (sums[tenant] ?? 0) + perSecond
        if (name === 'cpu' && counts(tenant)) left += perSecond
      }
    }
    return left
  }
  for (let left = Infinity; left > 50; await sleep(SAMPLE_MS)) left = await sample(() => true)
  charged.clear()
  let isOver = false
  const done = work().finally(() => (isOver = true))
  for (let left = Infinity; !isOver || left > 0.5; await sleep(SAMPLE_MS))
    left = await sample((tenant) => tenant in RATES)
  await done
  return charged
}

async function truthOf(urls: readonly string[]): Promise<Attribution['truth']> {
  const all = await Promise.all(
    urls.map(async (url) => (await (await fetch(`${url}/truth`)).json()) as Attribution['truth']),
  )
  const sum = (of: 'cpu' | 'db') =>
    Object.fromEntries(
      Object.keys(RATES).map((tenant) => [tenant, all.reduce((ms, one) => ms + (one[of][tenant] ?? 0), 0)]),
    )
  return { cpu: sum('cpu'), db: sum('db') }
}
