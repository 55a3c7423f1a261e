// Ingest, its log and a consumer on a simulated disk, clock and network, with crashes; and a model of what
// must come out.
//
//   clients --(lossy network)--> BatchIngest -> Log -> SimulatedDisk
//      ^ retry the same bytes until acked            |
//      model: acked batches                          consumer --> durable store with insert tokens --> drop
//
// Invariant at the end: each acked batch is in the store exactly once, every other at most once.

import { openLog, readSegment, SimulatedDisk } from '#log'
import type { Log, SegmentInfo } from '#log'
import { BatchIngest, decodeSpanBlock } from '#traces'
import { World } from './world.ts'

const CLIENTS = 4
const BATCHES_PER_CLIENT = 6
const DIR = '/log'

export type SimulationResult = {
  readonly violations: readonly string[]
  readonly stats: {
    readonly crashes: number
    readonly retries: number
    readonly duplicates: number
    readonly refused: number
  }
}

/** What survives every crash: the store commits a segment and its token together. */
class DurableStore {
  readonly #tokens = new Set<string>()
  readonly counts = new Map<string, number>()

  insert(token: string, batches: readonly string[]): void {
    if (this.#tokens.has(token)) return
    this.#tokens.add(token)
    for (const batch of batches) this.counts.set(batch, (this.counts.get(batch) ?? 0) + 1)
  }
}

/** One life of the server, from start to crash. */
type Life = { readonly log: Log; readonly ingest: BatchIngest; isOver: boolean }

export class IngestSimulation {
  readonly #world: World
  readonly #disk: SimulatedDisk
  readonly #store = new DurableStore()
  readonly #acked = new Set<string>()
  readonly #stats = { crashes: 0, retries: 0, duplicates: 0, refused: 0 }
  #life: Life | undefined
  #crashesLeft: number
  #clientsLeft = CLIENTS
  #births = 0

