// Configuration: what startServer takes, and how flags, environment and a file become it (flags > env > file
// > defaults).
//
// The file is DIR/config.json: one flat JSON object with the names of ServerOptions. An unknown name, a wrong
// type, a file that cannot be read is refused with a sentence (all at once), never ignored.

import { readFileSync } from 'node:fs'
import path from 'node:path'
import { DEFAULT_TRIGGERS, TRIGGER_MS_MAX, TRIGGER_MS_MIN, type Triggers } from '#traces'
import { ServerError } from './server-error.ts'

export type ServerOptions = {
  /** Default ./.crosscut. */
  readonly dataDir?: string
  /** Default 127.0.0.1. Beyond loopback OTLP needs the agent token. */
  readonly host?: string
  /** UI and API. Default 7070; 0 = any free port. */
  readonly port?: number
  /** OTLP/HTTP. Default 4318; 0 = any free port. */
  readonly otlpPort?: number
  /** OTLP/gRPC. Default 4317, or any free port where otlpPort is 0; 0 = any free port. */
  readonly otlpGrpcPort?: number
  /** Take the next free port when one is busy. */
  readonly autoPort?: boolean
  /** Host names under which this server may be addressed, beside loopback names and `host`. */
  readonly allowedHosts?: readonly string[]
  /** Browser origins that may post spans to the OTLP port. */
  readonly otlpOrigins?: readonly string[]
  /** A header in which a proxy tells the country of who opened a page. */
  readonly countryHeader?: string
  /** For tests on loopback: everybody is admin. Refused beyond loopback. */
  readonly insecureNoAuth?: boolean
  /** File that holds the operator's token, instead of DIR/admin-token. */
  readonly tokenFile?: string
  /** Hours that spans are kept. */
  readonly retentionHours?: number
  /** A trace whose root was seen has its rows when no span came for so long. Default 800. */
  readonly traceIdleMs?: number
  /** The same for a trace whose root was not seen. Default 1200. */
  readonly traceRootlessIdleMs?: number
  /** A trace has its first rows so long after its first span at the latest, quiet or not. Default 10000. */
  readonly traceFirstMs?: number
  /** A trace that goes on has them anew each time it is so much older. Default 10000. */
  readonly traceAgainMs?: number
  /** Told on stderr by `up`; default silent. */
  readonly log?: (message: string) => void
}

export type Config = Required<Omit<ServerOptions, 'retentionHours' | 'tokenFile' | 'countryHeader' | 'log'>> &
  Pick<ServerOptions, 'retentionHours' | 'tokenFile' | 'countryHeader'> & {
    readonly log: (message: string) => void
  }

type Kind = 'text' | 'port' | 'flag' | 'list' | 'hours' | 'trigger'
type Setting = { readonly kind: Kind; readonly flag: string; readonly env: string }
/** Every setting by its name in ServerOptions and in the file; the page docs/reference/settings.md. */
export const SETTINGS: { readonly [name: string]: Setting } = {
  dataDir: { kind: 'text', flag: '--data', env: 'CROSSCUT_DATA' },
  host: { kind: 'text', flag: '--host', env: 'CROSSCUT_HOST' },
  port: { kind: 'port', flag: '--port', env: 'CROSSCUT_PORT' },
  otlpPort: { kind: 'port', flag: '--otlp-port', env: 'CROSSCUT_OTLP_PORT' },
  otlpGrpcPort: { kind: 'port', flag: '--otlp-grpc-port', env: 'CROSSCUT_OTLP_GRPC_PORT' },
  autoPort: { kind: 'flag', flag: '--auto-port', env: 'CROSSCUT_AUTO_PORT' },
  allowedHosts: { kind: 'list', flag: '--allow-host', env: 'CROSSCUT_ALLOWED_HOSTS' },
  otlpOrigins: { kind: 'list', flag: '--allow-origin', env: 'CROSSCUT_OTLP_ORIGINS' },
  countryHeader: { kind: 'text', flag: '--country-header', env: 'CROSSCUT_COUNTRY_HEADER' },
  insecureNoAuth: { kind: 'flag', flag: '--insecure-no-auth', env: 'CROSSCUT_INSECURE_NO_AUTH' },
  tokenFile: { kind: 'text', flag: '--token-file', env: 'CROSSCUT_TOKEN_FILE' },
  retentionHours: { kind: 'hours', flag: '--retention-hours', env: 'CROSSCUT_RETENTION_HOURS' },
  traceIdleMs: { kind: 'trigger', flag: '--trace-idle-ms', env: 'CROSSCUT_TRACE_IDLE_MS' },
  traceRootlessIdleMs: {
    kind: 'trigger',
    flag: '--trace-rootless-idle-ms',
    env: 'CROSSCUT_TRACE_ROOTLESS_IDLE_MS',
  },
  traceFirstMs: { kind: 'trigger', flag: '--trace-first-ms', env: 'CROSSCUT_TRACE_FIRST_MS' },
  traceAgainMs: { kind: 'trigger', flag: '--trace-again-ms', env: 'CROSSCUT_TRACE_AGAIN_MS' },
}

