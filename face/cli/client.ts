// The HTTP client of all verbs: finds the server and the token, speaks /api/v1, and turns failures into
// sentences.
//
//   server   --server > CROSSCUT_SERVER > DIR/server.json > http://127.0.0.1:7070
//   token    --token-file > CROSSCUT_TOKEN > DIR/admin-token
//   DIR      --data > CROSSCUT_DATA > nearest .crosscut upwards

import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { formatDiagnostic, type Diagnostic } from '#base'
import { asTyped } from './install.ts'
import { CliError, type Args, type Io } from './verb.ts'

export type Target = {
  readonly url: string
  /** Where the URL came from, for messages. */
  readonly source: string
  readonly token: string | undefined
  readonly dataDir: string | undefined
  /** The server at `url` is the one that runs on `dataDir`. */
  readonly isOfDataDir: boolean
  readonly otlpUrl: string | undefined
}

export type AgentConnection = {
  readonly agentToken: string
  readonly otlpUrl?: string
  readonly otlpGrpcUrl?: string
}

const ANSWER_MS_MAX = 35_000
const DATA_DIR = '.crosscut'

export function findTarget(io: Io, args: Pick<Args, 'text'>): Target {
  const dataDir = findDataDir(io, args)
  const running = dataDir === undefined ? undefined : readServerFile(dataDir)
  const chosen = args.text('server') ?? io.env.CROSSCUT_SERVER
  const [url, source] =
    chosen !== undefined && chosen !== ''
      ? [chosen, args.text('server') === undefined ? 'CROSSCUT_SERVER' : '--server']
      : running !== undefined
        ? [running.url, `${dataDir}/server.json`]
        : ['http://127.0.0.1:7070', 'the default']
  if (!URL.canParse(url))
    throw new CliError(
      'E_BAD_URL',
      `'${url}' (${source}) is not a URL`,
      'it looks like http://127.0.0.1:7070',
    )
  const origin = new URL(url).origin
  const isOfDataDir = running?.url === origin
  return {
    url: origin,
    source,
    token: findToken(io, args, dataDir),
    dataDir,
    isOfDataDir,
    otlpUrl: isOfDataDir ? running?.otlpUrl : undefined,
  }
}

export function readToken(dataDir: string, name: 'admin-token' | 'agent-token'): string | undefined {
  return readLine(path.join(dataDir, name))
}

function findDataDir(io: Io, args: Pick<Args, 'text'>): string | undefined {
  const chosen = args.text('data') ?? io.env.CROSSCUT_DATA
  if (chosen !== undefined && chosen !== '') return path.resolve(io.cwd, chosen)
  for (let folder = io.cwd; ; folder = path.dirname(folder)) {
    if (existsSync(path.join(folder, DATA_DIR, 'admin-token'))) return path.join(folder, DATA_DIR)
    if (folder === path.dirname(folder)) return undefined
  }
}

function findToken(io: Io, args: Pick<Args, 'text'>, dataDir: string | undefined): string | undefined {
  const file = args.text('token-file')
  if (file !== undefined) {
    const token = readLine(path.resolve(io.cwd, file))
    if (token === undefined) throw new CliError('E_NO_TOKEN', `there is no token in ${file}`)
    return token
  }
  const given = io.env.CROSSCUT_TOKEN
  return given !== undefined && given !== ''
    ? given
    : dataDir === undefined
      ? undefined
      : readToken(dataDir, 'admin-token')
}

function readServerFile(dataDir: string): { readonly url: string; readonly otlpUrl: string } | undefined {
  const text = existsSync(path.join(dataDir, 'server.json'))
    ? readFileSync(path.join(dataDir, 'server.json'), 'utf8')
    : '{}'
  const url = /"url":\s*"([^"]+)"/.exec(text)?.[1]
  const otlpUrl = /"otlpUrl":\s*"([^"]+)"/.exec(text)?.[1]
  return url === undefined || otlpUrl === undefined ? undefined : { url, otlpUrl }
}

function readLine(file: string): string | undefined {
  const text = existsSync(file) ? readFileSync(file, 'utf8').trim() : ''
  return text === '' ? undefined : text
}

/** Bytes that are sent as they are. */
export type FilePart = { readonly bytes: Uint8Array<ArrayBuffer>; readonly encoding: string | undefined }

type Sent = {
  readonly body?: string | Uint8Array<ArrayBuffer>
  readonly headers: { readonly [name: string]: string }
}

