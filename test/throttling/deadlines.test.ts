// Deadlines through two real processes: they travel as the time that remains, what has expired is not begun,
// and what is under way is cancelled.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { PolicyView } from '#protocol'
import { until } from '../system/running.ts'
import { Ledger } from './ledger.ts'

type Counts = { readonly begun: number; readonly done: number; readonly cancelled: readonly string[] }
type Said = { readonly status: number; readonly body: Record<string, unknown> }

const ledger = new Ledger()
let [front, back] = ['', '']
before(async () => {
  await ledger.startServer()
  back = await ledger.startService('deadline-service.mjs', 'back')
  front = await ledger.startService('deadline-service.mjs', 'front', { BACK: back })
})
after(() => ledger.close())

async function get(url: string, signal: AbortSignal | null = null): Promise<Said> {
  const answer = await fetch(url, { signal })
  return { status: answer.status, body: (await answer.json()) as Said['body'] }
}
const through = (withinMs: number, path: string) =>
  get(`${front}/front?${new URLSearchParams({ within: String(withinMs), path })}`)
const counts = async () => (await (await fetch(`${back}/counts`)).json()) as Counts

test('what remains travels, and is less where it arrives', async () => {
  const { status, body } = await through(5_000, '/work?ms=20')
  assert.equal(status, 200)
  const left = Number((body['body'] as { left: number }).left)
  assert.ok(left > 3_000 && left <= 5_000, `${left}`)
  assert.equal((await get(`${back}/work?ms=1`)).body['left'], undefined, 'without one there is none')
})

test('when it passes, the call is aborted, and so is the work behind it', async () => {
  const before = await counts()
  const begunMs = performance.now()
  const { status, body } = await through(300, '/work?ms=20000')
  const tookMs = performance.now() - begunMs
  assert.deepEqual([status, body['code']], [500, 'E_DEADLINE'])
  assert.ok(tookMs >= 290 && tookMs < 10_000, `${tookMs} ms`)
  await until(
    async () => (await counts()).cancelled.length > before.cancelled.length,
    () => 'the work behind it goes on',
    10_000,
  )
  assert.equal((await counts()).done, before.done)
})

test('who has expired in line is dropped when its turn comes; who has time is served', async () => {
  const before = await counts()
  const holder = get(`${back}/row?ms=1000`)
  await until(
    async () => (await counts()).begun > before.begun,
    () => 'nobody holds the gate',
  )
  const late = get(`${front}/front?${new URLSearchParams({ within: '300', path: '/row?ms=1' })}`)
  const patient = through(20_000, '/row?ms=1')
  assert.deepEqual([(await late).status, (await late).body['code']], [500, 'E_DEADLINE'])
  assert.deepEqual([(await holder).status, (await patient).status], [200, 200])
  assert.equal((await counts()).begun - before.begun, 2, 'the holder and the patient')
})

test('who goes away takes its work along', async () => {
  const { cancelled } = await counts()
  const gone = new AbortController()
  const call = get(`${back}/work?ms=20000`, gone.signal)
  await sleep(200)
  gone.abort()
  await assert.rejects(call)
  await until(
    async () => (await counts()).cancelled.length > cancelled.length,
    () => 'nobody tells the work',
    10_000,
  )
  assert.equal((await counts()).cancelled.at(-1), 'AbortError')
})

/** Until the policy `hand` gives `hasty` 300 ms at this point, and others any. */
async function timeAt(point: string, isObeyed: () => Promise<boolean>): Promise<void> {
  await ledger.put('hand', { policy: 'manual', params: { 'seconds.hasty': 0.3 }, points: [point] })
  await until(isObeyed, () => `nobody has less time at ${point}`, 30_000)
  const { settings } = await ledger.api<PolicyView>('/policies/hand')
  assert.ok(settings.every(({ tenant, limitMs }) => tenant === 'hasty' && limitMs === 300))
}

test('a policy gives a tenant its time at a gate: what expires in line is dropped, others are served', async () => {
  await get(`${back}/row?ms=1&tenant=hasty`)
  let said: Said | undefined
  await timeAt('rows', async () => {
    const holder = get(`${back}/row?ms=600`)
    await sleep(50)
    const [hasty, calm] = ['hasty', 'calm'].map((tenant) => get(`${back}/row?ms=1&tenant=${tenant}`))
    said = await hasty
    assert.deepEqual([(await holder).status, (await calm)?.status], [200, 200])
    return said?.status !== 200
  })
  assert.equal(said?.body['code'], 'E_GATE_EXPIRED')
})

test('at calls it is the time of what is called', async () => {
  const left = async (tenant: string) => {
    const { body } = await get(`${front}/front?${new URLSearchParams({ tenant, path: '/work?ms=1' })}`)
    return (body['body'] as { left?: number }).left
  }
  assert.equal(await left('hasty'), undefined)
  await timeAt('http.client:*', async () => ((await left('hasty')) ?? Infinity) <= 300)
  assert.equal(await left('calm'), undefined)
})
