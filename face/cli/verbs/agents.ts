// `agents`, `tracepoints`, `kill-switch`, `login`: what is connected, where advice can run, and the two small
// levers.

import type { AgentView, TracepointInfo } from '#protocol'
import { Client } from '../client.ts'
import { asTyped } from '../install.ts'
import { ago, table } from '../text.ts'
import { CLIENT_FLAGS, UsageError, type Io, type Verb } from '../verb.ts'

export const agents: Verb = {
  name: 'agents',
  summary: 'processes that run the agent, with spans sent and dropped',
  usage: '',
  words: [0, 0],
  flags: CLIENT_FLAGS,
  examples: ['crosscut agents', 'crosscut agents --json'],
  run: async (io, args) => {
    const { agents: found } = await new Client(io, args).json<{ agents: readonly AgentView[] }>(
      'GET',
      '/api/v1/agents',
    )
    if (args.has('json')) return lines(io, found)
    if (found.length === 0)
      io.say(`no agent has said hello; start a program with: ${asTyped()} run -- node app.js\n`)
    else
      io.out(
        table(
          io,
          ['SERVICE', 'HOST', 'PID', 'NODE', 'STATE', 'SENT', 'DROPPED', 'TOOLS', 'LAST SEEN'],
          found.map(rowOf),
        ),
      )
    return 0
  },
}

function rowOf({ service, host, pid, nodeVersion, isConnected, lastSeenMs, report }: AgentView): string[] {
  const state = !isConnected ? 'gone' : report?.budget.isTripped === true ? 'over budget' : 'connected'
  return [
    service,
    host,
    String(pid),
    nodeVersion,
    state,
    String(report?.spans.sent ?? 0),
    String(report?.spans.dropped ?? 0),
    String(report?.packages.length ?? 0),
    ago(Date.now() - lastSeenMs),
  ]
}

export const tracepoints: Verb = {
  name: 'tracepoints',
  summary: 'where advice can run, with the variables it can observe',
  usage: '[glob]',
  words: [0, 1],
  flags: CLIENT_FLAGS,
  examples: ['crosscut tracepoints', 'crosscut tracepoints "http.*"'],
  run: async (io, args) => {
    const match = encodeURIComponent(args.words[0] ?? '*')
    type Row = TracepointInfo & { readonly agents: number; readonly services: readonly string[] }
    const { tracepoints: found } = await new Client(io, args).json<{ tracepoints: readonly Row[] }>(
      'GET',
      `/api/v1/tracepoints?match=${match}`,
    )
    if (args.has('json')) return lines(io, found)
    if (found.length === 0) io.say('no tracepoint matches; is an agent connected? (crosscut agents)\n')
    else
      io.out(
        table(
          io,
          ['TRACEPOINT', 'VARIABLES', 'SERVICES'],
          found.map(({ name, vars, services }) => [name, vars.join(' '), shortOf(services)]),
        ),
      )
    return 0
  },
}

/** All of them are in --json. */
function shortOf(services: readonly string[]): string {
  const shown = services.slice(0, 3).join(' ')
  return services.length > 3 ? `${shown} and ${services.length - 3} more` : shown
}

export const killSwitch: Verb = {
  name: 'kill-switch',
  summary: 'turn all agents into no-ops (on), or back (off)',
  usage: '[on|off]',
  words: [0, 1],
  flags: CLIENT_FLAGS,
  examples: ['crosscut kill-switch', 'crosscut kill-switch on'],
  run: async (io, args) => {
    const [word] = args.words
    if (word !== undefined && word !== 'on' && word !== 'off')
      throw new UsageError('kill-switch takes on or off')
    const client = new Client(io, args)
    const { disabled } =
      word === undefined
        ? await client.json<{ disabled: boolean }>('GET', '/api/v1/kill-switch')
        : await client.json<{ disabled: boolean }>('PUT', '/api/v1/kill-switch', { disabled: word === 'on' })
    io.out(
      args.has('json')
        ? `${JSON.stringify({ disabled })}\n`
        : `kill switch ${disabled ? 'on: agents do nothing' : 'off: agents work'}\n`,
    )
    return 0
  },
}

export const login: Verb = {
  name: 'login',
  summary: 'print a fresh one-time login URL for the browser',
  usage: '',
  words: [0, 0],
  flags: CLIENT_FLAGS,
  examples: ['crosscut login'],
  run: async (io, args) => {
    const { url } = await new Client(io, args).json<{ url: string }>('POST', '/api/v1/login-links', {})
    io.out(args.has('json') ? `${JSON.stringify({ url })}\n` : `${url}\n`)
    return 0
  },
}

function lines(io: Io, rows: readonly unknown[]): number {
  for (const row of rows) io.out(`${JSON.stringify(row)}\n`)
  return 0
}
