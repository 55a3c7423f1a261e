// `crosscut run -- node app.js`: starts a program with the agent in it and tells the agent where the server
// is.
//
//   NODE_OPTIONS += --import=<agent>     CROSSCUT_SERVER, CROSSCUT_TOKEN (agent token), the OTLP endpoint
// Signals and the exit code pass through; stdin, stdout and stderr are the program's own. Without a server
// the program runs all the same: the agent keeps trying and drops by count.

import { spawn, spawnSync } from 'node:child_process'
import { constants } from 'node:os'
import path from 'node:path'
import { Client, readToken, type Target } from '../client.ts'
import { agentUrl, asTyped, findInstall, type Install } from '../install.ts'
import { CliError, CLIENT_FLAGS, UsageError, type Io, type Verb } from '../verb.ts'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2', 'SIGCONT', 'SIGWINCH'] as const
/** A server on the same machine answers in milliseconds, one elsewhere in a round trip. */
const ANSWER_MS_MAX = 3_000
const { json: _json, ...CONNECT_FLAGS } = CLIENT_FLAGS

export const run: Verb = {
  name: 'run',
  summary: 'start a Node program with the agent, connected to the server',
  usage: '-- <command> [args...]',
  words: [0, Infinity],
  flags: { ...CONNECT_FLAGS, service: { value: 'NAME', says: 'OTEL_SERVICE_NAME of the program' } },
  examples: ['crosscut run -- node app.js', 'crosscut run --service shop -- npm start'],
  run: async (io, args) => {
    const command = args.rest.length > 0 ? [...args.words, ...args.rest] : args.words
    const [program, ...rest] = command
    if (program === undefined) throw new UsageError('run needs a command: crosscut run -- node app.js')
    const install = findInstall()
    const client = new Client(io, args)
    const env: NodeJS.ProcessEnv = {
      ...io.env,
      ...(await connectionOf(io, client)),
      ...pathFor(io, install),
      NODE_OPTIONS: `${io.env.NODE_OPTIONS ?? ''} --import=${agentUrl(install)}`.trim(),
    }
    const service = args.text('service')
    if (service !== undefined) env.OTEL_SERVICE_NAME = service
    if (env.CROSSCUT_TOKEN !== undefined) void tellIfNobodyAnswers(io, client.target)
    return start({ program, args: rest, env, cwd: io.cwd })
  },
}

/**
 * What the agent needs. A token of the form secret.fingerprint in CROSSCUT_TOKEN is an agent's and is passed
 * on.
 */
export async function connectionOf(io: Io, client: Client): Promise<{ readonly [name: string]: string }> {
  const { target } = client
  const own = /^[\w-]+\.[\w-]+$/.test(io.env.CROSSCUT_TOKEN ?? '') ? io.env.CROSSCUT_TOKEN : undefined
  const local = own ?? (target.dataDir === undefined ? undefined : readToken(target.dataDir, 'agent-token'))
  if (local !== undefined) return variables(io, target, { agentToken: local, otlpUrl: target.otlpUrl })
  try {
    return variables(
      io,
      target,
      await client.json<{ agentToken: string; otlpUrl?: string }>('GET', '/api/v1/connection'),
    )
  } catch (error: unknown) {
    if (!(error instanceof CliError)) throw error
    io.say(
      `crosscut: ${error.message}\n  The program runs; its spans go to OTLP on port 4318 if somebody listens there.\n`,
    )
    return { CROSSCUT_SERVER: target.url }
  }
}

function variables(
  io: Io,
  target: Target,
  { agentToken, otlpUrl }: { agentToken: string; otlpUrl?: string },
): { readonly [name: string]: string } {
  const isNamed =
    io.env.OTEL_EXPORTER_OTLP_ENDPOINT !== undefined ||
    io.env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT !== undefined
  const otlp: { readonly [name: string]: string } =
    otlpUrl === undefined || isNamed ? {} : { OTEL_EXPORTER_OTLP_ENDPOINT: otlpUrl }
  return { CROSSCUT_SERVER: target.url, CROSSCUT_TOKEN: agentToken, ...otlp }
}

/**
 * Beside the program, so that nobody waits for it: a server that is down must not look like a program without
 * spans.
 */
async function tellIfNobodyAnswers(io: Io, { url, source }: Target): Promise<void> {
  const signal = AbortSignal.timeout(ANSWER_MS_MAX)
  const isThere = await fetch(`${url}/healthz`, { signal }).then(
    (response) => response.ok,
    () => false,
  )
  if (isThere) return
  io.say(
    `crosscut: no server answers at ${url} (from ${source}); the program runs, and is traced once ${asTyped()} up runs\n`,
  )
}

/** Where `node` on the PATH is too old for the agent, ours comes first. */
function pathFor(io: Io, install: Install): { readonly PATH?: string } {
  const found =
    spawnSync('node', ['--version'], { encoding: 'utf8', env: { PATH: io.env.PATH ?? '' } }).stdout ?? ''
  const [major = 0, minor = 0] = (/^v(\d+)\.(\d+)/.exec(found) ?? []).slice(1).map(Number)
  const isNewEnough = major > 22 || (major === 22 && minor >= (install.isClone ? 18 : 15))
  if (found !== '' && isNewEnough) return {}
  const mine = path.dirname(process.execPath)
  io.say(
    `crosscut: ${found === '' ? 'no node is on the PATH' : `node ${found.trim()} is too old for the agent`}; using ${process.version}\n`,
  )
  return { PATH: `${mine}${path.delimiter}${io.env.PATH ?? ''}` }
}

type Start = {
  readonly program: string
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
  readonly cwd: string
}

function start({ program, args, env, cwd }: Start): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'inherit', env, cwd })
    const pass = (signal: NodeJS.Signals): void => {
      // A terminal sends Ctrl-C to the whole group already.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    }
    for (const signal of SIGNALS) process.on(signal, pass)
    child.on('error', (error) => {
      const isMissing = 'code' in error && error.code === 'ENOENT'
      reject(
        new CliError(
          'E_NO_COMMAND',
          isMissing ? `there is no command '${program}'` : `cannot start ${program}: ${error.message}`,
        ),
      )
    })
    child.on('exit', (code, signal) => {
      for (const name of SIGNALS) process.removeListener(name, pass)
      resolve(code ?? 128 + (signal === null ? 1 : constants.signals[signal]))
    })
  })
}
