// Short queues of work by owner, served by deficit round robin on CPU time; who costs too much too
// often rests.
//
//   offer(owner, job) -> queued | full (the caller takes it to the delayed queue) | quarantined
//   runFor(ms)        -> round robin: each owner with work gets QUANTUM_MS a round; a job is run to its end
//                        and its CPU time is paid then: a dear one leaves a debt that later rounds pay off
//   runRound(quantum) -> one round of so little each: whoever has debts is passed over
//   strike            a job over its budget; STRIKES_MAX within STRIKE_WINDOW_MS = quarantine, doubled
//                     each time
//
// Pure but for what a job does: CPU time and wall time come in as ports. Owner: the feature worker.
// Source: Shreedhar and Varghese, "Efficient fair queuing using deficit round robin"; Canopy 4.2 (isolation
// queues of five traces, by owner).

import { assert } from '#base'
import {
  OWNER_QUEUE_MAX,
  OWNERS_MAX,
  QUANTUM_MS,
  QUARANTINE_MS_MAX,
  QUARANTINE_MS_MIN,
  STRIKE_WINDOW_MS,
  STRIKES_MAX,
} from './limits.ts'

export type Job = {
  /** CPU that it may take; more is a strike. */
  readonly budgetMs: number
  run(): void
}

export type OwnerUse = {
  /** In its queue now. */
  readonly waiting: number
  readonly cpuMs: number
  readonly jobs: number
  readonly overBudget: number
  readonly refused: number
  readonly quarantines: number
  readonly quarantinedUntilMs?: number
}

type Owner = {
  readonly name: string
  readonly queue: Job[]
  deficitMs: number
  strikesMs: number[]
  quarantinedUntilMs: number
  quarantineMs: number
  use: { cpuMs: number; jobs: number; overBudget: number; refused: number; quarantines: number }
}

export class FairQueues {
  readonly #cpuMs: () => number
  readonly #nowMs: () => number
  readonly #owners = new Map<string, Owner>()
  /** Owners with work, the next to be served first. */
  #round: Owner[] = []

  constructor(ports: { readonly cpuMs: () => number; readonly nowMs: () => number }) {
    this.#cpuMs = ports.cpuMs
    this.#nowMs = ports.nowMs
  }

  get isIdle(): boolean {
    return this.#round.length === 0
  }

  offer(name: string, job: Job): 'queued' | 'full' | 'quarantined' {
    const owner = this.#ownerOf(name)
    const isResting = owner.quarantinedUntilMs > this.#nowMs()
    if (isResting || owner.queue.length >= OWNER_QUEUE_MAX) {
      owner.use.refused++
      return isResting ? 'quarantined' : 'full'
    }
    if (owner.queue.length === 0) this.#round.push(owner)
    owner.queue.push(job)
    return 'queued'
  }

  hasRoom(name: string): boolean {
    const owner = this.#owners.get(name)
    return (
      owner === undefined ||
      (owner.queue.length < OWNER_QUEUE_MAX && owner.quarantinedUntilMs <= this.#nowMs())
    )
  }

  /** For as long as it can be. */
  quarantine(name: string): void {
    const owner = this.#ownerOf(name)
    owner.quarantineMs = QUARANTINE_MS_MAX
    owner.quarantinedUntilMs = this.#nowMs() + QUARANTINE_MS_MAX
    owner.use.quarantines++
  }

  isFull(name: string): boolean {
    return (this.#owners.get(name)?.queue.length ?? 0) >= OWNER_QUEUE_MAX
  }

  quarantined(): string[] {
    const nowMs = this.#nowMs()
    return [...this.#owners.values()].flatMap((one) => (one.quarantinedUntilMs > nowMs ? [one.name] : []))
  }

  /** Serves owners in turn until none has work or so much CPU is spent; one job may exceed it. */
  runFor(ms: number): void {
    const endMs = this.#cpuMs() + ms
    while (this.#round.length > 0 && this.#cpuMs() < endMs) this.#serve(QUANTUM_MS)
  }

  runRound(quantumMs: number): void {
    for (let left = this.#round.length; left > 0; left--) this.#serve(quantumMs)
  }

  /** The next owner's turn. */
  #serve(quantumMs: number): void {
    const owner = this.#round.shift()
    if (owner === undefined) return
    owner.deficitMs += quantumMs
    while (owner.queue.length > 0 && owner.deficitMs > 0) this.#runOne(owner)
    // Who has nothing to do saves nothing up; a debt stays.
    if (owner.queue.length > 0) this.#round.push(owner)
    else owner.deficitMs = Math.min(0, owner.deficitMs)
  }

  use(): ReadonlyMap<string, OwnerUse> {
    const nowMs = this.#nowMs()
    return new Map(
      [...this.#owners.values()].map(({ name, use, queue, quarantinedUntilMs }) => [
        name,
        { waiting: queue.length, ...use, ...(quarantinedUntilMs > nowMs ? { quarantinedUntilMs } : {}) },
      ]),
    )
  }

  #runOne(owner: Owner): void {
    const job = owner.queue.shift()
    assert(job !== undefined, 'an owner in the round has work')
    const beganMs = this.#cpuMs()
    job.run()
    const spentMs = this.#cpuMs() - beganMs
    owner.deficitMs -= spentMs
    owner.use.cpuMs += spentMs
    owner.use.jobs++
    if (spentMs > job.budgetMs) this.#strike(owner)
  }

  #strike(owner: Owner): void {
    const nowMs = this.#nowMs()
    owner.use.overBudget++
    owner.strikesMs = [...owner.strikesMs.filter((ms) => ms > nowMs - STRIKE_WINDOW_MS), nowMs]
    if (owner.strikesMs.length < STRIKES_MAX) return
    owner.strikesMs = []
    const wasLong = nowMs - owner.quarantinedUntilMs > 2 * QUARANTINE_MS_MAX
    owner.quarantineMs = wasLong
      ? QUARANTINE_MS_MIN
      : Math.min(QUARANTINE_MS_MAX, Math.max(QUARANTINE_MS_MIN, owner.quarantineMs * 2))
    owner.quarantinedUntilMs = nowMs + owner.quarantineMs
    owner.use.quarantines++
  }

  #ownerOf(name: string): Owner {
    let owner = this.#owners.get(name)
    if (owner === undefined) {
      assert(this.#owners.size < OWNERS_MAX, 'owners are as few as datasets')
      const use = { cpuMs: 0, jobs: 0, overBudget: 0, refused: 0, quarantines: 0 }
      owner = { name, queue: [], deficitMs: 0, strikesMs: [], quarantinedUntilMs: 0, quarantineMs: 0, use }
      this.#owners.set(name, owner)
    }
    return owner
  }

  /** Forgets owners that have no dataset any more. */
  keep(names: ReadonlySet<string>): void {
    for (const [name, { queue }] of this.#owners)
      if (!names.has(name) && queue.length === 0) this.#owners.delete(name)
  }
}
