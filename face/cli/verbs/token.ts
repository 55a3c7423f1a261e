// `token create | list | revoke`: tokens with names, for people and programs that may do a part of it.

import { VERBS, type TokenCreated, type TokenView } from '#protocol'
import { Client } from '../client.ts'
import { durationMs, table } from '../text.ts'
import { CLIENT_FLAGS, UsageError, type Args, type Io, type Verb } from '../verb.ts'

export const token: Verb = {
  name: 'token',
  summary: 'make, list and revoke tokens that may do a part of what the admin token may',
  usage: 'create <name> | list | revoke <id>',
  words: [1, 2],
  flags: {
    may: {
      value: 'VERB[@GLOB,..]',
      isMany: true,
      says: `what it may: ${VERBS.join(', ')}; of queries and tools at these tracepoints only`,
    },
    ttl: { value: '8h', says: 'how long it lives (10m, 8h, 90d); default: 30d' },
    ...CLIENT_FLAGS,
  },
  examples: [
    "crosscut token create oncall --may read --may 'query:install@shop/**,http.*' --ttl 8h",
    'crosscut token list',
    'crosscut token revoke 1f2e3d4c5b6a7988',
  ],
  run: async (io, args) => {
    const [action, word] = args.words
    if (action === 'create' && word !== undefined) return create(io, args, word)
    if (action === 'list' && word === undefined) return list(io, args)
    if (action === 'revoke' && word !== undefined) return revoke(io, args, word)
    throw new UsageError(`token takes ${token.usage}`)
  },
}

/** The secret is data, and alone on stdout: `CROSSCUT_TOKEN=$(crosscut token create ...)`. */
async function create(io: Io, args: Args, name: string): Promise<number> {
  const may = args.all('may')
  if (may.length === 0) throw new UsageError('token create needs --may, once or more')
  const ttl = args.text('ttl')
  const ttlSeconds = ttl === undefined ? undefined : durationMs('ttl', ttl) / 1000
  const made = await new Client(io, args).json<TokenCreated>('POST', '/api/v1/tokens', {
    name,
    may,
    ttlSeconds,
  })
  if (args.has('json')) io.out(`${JSON.stringify(made)}\n`)
  else {
    io.out(`${made.secret}\n`)
    io.say(`token ${name}, id ${made.id}, until ${timeOf(made.expiresMs)}; this is told once\n`)
  }
  return 0
}

async function list(io: Io, args: Args): Promise<number> {
  const { tokens } = await new Client(io, args).json<{ tokens: readonly TokenView[] }>(
    'GET',
    '/api/v1/tokens',
  )
  if (args.has('json')) for (const one of tokens) io.out(`${JSON.stringify(one)}\n`)
  else if (tokens.length === 0) io.say('there are no tokens with names\n')
  else io.out(table(io, ['TOKEN', 'NAME', 'UNTIL', 'MAY'], tokens.map(cellsOf)))
  return 0
}

const cellsOf = ({ id, name, expiresMs, may }: TokenView): string[] => [
  id,
  name,
  timeOf(expiresMs),
  may.join(' '),
]

async function revoke(io: Io, args: Args, id: string): Promise<number> {
  await new Client(io, args).json('DELETE', `/api/v1/tokens/${encodeURIComponent(id)}`)
  io.out(args.has('json') ? `${JSON.stringify({ id, revoked: true })}\n` : `revoked ${id}\n`)
  return 0
}

const timeOf = (ms: number): string => new Date(ms).toISOString().slice(0, 16).replace('T', ' ')
