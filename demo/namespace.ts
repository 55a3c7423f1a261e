// The namespace of shelf: files, their blocks and where the replicas lie, in SQLite. Every change and every
// look-up holds the one namespace lock, as in HDFS: that is the design's well-known bottleneck, and here on
// purpose.

import { setTimeout as sleep } from 'node:timers/promises'
import { Mutex } from 'async-mutex'
import { Database } from './database.ts'
import { CONVOY_MS, seededRandom, shuffle, UNINDEXED_ROWS, type Fault } from './faults.ts'
import type { Truth } from './truth.ts'

export type Replica = { readonly host: string; readonly url: string }
export type BlockLocation = {
  readonly id: string
  readonly bytes: number
  readonly replicas: readonly Replica[]
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS datanodes (host TEXT PRIMARY KEY, url TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS files (name TEXT PRIMARY KEY, created INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS blocks (
    id TEXT PRIMARY KEY, file TEXT NOT NULL, position INTEGER NOT NULL, bytes INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS replicas (block TEXT NOT NULL, host TEXT NOT NULL, PRIMARY KEY (block, host));
`
const INDEX = 'CREATE INDEX IF NOT EXISTS blocks_of_file ON blocks (file, position);'
const UNINDEXED = `
  DROP INDEX IF EXISTS blocks_of_file;
  WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${UNINDEXED_ROWS})
    INSERT OR IGNORE INTO blocks SELECT 'old-' || n, 'old', n, 0 FROM numbers;
`

type Options = {
  readonly file: string
  readonly seed: number
  readonly replication: number
  readonly fault: Fault | undefined
  readonly truth: Truth
}

export class Namespace {
  readonly #database: Database
  readonly #lock = new Mutex()
  readonly #random: () => number
  readonly #options: Options
  /** Sets of hosts for the next blocks. */
  #placements: (readonly Replica[])[] = []
  /** By block, the orders for its next readers. */
  readonly #orders = new Map<string, (readonly Replica[])[]>()
  #nextBlock = 1

  constructor(options: Options) {
    this.#options = options
    this.#random = seededRandom(options.seed)
    const rest = options.fault === 'missing-index' ? UNINDEXED : INDEX
    this.#database = new Database(options.file, SCHEMA + rest, options.truth)
  }

  async register({ host, url }: Replica): Promise<void> {
    return await this.#locked('register', '', () => {
      this.#database.run('INSERT OR REPLACE INTO datanodes VALUES (?, ?)', [host, url], '')
      this.#placements = []
    })
  }

  /** Replicas in the order in which the client shall try them: its own host first, the others in no order. */
  async getBlockLocations(src: string, clientHost: string, rid: string): Promise<BlockLocation[]> {
    return await this.#locked('getBlockLocations', rid, () => {
      const blocks = this.#database.all<{ id: string; bytes: number }>(
        'SELECT id, bytes FROM blocks WHERE file = ? ORDER BY position',
        [src],
        rid,
      )
      return blocks.map(({ id, bytes }) => ({
        id,
        bytes,
        replicas: this.#order(id, this.#replicasOf(id, rid), clientHost),
      }))
    })
  }

  /** A new block at the end of a file, on `replication` hosts. */
  async allocate(name: string, bytes: number, rid: string): Promise<BlockLocation> {
    return await this.#locked('allocate', rid, () => {
      const replicas = this.#place(rid)
      const id = `blk-${this.#nextBlock++}`
      const [{ position }] = this.#database.all<{ position: number }>(
        'SELECT COUNT(*) AS position FROM blocks WHERE file = ?',
        [name],
        rid,
      )
      this.#database.run('INSERT OR IGNORE INTO files VALUES (?, ?)', [name, Date.now()], rid)
      this.#database.run('INSERT INTO blocks VALUES (?, ?, ?, ?)', [id, name, position, bytes], rid)
      for (const { host } of replicas)
        this.#database.run('INSERT INTO replicas VALUES (?, ?)', [id, host], rid)
      return { id, bytes, replicas }
    })
  }

  async list(prefix: string, limit: number, rid: string): Promise<string[]> {
    return await this.#locked('list', rid, () =>
      this.#database
        .all<{ name: string }>(
          'SELECT name FROM files WHERE name >= ? AND name < ? ORDER BY name LIMIT ?',
          [prefix, `${prefix}\u{10ffff}`, limit],
          rid,
        )
        .map(({ name }) => name),
    )
  }

  async rename(from: string, to: string, rid: string): Promise<boolean> {
    return await this.#locked('rename', rid, async () => {
      const changes = this.#database.run(
        'UPDATE OR IGNORE files SET name = ? WHERE name = ?',
        [to, from],
        rid,
      )
      if (changes > 0) this.#database.run('UPDATE blocks SET file = ? WHERE file = ?', [to, from], rid)
      if (this.#options.fault === 'lock-convoy') await sleep(CONVOY_MS)
      return changes > 0
    })
  }

  close(): void {
    this.#database.close()
  }

  #replicasOf(block: string, rid: string): Replica[] {
    return this.#database.all<Replica>(
      `SELECT replicas.host, url FROM replicas JOIN datanodes ON datanodes.host = replicas.host
       WHERE block = ? ORDER BY replicas.host`,
      [block],
      rid,
    )
  }

  /** At random, but each set of hosts as often as any other: a small store is as even as a large one. */
  #place(rid: string): readonly Replica[] {
    const known = this.#placements.pop()
    if (known !== undefined) return known
    const hosts = this.#database.all<Replica>('SELECT host, url FROM datanodes ORDER BY host', [], rid)
    this.#placements = shuffle(setsOf(hosts, this.#options.replication), this.#random)
    return this.#placements.pop() ?? []
  }

  /** HDFS-6268: without the shuffle, every client that is not local takes the same first host of a set. */
  #order(block: string, replicas: Replica[], clientHost: string): readonly Replica[] {
    const isFixed = this.#options.fault === 'replica-selection'
    const rest = isFixed ? replicas : this.#dealt(block, replicas)
    return rest.toSorted((a, b) => Number(b.host === clientHost) - Number(a.host === clientHost))
  }

  /** At random, but each order of a block's replicas as often as any other. */
  #dealt(block: string, replicas: Replica[]): readonly Replica[] {
    const known = this.#orders.get(block)
    const orders =
      known === undefined || known.length === 0 ? shuffle(ordersOf(replicas), this.#random) : known
    this.#orders.set(block, orders)
    return orders.pop() ?? []
  }

  async #locked<R>(op: string, rid: string, work: () => R | Promise<R>): Promise<R> {
    const release = await this.acquireLock(op, rid)
    try {
      return await this.holdLock(op, rid, work)
    } finally {
      release()
    }
  }

  /** Waits for its turn. */
  async acquireLock(op: string, rid: string): Promise<() => void> {
    this.#options.truth.tally(`wait.${op}`, rid)
    return await this.#lock.acquire()
  }

  /** What is done while nobody else can. */
  async holdLock<R>(op: string, rid: string, work: () => R | Promise<R>): Promise<R> {
    this.#options.truth.tally(`lock.${op}`, rid)
    return await work()
  }
}

function ordersOf<T>(items: readonly T[]): (readonly T[])[] {
  if (items.length === 0) return [[]]
  return items.flatMap((item, i) => ordersOf(items.toSpliced(i, 1)).map((rest) => [item, ...rest]))
}

/** All sets of so many. */
function setsOf<T>(items: readonly T[], size: number): (readonly T[])[] {
  if (size === 0) return [[]]
  return items.flatMap((item, i) => setsOf(items.slice(i + 1), size - 1).map((rest) => [item, ...rest]))
}
