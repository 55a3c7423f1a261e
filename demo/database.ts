// SQLite, as the namenode uses it: each statement on behalf of a request.

import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import type { Truth } from './truth.ts'

export class Database {
  readonly #database: DatabaseSync
  readonly #truth: Truth

  constructor(file: string, schema: string, truth: Truth) {
    this.#truth = truth
    this.#database = new DatabaseSync(file)
    this.#database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; ${schema}`)
  }

  /** Rows; the caller knows of what shape. */
  all<Row>(sql: string, values: readonly SQLInputValue[], rid: string): Row[] {
    this.#truth.tally('statements', rid)
    return this.#database.prepare(sql).all(...values) as Row[]
  }

  /** How many rows it changed. */
  run(sql: string, values: readonly SQLInputValue[], rid: string): number {
    this.#truth.tally('statements', rid)
    return Number(this.#database.prepare(sql).run(...values).changes)
  }

  close(): void {
    this.#database.close()
  }
}
