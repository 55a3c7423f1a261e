// The child process that holds the engine: enough of ClickHouse's HTTP protocol over chDB for
// @clickhouse/client.
//
// Cast: `child-host.ts` starts it with one JSON argument and ends it; clients connect to its unix socket
// (0600).
//
//   request -> read body (bounded) -> wait for a connection of its class -> SET settings, parameters -> run
//           -> answer bytes, or `Code: N. DB::Exception: ...` with X-ClickHouse-Exception-Code
//   insert  -> its data goes to DIR/incoming/N, read by the engine (FROM INFILE): the one way for any bytes;
//              never synced and gone within a moment, so it costs a copy in memory and no disk
//           -> every part that is new is checked before the answer (part-check.ts)
//   end     -> always a kill: a graceful one deletes the parts that merges have read, whatever they wrote
//
// Why a process of its own: one chDB query cannot be interrupted from outside, and a fault of the engine
// takes its process along. Here a query that outlives its deadline makes the child kill itself, and the host
// starts another; whoever loses an answer by that asks again (inserts by token). Each connection has its own
// settings and parameters; the addon's own binding is process-wide and not safe under concurrency, therefore
// parameters are set by `SET param_x`.
//
// Source: ClickHouse documentation, "HTTP interface"; chdb-node README.

import { chmodSync, existsSync, mkdirSync, rmSync } from 'node:fs'
import { rm, statfs, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { loadChdb, type ChdbAddon, type ChdbConnection } from './chdb-addon.ts'
import {
  BODY_BYTES_MAX,
  ENGINE_ARGUMENTS,
  INSERT_CONNECTIONS,
  KILL_GRACE_MS,
  LAST_WORDS_MS,
  PART_CHECK_MS,
  QUERY_CONNECTIONS,
  QUERY_MS_MAX,
  SCHEMA_ROOM_BYTES_MIN,
  SET_ASIDE_CHECK_MS,
  SET_ASIDE_MS_MAX,
  URI_BYTES_MAX,
} from './limits.ts'
import { brokenInserts, forgetTokens, removeSetAside } from './broken-inserts.ts'
import { PartCheck, type Run } from './part-check.ts'

type ChildOptions = { readonly dir: string; readonly socketPath: string }

type Request = { readonly sql: string; readonly data: Buffer | undefined; readonly url: URL }

/** `INSERT INTO table (columns)`, then settings and format: the file's name goes in between. */
const INSERT = /^(\s*insert\s+into\s+[\w.`]+\s*(?:\([^()]*\))?)\s*((?:settings\s[^()]*)?format\s+\w+)\s*$/i

/** Writes files of the schema: cut short by a full disk they would take the table with them. */
const SCHEMA = /^\s*(create|alter\s+table\s+\w+\s+modify)\b/i

/** Connections of one class of work, lent in order of asking. */
class Pool {
  readonly #free: ChdbConnection[]
  readonly #waiting: ((connection: ChdbConnection) => void)[] = []

  constructor(connections: readonly ChdbConnection[]) {
    this.#free = [...connections]
  }

  async use<T>(work: (connection: ChdbConnection) => Promise<T>): Promise<T> {
    const connection =
      this.#free.pop() ?? (await new Promise<ChdbConnection>((resolve) => this.#waiting.push(resolve)))
    try {
      return await work(connection)
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free.push(connection)
      else next(connection)
    }
  }
}

class Engine {
  readonly #addon: ChdbAddon
  readonly #queries: Pool
  readonly #inserts: Pool
  readonly #connections: readonly ChdbConnection[]
  readonly #dir: string
  readonly #incoming: string
  readonly #parts = new PartCheck()
  #insertCount = 0

  constructor(dir: string) {
    this.#dir = dir
    this.#incoming = join(dir, '..', 'incoming')
    rmSync(this.#incoming, { recursive: true, force: true })
    mkdirSync(this.#incoming, { recursive: true })
    this.#addon = loadChdb()
    this.#connections = Array.from({ length: QUERY_CONNECTIONS + INSERT_CONNECTIONS }, () =>
      this.#addon.CreateConnection(dir, ENGINE_ARGUMENTS),
    )
    this.#queries = new Pool(this.#connections.slice(0, QUERY_CONNECTIONS))
    this.#inserts = new Pool(this.#connections.slice(QUERY_CONNECTIONS))
  }

  run(request: Request, isAway: () => boolean): Promise<Uint8Array> {
    const pool = request.data === undefined ? this.#queries : this.#inserts
    // A caller that hung up while waiting for a connection costs nothing.
    return pool.use(async (connection) => (isAway() ? new Uint8Array() : this.#runOn(connection, request)))
  }

  /** The parts that are there have been loaded, and so checked, by the engine. */
  begin(): Promise<void> {
    return this.#queries.use((connection) => this.#parts.begin(this.#runner(connection)))
  }

  /** Looks at what merges have made since the last look. */
  check(): Promise<void> {
    return this.#queries.use((connection) => this.#checkParts(connection))
  }

  async #insert(connection: ChdbConnection, sql: string, data: Buffer): Promise<Uint8Array> {
    const path = join(this.#incoming, String(this.#insertCount++))
    const dropped = this.#parts.dropped
    try {
      await writeFile(path, data)
      await this.#addon.QueryAsyncConnection(connection, fromFile(sql, path), 'Null')
    } finally {
      await rm(path, { force: true })
    }
    await this.#checkParts(connection)
    if (this.#parts.dropped !== dropped) throw new Error(CUT_SHORT)
    return new Uint8Array()
  }

  async #checkParts(connection: ChdbConnection): Promise<void> {
    if (!(await this.#parts.isWhole(this.#runner(connection)))) endForGood('damaged')
  }

  #runner(connection: ChdbConnection): Run {
    return async (sql) => {
      const { bytes } = await this.#addon.QueryAsyncConnection(connection, sql, 'JSONEachRow')
      const lines = Buffer.from(bytes).toString().split('\n')
      return lines.filter((line) => line !== '').map((line) => JSON.parse(line))
    }
  }

  async #checkRoom(): Promise<void> {
    const { bavail, bsize } = await statfs(this.#dir)
    if (bavail * bsize < SCHEMA_ROOM_BYTES_MIN)
      throw new Error('Code: 243. DB::Exception: no room to change the schema. (NOT_ENOUGH_SPACE)')
  }

  async #runOn(connection: ChdbConnection, request: Request): Promise<Uint8Array> {
    const { set, reset, timeoutMs } = settingsOf(request.url)
    const deadline = deadlineOf(timeoutMs + KILL_GRACE_MS)
    try {
      return await Promise.race([deadline.passed, this.#statements(connection, request, set, reset)])
    } finally {
      deadline.cancel()
    }
  }

  async #statements(
    connection: ChdbConnection,
    request: Request,
    set: string,
    reset: string,
  ): Promise<Uint8Array> {
    try {
      if (set !== '') await this.#addon.QueryAsyncConnection(connection, set, 'Null')
      if (request.data !== undefined) return await this.#insert(connection, request.sql, request.data)
      if (SCHEMA.test(request.sql)) await this.#checkRoom()
      const format = request.url.searchParams.get('default_format') ?? 'TabSeparated'
      return (await this.#addon.QueryAsyncConnection(connection, request.sql, format)).bytes
    } finally {
      if (reset !== '')
        await this.#addon.QueryAsyncConnection(connection, reset, 'Null').catch(() => undefined)
    }
  }
}

const CUT_SHORT =
  'Code: 243. DB::Exception: a part was cut short: the disk is full or failing. (NOT_ENOUGH_SPACE)'

/** Adds ` FROM INFILE '...'`; the path is ours and holds no quote. */
function fromFile(sql: string, path: string): string {
  return sql.replace(
    INSERT,
    (_, into: string, rest: string) => `${into} FROM INFILE ${literal(path)} COMPRESSION 'none' ${rest}`,
  )
}

/**
 * The one way to stop a query that ignores its own deadline: its caller is told, then the process ends, the
 * query with it. Inserts under way are repeated by token, other reads are asked again.
 */
function deadlineOf(ms: number): { passed: Promise<never>; cancel: () => void } {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    reject(
      new Error(
        'Code: 159. DB::Exception: the query did not stop, so its engine was killed. (TIMEOUT_EXCEEDED)',
      ),
    )
    setTimeout(() => endForGood('runaway'), LAST_WORDS_MS)
  }, ms)
  return { passed: promise, cancel: () => clearTimeout(timer) }
}

/**
 * process.exit would run the engine's exit handlers, which wait for queries that do not end and delete what
 * merges have read.
 */
function endForGood(why: 'runaway' | 'damaged' | 'closed'): void {
  process.stdout.write(`${why}\n`, () => process.kill(process.pid, 'SIGKILL'))
}

/** Members of the query string that are not settings of the engine. */
const NOT_SETTINGS = new Set([
  'query',
  'database',
  'query_id',
  'default_format',
  'wait_end_of_query',
  'session_id',
  'session_timeout',
  'session_check',
  'compress',
  'decompress',
  'enable_http_compression',
  'buffer_size',
  'role',
  'user',
  'password',
  'quota_key',
  'send_progress_in_http_headers',
  'http_headers_progress_interval_ms',
])

function settingsOf(url: URL): { set: string; reset: string; timeoutMs: number } {
  const changes: string[] = []
  const names: string[] = []
  let timeoutMs = QUERY_MS_MAX
  for (const [name, value] of url.searchParams) {
    if (NOT_SETTINGS.has(name) || !/^[a-z][a-z0-9_]*$/i.test(name)) continue
    changes.push(`${name} = ${literal(value)}`)
    if (name === 'max_execution_time')
      timeoutMs = Math.min(Number(value) * 1000 || QUERY_MS_MAX, timeoutMs * 100)
    if (!name.startsWith('param_')) names.push(`${name} = DEFAULT`)
  }
  return {
    set: changes.length > 0 ? `SET ${changes.join(', ')}` : '',
    reset: names.length > 0 ? `SET ${names.join(', ')}` : '',
    timeoutMs,
  }
}

/** A string literal of ClickHouse: only the backslash and the quote can end it. */
function literal(value: string): string {
  return `'${value.replace(/[\\']/g, '\\$&')}'`
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    if (!(chunk instanceof Buffer)) continue
    bytes += chunk.length
    if (bytes > BODY_BYTES_MAX)
      throw new Error(`Code: 307. DB::Exception: body larger than ${BODY_BYTES_MAX} bytes. (TOO_MANY_BYTES)`)
    chunks.push(chunk)
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)
}

