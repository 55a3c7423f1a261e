// Requests that are held, refused and let go by a real process with the agent: on the way in, on the way out.
// A held tenant may pass once in ten seconds; the order is taken back long before.

import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { after, before, describe, test } from 'node:test'
import { Baggage, loadBdl, type BagType } from '#baggage'
import type { ControlOrder } from '#protocol'
import { REFUSAL_DELAY_MS } from './limits.ts'
import { openSigner, startControlPlane, type ControlPlane } from '../testing/control-server.ts'
import { closed, listen, NODES, startService, until as untilWithin, type Service } from '../testing/rig.ts'

const types = loadBdl('bag Tenant = 14 { string id = 0; } bag Deadline = 16 { fixed32 ms = 0; }')
const Tenant = types['Tenant'] as BagType<{ id?: string }>
const Deadline = types['Deadline'] as BagType<{ ms?: number }>

const until = (what: string, holds: () => boolean) => untilWithin(what, holds, 30_000)
const wire = (baggage: Baggage) => `cc=${Buffer.from(baggage.encode()).toString('base64url')}`
const named = (id: string) => Tenant.write(Baggage.empty, { id })
/** Ordered all the time: the first order after none acts a second later at calls. */
const other = { point: 'other', workflow: 'nobody', weight: 2 }
const setting = { workflow: 'greedy', rate: 0.1, weight: 1 }

const codeOf = async (answer: Response) => ((await answer.json()) as { error: { code: string } }).error.code

/** The oldest and the newest: in between nothing is done otherwise. */
const ENDS = NODES.filter((_, i) => i === 0 || i === NODES.length - 1)