function bodyOf({ body, file }: { readonly body?: unknown; readonly file?: FilePart }): Sent {
  if (file !== undefined) {
    const { bytes, encoding } = file
    const encoded: Sent['headers'] = encoding === undefined ? {} : { 'content-encoding': encoding }
    return { body: bytes, headers: { 'content-type': 'application/octet-stream', ...encoded } }
  }
  if (body === undefined) return { headers: {} }
  return { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
}

export class Client {
  readonly target: Target
  readonly #io: Io

  constructor(io: Io, args: Pick<Args, 'text'>) {
    this.#io = io
    this.target = findTarget(io, args)
  }

  /** The JSON of a 2xx answer. Errors: CliError with the server's code, or E_UNREACHABLE. */
  async json<T>(method: string, at: string, body?: unknown): Promise<T> {
    return this.#jsonOf(await this.open(method, at, { body }), at)
  }

  /** The same for a file's bytes. */
  async upload<T>(at: string, file: FilePart): Promise<T> {
    return this.#jsonOf(await this.open('POST', at, { file }), at)
  }

  async #jsonOf<T>(response: Response, at: string): Promise<T> {
    const value: unknown = await response.json().catch(() => undefined)
    if (value === undefined)
      throw new CliError(
        'E_BAD_ANSWER',
        `${this.target.url}${at} did not answer JSON`,
        'is that a Crosscut server?',
      )
    // The shapes are those of core/protocol, made by a server of the same release.
    return value as T
  }

  /** What an agent needs. Errors: those of `json`; E_FORBIDDEN where our token may only read. */
  async agentConnection(): Promise<AgentConnection> {
    const told = await this.json<Partial<AgentConnection>>('GET', '/api/v1/connection')
    const { agentToken } = told
    if (agentToken !== undefined) return { ...told, agentToken }
    throw new CliError(
      'E_FORBIDDEN',
      'this token is not told the token of agents',
      "set CROSSCUT_TOKEN to the server's DIR/agent-token, or ask with an admin token",
    )
  }

  async open(
    method: string,
    at: string,
    options: { body?: unknown; file?: FilePart; accept?: string; isEndless?: boolean } = {},
  ): Promise<Response> {
    const { token, url } = this.target
    const { body, headers } = bodyOf(options)
    const signals =
      options.isEndless === true ? [this.#io.signal] : [this.#io.signal, AbortSignal.timeout(ANSWER_MS_MAX)]
    const response = await fetch(`${url}${at}`, {
      method,
      signal: AbortSignal.any(signals),
      redirect: 'error',
      headers: {
        accept: options.accept ?? 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(body === undefined ? {} : { body }),
    }).catch((error: unknown) => {
      throw this.#io.signal.aborted ? error : this.#unreachable(error)
    })
    if (!response.ok) throw await this.#refused(response)
    return response
  }

  #unreachable(error: unknown): CliError {
    const { url, source } = this.target
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error)
    return new CliError(
      'E_UNREACHABLE',
      `no server answers at ${url} (from ${source}): ${cause}`,
      `start one with: ${asTyped()} up`,
    )
  }

  async #refused(response: Response): Promise<CliError> {
    const body: unknown = await response.json().catch(() => undefined)
    const error =
      typeof body === 'object' && body !== null && 'error' in body && typeof body.error === 'object'
        ? body.error
        : null
    const member = (name: string): string | undefined => {
      const value: unknown = error === null ? undefined : Reflect.get(error, name)
      return typeof value === 'string' ? value : undefined
    }
    if (response.status === 401) {
      const hint =
        this.target.token === undefined
          ? 'give --data DIR of the server, --token-file FILE, or CROSSCUT_TOKEN (it is DIR/admin-token)'
          : 'it is of another server, over or revoked: check CROSSCUT_TOKEN, --data and --server'
      return new CliError(
        'E_UNAUTHORIZED',
        this.target.token === undefined
          ? `${this.target.url} wants a token`
          : `${this.target.url} does not accept this token`,
        hint,
      )
    }
    if (error === null)
      return new CliError(
        'E_NOT_CROSSCUT',
        `what answers at ${this.target.url} (${response.status}) is not the API of Crosscut`,
        'the API is where the UI is (7070 by default), not where spans go (4318)',
      )
    return new CliError(
      member('code') ?? 'E_HTTP',
      mistakesIn(body) ?? member('message') ?? `the server answered ${response.status}`,
      member('hint'),
    )
  }
}

/** All diagnostics of a text, a line each. */
function mistakesIn(body: unknown): string | undefined {
  const given: unknown =
    typeof body === 'object' && body !== null && 'diagnostics' in body ? body.diagnostics : []
  if (!Array.isArray(given) || given.length === 0) return undefined
  return given.map((one: Diagnostic) => formatDiagnostic(one)).join('\n')
}