/** As ClickHouse does: the statement is in ?query=, then the body is data; or the body is the statement. */
async function readRequest(request: IncomingMessage): Promise<Request> {
  const url = new URL(request.url ?? '/', 'http://store')
  const statement = url.searchParams.get('query') ?? ''
  const body = await readBody(request)
  if (statement === '') return { sql: body.toString(), data: undefined, url }
  if (INSERT.test(statement)) return { sql: statement, data: body, url }
  return { sql: statement + body.toString(), data: undefined, url }
}

async function answer(engine: Engine, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.url === '/ping' || request.url?.startsWith('/ping?') === true) {
    response.end('Ok.\n')
    return
  }
  let isAway = false
  response.on('close', () => {
    isAway = true
  })
  try {
    const parsed = await readRequest(request)
    const bytes = await engine.run(parsed, () => isAway)
    response.writeHead(200, { 'content-length': bytes.length, 'content-type': 'text/plain; charset=UTF-8' })
    response.end(bytes)
  } catch (error: unknown) {
    const message = error instanceof Error ? error.message : String(error)
    const code = /Code: (\d+)/.exec(message)?.[1] ?? '1002'
    response.writeHead(500, {
      'x-clickhouse-exception-code': code,
      'content-type': 'text/plain; charset=UTF-8',
    })
    response.end(message)
  }
}

