// `policy ls | types | log | set | rm`: which policies run, whom they hold, and what they have decided.

import { copyFileSync, existsSync, mkdirSync } from 'node:fs'
import path from 'node:path'
import type { PolicyDefinition, PolicyEpisode, PolicyTypeView, PolicyView } from '#protocol'
import { Client, type Target } from '../client.ts'
import { CLIENT_FLAGS, CliError, UsageError, type Args, type Io, type Verb } from '../verb.ts'
import { firstOf, percent, rounded, show } from './rows.ts'

export const policy: Verb = {
  name: 'policy',
  summary: 'policies that hold tenants back, by what they do to others',
  usage: 'ls | types | log [name] | set <name> --policy <policy> | rm <name>',
  words: [1, 2],
  flags: {
    policy: { value: 'latency-slo', says: 'which: `policy types` lists them; or your own, FILE.ts' },
    param: { value: 'alpha=0.2', isMany: true, says: 'a parameter of it; weight.TENANT, floor.TENANT' },
    target: {
      value: 'TENANT=50ms[,p99]',
      isMany: true,
      says: 'what requests of this tenant shall take at most',
    },
    point: {
      value: 'http.server:*',
      isMany: true,
      says: 'act at control points of this name alone; default: all',
    },
    'dry-run': { says: 'show what it would do, hold nobody' },
    ...CLIENT_FLAGS,
  },
  examples: [
    'crosscut policy set slo --policy latency-slo --target web=200ms,p99',
    'crosscut policy set fair --policy bfair --param slowdown=10 --param weight.paid=4 --dry-run',
    'crosscut policy set vip --policy manual --param weight.acme=4 --param rate.greedy=20 --point http.server:shop',
    'crosscut policy set mine --policy ./mine.ts --dry-run',
    'crosscut policy ls',
    'crosscut policy log slo',
    'crosscut policy rm slo',
  ],
  run: async (io, args) => {
    const [action, name] = args.words
    if (action === 'ls' && name === undefined) return list(io, args)
    if (action === 'types' && name === undefined) return types(io, args)
    if (action === 'log') return log(io, args, name)
    if (action === 'set' && name !== undefined) return set(io, args, name)
    if (action === 'rm' && name !== undefined) return remove(io, args, name)
    throw new UsageError(`policy takes ${policy.usage}`)
  },
}

async function list(io: Io, args: Args): Promise<number> {
  const { policies } = await new Client(io, args).json<{ policies: readonly PolicyView[] }>(
    'GET',
    '/api/v1/policies',
  )
  const cells = (view: PolicyView) => [
    view.name,
    view.policy,
    view.isStopped ? 'stopped' : view.dryRun === true ? 'dry run' : 'runs',
    view.error ?? heldBy(view),
  ]
  return show(io, args, {
    rows: policies,
    head: ['NAME', 'POLICY', 'STATE', 'HOLDS'],
    cells,
    none: 'no policy runs',
  })
}

async function types(io: Io, args: Args): Promise<number> {
  const answer = await new Client(io, args).json<{ types: readonly PolicyTypeView[] }>(
    'GET',
    '/api/v1/policy-types',
  )
  const cells = ({ policy: name, does, params, file }: PolicyTypeView) => [
    name,
    file ?? 'built in',
    does,
    params.map((one) => `${one.name} ${one.value}`).join(', '),
  ]
  return show(io, args, {
    rows: answer.types,
    head: ['POLICY', 'FROM', 'DOES', 'PARAMS'],
    cells,
    none: 'there is no policy',
  })
}

async function log(io: Io, args: Args, name: string | undefined): Promise<number> {
  const query = name === undefined ? '' : `?${new URLSearchParams({ policy: name })}`
  const answer = await new Client(io, args).json<{ episodes: readonly PolicyEpisode[] }>(
    'GET',
    `/api/v1/decisions${query}`,
  )
  const cells = (episode: PolicyEpisode) => [
    new Date(episode.fromMs).toISOString().slice(11, 19),
    `${Math.round((episode.untilMs - episode.fromMs) / 1000)} s`,
    episode.isDryRun ? `${episode.policy} (dry run)` : episode.policy,
    `${episode.tenant} ${episode.kind}`,
    firstOf(episode.points.map(({ point, from, to }) => `${point} ${rateText(from)} -> ${rateText(to)}`)),
    reasonText(episode),
  ]
  return show(io, args, {
    rows: answer.episodes,
    head: ['AT (UTC)', 'FOR', 'POLICY', 'WHAT', 'RATES', 'BECAUSE'],
    cells,
    none: 'nothing has been decided yet',
  })
}