for (const node of ENDS) {
  describe(`on Node ${node.name}`, () => {
    let plane: ControlPlane
    let service: Service
    let upstream: ReturnType<typeof createServer>
    let clientPoint = ''
    const remaining: (number | undefined)[] = []
    const calls = new Set<Promise<unknown>>()

    before(async () => {
      plane = await startControlPlane()
      upstream = createServer((request, response) => {
        const member = /cc=([\w-]+)/.exec(String(request.headers['baggage']))?.[1] ?? ''
        remaining.push(Deadline.read(Baggage.decodeLenient(Buffer.from(member, 'base64url')))?.ms)
        request.resume().on('end', () => response.end('answered'))
      })
      const url = await listen(upstream)
      clientPoint = `http.client:${new URL(url).host}`
      const env = {
        UPSTREAM: url,
        OTEL_SERVICE_NAME: 'shop',
        OTEL_TRACES_EXPORTER: 'none',
        CROSSCUT_SERVER: plane.url,
        CROSSCUT_TOKEN: plane.token,
      }
      service = await startService({ file: './points.mjs', node: node.path, env })
      await until('it says hello', () => plane.reports.has('shop'))
    })
    after(async () => {
      plane.order('shop', [])
      await Promise.allSettled(calls)
      await service.stop()
      await plane.close()
      await closed(upstream)
    })

    const obeyed = () => plane.reports.get('shop')?.measured?.obeyed
    const drops = () => plane.reports.get('shop')?.drops ?? {}
    const order = async (settings: ControlOrder['settings'], forMs?: number) => {
      const before = obeyed() ?? 0
      const signed = plane.order('shop', [...settings, other], forMs)
      // A state is answered with a report at once.
      plane.tell({})
      await until('the order is obeyed', () => (obeyed() ?? 0) > before)
      return signed
    }
    const send = (path: string, baggage: Baggage, init: RequestInit = {}) =>
      fetch(`${service.url}${path}`, { ...init, headers: { baggage: wire(baggage) } })
    const ask = async (path: string, tenant: string) => {
      const call = send(path, named(tenant)).then((answer) => answer.text())
      calls.add(call)
      return await call.finally(() => calls.delete(call))
    }
    /** Asks again and again, until so many wait at once: they are held. Gives how often it asked. */
    const hold = async (path: string, count: number): Promise<number> => {
      let asked = 0
      const timer = setInterval(() => {
        asked += 1
        void ask(path, 'greedy').catch(() => {})
      }, 30)
      const isHeld = async () => {
        const seen = [...calls]
        // What is only slow is answered while others are.
        for (let i = 0; i < 5; i++) await ask('/hello', 'modest')
        return seen.filter((call) => calls.has(call)).length >= count
      }
      try {
        do await until(`${count} wait at ${path}`, () => calls.size >= count)
        while (!(await isHeld()))
      } finally {
        clearInterval(timer)
      }
      return asked
    }
    /** Asks until the line is full. */
    const refusal = async (): Promise<Response> => {
      let refused: Response | undefined
      const timer = setInterval(() => {
        const call = send('/hello', named('greedy')).then((answer) => {
          if (answer.status === 429) refused ??= answer
        })
        calls.add(call)
        void call.catch(() => {}).finally(() => calls.delete(call))
      }, 30)
      await until('one is refused', () => refused !== undefined).finally(() => clearInterval(timer))
      return refused as Response
    }
    /** What greedy's calls have waited for connections. */
    const waitedMs = async (): Promise<number> => {
      const before = plane.reports.get('shop')
      plane.tell({})
      await until('it reports', () => plane.reports.get('shop') !== before)
      const { workflows = [], resources = [] } = plane.reports.get('shop')?.measured ?? {}
      return resources.find(({ name }) => name === clientPoint)?.waitMs[workflows.indexOf('greedy')] ?? 0
    }
    const arrived = () => {
      const { workflows = [], points = [] } = plane.reports.get('shop')?.measured ?? {}
      return points.find(({ name }) => name === 'http.server:shop')?.passed[workflows.indexOf('greedy')] ?? 0
    }

    test('what passes is counted for its tenant while nothing is ordered', async () => {
      assert.equal(await ask('/hello', 'modest'), 'hello for ever')
      assert.equal(await ask('/fetch', 'modest'), 'answered')
      await until('both points are reported', () => {
        const { workflows = [], points = [] } = plane.reports.get('shop')?.measured ?? {}
        const at = workflows.indexOf('modest')
        const passed = (name: string) => points.find((point) => point.name === name)?.passed[at]
        return passed('http.server:shop') === 2 && passed(clientPoint) === 1
      })
    })

    test('on the way in: waits, is refused with Retry-After; others pass; the order taken back, it goes on', async () => {
      await order([{ ...setting, point: 'http.server:shop', rate: 0.25 }])
      assert.equal(await ask('/hello', 'greedy'), 'hello for ever', 'the first one owes nothing yet')
      const held = ask('/hello', 'greedy')
      // The second place in line is 8 s away: it is told to come again; at once, if it has a deadline.
      const askedMs = performance.now()
      const hasty = await send('/hello', Deadline.write(named('greedy'), { ms: 7_000 }))
      assert.equal(hasty.status, 429)
      const refused = await refusal()
      assert.ok(performance.now() - askedMs >= REFUSAL_DELAY_MS)
      assert.ok(Number(refused.headers.get('retry-after')) >= 4)
      assert.equal(await codeOf(refused), 'E_THROTTLED')
      assert.equal(await ask('/hello', 'modest'), 'hello for ever')
      await order([])
      assert.equal(await held, 'hello for ever')
    })

    test('a client that goes away while it waits is not served, and makes room', async () => {
      await order([{ ...setting, point: 'http.server:shop', rate: 0.25 }])
      await ask('/hello', 'greedy')
      const controller = new AbortController()
      const gone = send('/fetch', named('greedy'), { signal: controller.signal })
      const refusedBefore = (await send('/hello', named('greedy'))).status
      controller.abort()
      await assert.rejects(gone)
      const calledBefore = remaining.length
      // Its place is free as soon as the process hears of it.
      await hold('/hello', 1)
      const waiting = [...calls]
      await order([])
      assert.ok((await Promise.all(waiting)).includes('hello for ever'))
      assert.deepEqual([refusedBefore, remaining.length - calledBefore], [429, 0])
    })

    for (const way of ['fetch', 'undici', 'http'])
      test(`on the way out by ${way}: waits before anything is sent, and is sent once`, async () => {
        await order([{ ...setting, point: clientPoint }])
        const before = remaining.length
        const waitedBefore = await waitedMs()
        const asked = await hold(`/${way}`, 2)
        const heldSince = performance.now()
        const waiting = [...calls]
        await new Promise((resolve) => setTimeout(resolve, 300))
        const heldMs = performance.now() - heldSince
        await order([])
        assert.deepEqual(new Set(await Promise.all(waiting)), new Set(['answered']))
        assert.equal(remaining.length - before, asked)
        // Two were held so long: the policy's doing, and not that of a full pool.
        const waited = (await waitedMs()) - waitedBefore
        assert.ok(waited < heldMs, `${waited} ms waited for connections, ${heldMs} held`)
      })

    test('a call that is given up while it waits ends as one without a connection, and is never sent', async () => {
      await order([{ ...setting, point: clientPoint }])
      await hold('/fetch', 2)
      const before = remaining.length
      assert.equal(await ask('/abandoned', 'greedy'), 'ECONNRESET close')
      assert.equal(remaining.length, before)
      await order([])
    })

    for (const way of ['fetch', 'undici', 'http'])
      test(`a deadline that passes while a call by ${way} waits: the call fails, nothing is sent`, async () => {
        await order([{ ...setting, point: clientPoint }])
        const before = remaining.length
        const asked = await hold('/fetch', 2)
        const arrivedBefore = arrived()
        const late = ask(`/${way}?within=1`, 'greedy')
        const asking = setInterval(() => plane.tell({}), 50)
        await until('it has arrived', () => arrived() > arrivedBefore).finally(() => clearInterval(asking))
        await new Promise((resolve) => setTimeout(resolve, 5))
        await order([])
        assert.equal(await late, 'E_DEADLINE')
        await Promise.all(calls)
        assert.equal(remaining.length - before, asked)
      })

    test('a deadline travels as what remains of it; what has passed on arrival is answered 504', async () => {
      const before = remaining.length
      await ask('/fetch?within=5000', 'modest')
      await ask('/http?within=5000', 'modest')
      const within = (baggage: Baggage, ms: number) => Deadline.write(baggage, { ms })
      await (await send('/fetch', within(named('modest'), 7_000))).text()
      await (await send('/undici?within=90000', within(named('modest'), 7_000))).text()
      await ask('/fetch', 'modest')
      const [a = 0, b = 0, c = 0, d = 0, e] = remaining.slice(before)
      for (const ms of [a, b]) assert.ok(ms > 0 && ms <= 5_000, `${ms}`)
      for (const ms of [c, d]) assert.ok(ms > 0 && ms <= 7_000, `${ms}: the nearer one holds`)
      assert.equal(e, undefined)
      const late = await send('/hello', within(named('modest'), 0))
      assert.deepEqual([late.status, await codeOf(late)], [504, 'E_DEADLINE'])
      assert.equal(await (await send('/hello', within(named('modest'), 9_000))).text(), 'hello for a while')
    })

    test('who holds a lock passes a point where others of its tenant wait', async () => {
      await order([{ ...setting, point: 'inner' }])
      await hold('/inner', 2)
      assert.equal(await ask('/lock', 'greedy'), 'done')
      assert.ok(calls.size >= 2, 'they wait still')
      await order([])
    })

    test('orders twice, from before, forged and of nonsense change nothing and are counted', async () => {
      const point = 'http.server:shop'
      const first = await order([{ ...setting, point, rate: 0.001 }])
      await order([])
      plane.orderRaw(first)
      await until('the old one is counted', () => drops()['order-old'] === 1)
      const agent = plane.hellos.find((hello) => hello.service === 'shop')?.agent ?? ''
      const said = { control: 1, agent, sentMs: Date.now() + 1e6, forMs: 30_000 } as const
      plane.orderRaw(openSigner().sign({ ...said, settings: [{ ...setting, point }] }))
      plane.orderRaw(plane.signer.sign({ ...said, settings: [{ ...setting, point, rate: -1 }] }))
      plane.orderRaw({ payload: '', signature: '', publicKey: '' })
      await until('the others are counted', () => drops()['order-refused'] === 3)
      for (let i = 0; i < 3; i++) assert.equal(await ask('/hello', 'greedy'), 'hello for ever')
    })

    test('an order that nobody renews ends, and a server that is gone holds nobody', async () => {
      await order([{ ...setting, point: 'http.server:shop', rate: 0.25 }], 1_500)
      await ask('/hello', 'greedy')
      const held = ask('/hello', 'greedy')
      plane.dropStreams()
      assert.equal(await held, 'hello for ever')
      for (let i = 0; i < 3; i++) assert.equal(await ask('/hello', 'greedy'), 'hello for ever')
    })
  })
}
