// Deficit round robin on CPU time: shares, debts, strikes. Time is a number that jobs move.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { FairQueues } from './fair-queues.ts'
import { OWNER_QUEUE_MAX, QUANTUM_MS, QUARANTINE_MS_MIN, STRIKES_MAX } from './limits.ts'

class Machine {
  cpuMs = 0
  nowMs = 0
  readonly spent = new Map<string, number>()
  readonly queues = new FairQueues({ cpuMs: () => this.cpuMs, nowMs: () => this.nowMs })

  offer(owner: string, costMs: number, budgetMs = Infinity): 'queued' | 'full' | 'quarantined' {
    const run = (): void => {
      this.cpuMs += costMs
      this.spent.set(owner, (this.spent.get(owner) ?? 0) + costMs)
    }
    return this.queues.offer(owner, { budgetMs, run })
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
      machine.queues.offer('a', { budgetMs: 1, run: () => void ran.push(i) }),
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
})