const rateText = (rate: number | undefined): string => (rate === undefined ? 'free' : `${rounded(rate)}/s`)

function reasonText({ kind, because, reason: { resource, slowdown, share, victim, miss } }: PolicyEpisode) {
  if (because === 'removed') return 'the policy was removed'
  if (because === 'replaced') return 'the policy was set anew'
  if (because === 'lifted') return 'the limit held nobody'
  if (kind !== 'cut') return 'there is room again'
  const suffers = victim === undefined ? [] : [`${victim} takes ${rounded(miss ?? 0)}x its target`]
  const where =
    resource === undefined
      ? []
      : [`${resource} is ${rounded(slowdown)}x slow, ${percent(share)} of it is this tenant`]
  return [...suffers, ...where].join('; ')
}

const heldBy = ({ settings }: PolicyView): string =>
  settings
    .flatMap(({ point, tenant, rate }) =>
      rate === undefined ? [] : [`${tenant} at ${point}: ${rounded(rate)}/s`],
    )
    .join(', ')

async function set(io: Io, args: Args, name: string): Promise<number> {
  const which = args.text('policy')
  if (which === undefined) throw new UsageError('policy set needs --policy')
  const client = new Client(io, args)
  const definition: PolicyDefinition = {
    policy: which.endsWith('.ts') ? placed(io, client.target, which) : which,
    params: Object.fromEntries(args.all('param').map(paramOf)),
    targets: Object.fromEntries(args.all('target').map(targetOf)),
    ...(args.all('point').length > 0 ? { points: args.all('point') } : {}),
    dryRun: args.has('dry-run'),
  }
  await client.json('PUT', `/api/v1/policies/${encodeURIComponent(name)}`, definition)
  io.out(args.has('json') ? `${JSON.stringify({ name, ...definition })}\n` : `policy ${name} runs\n`)
  return 0
}

/**
 * The name of a policy's file at the server. A file that is here is copied there: who may write the data
 * folder may say what the server runs, and no token may.
 */
function placed(io: Io, { dataDir, isOfDataDir, url }: Target, file: string): string {
  const from = path.resolve(io.cwd, file)
  const name = path.basename(file)
  if (!existsSync(from)) {
    if (name === file) return name
    throw new CliError('E_NO_FILE', `there is no file ${file}`)
  }
  if (dataDir === undefined || !isOfDataDir)
    throw new CliError(
      'E_NOT_LOCAL',
      `${file} is code for the server at ${url}, and its data folder is not here`,
      `copy it into DIR/policies there and say --policy ${name}, or give --data DIR`,
    )
  const to = path.join(dataDir, 'policies', name)
  mkdirSync(path.dirname(to), { recursive: true, mode: 0o700 })
  if (to !== from) copyFileSync(from, to)
  return name
}

async function remove(io: Io, args: Args, name: string): Promise<number> {
  await new Client(io, args).json('DELETE', `/api/v1/policies/${encodeURIComponent(name)}`)
  io.out(args.has('json') ? `${JSON.stringify({ name, removed: true })}\n` : `removed ${name}\n`)
  return 0
}

function paramOf(text: string): [string, number] {
  const at = text.lastIndexOf('=')
  const value = Number(text.slice(at + 1))
  if (at < 1 || text.slice(at + 1) === '' || !Number.isFinite(value))
    throw new UsageError(`--param takes NAME=NUMBER, got '${text}'`)
  return [text.slice(0, at), value]
}

function targetOf(text: string): [string, { latencyMs: number; statistic?: 'mean' | 'p99' }] {
  const found = /^(.+)=(\d+(?:\.\d+)?)(ms|s)(,mean|,p99)?$/.exec(text)
  if (found === null) throw new UsageError(`--target takes TENANT=50ms or TENANT=0.2s,p99, got '${text}'`)
  const [, tenant = '', amount, unit, statistic] = found
  const latencyMs = Number(amount) * (unit === 's' ? 1000 : 1)
  return [tenant, { latencyMs, statistic: statistic === ',p99' ? 'p99' : 'mean' }]
}
