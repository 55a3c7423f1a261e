// LatencySLO on the demo, with real processes: three phases, in each another tenant floods. How soon is `web`
// back under its target, does it stay there, and what do the two who are not to blame get done?
//
//   calm | reports floods: nobody is held, then the policy | calm | crawler ... | calm | batch ... | calm
//
// reports scans tables (the gateway, its connections, disks), crawler lists and renames (the namenode's
// lock), batch has tables sorted (the worker's CPU). Bounds: back within 10 s, at most 10 % of later seconds
// above, innocent goodput at least 95 % of that in the calm before it, less what two calms differ by.
// CROSSCUT_BENCH_SHORT=1: phases of 20 s.

import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TenantView } from '#protocol'
import { Crosscut, until } from '../test/system/running.ts'
import { runDirectly, summarize, type BenchRow } from './measure.ts'

const DEMO = path.join(import.meta.dirname, '..', 'demo', 'main.ts')
const SECONDS = process.env['CROSSCUT_BENCH_SHORT'] === '1' ? 20 : 60
const VICTIM = 'web'
const TARGET_MS = 20
/** Its clients, and the process that has them. */
const CULPRITS = { reports: 48, crawler: 64, batch: 48 } as const
type Culprit = keyof typeof CULPRITS

/** What was seen in each second. */
type Second = { readonly victimMs: number; readonly perSecond: Readonly<Record<string, number>> }

export async function bench(): Promise<BenchRow[]> {
  const shelf = await Shelf.start()
  try {
    const before = await shelf.watch(SECONDS)
    const rows: BenchRow[] = []
    let calm = before
    for (const culprit of Object.keys(CULPRITS) as Culprit[]) {
      await shelf.flood(culprit, CULPRITS[culprit])
      const without = await shelf.watch(SECONDS / 3)
      await shelf.promise()
      const phase = await shelf.watch(SECONDS)
      await shelf.flood(culprit, 0)
      await shelf.release()
      await sleep(10_000)
      rows.push(...rowsOf(culprit, { without, phase, calm }))
      calm = await shelf.watch(SECONDS)
    }
    return [
      ...rows,
      row({ metric: 'goodput of two calms', subject: 'A/A', unit: 'x' }, goodputRatio(calm, before, [])),
    ]
  } finally {
    await shelf.close()
  }
}

type Seen = Readonly<Record<'without' | 'phase' | 'calm', readonly Second[]>>

function rowsOf(culprit: Culprit, { without, phase, calm }: Seen): BenchRow[] {
  const subject = `latency-slo, ${culprit} floods, ${SECONDS} s`
  const isAbove = ({ victimMs }: Second) => victimMs > TARGET_MS
  const backAfter = phase.findIndex((second) => !isAbove(second))
  const later = phase.slice(10)
  return [
    {
      bench: 'slo-demo',
      metric: `mean latency of ${VICTIM}`,
      subject,
      unit: 'ms',
      peer: 'none',
      ...summarize(
        [mean(later.map(({ victimMs }) => victimMs))],
        [mean(without.slice(5).map(({ victimMs }) => victimMs))],
      ),
    },
    row({ metric: 'back under the target after', subject, unit: 's' }, backAfter < 0 ? SECONDS : backAfter),
    row(
      { metric: 'later seconds above', subject, unit: 'part' },
      later.filter(isAbove).length / later.length,
    ),
    row(
      { metric: 'goodput of who is not to blame', subject, unit: 'x of calm' },
      goodputRatio(phase, calm, [culprit, VICTIM]),
    ),
  ]
}

function row(named: Pick<BenchRow, 'metric' | 'subject' | 'unit'>, value: number): BenchRow {
  return { bench: 'slo-demo', ...named, peer: null, ...summarize([value]) }
}

/** Requests of all others, after ten seconds of each. */
function goodputRatio(seen: readonly Second[], peer: readonly Second[], but: readonly string[]): number {
  const total = (seconds: readonly Second[]) =>
    mean(
      seconds.slice(10).map(({ perSecond }) =>
        Object.entries(perSecond)
          .filter(([tenant]) => !but.includes(tenant))
          .reduce((sum, [, rate]) => sum + rate, 0),
      ),
    )
  return total(seen) / total(peer)
}

const mean = (values: readonly number[]): number => values.reduce((sum, one) => sum + one, 0) / values.length

/** The demo under its own load, watched and steered by a server of its own. */
class Shelf {
  readonly #crosscut = new Crosscut()
  #said: () => string = () => ''

  static async start(): Promise<Shelf> {
    const shelf = new Shelf()
    const crosscut = await shelf.#crosscut.start()
    const env = { CROSSCUT_TENANT: 'header:x-tenant' }
    shelf.#said = (await crosscut.run([DEMO], env, /shelf ready/)).output
    await until(
      async () => Object.keys((await shelf.#look()).perSecond).length >= 5,
      () => 'the tenants of the demo are not seen',
    )
    return shelf
  }

  async watch(seconds: number): Promise<readonly Second[]> {
    const seen: Second[] = []
    for (let i = 0; i < seconds; i++) {
      await sleep(1_000)
      seen.push(await this.#look())
    }
    return seen
  }

  async flood(tenant: Culprit, clients: number): Promise<void> {
    const process = new RegExp(`process client-\\S*${tenant}\\S* (\\S+)`).exec(this.#said())?.[1]
    await fetch(`${process}/flood?${new URLSearchParams({ tenant, clients: String(clients) })}`, {
      method: 'POST',
    })
  }

  async promise(): Promise<void> {
    const body = JSON.stringify({ policy: 'latency-slo', targets: { [VICTIM]: { latencyMs: TARGET_MS } } })
    await this.#crosscut.api('/policies/slo', { method: 'PUT', body })
  }

  async release(): Promise<void> {
    await this.#crosscut.api('/policies/slo', { method: 'DELETE' })
  }

  async #look(): Promise<Second> {
    const { tenants } = await this.#crosscut.api<{ tenants: readonly TenantView[] }>('/tenants')
    const named = tenants.filter(({ tenant }) => !tenant.startsWith('('))
    return {
      victimMs: named.find(({ tenant }) => tenant === VICTIM)?.latencyMs ?? 0,
      perSecond: Object.fromEntries(named.map(({ tenant, perSecond }) => [tenant, perSecond])),
    }
  }

  close(): Promise<void> {
    return this.#crosscut.close()
  }
}

await runDirectly(import.meta.url, bench)
