// The routes about tenants, resources and policies, each answered as an exact type.

import type {
  BlameView,
  ControlHistory,
  ControlView,
  PointView,
  PolicyDefinition,
  PolicyEpisode,
  PolicyTypeView,
  PolicyView,
  ResourceView,
  TenantView,
} from '#protocol'
import { get, listed, send } from './api.ts'
import { array, boolean, number, object, oneOf, optional, record, string, type Reader } from './decode.ts'
import { SETTING_MS_MAX } from './limits.ts'

const target = object({ latencyMs: number, statistic: optional(oneOf('mean', 'p99')) })
const targets = record(target)
const cause = oneOf('decided', 'lifted', 'removed', 'replaced')
const reason = object({
  resource: optional(string),
  slowdown: number,
  share: number,
  victim: optional(string),
  miss: optional(number),
})

const tenant: Reader<TenantView> = object({
  tenant: string,
  perSecond: number,
  latencyMs: number,
  latencyMsP99: number,
  shares: record(number),
})

const resource: Reader<ResourceView> = object({
  resource: string,
  kind: string,
  service: string,
  slowdown: number,
  load: record(number),
})

const point: Reader<PointView> = object({
  point: string,
  tenant: string,
  perSecond: number,
  refusedPerSecond: optional(number),
  rate: optional(number),
  isBinding: boolean,
  weight: number,
})

const policy: Reader<PolicyView> = object({
  name: string,
  policy: string,
  params: optional(record(number)),
  targets: optional(targets),
  points: optional(array(string)),
  dryRun: optional(boolean),
  error: optional(string),
  isStopped: boolean,
  settings: array(
    object({
      point: string,
      tenant: string,
      rate: optional(number),
      weight: number,
      limitMs: optional(number),
    }),
  ),
  decisions: array(
    object({
      timeMs: number,
      point: string,
      tenant: string,
      from: optional(number),
      to: optional(number),
      because: cause,
      reason,
    }),
  ),
})

const blame: Reader<BlameView> = object({
  tenant: string,
  latencyMs: number,
  target: optional(target),
  miss: optional(number),
  causes: array(object({ tenant: string, share: number })),
  resources: array(object({ resource: string, share: number })),
})

const episode: Reader<PolicyEpisode> = object({
  kind: oneOf('cut', 'raised', 'released'),
  fromMs: number,
  untilMs: number,
  policy: string,
  isDryRun: boolean,
  tenant: string,
  points: array(object({ point: string, from: optional(number), to: optional(number) })),
  because: cause,
  reason,
})

const control: Reader<ControlView> = object({
  timeMs: number,
  tenants: array(tenant),
  resources: array(resource),
  points: array(point),
  policies: array(policy),
  blame: array(blame),
  episodes: array(episode),
})

const orNull =
  <T>(read: Reader<T>): Reader<T | null> =>
  (value, where) =>
    value === null ? null : read(value, where)

const history: Reader<ControlHistory> = object({
  timesMs: array(number),
  tenants: record(array(orNull(object({ perSecond: number, latencyMs: number, latencyMsP99: number })))),
  slowdown: record(array(orNull(number))),
})

const policyType: Reader<PolicyTypeView> = object({
  policy: string,
  does: string,
  needsTargets: boolean,
  params: array(object({ name: string, value: number, says: string })),
  file: optional(string),
})

export function readControl(signal: AbortSignal): Promise<ControlView> {
  return get('/api/v1/control', control, signal)
}

export function readControlHistory(signal: AbortSignal): Promise<ControlHistory> {
  return get('/api/v1/control/history', history, signal)
}

export function readPolicyTypes(signal: AbortSignal): Promise<readonly PolicyTypeView[]> {
  return get('/api/v1/policy-types', listed('types', array(policyType)), signal)
}

const named = object({ name: string })

export function setPolicy(name: string, body: PolicyDefinition): Promise<{ readonly name: string }> {
  const path = `/api/v1/policies/${encodeURIComponent(name)}`
  return send({ method: 'PUT', path, body }, named, AbortSignal.timeout(SETTING_MS_MAX))
}

export function removePolicy(name: string): Promise<{ readonly name: string }> {
  const path = `/api/v1/policies/${encodeURIComponent(name)}`
  return send({ method: 'DELETE', path }, named, AbortSignal.timeout(SETTING_MS_MAX))
}
