// Schemas of routes/policies.ts.

import { flag, list, map, number, object, text, type Schema } from './terms.ts'

const policyDefinition = {
  policy: text,
  'params?': map(number),
  'targets?': map(object({ latencyMs: number, 'statistic?': { enum: ['mean', 'p99'] } })),
  'points?': list(text),
  'dryRun?': flag,
}

const decisionReason = object({
  'resource?': text,
  slowdown: number,
  share: number,
  'victim?': text,
  'miss?': number,
})

const decisionCause = { enum: ['decided', 'lifted', 'removed', 'replaced'] }

const policyView = {
  name: text,
  ...policyDefinition,
  'error?': text,
  isStopped: flag,
  settings: list(object({ point: text, tenant: text, 'rate?': number, weight: number, 'limitMs?': number })),
  decisions: list(
    object({
      timeMs: number,
      point: text,
      tenant: text,
      'from?': number,
      'to?': number,
      because: decisionCause,
      reason: decisionReason,
    }),
  ),
}

const tenantView = object({
  tenant: text,
  perSecond: number,
  latencyMs: number,
  latencyMsP99: number,
  shares: map(number),
})

const resourceView = object({
  resource: text,
  kind: text,
  service: text,
  slowdown: number,
  load: map(number),
})

const pointView = object({
  point: text,
  tenant: text,
  perSecond: number,
  'refusedPerSecond?': number,
  'rate?': number,
  isBinding: flag,
  weight: number,
})

const blameView = object({
  tenant: text,
  latencyMs: number,
  'target?': object({ latencyMs: number, 'statistic?': { enum: ['mean', 'p99'] } }),
  'miss?': number,
  causes: list(object({ tenant: text, share: number })),
  resources: list(object({ resource: text, share: number })),
})

const episodeView = object({
  kind: { enum: ['cut', 'raised', 'released'] },
  fromMs: number,
  untilMs: number,
  policy: text,
  isDryRun: flag,
  tenant: text,
  points: list(object({ point: text, 'from?': number, 'to?': number })),
  because: decisionCause,
  reason: decisionReason,
})

const tenantPast = object({ perSecond: number, latencyMs: number, latencyMsP99: number })

export const POLICIES_SCHEMAS = {
  TenantList: object({ tenants: list(tenantView) }),
  ResourceList: object({ resources: list(resourceView) }),
  PointList: object({ points: list(pointView) }),
  BlameList: object({ blame: list(blameView) }),
  EpisodeList: object({ episodes: list(episodeView) }),
  Control: object({
    timeMs: number,
    tenants: list(tenantView),
    resources: list(resourceView),
    points: list(pointView),
    policies: list(object(policyView)),
    blame: list(blameView),
    episodes: list(episodeView),
  }),
  ControlHistory: object({
    timesMs: list(number),
    tenants: map(list({ anyOf: [tenantPast, { type: 'null' }] })),
    slowdown: map(list({ type: ['number', 'null'] })),
  }),
  PolicyTypeList: object({
    types: list(
      object({
        policy: text,
        does: text,
        needsTargets: flag,
        params: list(object({ name: text, value: number, says: text })),
        'file?': text,
      }),
    ),
  }),
  PolicyDefinition: object(policyDefinition),
  Policy: object(policyView),
  PolicyList: object({ policies: list(object(policyView)) }),
  Named: object({ name: text }),
} satisfies { readonly [name: string]: Schema }
