// Traces before their owners: what an owner's datasets make of one is a job in its queue.
//
//   offer(owner, datasets, trace) --pipelines--> queue, by CPU time of this thread ------------> rows
//                                 --files------> queue, by CPU time elsewhere --> its process --> rows
//                                  `-- no room, or the owner rests: delayed
//
// Two queues an owner, since a file that takes a second must not keep its owner's pipelines waiting. Owner:
// the feature pipeline.

import type { Clock } from '#base'
import type { FeatureRow, PreparedTrace, Trace } from '#model'
import { FileHosts } from '../feature-files/file-hosts.ts'
import { FILE_HOSTS_RUNNING_MAX } from '../feature-files/limits.ts'
import type { EndReason } from '../feature-files/messages.ts'
import type { StoredDataset } from './definition.ts'
import { FairQueues, type OwnerUse, type Spent } from './fair-queues.ts'
import { JOB_MS_MAX, JOB_MS_PER_SPAN } from './limits.ts'
import { fileProgramOf, type LiveDataset, type LiveDatasets } from './live-datasets.ts'
import type { Ready } from './trace-items.ts'

export type Given = { readonly trace: Trace; readonly prepared: PreparedTrace; readonly ready: Ready }
/** A trace, and the datasets of one owner that look at it. */
type Work = { readonly owner: string; readonly datasets: readonly LiveDataset[]; readonly given: Given }

type Ports = {
  readonly clock: Clock
  /** CPU time of this thread. */
  readonly cpuMs: () => number
  readonly live: LiveDatasets
  readonly write: (dataset: StoredDataset, rows: readonly FeatureRow[], given: Given) => void
  /** The trace is to come again for this owner. */
  readonly delay: (owner: string, ready: Ready) => void
  /** Something that went on elsewhere has ended. */
  readonly onBack: () => void
}

export class OwnerQueues {
  readonly #ports: Ports
  readonly #pipelines: FairQueues
  readonly #files: FairQueues
  readonly #hosts = new FileHosts()

  constructor(ports: Ports) {
    const { clock, cpuMs, onBack } = ports
    const nowMs = (): number => clock.monotonicMs()
    this.#ports = ports
    this.#pipelines = new FairQueues({ cpuMs, nowMs })
    this.#files = new FairQueues({ cpuMs, nowMs, onBack })
  }

  /** There is nothing to do on this thread. */
  get isIdle(): boolean {
    return this.#pipelines.isIdle
  }

  get filesEnded(): Readonly<Record<EndReason, number>> {
    return this.#hosts.counts
  }

  hasRoom(owner: string): boolean {
    return this.#pipelines.hasRoom(owner) && this.#files.hasRoom(owner)
  }

  /** Its traces wait, until it may work again. */
  isResting(owner: string): boolean {
    return this.#pipelines.isResting(owner) || this.#files.isResting(owner)
  }

  isFull(owner: string): boolean {
    return this.#pipelines.isFull(owner) || this.#files.isFull(owner)
  }

  resting(): string[] {
    return [...this.#pipelines.quarantined(), ...this.#files.quarantined()]
  }

  /** For as long as it can be. */
  quarantine(owner: string): void {
    this.#pipelines.quarantine(owner)
  }

  /** Forgets the others. */
  keep(owners: ReadonlySet<string>): void {
    this.#pipelines.keep(owners)
    this.#files.keep(owners)
  }

  offer(owner: string, datasets: readonly LiveDataset[], given: Given): void {
    const isOfFile = ({ program }: LiveDataset): boolean => program === undefined
    const own = datasets.filter((one) => !isOfFile(one))
    this.#queue(this.#pipelines, { owner, datasets: own, given })
    this.#queue(this.#files, { owner, datasets: datasets.filter(isOfFile), given })
  }

  /** Serves owners in turn until none has work on this thread, or so much CPU is spent. */
  runFor(ms: number): void {
    this.#pipelines.runFor(ms)
  }

  runRound(quantumMs: number): void {
    this.#pipelines.runRound(quantumMs)
  }

  /** Sends jobs to the processes of their owners, while some may work. */
  startAway(): void {
    this.#files.startAway(FILE_HOSTS_RUNNING_MAX)
  }

  /** Of both queues. */
  use(): ReadonlyMap<string, OwnerUse> {
    const uses = new Map(this.#pipelines.use())
    for (const [owner, use] of this.#files.use()) uses.set(owner, sumOf(use, uses.get(owner)))
    return uses
  }

  close(): void {
    this.#hosts.close()
  }

  #queue(queues: FairQueues, work: Work): void {
    const { owner, datasets, given } = work
    const { ready } = given
    if (datasets.length === 0) return
    ready.hold.hold()
    queues.offer(owner, {
      budgetMs: JOB_MS_MAX + JOB_MS_PER_SPAN * ready.spans.length,
      run: () => this.#evaluate(work),
      refuse: () => {
        this.#ports.delay(owner, ready)
        ready.hold.release()
      },
    })
  }

  #evaluate({ owner, datasets, given }: Work): void | Promise<Spent> {
    const { live, write } = this.#ports
    const files: LiveDataset[] = []
    for (const asked of datasets) {
      const current = live.inForce(asked)
      const { program, dataset } = current
      if (program !== undefined) write(dataset, live.evaluate(current, program, given.prepared), given)
      else if (live.passes(current, given.prepared)) files.push(current)
    }
    if (files.length === 0) return given.ready.hold.release()
    return this.#runFiles({ owner, datasets: files, given })
  }

  /** In the owner's process. Never rejects. */
  async #runFiles({ owner, datasets, given }: Work): Promise<Spent> {
    const { hold, traceId } = given.ready
    const { live, write, delay } = this.#ports
    try {
      const programs = datasets.map(({ dataset }) => fileProgramOf(dataset))
      const { outcomes, cpuMs, ends } = await this.#hosts.run(owner, programs, given.trace)
      const made = outcomes.map((outcome, i) => live.took(datasets[i]!, traceId, outcome))
      made.forEach((rows, i) => rows !== undefined && write(datasets[i]!.dataset, rows, given))
      const verdict = ends.length > 0 ? 'rest' : made.includes(undefined) ? 'strike' : 'fine'
      return { cpuMs, verdict }
    } catch {
      // There was no process, or it was ended from here: another time.
      delay(owner, given.ready)
      return { cpuMs: 0, verdict: 'rest' }
    } finally {
      hold.release()
    }
  }
}

function sumOf(a: OwnerUse, b: OwnerUse | undefined): OwnerUse {
  if (b === undefined) return a
  const until = Math.max(a.quarantinedUntilMs ?? 0, b.quarantinedUntilMs ?? 0)
  return {
    waiting: a.waiting + b.waiting,
    cpuMs: a.cpuMs + b.cpuMs,
    jobs: a.jobs + b.jobs,
    overBudget: a.overBudget + b.overBudget,
    refused: a.refused + b.refused,
    quarantines: a.quarantines + b.quarantines,
    ...(until === 0 ? {} : { quarantinedUntilMs: until }),
  }
}
