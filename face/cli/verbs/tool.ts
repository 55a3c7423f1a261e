// `tool ls | deploy | release | rm`: tool packages are data; deploying makes every agent have them within a
// second.

import { existsSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import type { ToolAgents, ToolPackage } from '#protocol'
import { Client } from '../client.ts'
import { table } from '../text.ts'
import { CliError, CLIENT_FLAGS, UsageError, type Args, type Io, type Verb } from '../verb.ts'

type Deployed = ToolPackage & { readonly agents: ToolAgents }

export const tool: Verb = {
  name: 'tool',
  summary: 'list, deploy, release and remove tools (schema + advice, as data)',
  usage: 'ls | deploy <file or folder> | release <name> | rm <name>',
  words: [1, 2],
  flags: {
    name: { value: 'NAME', says: "name to deploy under (default: the package's own)" },
    set: { value: 'PARAM=VALUE', isMany: true, says: 'a parameter of the package' },
    ...CLIENT_FLAGS,
  },
  examples: [
    'crosscut tool ls',
    'crosscut tool deploy tools/tag-requests',
    'crosscut tool release breakpoint',
    'crosscut tool rm tag-requests',
  ],
  run: async (io, args) => {
    const [action, word] = args.words
    if (action === 'ls' && word === undefined) return list(io, args)
    if (action === 'deploy' && word !== undefined) return deploy(io, args, word)
    if (action === 'release' && word !== undefined) return release(io, args, word)
    if (action === 'rm' && word !== undefined) return remove(io, args, word)
    throw new UsageError(`tool takes ${tool.usage}`)
  },
}

async function list(io: Io, args: Args): Promise<number> {
  const { tools } = await new Client(io, args).json<{ tools: readonly Deployed[] }>('GET', '/api/v1/tools')
  if (args.has('json')) for (const one of tools) io.out(`${JSON.stringify(one)}\n`)
  else if (tools.length === 0) io.say('no tools are deployed\n')
  else {
    io.out(
      table(
        io,
        ['TOOL', 'VERSION', 'TRACEPOINTS', 'AGENTS', 'FAILED', 'HELD'],
        tools.map(({ name, version, advice, agents }) => [
          name,
          String(version),
          [...new Set(advice.map(({ tracepoint }) => tracepoint))].join(' '),
          String(agents.installed),
          String(agents.failed),
          agents.holding.map(({ service, pid, held }) => `${service}/${pid}: ${held}`).join(' '),
        ]),
      ),
    )
  }
  return 0
}

async function deploy(io: Io, args: Args, source: string): Promise<number> {
  const body = readPackage(path.resolve(io.cwd, source))
  const name =
    args.text('name') ??
    (typeof body.name === 'string' ? body.name : path.basename(source).replace(/\.json$/, ''))
  const parameters = {
    ...(typeof body.parameters === 'object' && body.parameters !== null ? body.parameters : {}),
    ...settings(args),
  }
  const done = await new Client(io, args).json<{ version: number }>(
    'PUT',
    `/api/v1/tools/${encodeURIComponent(name)}`,
    { ...body, name, parameters },
  )
  io.out(
    args.has('json')
      ? `${JSON.stringify({ name, version: done.version })}\n`
      : `deployed ${name}, version ${done.version}\n`,
  )
  return 0
}

async function release(io: Io, args: Args, name: string): Promise<number> {
  const done = await new Client(io, args).json<{ held: number }>(
    'POST',
    `/api/v1/tools/${encodeURIComponent(name)}/release`,
  )
  io.out(
    args.has('json')
      ? `${JSON.stringify({ name, held: done.held })}\n`
      : `released ${name}, which held ${done.held}\n`,
  )
  return 0
}

async function remove(io: Io, args: Args, name: string): Promise<number> {
  await new Client(io, args).json('DELETE', `/api/v1/tools/${encodeURIComponent(name)}`)
  io.out(args.has('json') ? `${JSON.stringify({ name, removed: true })}\n` : `removed ${name}\n`)
  return 0
}

/** A JSON file, or a folder with tool.json (or package.json of a tool) and, beside it, schema.bdl. */
function readPackage(place: string): { readonly [member: string]: unknown } {
  if (!existsSync(place)) throw new CliError('E_NO_FILE', `there is no ${place}`)
  const isFolder = statSync(place).isDirectory()
  const file = isFolder ? path.join(place, 'tool.json') : place
  if (!existsSync(file)) throw new CliError('E_NO_FILE', `there is no ${file}`)
  const value: unknown = parse(readFileSync(file, 'utf8'), file)
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new CliError('E_BAD_JSON', `${file} must hold an object`)
  const schema = path.join(path.dirname(file), 'schema.bdl')
  const hasSchema = 'schema' in value && value.schema !== ''
  return {
    ...value,
    ...(isFolder && !hasSchema && existsSync(schema) ? { schema: readFileSync(schema, 'utf8') } : {}),
  }
}

function settings(args: Args): { readonly [name: string]: string | number | boolean } {
  return Object.fromEntries(
    args.all('set').map((pair) => {
      const equals = pair.indexOf('=')
      if (equals < 1) throw new UsageError(`--set needs PARAM=VALUE, not '${pair}'`)
      const text = pair.slice(equals + 1)
      const value =
        text === 'true'
          ? true
          : text === 'false'
            ? false
            : text !== '' && Number.isFinite(Number(text))
              ? Number(text)
              : text
      return [pair.slice(0, equals), value]
    }),
  )
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause: unknown) {
    throw new CliError('E_BAD_JSON', `${file}: ${cause instanceof Error ? cause.message : 'is not JSON'}`)
  }
}
