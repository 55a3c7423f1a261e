// `sampling ls | set | rm | tail`: which traces are recorded, and which of those that came are kept.

import type { SamplingList, SamplingPolicyView, SamplingRestraint, TailRule } from '#protocol'
import { Client } from '../client.ts'
import { durationMs, table } from '../text.ts'
import { CLIENT_FLAGS, UsageError, type Args, type Io, type Verb } from '../verb.ts'

export const sampling: Verb = {
  name: 'sampling',
  summary: 'list, set and remove sampling policies, and the rule for what is kept',
  usage: 'ls | set <name> | rm <name> | tail [off]',
  words: [1, 2],
  flags: {
    owner: { value: 'OWNER', says: 'set: whose policy it is (needed)' },
    probability: { value: 'P', says: 'set, tail: this share of the traces, 0..1' },
    rate: { value: 'N', says: 'set: so many traces a second, in all processes together' },
    where: {
      value: 'ATTRIBUTE=VALUE',
      isMany: true,
      says: 'set: only where it is so; http.route, http.request.method, service.name, tenant, resource.KEY; `~` = glob',
    },
    mark: { value: 'TRACEPOINT', isMany: true, says: 'set: only requests that reach this tracepoint' },
    detail: {
      value: 'LEVEL',
      says: 'set: coarse (what comes in and goes out), normal, fine (with CPU time)',
    },
    ttl: { value: '7d', says: 'set: how long it lives (90s, 30m, 8h, 7d); default: until it is removed' },
    slow: { says: 'tail: keep traces above the p99 of their operation' },
    failed: { says: 'tail: keep traces with an error' },
    rare: { value: 'N', says: 'tail: keep traces of operations seen less often than this in ten minutes' },
    ...CLIENT_FLAGS,
  },
  examples: [
    'crosscut sampling ls',
    'crosscut sampling set all --owner ops --probability 0.05',
    "crosscut sampling set cart --owner cart --rate 20 --where 'http.route~/cart/*' --ttl 7d",
    'crosscut sampling set retries --owner cart --probability 1 --mark cart.retry --detail fine --ttl 1h',
    'crosscut sampling tail --slow --failed --rare 20 --probability 0.1',
    'crosscut sampling tail off',
  ],
  run: async (io, args) => {
    const [action, word] = args.words
    if (action === 'ls' && word === undefined) return list(io, args)
    if (action === 'set' && word !== undefined) return set(io, args, word)
    if (action === 'rm' && word !== undefined) return remove(io, args, word)
    if (action === 'tail' && (word === undefined || word === 'off')) return tail(io, args, word === 'off')
    throw new UsageError(`sampling takes ${sampling.usage}`)
  },
}

async function list(io: Io, args: Args): Promise<number> {
  const { policies, tail: rule } = await new Client(io, args).json<SamplingList>('GET', '/api/v1/sampling')
  if (args.has('json')) {
    for (const one of policies) io.out(`${JSON.stringify(one)}\n`)
    return 0
  }
  if (policies.length === 0) io.say('no sampling policies: OTEL_TRACES_SAMPLER decides in each process\n')
  else
    io.out(
      table(
        io,
        ['POLICY', 'OWNER', 'STRATEGY', 'WHERE', 'DETAIL', 'ENDS', 'AGENTS', 'SEEN', 'KEPT', 'NO TOKEN'],
        policies.map(cellsOf),
      ),
    )
  io.say(rule === null ? 'every trace that comes is kept\n' : `of what comes is kept: ${ruleText(rule)}\n`)
  return 0
}

function cellsOf({ name, owner, strategy, restraints, levelOfDetail, endsMs, use }: SamplingPolicyView) {
  return [
    name,
    owner,
    strategy.kind === 'rate' ? `${strategy.perSecond}/s` : String(strategy.probability),
    restraints.map(restraintText).join(' ') || 'everywhere',
    levelOfDetail,
    endsMs === undefined ? 'never' : new Date(endsMs).toISOString(),
    String(use.agents),
    String(use.seen),
    String(use.kept),
    String(use.refused),
  ]
}