async function main(): Promise<void> {
  const options: ChildOptions = JSON.parse(process.argv[2] ?? '{}')
  // The owner holds the other end of stdin: when it dies, however it dies, so do we, and the data directory
  // is free again.
  process.stdin
    .on('end', () => process.kill(process.pid, 'SIGKILL'))
    .on('error', () => undefined)
    .resume()
  process.umask(0o077)
  const engine = new Engine(options.dir)
  if (forgetTokens(brokenInserts(options.dir))) return endForGood('damaged')
  const server = createServer({ maxHeaderSize: URI_BYTES_MAX }, (request, response) => {
    void answer(engine, request, response)
  })
  server.keepAliveTimeout = 60_000
  // A socket file left by a killed child; the engine's own lock on the directory has already shown that no
  // child lives.
  if (existsSync(options.socketPath)) rmSync(options.socketPath)
  await engine.begin()
  server.listen(options.socketPath, () => {
    chmodSync(options.socketPath, 0o600)
    process.stdout.write('ready\n')
  })
  // An engine that cannot list its parts now is asked again.
  setInterval(() => void engine.check().catch(() => undefined), PART_CHECK_MS).unref()
  const removeOld = (): number => removeSetAside(options.dir, Date.now() - SET_ASIDE_MS_MAX)
  removeOld()
  setInterval(removeOld, SET_ASIDE_CHECK_MS).unref()
  // A terminal sends Ctrl-C to the whole group; the owner decides when we end, after it has written what it
  // still has.
  process.on('SIGINT', () => undefined)
  process.on('SIGHUP', () => undefined)
  process.on('SIGTERM', () => {
    server.close(() => endForGood('closed'))
    server.closeIdleConnections()
  })
}

await main()
