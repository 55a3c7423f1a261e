// SQLite, as the namenode uses it: each statement on behalf of a request, and told as a call to a database.

import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { inCall } from './in-span.ts'
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
    return this.#told(sql, rid, () => this.#database.prepare(sql).all(...values) as Row[])
  }

  /** How many rows it changed. */
  run(sql: string, values: readonly SQLInputValue[], rid: string): number {
    return this.#told(sql, rid, () => Number(this.#database.prepare(sql).run(...values).changes))
  }

  close(): void {
    this.#database.close()
  }

  #told<R>(sql: string, rid: string, call: () => R): R {
    this.#truth.tally('statements', rid)
    const operation = /^\w+/.exec(sql)?.[0] ?? ''
    const collection = /\b(?:FROM|INTO|UPDATE(?: OR IGNORE)?) (\w+)/.exec(sql)?.[1] ?? ''
    const attributes = {
      'db.system.name': 'sqlite',
      'db.operation.name': operation,
      'db.collection.name': collection,
      'db.query.text': sql,
    }
    return inCall(`${operation} ${collection}`, attributes, call)
  }
}
