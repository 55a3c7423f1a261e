// The namespace of shelf: files, their blocks and where the replicas lie, in SQLite. Every change and every
// look-up holds the one namespace lock, as in HDFS: that is the design's well-known bottleneck, and here on
// purpose.

import { DatabaseSync } from 'node:sqlite'
import { Mutex } from 'async-mutex'
import { seededRandom, shuffle } from './faults.ts'

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
  CREATE INDEX IF NOT EXISTS blocks_of_file ON blocks (file, position);
  CREATE TABLE IF NOT EXISTS replicas (block TEXT NOT NULL, host TEXT NOT NULL, PRIMARY KEY (block, host));
`

type Options = {
  readonly file: string
  readonly seed: number
  readonly replication: number
  readonly fixedOrder: boolean
}

export class Namespace {
  readonly #database: DatabaseSync
  readonly #lock = new Mutex()
  readonly #random: () => number
  readonly #options: Options
  #nextBlock = 1

  constructor(options: Options) {
    this.#options = options
    this.#random = seededRandom(options.seed)
    this.#database = new DatabaseSync(options.file)
    this.#database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; ${SCHEMA}`)
  }

  register(datanode: Replica): Promise<void> {
    return this.#locked(() => {
      this.#database
        .prepare('INSERT OR REPLACE INTO datanodes VALUES (?, ?)')
        .run(datanode.host, datanode.url)
    })
  }

  /** Replicas in the order in which the client shall try them: its own host first, the others in no order. */
  locate(name: string, clientHost: string): Promise<BlockLocation[]> {
    return this.#locked(() => {
      const blocks = this.#database
        .prepare('SELECT id, bytes FROM blocks WHERE file = ? ORDER BY position')
        .all(name)
      return blocks.map((row) => {
        const block = row as { id: string; bytes: number }
        return { ...block, replicas: this.#order(this.#replicasOf(block.id), clientHost) }
      })
    })
  }

  /** A new block at the end of a file, on `replication` hosts drawn at random. */
  allocate(name: string, bytes: number): Promise<BlockLocation> {
    return this.#locked(() => {
      const all = this.#database
        .prepare('SELECT host, url FROM datanodes ORDER BY host')
        .all() as unknown as Replica[]
      const replicas = shuffle([...all], this.#random).slice(0, this.#options.replication)
      const id = `blk-${this.#nextBlock++}`
      const { position } = this.#database
        .prepare('SELECT COUNT(*) AS position FROM blocks WHERE file = ?')
        .get(name) as { position: number }
      this.#database.prepare('INSERT OR IGNORE INTO files VALUES (?, ?)').run(name, Date.now())
      this.#database.prepare('INSERT INTO blocks VALUES (?, ?, ?, ?)').run(id, name, position, bytes)
      const place = this.#database.prepare('INSERT INTO replicas VALUES (?, ?)')
      for (const replica of replicas) place.run(id, replica.host)
      return { id, bytes, replicas }
    })
  }

  list(prefix: string, limit: number): Promise<string[]> {
    return this.#locked(() => {
      const rows = this.#database
        .prepare('SELECT name FROM files WHERE name >= ? AND name < ? ORDER BY name LIMIT ?')
        .all(prefix, `${prefix}\u{10ffff}`, limit)
      return rows.map((row) => String(row.name))
    })
  }

  rename(from: string, to: string): Promise<boolean> {
    return this.#locked(() => {
      const { changes } = this.#database
        .prepare('UPDATE OR IGNORE files SET name = ? WHERE name = ?')
        .run(to, from)
      if (changes > 0) this.#database.prepare('UPDATE blocks SET file = ? WHERE file = ?').run(to, from)
      return changes > 0
    })
  }

  close(): void {
    this.#database.close()
  }

  #replicasOf(block: string): Replica[] {
    return this.#database
      .prepare(`
      SELECT replicas.host, url FROM replicas JOIN datanodes ON datanodes.host = replicas.host
      WHERE block = ? ORDER BY replicas.host`)
      .all(block) as unknown as Replica[]
  }

  /** HDFS-6268: without the shuffle, every client that is not local takes the same first host of a set. */
  #order(replicas: Replica[], clientHost: string): Replica[] {
    const rest = this.#options.fixedOrder ? replicas : shuffle(replicas, this.#random)
    return rest.sort((a, b) => Number(b.host === clientHost) - Number(a.host === clientHost))
  }

  async #locked<R>(work: () => R): Promise<R> {
    const release = await this.#lock.acquire()
    try {
      return work()
    } finally {
      release()
    }
  }
}