/** One configuration from options, environment and file. Errors: E_CONFIG with everything that is wrong. */
export function readConfig(
  options: ServerOptions,
  env: { readonly [name: string]: string | undefined } = {},
): Config {
  const wrong: string[] = []
  const fromEnv = readFields(
    (name) => readEnv(name, env),
    wrong,
    (name) => SETTINGS[name]?.env ?? name,
  )
  const dataDir = path.resolve(options.dataDir ?? String(fromEnv.dataDir ?? '.crosscut'))
  const file = readFile(path.join(dataDir, 'config.json'), wrong)
  const fromFile = readFields(
    (name) => file[name],
    wrong,
    (name) => `config.json: ${name}`,
  )
  const given: { readonly [name: string]: unknown } = Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  )
  readFields(
    (name) => given[name],
    wrong,
    (name) => SETTINGS[name]?.flag ?? name,
  )
  const chosen: ServerOptions = { ...fromFile, ...fromEnv, ...given }
  const otlpGrpcPort = chosen.otlpPort === 0 ? 0 : DEFAULTS.otlpGrpcPort
  const config: Config = { ...DEFAULTS, otlpGrpcPort, ...chosen, dataDir }
  if (config.insecureNoAuth && !isLoopback(config.host))
    wrong.push('--insecure-no-auth works on a loopback host only')
  wrong.push(...config.otlpOrigins.flatMap(troubleOfOrigin))
  if (wrong.length > 0) throw new ServerError('E_CONFIG', wrong.join('; '))
  return config
}

const DEFAULTS: Omit<Config, 'dataDir'> = {
  host: '127.0.0.1',
  port: 7070,
  otlpPort: 4318,
  otlpGrpcPort: 4317,
  autoPort: false,
  allowedHosts: [],
  otlpOrigins: [],
  insecureNoAuth: false,
  traceIdleMs: DEFAULT_TRIGGERS.idleMs,
  traceRootlessIdleMs: DEFAULT_TRIGGERS.rootlessIdleMs,
  traceFirstMs: DEFAULT_TRIGGERS.firstMs,
  traceAgainMs: DEFAULT_TRIGGERS.againMs,
  log: () => {},
}

export const triggersOf = (config: Config): Triggers => ({
  idleMs: config.traceIdleMs,
  rootlessIdleMs: config.traceRootlessIdleMs,
  firstMs: config.traceFirstMs,
  againMs: config.traceAgainMs,
})

/** A list of origins is a promise: one that no browser ever sends would be a silent no. */
function troubleOfOrigin(text: string): string[] {
  const origin = URL.canParse(text) ? new URL(text).origin : 'null'
  if (origin === text && origin !== 'null') return []
  const mend = origin === 'null' ? 'write it as https://app.example, each by itself' : `write ${origin}`
  return [`--allow-origin ${text} is no origin: ${mend}`]
}

export function isLoopback(host: string): boolean {
  return (
    host === 'localhost' ||
    host === '::1' ||
    host === '[::1]' ||
    /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host)
  )
}

const NUMBERS: ReadonlySet<Kind> = new Set(['port', 'hours', 'trigger'])

function readEnv(name: string, env: { readonly [name: string]: string | undefined }): unknown {
  const field = SETTINGS[name]
  const text = field === undefined ? undefined : env[field.env]
  if (field === undefined || text === undefined || text === '') return undefined
  if (NUMBERS.has(field.kind)) return Number(text)
  if (field.kind === 'flag')
    return text === '1' || text === 'true' ? true : text === '0' || text === 'false' ? false : text
  return field.kind === 'list'
    ? text
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== '')
    : text
}

function readFields(
  read: (name: string) => unknown,
  wrong: string[],
  where: (name: string) => string,
): ServerOptions {
  const fields: { [name: string]: unknown } = {}
  for (const [name, { kind }] of Object.entries(SETTINGS)) {
    const value = read(name)
    if (value === undefined) continue
    if (CHECKS[kind](value)) fields[name] = value
    else wrong.push(`${where(name)} must be ${WANTED[kind]}`)
  }
  return fields
}

const CHECKS: Record<Kind, (value: unknown) => boolean> = {
  text: (value) => typeof value === 'string' && value !== '',
  port: (value) => typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 65_535,
  flag: (value) => typeof value === 'boolean',
  list: (value) => Array.isArray(value) && value.every((item) => typeof item === 'string'),
  hours: (value) => typeof value === 'number' && value > 0 && Number.isFinite(value),
  trigger: (value) =>
    typeof value === 'number' &&
    Number.isInteger(value) &&
    value >= TRIGGER_MS_MIN &&
    value <= TRIGGER_MS_MAX,
}
const WANTED: Record<Kind, string> = {
  text: 'text',
  port: 'a port number 0..65535',
  flag: 'true or false',
  list: 'a list of texts',
  hours: 'a number of hours',
  trigger: `a whole number of ms from ${TRIGGER_MS_MIN} to ${TRIGGER_MS_MAX}`,
}

function readFile(file: string, wrong: string[]): { readonly [name: string]: unknown } {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error: unknown) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    if (code !== 'ENOENT' && code !== 'ENOTDIR') wrong.push(`${file} cannot be read: ${code}`)
    return {}
  }
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      const unknown = Object.keys(value).filter((name) => !Object.hasOwn(SETTINGS, name))
      if (unknown.length > 0) wrong.push(`config.json: unknown ${unknown.join(', ')}`)
      return Object.fromEntries(Object.entries(value))
    }
    wrong.push('config.json must hold one JSON object')
  } catch {
    wrong.push('config.json is not JSON')
  }
  return {}
}
