// `tenants`, `resources`, `blame`, `points`: who uses what, which resource is slow, who makes whom slow, and
// who is held where.

import type { BlameView, PointView, ResourceView, TenantView } from '#protocol'
import { Client } from '../client.ts'
import { CLIENT_FLAGS, type Verb } from '../verb.ts'
import { firstOf, percent, rounded, show, SHOWN_MAX } from './rows.ts'

export const tenants: Verb = {
  name: 'tenants',
  summary: 'tenants: requests, latency, their part of each resource',
  usage: '',
  words: [0, 0],
  flags: CLIENT_FLAGS,
  examples: ['crosscut tenants', 'crosscut tenants --json'],
  run: async (io, args) => {
    const answer = await new Client(io, args).json<{ tenants: readonly TenantView[] }>(
      'GET',
      '/api/v1/tenants',
    )
    const cells = ({ tenant, perSecond, latencyMs, latencyMsP99, shares }: TenantView) => [
      tenant,
      rounded(perSecond),
      rounded(latencyMs),
      rounded(latencyMsP99),
      Object.entries(shares)
        .map(([resource, share]) => `${resource} ${Math.round(100 * share)}%`)
        .join(', '),
    ]
    const head = ['TENANT', 'REQ/S', 'MEAN MS', 'P99 MS (1 S)', 'TAKES']
    return show(io, args, {
      rows: answer.tenants,
      head,
      cells,
      none: 'no tenant has been seen in the last seconds',
    })
  },
}

export const resources: Verb = {
  name: 'resources',
  summary: 'resources with a queue, slowest first, and who loads them',
  usage: '',
  words: [0, 0],
  flags: CLIENT_FLAGS,
  examples: ['crosscut resources'],
  run: async (io, args) => {
    const answer = await new Client(io, args).json<{ resources: readonly ResourceView[] }>(
      'GET',
      '/api/v1/resources',
    )
    const cells = ({ resource, service, kind, slowdown, load }: ResourceView) => [
      resource,
      service,
      kind,
      rounded(slowdown),
      Object.entries(load)
        .sort((a, b) => b[1] - a[1])
        .slice(0, SHOWN_MAX)
        .map(([tenant, amount]) => `${tenant} ${rounded(amount)}`)
        .join(', '),
    ]
    const head = ['RESOURCE', 'SERVICE', 'KIND', 'SLOWDOWN', 'LOAD A SECOND']
    const none = 'nothing is measured yet: FairGate, Mutex and their tenants are'
    return show(io, args, { rows: answer.resources, head, cells, none })
  },
}

export const blame: Verb = {
  name: 'blame',
  summary: 'who makes whom slow, and at which resource',
  usage: '[tenant]',
  words: [0, 1],
  flags: CLIENT_FLAGS,
  examples: ['crosscut blame', 'crosscut blame web'],
  run: async (io, args) => {
    const answer = await new Client(io, args).json<{ blame: readonly BlameView[] }>('GET', '/api/v1/blame')
    const [of] = args.words
    const cells = ({ tenant, latencyMs, target, miss, causes, resources: where }: BlameView) => [
      tenant,
      rounded(latencyMs),
      target === undefined ? '' : `${rounded(target.latencyMs)} ${target.statistic ?? 'mean'}`,
      miss === undefined ? '' : `${rounded(miss)}x`,
      firstOf(causes.map((cause) => `${cause.tenant} ${percent(cause.share)}`)),
      firstOf(where.map(({ resource, share }) => `${resource} ${percent(share)}`)),
    ]
    return show(io, args, {
      rows: answer.blame.filter(({ tenant }) => of === undefined || tenant === of),
      head: ['TENANT', 'MEAN MS', 'TARGET', 'MISS', 'BECAUSE OF', 'AT'],
      cells,
      none: of === undefined ? 'no tenant has been seen in the last seconds' : `no tenant '${of}' was seen`,
    })
  },
}

export const points: Verb = {
  name: 'points',
  summary: 'control points: what passes of each tenant, its limit, and whether it holds',
  usage: '',
  words: [0, 0],
  flags: CLIENT_FLAGS,
  examples: ['crosscut points'],
  run: async (io, args) => {
    const answer = await new Client(io, args).json<{ points: readonly PointView[] }>('GET', '/api/v1/points')
    const cells = ({
      point,
      tenant,
      perSecond,
      refusedPerSecond = 0,
      rate,
      isBinding,
      weight,
    }: PointView) => [
      point,
      tenant,
      rounded(perSecond),
      rate === undefined ? 'none' : rounded(rate),
      rate === undefined ? '' : isBinding ? 'held' : 'not held',
      refusedPerSecond === 0 ? '' : rounded(refusedPerSecond),
      rounded(weight),
    ]
    return show(io, args, {
      rows: answer.points,
      head: ['POINT', 'TENANT', 'PASSES/S', 'LIMIT/S', '', 'REFUSED/S', 'WEIGHT'],
      cells,
      none: 'nothing has passed a control point in the last seconds',
    })
  },
}