  constructor(seed: number) {
    this.#world = new World(seed)
    this.#disk = new SimulatedDisk({
      random: this.#world.random,
      wait: () => this.#world.wait(this.#world.below(8)),
    })
    this.#crashesLeft = this.#world.below(6)
  }

  async run(): Promise<SimulationResult> {
    const violations: string[] = []
    this.#rollFaults()
    this.#start()
    for (let client = 0; client < CLIENTS; client++) void this.#client(client)
    if (this.#crashesLeft > 0) void this.#reaper()
    const isDone = (): boolean => this.#clientsLeft === 0 && this.#crashesLeft === 0 && this.#isDrained()
    if (!(await this.#world.run(isDone, 60_000)))
      violations.push(`it did not come to rest: ${this.#clientsLeft} clients wait`)
    for (const batch of this.#acked) {
      const count = this.#store.counts.get(batch) ?? 0
      if (count !== 1) violations.push(`batch ${batch} was acked and is stored ${count} times`)
    }
    for (const [batch, count] of this.#store.counts)
      if (count > 1) violations.push(`batch ${batch} is stored ${count} times`)
    return { violations, stats: { ...this.#stats } }
  }

  #isDrained(): boolean {
    const { log } = this.#life ?? {}
    return log !== undefined && log.segments().length === 0 && log.stats().bytesLive === 0
  }

  /** Fault rates of this stretch of time; the last stretch is calm, so that everything can come to rest. */
  #rollFaults(): void {
    const isCalm = this.#crashesLeft === 0
    const isRough = !isCalm && this.#world.below(2) === 0
    this.#disk.faults = {
      capacityBytes: isRough ? 2000 + this.#world.below(12_000) : 1_000_000,
      writeErrors: isRough ? this.#world.below(60) : 0,
      syncErrors: isRough ? this.#world.below(120) : 0,
    }
  }

  #start(): void {
    const birth = ++this.#births
    const { clock, random } = this.#world
    const limits = { segmentBytesMax: 4000, segmentAgeMsMax: 50, logBytesMax: 20_000, keysPerGeneration: 40 }
    const opening = openLog({ dir: DIR, disk: this.#disk, clock, random, limits })
    void opening.then(
      (log) => {
        const ingest = new BatchIngest({ log, clock, random, yieldTurn: () => this.#world.wait(1) })
        const life: Life = { log, ingest, isOver: false }
        this.#life = life
        if (log.report.lostRecords > 0)
          this.#store.counts.set(`${log.report.lostRecords} records reported lost`, 2)
        log.onSealed((segment) => void this.#consume(life, segment))
        for (const segment of log.segments()) void this.#consume(life, segment)
      },
      () => {
        // The disk failed while opening: as a supervisor would, try again.
        void this.#world.wait(20).then(() => {
          if (birth === this.#births) this.#start()
        })
      },
    )
  }

  async #reaper(): Promise<void> {
    while (this.#crashesLeft > 0) {
      await this.#world.wait(20 + this.#world.below(300))
      this.#crashesLeft--
      this.#stats.crashes++
      if (this.#life !== undefined) this.#life.isOver = true
      this.#life = undefined
      this.#births++
      if (this.#world.below(3) === 0) this.#disk.kill()
      else this.#disk.crash()
      this.#rollFaults()
      await this.#world.wait(this.#world.below(30))
      this.#start()
    }
  }

  async #client(client: number): Promise<void> {
    for (let batch = 0; batch < BATCHES_PER_CLIENT; batch++) {
      await this.#world.wait(this.#world.below(40))
      const name = `${client}/${batch}`
      const body = bodyOf(client, batch, this.#world.below(40))
      while (!(await this.#send(name, body))) {
        this.#stats.retries++
        await this.#world.wait(5 + this.#world.below(60))
      }
      this.#acked.add(name)
    }
    this.#clientsLeft--
  }

  /** One request over the network: it may not arrive, its answer may not, and a timeout looks like either. */
  async #send(_name: string, body: Uint8Array): Promise<boolean> {
    await this.#world.wait(this.#world.below(10))
    const life = this.#life
    if (life === undefined || this.#world.below(20) === 0) return false
    const answered = life.ingest.ingest(body, 'protobuf').then(
      ({ isDuplicate }) => {
        if (isDuplicate) this.#stats.duplicates++
        return true
      },
      () => {
        this.#stats.refused++
        return false
      },
    )
    const isAcked = await Promise.race([answered, this.#world.wait(400).then(() => false)])
    await this.#world.wait(this.#world.below(10))
    return isAcked && !life.isOver && this.#world.below(20) !== 0
  }

  async #consume(life: Life, segment: SegmentInfo): Promise<void> {
    await this.#world.wait(this.#world.below(60))
    if (life.isOver) return
    const { records } = await readSegment(this.#disk, segment)
    await this.#world.wait(this.#world.below(40))
    if (life.isOver) return
    this.#store.insert(
      segment.id,
      records.map(({ payload }) => nameOf(payload)),
    )
    await this.#world.wait(this.#world.below(40))
    if (!life.isOver) await this.#drop(life, segment)
  }

  async #drop(life: Life, segment: SegmentInfo): Promise<void> {
    try {
      await life.log.drop(segment.id)
    } catch {
      await this.#world.wait(30)
      if (!life.isOver) await this.#drop(life, segment)
    }
  }
}

/** A request of one span whose ids say which batch it is, padded to vary in size. */
function bodyOf(client: number, batch: number, padding: number): Uint8Array {
  const ids = [
    0x0a,
    16,
    ...Array<number>(14).fill(9),
    client,
    batch,
    0x12,
    8,
    1,
    1,
    1,
    1,
    1,
    1,
    client,
    batch,
  ]
  const name = [0x2a, padding, ...Array<number>(padding).fill(0x61)]
  const span = [0x12, ids.length + name.length, ...ids, ...name]
  const scope = [0x12, span.length, ...span]
  return Uint8Array.from([0x0a, scope.length, ...scope])
}

function nameOf(payload: Uint8Array): string {
  const { traceIds } = decodeSpanBlock(payload)
  return `${traceIds[14]}/${traceIds[15]}`
}
