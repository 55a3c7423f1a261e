// The one implementation of Store: @clickhouse/client towards a chDB child of ours or a ClickHouse cluster.
//
//   query   -> wait until ready -> bound parameters -> rows; a read that lost its connection is asked again
//   insert  -> encode once -> send with the token -> passing failure? again with the same token, until in
//
// The client is told nothing of which engine answers; only `location` decides where it connects.

import { Agent } from 'node:http'
import { Readable } from 'node:stream'
import { createClient, ClickHouseError, ClickHouseLogLevel, type ClickHouseClient } from '@clickhouse/client'
import { ChildHost } from './child-host.ts'
import {
  INSERT_MS_MAX,
  INSERT_REFUSALS_MAX,
  QUERY_MS_MAX,
  READY_MS_MAX,
  RETENTION_HOURS_DEFAULT,
  RETRY_MS_MAX,
  RETRY_MS_MIN,
  SIZE_CHECK_MS,
  STORE_BYTES_MAX_DEFAULT,
} from './limits.ts'
import { isMigrated, migrate, type Engine } from './migrations.ts'
import { encodeNativeBlock, type NativeBlock } from './native-block.ts'
import { applyAge, enforceSize, type Retention } from './retention.ts'
import { isDiskTrouble, StoreError } from './store-error.ts'
import type { QueryOptions, Row, Store, StoreOptions, StoreStats } from './store.ts'

/** Answers of the engine that say "not now": too many queries, memory, parts, keeper or network trouble. */
const PASSING_ENGINE_CODES = new Set([3, 159, 164, 202, 209, 210, 236, 241, 242, 252, 319, 425, 999])
const ENGINE_TIMEOUT = 159

/**
 * Opens without waiting for the engine: ready() waits, inserts queue, so that a server listens while its
 * engine starts.
 */
export function openStore(options: StoreOptions): Store {
  const host = 'dir' in options ? new ChildHost(options.dir) : undefined
  return new ClickHouseStore(clientFor(options, host), {
    host,
    isOwner: !('socketPath' in options),
    retention: {
      hours: options.retentionHours ?? RETENTION_HOURS_DEFAULT,
      bytesMax: options.maxBytes ?? STORE_BYTES_MAX_DEFAULT,
    },
  })
}

function clientFor(options: StoreOptions, host: ChildHost | undefined): ClickHouseClient {
  const common = {
    request_timeout: INSERT_MS_MAX + 10_000,
    log: { level: ClickHouseLogLevel.OFF },
    max_open_connections: 8,
    keep_alive: { enabled: true },
  }
  if ('url' in options) {
    return createClient({
      ...common,
      url: options.url,
      username: options.username,
      password: options.password,
      database: options.database,
    })
  }
  const socketPath = host?.socketPath ?? ('socketPath' in options ? options.socketPath : '')
  // The agent's options name the socket: every request of the client goes there, whatever its URL says.
  const agentOptions = { keepAlive: true, maxSockets: 8, socketPath }
  return createClient({ ...common, url: 'http://store', http_agent: new Agent(agentOptions) })
}

