// Numbers and decisions in words. Pure: their tests need no browser.

import type { ControlHistory, PolicyDefinition, PolicyEpisode, ResourceView } from '#protocol'

/** Three digits: '0.412', '27.3', '1240'. */
export function amount(value: number): string {
  if (!Number.isFinite(value)) return '–'
  return value >= 1000 ? String(Math.round(value)) : String(Number(value.toPrecision(3)))
}

/** '412 µs', '27.3 ms', '1.24 s'. */
export function millis(ms: number): string {
  if (ms <= 0) return '–'
  if (ms < 1) return `${amount(ms * 1000)} µs`
  return ms < 1000 ? `${amount(ms)} ms` : `${amount(ms / 1000)} s`
}

export const percent = (share: number): string =>
  share > 0 && share < 0.01 ? '<1%' : `${Math.round(100 * share)}%`

export const rate = (perSecond: number | undefined): string =>
  perSecond === undefined ? 'no limit' : `${amount(perSecond)}/s`

/** `db@3f2a...` is `db` of the process with that id; people know it by its service. */
export function resourceName(resource: string, of: readonly ResourceView[]): string {
  const at = resource.lastIndexOf('@')
  const name = at < 0 ? resource : resource.slice(0, at)
  const service = of.find((one) => one.resource === resource)?.service ?? ''
  return service === '' ? resource : `${name} of ${service}`
}

/** '8 s', '2 m 05 s'. */
export function spanText(ms: number): string {
  const seconds = Math.round(ms / 1000)
  if (seconds < 60) return `${seconds} s`
  return `${Math.floor(seconds / 60)} m ${String(seconds % 60).padStart(2, '0')} s`
}

/** 'door 120/s → 14/s'. */
export const wayText = ({ point, from, to }: PolicyEpisode['points'][number]): string =>
  `${point} ${rate(from)} → ${rate(to)}`

/** Why, in a sentence; empty = nothing is to be said. */
export function reasonText(episode: PolicyEpisode, resources: readonly ResourceView[]): string {
  const { kind, because, tenant, reason } = episode
  if (because === 'removed') return 'the policy was removed'
  if (because === 'replaced') return 'the policy was set anew'
  if (because === 'lifted') return 'the limit held nobody any more'
  if (kind !== 'cut') return 'there is room again'
  const parts: string[] = []
  if (reason.victim !== undefined)
    parts.push(`${reason.victim} takes ${amount(reason.miss ?? 0)} times its target`)
  if (reason.resource !== undefined) {
    const where = resourceName(reason.resource, resources)
    parts.push(
      `${where} is ${amount(reason.slowdown)} times slower, ${percent(reason.share)} of it is ${tenant}`,
    )
  }
  return parts.join('; ')
}

/** What a policy was told: 'alpha 0.2, web 200 ms p99'. */
export function definitionText({ params = {}, targets = {} }: PolicyDefinition): string {
  return [
    ...Object.entries(targets).map(
      ([tenant, { latencyMs, statistic = 'mean' }]) => `${tenant} within ${millis(latencyMs)} ${statistic}`,
    ),
    ...Object.entries(params).map(([name, value]) => `${name} ${amount(value)}`),
  ].join(', ')
}

/** Of a tenant's or a resource's line in a cell: gaps are left out. */
export const present = (values: readonly (number | null)[] | undefined): number[] =>
  (values ?? []).filter((value) => value !== null)

export type Measure = 'mean' | 'p99' | 'rate'

/** One line a tenant, the busiest first. */
export function tenantLines(
  { tenants }: ControlHistory,
  measure: Measure,
): { readonly name: string; readonly values: readonly (number | null)[] }[] {
  const member = { mean: 'latencyMs', p99: 'latencyMsP99', rate: 'perSecond' } as const
  return Object.entries(tenants).map(([name, past]) => ({
    name,
    values: past.map((one) => (one === null ? null : one[member[measure]])),
  }))
}

/** 'web=200ms, photos=1s p99' as targets; undefined = it is none of that. */
export function readTargets(text: string): PolicyDefinition['targets'] | undefined {
  const targets: Record<string, { latencyMs: number; statistic: 'mean' | 'p99' }> = {}
  for (const part of text.split(/[,\n]/)) {
    if (part.trim() === '') continue
    const found = /^\s*(\S(?:.*\S)?)\s*=\s*(\d+(?:\.\d+)?)\s*(ms|s)\s*(mean|p99)?\s*$/.exec(part)
    if (found === null) return undefined
    const [, tenant = '', value, unit, statistic] = found
    const latencyMs = Number(value) * (unit === 's' ? 1000 : 1)
    if (!(latencyMs > 0)) return undefined
    targets[tenant] = { latencyMs, statistic: statistic === 'p99' ? 'p99' : 'mean' }
  }
  return targets
}

/** 'alpha=0.2, weight.web=4' as parameters; undefined = it is none of that. */
export function readParams(text: string): Readonly<Record<string, number>> | undefined {
  const params: Record<string, number> = {}
  for (const part of text.split(/[,\n]/)) {
    if (part.trim() === '') continue
    const at = part.lastIndexOf('=')
    const value = Number(part.slice(at + 1))
    if (at < 1 || part.slice(at + 1).trim() === '' || !Number.isFinite(value)) return undefined
    params[part.slice(0, at).trim()] = value
  }
  return params
}