const restraintText = ({ attribute, test, value }: SamplingRestraint): string =>
  `${attribute}${test === 'glob' ? '~' : '='}${value}`

function ruleText({ slow, failed, rareBelow, probability }: TailRule): string {
  const reasons = [
    ...(slow ? ['slow'] : []),
    ...(failed ? ['failed'] : []),
    ...(rareBelow > 0 ? [`rare (below ${rareBelow})`] : []),
    'what policies asked for',
  ]
  return `${reasons.join(', ')}, and ${probability} of the others`
}

async function set(io: Io, args: Args, name: string): Promise<number> {
  const owner = args.text('owner')
  const rate = args.text('rate')
  const probability = args.text('probability')
  if (owner === undefined) throw new UsageError('sampling set needs --owner')
  if ((rate === undefined) === (probability === undefined))
    throw new UsageError('sampling set needs either --probability or --rate')
  const ttl = args.text('ttl')
  const body = {
    owner,
    strategy:
      rate === undefined
        ? { probability: numberOf(probability, '--probability') }
        : { ratePerSecond: numberOf(rate, '--rate') },
    restraints: [
      ...args.all('where').map(restraintOf),
      ...args.all('mark').map((mark) => ({ attribute: 'mark', equals: mark })),
    ],
    levelOfDetail: args.text('detail') ?? 'normal',
    ...(ttl === undefined ? {} : { ttlSeconds: durationMs('ttl', ttl) / 1000 }),
  }
  const done = await new Client(io, args).json<object>(
    'PUT',
    `/api/v1/sampling/${encodeURIComponent(name)}`,
    body,
  )
  io.out(args.has('json') ? `${JSON.stringify(done)}\n` : `set ${name}\n`)
  return 0
}

async function remove(io: Io, args: Args, name: string): Promise<number> {
  await new Client(io, args).json('DELETE', `/api/v1/sampling/${encodeURIComponent(name)}`)
  io.out(args.has('json') ? `${JSON.stringify({ name, removed: true })}\n` : `removed ${name}\n`)
  return 0
}

/** Without any flag it says what holds. */
async function tail(io: Io, args: Args, isOff: boolean): Promise<number> {
  const client = new Client(io, args)
  const isAsked = ['slow', 'failed', 'rare', 'probability'].some((flag) => args.has(flag))
  if (isOff) {
    await client.json('DELETE', '/api/v1/tail-sampling')
    io.out(args.has('json') ? `${JSON.stringify({ tail: null })}\n` : 'every trace that comes is kept\n')
    return 0
  }
  if (isAsked && args.text('probability') === undefined)
    throw new UsageError('sampling tail needs --probability: of the traces that nothing else keeps')
  const { tail: rule } = isAsked
    ? { tail: await client.json<TailRule>('PUT', '/api/v1/tail-sampling', ruleOf(args)) }
    : await client.json<SamplingList>('GET', '/api/v1/sampling')
  if (args.has('json')) io.out(`${JSON.stringify({ tail: rule })}\n`)
  else io.out(rule === null ? 'every trace that comes is kept\n' : `kept: ${ruleText(rule)}\n`)
  return 0
}

const ruleOf = (args: Args): TailRule => ({
  slow: args.has('slow'),
  failed: args.has('failed'),
  rareBelow: args.count('rare', 10_000) ?? 0,
  probability: numberOf(args.text('probability'), '--probability'),
})

/** The first `=` or `~` parts attribute and value. */
function restraintOf(text: string): object {
  const [, attribute, sign, value] = /^([^=~]+)([=~])(.+)$/s.exec(text) ?? []
  if (attribute === undefined || value === undefined)
    throw new UsageError(`--where needs ATTRIBUTE=VALUE or ATTRIBUTE~GLOB, not '${text}'`)
  return sign === '~' ? { attribute, glob: value } : { attribute, equals: value }
}

function numberOf(text: string | undefined, flag: string): number {
  const n = Number(text)
  if (text === undefined || text.trim() === '' || !Number.isFinite(n))
    throw new UsageError(`${flag} needs a number, not '${text ?? ''}'`)
  return n
}
