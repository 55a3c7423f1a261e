// Deficit round robin on CPU time: shares, debts, strikes. Time is a number that jobs move.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { FairQueues, type Spent } from './fair-queues.ts'
import { OWNER_QUEUE_MAX, QUANTUM_MS, QUARANTINE_MS_MIN, STRIKES_MAX } from './limits.ts'

class Machine {
  cpuMs = 0
  nowMs = 0
  readonly spent = new Map<string, number>()
  readonly refused: string[] = []
  readonly queues = new FairQueues({ cpuMs: () => this.cpuMs, nowMs: () => this.nowMs })

  offer(owner: string, costMs: number, budgetMs = Infinity): 'queued' | 'full' | 'quarantined' {
    const run = (): void => {
      this.cpuMs += costMs
      this.spent.set(owner, (this.spent.get(owner) ?? 0) + costMs)
    }
    return this.queues.offer(owner, { budgetMs, run, refuse: () => void this.refused.push(owner) })
  }

  /** All owners always have work; until so much CPU is spent. */
  saturate(costs: Readonly<Record<string, number>>, untilMs: number, serve: () => void): void {
    while (this.cpuMs < untilMs) {
      for (const [owner, cost] of Object.entries(costs)) while (this.offer(owner, cost) === 'queued');
      serve()
    }
  }
}

describe('queues by owner', () => {
  it('owners with work share the CPU equally, whatever one job costs', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.2, max: 50, noNaN: true }), { minLength: 2, maxLength: 6 }),
        (list) => {
          const machine = new Machine()
          const costs = Object.fromEntries(list.map((cost, i) => [`o${i}`, cost]))
          // Sixteen jobs of 0.2 ms outlast a quantum: nobody is ever without work.
          const endMs = 500
          machine.saturate(costs, endMs, () => machine.queues.runFor(0.001))
          const largest = Math.max(...list)
          for (const owner of Object.keys(costs)) {
            const share = machine.cpuMs / list.length
            const own = machine.spent.get(owner) ?? 0
            // No owner is further behind or ahead than a quantum and the largest job of each.
            const within = (QUANTUM_MS + largest) * list.length
            assert.ok(Math.abs(own - share) <= within, `${owner}: ${own} of ${share} +- ${within}`)
          }
        },
      ),
      { numRuns: 25 },
    )
  })

  it('in rounds of small shares a dear owner waits for its debt, cheap ones are served each time', () => {
    const machine = new Machine()
    let rounds = 0
    machine.saturate({ dear: 10, cheap: 0.04 }, 400, () => {
      machine.queues.runRound(0.05)
      rounds++
    })
    assert.ok((machine.spent.get('cheap') ?? 0) >= rounds * 0.04)
    assert.ok((machine.spent.get('dear') ?? 0) <= rounds * 0.05 + 10)
  })

  it('runs every job once, in order of an owner, and refuses what has no room', () => {
    const machine = new Machine()
    const ran: number[] = []
    const offered = Array.from({ length: OWNER_QUEUE_MAX + 3 }, (_, i) =>
      machine.queues.offer('a', { budgetMs: 1, run: () => void ran.push(i), refuse: () => undefined }),
    )
    assert.deepEqual(offered.slice(-4), ['queued', 'full', 'full', 'full'])
    assert.ok(machine.queues.isFull('a') && !machine.queues.hasRoom('a'))
    machine.queues.runFor(1)
    assert.deepEqual(
      ran,
      ran.map((_, i) => i),
    )
    while (!machine.queues.isIdle) {
      machine.cpuMs += 1
      machine.queues.runFor(1)
    }
    assert.equal(ran.length, OWNER_QUEUE_MAX)
    assert.equal(machine.queues.use().get('a')?.refused, 3)
  })

  it('the last strike quarantines, one less does not; each time is twice as long', () => {
    const machine = new Machine()
    const strike = (count: number): void => {
      for (let i = 0; i < count; i++) {
        assert.equal(machine.offer('wild', 5, 1), 'queued')
        machine.queues.runFor(10)
      }
    }
    strike(STRIKES_MAX - 1)
    assert.ok(machine.queues.hasRoom('wild'))
    strike(1)
    assert.equal(machine.offer('wild', 5, 1), 'quarantined')
    assert.deepEqual(machine.queues.quarantined(), ['wild'])
    assert.equal(machine.offer('calm', 0.1, 1), 'queued')
    machine.nowMs += QUARANTINE_MS_MIN
    strike(STRIKES_MAX)
    machine.nowMs += QUARANTINE_MS_MIN
    assert.equal(machine.offer('wild', 5, 1), 'quarantined')
    machine.nowMs += QUARANTINE_MS_MIN
    assert.equal(machine.offer('wild', 5, 1), 'queued')
  })

  it('strikes that are long ago do not count', () => {
    const machine = new Machine()
    for (let i = 0; i < 3 * STRIKES_MAX; i++) {
      machine.nowMs += 10_000
      assert.equal(machine.offer('slow', 5, 1), 'queued')
      machine.queues.runFor(10)
    }
  })

  it('what waits when its owner comes to rest is refused at once', () => {
    const machine = new Machine()
    for (let i = 0; i < STRIKES_MAX - 1; i++) {
      machine.offer('wild', 5, 1)
      machine.queues.runFor(10)
    }
    for (let i = 0; i < 5; i++) assert.equal(machine.offer('wild', 5, 1), 'queued')
    machine.offer('calm', 0.1)
    machine.queues.runFor(100)
    assert.deepEqual(machine.refused, ['wild', 'wild', 'wild', 'wild'])
    assert.deepEqual([machine.queues.use().get('wild')?.waiting, machine.spent.get('calm')], [0, 0.1])
  })
})

