// What a store promises, whichever engine is behind it.
//
// Cast: `traces/` inserts whole log segments by token and reads traces; `server/` owns the store and its
// child process. The interface is narrow on purpose: bound parameters in, plain rows out, columns in Native
// blocks.

import type { NativeBlock } from './native-block.ts'

/** Values that may be bound to {name:Type}; never concatenated into SQL. */
export type QueryParam = string | number | bigint | boolean | readonly QueryParam[]

export type QueryOptions = {
  readonly params?: { readonly [name: string]: QueryParam }
  /** After this the engine is stopped for good: E_STORE_TIMEOUT. Default QUERY_MS_MAX. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

/** A result row. 64-bit integers arrive as decimal strings, so nothing is rounded. */
export type Row = { readonly [column: string]: Cell }
export type Cell = string | number | boolean | null | readonly Cell[] | { readonly [key: string]: Cell }

export type StoreStats = {
  readonly isReady: boolean
  /** Times the child was started, first start included; 0 for a cluster. */
  readonly childStarts: number
  /** Child processes killed because a query ran away. */
  readonly runawayKills: number
  readonly childPid?: number
  /** Why it is not ready, as far as it is known. */
  readonly trouble?: string
  /** True = it will not become ready by itself. */
  readonly hasFailed: boolean
}

export interface Store {
  /** Resolves when the engine answers and all migrations are in force. */
  ready(): Promise<void>
  /**
   * Inserts one block; durable when it resolves. The same token again changes nothing.
   * Retries by itself while the engine is away; rejects with E_STORE_CLOSED or E_STORE_QUERY only.
   */
  insert(table: string, block: NativeBlock, options: { readonly token: string }): Promise<void>
  /** Errors: E_STORE_TIMEOUT, E_STORE_UNAVAILABLE, E_STORE_QUERY, E_STORE_CLOSED. */
  query(sql: string, options?: QueryOptions): Promise<Row[]>
  /** A statement without a result (DDL, OPTIMIZE). */
  command(sql: string, options?: QueryOptions): Promise<void>
  stats(): StoreStats
  close(): Promise<void>
}

/**
 * dir: starts and owns a chDB child over this directory; the socket is at `${dir}/store.sock`.
 * socketPath: joins the child that another thread owns. url: a ClickHouse server or cluster.
 */
export type StoreLocation =
  | { readonly dir: string }
  | { readonly socketPath: string }
  | {
      readonly url: string
      readonly username?: string
      readonly password?: string
      readonly database?: string
    }

export type StoreOptions = StoreLocation & {
  /** Spans are deleted this long after they arrived; never by a time a sender claims. */
  readonly retentionHours?: number
  /** Oldest days are dropped while the tables are larger; 0 = no limit. */
  readonly maxBytes?: number
}
