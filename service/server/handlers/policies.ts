// Tenants, resources and points as the controller sees them, and the policies that act on them.

import type { PolicyDefinition } from '#protocol'
import type { Handler } from '../exchange.ts'
import { readJson, sendJson } from '../http-io.ts'
import { flag, list, number, object, oneOf, optional, record, text } from '../parse.ts'
import { RequestError } from '../server-error.ts'
import { whoIs } from './who.ts'

const definition = object({
  policy: text(64),
  params: optional(record(number, 1_024)),
  targets: optional(record(object({ latencyMs: number, statistic: optional(oneOf('mean', 'p99')) }), 1_024)),
  points: optional(list(text(256), 64)),
  dryRun: optional(flag),
})

export const listTenants: Handler = ({ response }, { throttling }) =>
  sendJson(response, 200, { tenants: throttling.tenants() })

export const listResources: Handler = ({ response }, { throttling }) =>
  sendJson(response, 200, { resources: throttling.resources() })

export const listPoints: Handler = ({ response }, { throttling }) =>
  sendJson(response, 200, { points: throttling.points() })

export const listBlame: Handler = ({ response }, { throttling }) =>
  sendJson(response, 200, { blame: throttling.blame() })

export const listEpisodes: Handler = ({ response, query }, { throttling }) => {
  const of = { policy: query.get('policy') ?? undefined, tenant: query.get('tenant') ?? undefined }
  sendJson(response, 200, { episodes: throttling.episodes(of) })
}

export const listPolicyTypes: Handler = ({ response }, { throttling }) =>
  sendJson(response, 200, { types: throttling.types() })

export const getControl: Handler = ({ response }, { throttling }) =>
  sendJson(response, 200, throttling.view())

export const getControlHistory: Handler = ({ response }, { throttling }) =>
  sendJson(response, 200, throttling.history())

export const listPolicies: Handler = ({ response }, { throttling }) =>
  sendJson(response, 200, { policies: throttling.policies() })

export const getPolicy: Handler = ({ response, params }, { throttling }) => {
  const found = throttling.policies().find(({ name }) => name === params.name)
  if (found === undefined) throw noPolicy(params.name)
  sendJson(response, 200, found)
}

export const putPolicy: Handler = async (exchange, services) => {
  const name = exchange.params.name ?? ''
  if (!/^[\w.-]{1,64}$/.test(name)) {
    const rule = 'the name of a policy is 1..64 of A-Z a-z 0-9 _ . -'
    throw new RequestError(400, 'E_BAD_REQUEST', rule, 'rename it')
  }
  const wanted: PolicyDefinition = definition(await readJson(exchange.request), '')
  for (const [tenant, { latencyMs }] of Object.entries(wanted.targets ?? {}))
    if (!(latencyMs > 0))
      throw new RequestError(
        400,
        'E_BAD_REQUEST',
        `the target of '${tenant}' must be above 0 ms`,
        'give latencyMs',
      )
  await services.throttling.put(name, wanted)
  services.audit.add(whoIs(exchange), 'policy.set', {
    name,
    policy: wanted.policy,
    dryRun: wanted.dryRun ?? false,
  })
  sendJson(exchange.response, 200, { name })
}

export const deletePolicy: Handler = (exchange, services) => {
  const name = exchange.params.name ?? ''
  if (!services.throttling.remove(name)) throw noPolicy(name)
  services.audit.add(whoIs(exchange), 'policy.remove', { name })
  sendJson(exchange.response, 200, { name })
}

function noPolicy(name = ''): RequestError {
  return new RequestError(
    404,
    'E_NO_POLICY',
    `there is no policy '${name}'`,
    'GET /api/v1/policies lists them',
  )
}