/** Work that goes on elsewhere, so many pieces at once; its time passes when the test says so. */
class Elsewhere {
  readonly queues = new FairQueues({ cpuMs: () => 0, nowMs: () => 0, onBack: () => this.serve() })
  readonly spent = new Map<string, number>()
  readonly #slots: number
  #running: { readonly owner: string; leftMs: number; end(): void }[] = []

  constructor(slots: number) {
    this.#slots = slots
  }

  get running(): readonly string[] {
    return this.#running.map(({ owner }) => owner)
  }

  serve(): void {
    this.queues.startAway(this.#slots)
  }

  offer(owner: string, costMs: number, verdict: 'fine' | 'rest' = 'fine'): string {
    const run = (): Promise<Spent> => {
      const { promise, resolve } = Promise.withResolvers<Spent>()
      const end = (): void => resolve({ cpuMs: costMs, verdict })
      this.#running.push({ owner, leftMs: costMs, end })
      return promise
    }
    return this.queues.offer(owner, { budgetMs: Infinity, run, refuse: () => undefined })
  }

  /** Until the next piece ends. */
  async step(): Promise<void> {
    const ms = Math.min(...this.#running.map(({ leftMs }) => leftMs))
    for (const one of this.#running) {
      one.leftMs -= ms
      this.spent.set(one.owner, (this.spent.get(one.owner) ?? 0) + ms)
      if (one.leftMs <= 0) one.end()
    }
    this.#running = this.#running.filter(({ leftMs }) => leftMs > 0)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

describe('jobs that go on elsewhere', () => {
  it('an owner has one of them at a time, and no more are under way than may be', async () => {
    const machine = new Elsewhere(2)
    for (const owner of ['a', 'a', 'b', 'c']) machine.offer(owner, 1)
    machine.serve()
    assert.deepEqual(machine.running, ['a', 'b'])
    await machine.step()
    assert.deepEqual(machine.running, ['a', 'c'], 'a goes on with what is left of its turn')
  })

  it('owners share the time there equally, whatever one job costs', async () => {
    const machine = new Elsewhere(1)
    const costs = { dear: 90, middling: 7, cheap: 0.5 }
    for (let steps = 0; steps < 3_000; steps++) {
      for (const [owner, cost] of Object.entries(costs)) while (machine.offer(owner, cost) === 'queued');
      machine.serve()
      await machine.step()
    }
    const spent = Object.keys(costs).map((owner) => machine.spent.get(owner) ?? 0)
    const within = 2 * (QUANTUM_MS + costs.dear)
    assert.ok(Math.max(...spent) - Math.min(...spent) <= within, `${spent.join()} +- ${within}`)
  })

  it('one that says so puts its owner to rest, and what it has waiting is refused', async () => {
    const machine = new Elsewhere(1)
    machine.offer('wild', 1, 'rest')
    machine.offer('wild', 1)
    machine.serve()
    await machine.step()
    assert.deepEqual([machine.running, machine.queues.quarantined()], [[], ['wild']])
    assert.equal(machine.offer('wild', 1), 'quarantined')
    assert.equal(machine.queues.use().get('wild')?.refused, 2)
  })
})