class ClickHouseStore implements Store {
  readonly #client: ClickHouseClient
  readonly #host: ChildHost | undefined
  readonly #closing = new AbortController()
  readonly #ready: Promise<void>
  #isReady = false
  #failure: StoreError | undefined
  /** The last thing that kept it from becoming ready. */
  #hindrance: StoreError | undefined
  readonly #retention: Retention
  #sizeTimer: NodeJS.Timeout | undefined
  readonly #engine: Engine = {
    query: (sql, params) => this.#queryOnce(sql, { params }),
    command: (sql, params) => this.#commandOnce(sql, { params }),
  }

  constructor(
    client: ClickHouseClient,
    options: {
      readonly host: ChildHost | undefined
      readonly isOwner: boolean
      readonly retention: Retention
    },
  ) {
    this.#client = client
    this.#host = options.host
    this.#retention = options.retention
    this.#ready = this.#becomeReady(options.isOwner).then(() => {
      this.#isReady = true
      this.#hindrance = undefined
    })
    this.#ready.catch((error: unknown) => {
      if (error instanceof StoreError) this.#failure = error
    })
  }

  ready(): Promise<void> {
    return this.#ready
  }

  async insert(table: string, block: NativeBlock, options: { readonly token: string }): Promise<void> {
    if (!/^[a-z][a-z0-9_]*$/.test(table)) throw new StoreError('E_STORE_QUERY', `not a table name: ${table}`)
    if (!/^[\w.:-]{1,200}$/.test(options.token))
      throw new StoreError('E_STORE_QUERY', `not a token: ${options.token}`)
    const bytes = encodeNativeBlock(block)
    const names = block.columns.map((column) => column.name).join(', ')
    // The token is part of the statement: it holds for this block only, on any engine, whatever connection
    // carries it. optimize_on_insert would collapse equal keys of the block row by row: three times the CPU
    // of the whole insert (measured).
    const settings = `insert_deduplication_token = '${options.token}', optimize_on_insert = 0`
    const query = `INSERT INTO ${table} (${names}) SETTINGS ${settings} FORMAT Native`
    await this.#ready
    await this.#untilIn(async () => {
      const result = await this.#client.exec({
        query,
        values: Readable.from([bytes], { objectMode: false }),
        clickhouse_settings: { max_execution_time: INSERT_MS_MAX / 1000 },
        abort_signal: this.#closing.signal,
      })
      result.stream.resume()
    })
  }

  async query(sql: string, options: QueryOptions = {}): Promise<Row[]> {
    await this.#readySoon(options.signal)
    try {
      return await this.#queryOnce(sql, options)
    } catch (error: unknown) {
      const known = storeErrorOf(error, this.#closing.signal, options.signal)
      if (known.code !== 'E_STORE_UNAVAILABLE' || options.signal?.aborted === true) throw known
      // The engine died under it, perhaps by another's query: asking once more is safe for a read.
      await this.#pingUntil(Date.now() + READY_MS_MAX)
      return await this.#queryOnce(sql, options).catch((again: unknown) => {
        throw storeErrorOf(again, this.#closing.signal, options.signal)
      })
    }
  }

  async command(sql: string, options: QueryOptions = {}): Promise<void> {
    await this.#readySoon(options.signal)
    await this.#commandOnce(sql, options).catch((error: unknown) => {
      throw storeErrorOf(error, this.#closing.signal, options.signal)
    })
  }

  stats(): StoreStats {
    const isReady = this.#isReady && this.#host?.isReady !== false
    const trouble = isReady ? undefined : ((this.#failure ?? this.#hindrance)?.message ?? this.#host?.lastEnd)
    return {
      isReady,
      hasFailed: this.#failure !== undefined,
      ...(trouble === undefined ? {} : { trouble }),
      childStarts: this.#host?.starts ?? 0,
      runawayKills: this.#host?.runawayKills ?? 0,
      childPid: this.#host?.pid,
    }
  }

  async close(): Promise<void> {
    this.#closing.abort()
    clearInterval(this.#sizeTimer)
    await this.#ready.catch(() => undefined)
    await this.#client.close()
    await this.#host?.close()
  }

  async #becomeReady(isOwner: boolean): Promise<void> {
    let waitMs = RETRY_MS_MIN
    for (;;) {
      await this.#pingUntil(Infinity)
      try {
        if (!isOwner && (await isMigrated(this.#engine))) return
        if (isOwner) return await this.#prepare()
      } catch (error: unknown) {
        const known = storeErrorOf(error, this.#closing.signal)
        if (known.code === 'E_STORE_QUERY' && isOwner) throw known
        this.#hindrance = known
      }
      await this.#pause(waitMs)
      waitMs = Math.min(waitMs * 2, RETRY_MS_MAX)
    }
  }

  async #prepare(): Promise<void> {
    await migrate(this.#engine)
    await applyAge(this.#engine, this.#retention.hours)
    if (this.#host === undefined) return
    this.#sizeTimer = setInterval(() => {
      // A failure is tried again in a minute; what must not happen is that it ends the process.
      enforceSize(this.#engine, this.#retention.bytesMax).catch(() => undefined)
    }, SIZE_CHECK_MS)
    this.#sizeTimer.unref()
  }

  /** Repeats an insert until the engine has it or refuses it for good. */
  async #untilIn(send: () => Promise<void>): Promise<void> {
    let waitMs = RETRY_MS_MIN
    let refusals = 0
    for (;;) {
      try {
        await send()
        return
      } catch (error: unknown) {
        const known = storeErrorOf(error, this.#closing.signal)
        const { engineCode } = known
        if (known.code === 'E_STORE_CLOSED' || known.code === 'E_STORE_QUERY') throw known
        // Away is away, and full is full; but an engine that answers "not now" so often means this block.
        const isAbsent = engineCode === undefined || isDiskTrouble(engineCode, known.message)
        if (!isAbsent && ++refusals === INSERT_REFUSALS_MAX) {
          throw new StoreError('E_STORE_QUERY', known.message, { cause: known, engineCode })
        }
      }
      await this.#pause(waitMs)
      waitMs = Math.min(waitMs * 2, RETRY_MS_MAX)
    }
  }

  async #queryOnce(sql: string, options: QueryOptions): Promise<Row[]> {
    const result = await this.#client.query({ query: sql, format: 'JSONEachRow', ...this.#request(options) })
    return await result.json<Row>()
  }

  async #commandOnce(sql: string, options: QueryOptions): Promise<void> {
    await this.#client.command({ query: sql, ...this.#request(options) })
  }

  #request(options: QueryOptions): RequestOf {
    const signals =
      options.signal === undefined ? [this.#closing.signal] : [this.#closing.signal, options.signal]
    return {
      query_params: { ...options.params },
      clickhouse_settings: {
        max_execution_time: (options.timeoutMs ?? QUERY_MS_MAX) / 1000,
        output_format_json_quote_64bit_integers: 1,
      },
      abort_signal: signals.length === 1 ? this.#closing.signal : AbortSignal.any(signals),
    }
  }

  async #readySoon(signal: AbortSignal | undefined): Promise<void> {
    if (this.#isReady) return
    if (this.#failure !== undefined) throw this.#failure
    signal?.throwIfAborted()
    const timeout = AbortSignal.timeout(READY_MS_MAX)
    const late = new Promise<never>((_, reject) =>
      timeout.addEventListener('abort', () =>
        reject(
          new StoreError(
            'E_STORE_UNAVAILABLE',
            `the store is still starting. ${this.#host?.lastWords ?? ''}`.trim(),
          ),
        ),
      ),
    )
    await Promise.race([this.#ready, late])
  }

  async #pingUntil(deadlineMs: number): Promise<void> {
    while (Date.now() < deadlineMs) {
      if (this.#closing.signal.aborted) throw new StoreError('E_STORE_CLOSED', 'the store is closed')
      if ((await this.#client.ping()).success) return
      await this.#pause(RETRY_MS_MIN)
    }
    throw new StoreError(
      'E_STORE_UNAVAILABLE',
      `the store does not answer. ${this.#host?.lastWords ?? ''}`.trim(),
    )
  }

  #pause(ms: number): Promise<void> {
    const { signal } = this.#closing
    return new Promise((resolve) => {
      if (signal.aborted) return resolve()
      const done = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, ms)
      signal.addEventListener('abort', done)
    })
  }
}

type RequestOf = {
  readonly query_params: Record<string, unknown>
  readonly clickhouse_settings: {
    readonly max_execution_time: number
    readonly output_format_json_quote_64bit_integers: 1
  }
  readonly abort_signal: AbortSignal
}

function storeErrorOf(error: unknown, closing: AbortSignal, caller?: AbortSignal): StoreError {
  if (error instanceof StoreError) return error
  if (closing.aborted) return new StoreError('E_STORE_CLOSED', 'the store is closed', { cause: error })
  const message = error instanceof Error ? error.message : String(error)
  if (caller?.aborted === true)
    return new StoreError('E_STORE_TIMEOUT', 'the caller gave up', { cause: error })
  if (!(error instanceof ClickHouseError))
    return new StoreError('E_STORE_UNAVAILABLE', message, { cause: error })
  const engineCode = Number(error.code)
  if (engineCode === ENGINE_TIMEOUT)
    return new StoreError('E_STORE_TIMEOUT', message, { cause: error, engineCode })
  const isPassing = PASSING_ENGINE_CODES.has(engineCode) || isDiskTrouble(engineCode, message)
  return new StoreError(isPassing ? 'E_STORE_UNAVAILABLE' : 'E_STORE_QUERY', message, {
    cause: error,
    engineCode,
  })
}
