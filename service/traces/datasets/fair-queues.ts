// Short queues of work by owner, served by deficit round robin on CPU time; who costs too much too
// often rests.
//
//   offer(owner, job) -> queued | full (the caller takes it to the delayed queue) | quarantined
//   runFor(ms)        -> round robin: each owner with work gets QUANTUM_MS a round; a job is run to its end
//                        and its CPU time is paid then: a dear one leaves a debt that later rounds pay off
//   runRound(quantum) -> one round of so little each: whoever has debts is passed over
//   startAway(most)   -> jobs that go on elsewhere, so many at once; what they take there is paid for too
//   strike            a job over its budget; STRIKES_MAX within STRIKE_WINDOW_MS = quarantine, doubled
//                     each time; what its owner has waiting is refused then
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
  /** A promise (it never rejects) = it goes on elsewhere; the owner's next job waits for its end. */
  run(): void | Promise<Spent>
  /** It will not be run: no room, or its owner rests. */
  refuse(): void
}

/** Elsewhere. */
export type Spent = {
  readonly cpuMs: number
  /** strike: as a job over its budget. rest: its owner rests at once. */
  readonly verdict: 'fine' | 'strike' | 'rest'
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
  /** A job of it is elsewhere. */
  isAway: boolean
  strikesMs: number[]
  quarantinedUntilMs: number
  quarantineMs: number
  use: { cpuMs: number; jobs: number; overBudget: number; refused: number; quarantines: number }
}

export class FairQueues {
  readonly #cpuMs: () => number
  readonly #nowMs: () => number
  readonly #owners = new Map<string, Owner>()
  readonly #onBack: () => void
  /** Owners with work, the next to be served first. */
  #round: Owner[] = []
  #awayCount = 0

  constructor(ports: {
    readonly cpuMs: () => number
    readonly nowMs: () => number
    /** A job that was elsewhere has ended. */
    readonly onBack?: () => void
  }) {
    this.#cpuMs = ports.cpuMs
    this.#nowMs = ports.nowMs
    this.#onBack = ports.onBack ?? (() => undefined)
  }

  get isIdle(): boolean {
    return this.#round.length === 0
  }

  offer(name: string, job: Job): 'queued' | 'full' | 'quarantined' {
    const owner = this.#ownerOf(name)
    const isResting = owner.quarantinedUntilMs > this.#nowMs()
    if (isResting || owner.queue.length >= OWNER_QUEUE_MAX) {
      this.#refuse(owner, job)
      return isResting ? 'quarantined' : 'full'
    }
    if (owner.queue.length === 0 && !owner.isAway) this.#round.push(owner)
    owner.queue.push(job)
    return 'queued'
  }

  hasRoom(name: string): boolean {
    return !this.isFull(name) && !this.isResting(name)
  }

  isResting(name: string): boolean {
    return (this.#owners.get(name)?.quarantinedUntilMs ?? 0) > this.#nowMs()
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

  startAway(most: number): void {
    while (this.#round.length > 0 && this.#awayCount < most) this.#serve(QUANTUM_MS)
  }

  /** The next owner's turn, or what is left of it. */
  #serve(quantumMs: number): void {
    const owner = this.#round.shift()
    if (owner === undefined) return
    if (owner.deficitMs <= 0) owner.deficitMs += quantumMs
    while (owner.queue.length > 0 && owner.deficitMs > 0 && !owner.isAway) this.#runOne(owner)
    if (!owner.isAway) this.#endTurn(owner)
  }

  #endTurn(owner: Owner): void {
    // Who has nothing to do saves nothing up; a debt stays.
    if (owner.queue.length === 0) owner.deficitMs = Math.min(0, owner.deficitMs)
    else if (owner.deficitMs > 0) this.#round.unshift(owner)
    else this.#round.push(owner)
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
    const away = job.run()
    const spentMs = this.#cpuMs() - beganMs
    owner.use.jobs++
    if (away === undefined) return this.#pay(owner, { cpuMs: spentMs, verdict: 'fine' }, job)
    owner.isAway = true
    this.#awayCount++
    void away.then(({ cpuMs, verdict }) => {
      owner.isAway = false
      this.#awayCount--
      this.#pay(owner, { cpuMs: spentMs + cpuMs, verdict }, job)
      this.#endTurn(owner)
      this.#onBack()
    })
  }

  #pay(owner: Owner, { cpuMs, verdict }: Spent, { budgetMs }: Job): void {
    owner.deficitMs -= cpuMs
    owner.use.cpuMs += cpuMs
    if (cpuMs > budgetMs) owner.use.overBudget++
    if (verdict === 'rest') this.#rest(owner)
    else if (verdict === 'strike' || cpuMs > budgetMs) this.#strike(owner)
  }

  #strike(owner: Owner): void {
    const nowMs = this.#nowMs()
    owner.strikesMs = [...owner.strikesMs.filter((ms) => ms > nowMs - STRIKE_WINDOW_MS), nowMs]
    if (owner.strikesMs.length >= STRIKES_MAX) this.#rest(owner)
  }

  #rest(owner: Owner): void {
    const nowMs = this.#nowMs()
    owner.strikesMs = []
    const wasLong = nowMs - owner.quarantinedUntilMs > 2 * QUARANTINE_MS_MAX
    owner.quarantineMs = wasLong
      ? QUARANTINE_MS_MIN
      : Math.min(QUARANTINE_MS_MAX, Math.max(QUARANTINE_MS_MIN, owner.quarantineMs * 2))
    owner.quarantinedUntilMs = nowMs + owner.quarantineMs
    owner.use.quarantines++
    for (const job of owner.queue.splice(0)) this.#refuse(owner, job)
  }

  #refuse(owner: Owner, job: Job): void {
    owner.use.refused++
    job.refuse()
  }

  #ownerOf(name: string): Owner {
    let owner = this.#owners.get(name)
    if (owner === undefined) {
      assert(this.#owners.size < OWNERS_MAX, 'owners are as few as datasets')
      const use = { cpuMs: 0, jobs: 0, overBudget: 0, refused: 0, quarantines: 0 }
      owner = {
        name,
        queue: [],
        deficitMs: 0,
        isAway: false,
        strikesMs: [],
        quarantinedUntilMs: 0,
        quarantineMs: 0,
        use,
      }
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
