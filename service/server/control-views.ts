// What people are told of the controller: its numbers as the API has them. Reads only.

import {
  episodesOf,
  type Controller,
  type Decision,
  type Episode,
  type Past,
  type Reason,
  type TenantSample,
} from '#control'
import type {
  BlameView,
  ControlHistory,
  DecisionReason,
  PointView,
  PolicyDecision,
  PolicyEpisode,
  ResourceView,
  TenantPast,
  TenantView,
} from '#protocol'
import { BLAME_CAUSES_SHOWN, BLAME_TENANTS_SHOWN, BINDING_USE_SHOWN, EPISODES_SHOWN } from './limits.ts'

/** In the order in which they were first seen. */
export function tenantsOf({ measurements: seen }: Controller): TenantView[] {
  const tenants = seen.workflows()
  const totals = new Map(
    seen
      .resources()
      .map((resource) => [resource, tenants.reduce((sum, one) => sum + seen.load(resource, one), 0)]),
  )
  return tenants.map((tenant) => ({
    tenant,
    perSecond: seen.finished(tenant),
    latencyMs: 1000 * seen.latency(tenant),
    latencyMsP99: 1000 * seen.latencyP99(tenant),
    shares: Object.fromEntries(
      [...totals].flatMap(([resource, total]) => {
        const load = seen.load(resource, tenant)
        return load > 0 ? [[resource, load / total]] : []
      }),
    ),
  }))
}

/** The slowest first. `services`: by agent. */
export function resourcesOf(
  { measurements: seen }: Controller,
  services: ReadonlyMap<string, string>,
): ResourceView[] {
  return seen
    .resources()
    .map((resource) => ({
      resource,
      kind: seen.kind(resource),
      service: services.get(resource.slice(resource.lastIndexOf('@') + 1)) ?? '',
      slowdown: seen.slowdown(resource),
      load: Object.fromEntries(
        seen.workflows().flatMap((tenant) => {
          const load = seen.load(resource, tenant)
          return load > 0 ? [[tenant, load]] : []
        }),
      ),
    }))
    .sort((a, b) => b.slowdown - a.slowdown)
}

export function pointsOf(controller: Controller): PointView[] {
  const seen = controller.measurements
  const limits = new Map(controller.effective.map((one) => [`${one.point}\n${one.workflow}`, one]))
  const whole = new Set(seen.points())
  const points = new Set([...whole, ...[...limits.values()].map(({ point }) => point)])
  return [...points].flatMap((point) =>
    seen.workflows().flatMap((tenant) => {
      const limit = limits.get(`${point}\n${tenant}`)
      const perSecond = seen.throughput(point, tenant)
      const refused = seen.refusals(point, tenant)
      // Where something is set for one instance, that instance has a row for those concerned.
      if (limit === undefined && (perSecond + refused === 0 || !whole.has(point))) return []
      const isBinding = limit !== undefined && perSecond >= BINDING_USE_SHOWN * limit.rate
      const weight = limit?.weight ?? 1
      const told = refused > 0 ? { refusedPerSecond: refused } : {}
      return [{ point, tenant, perSecond, ...told, ...finite('rate', limit?.rate), isBinding, weight }]
    }),
  )
}

/** Those with a target first, then who waits longest. */
export function blameOf(controller: Controller): BlameView[] {
  const { measurements: seen, targets } = controller
  const rank = (tenant: string) => (targets.has(tenant) ? Infinity : seen.latency(tenant))
  const ranked = seen.workflows().map((tenant) => ({ tenant, rank: rank(tenant) }))
  ranked.sort((a, b) => (a.rank === b.rank ? 0 : b.rank - a.rank))
  return ranked.slice(0, BLAME_TENANTS_SHOWN).map(({ tenant }) => {
    const target = targets.get(tenant)
    const now = target?.statistic === 'p99' ? seen.latencyP99(tenant) : seen.latency(tenant)
    const promised = target && { latencyMs: 1000 * target.seconds, statistic: target.statistic }
    return {
      tenant,
      latencyMs: 1000 * seen.latency(tenant),
      ...(target === undefined || promised === undefined
        ? {}
        : { target: promised, miss: now / target.seconds }),
      causes: [...controller.blame(tenant)]
        .map(([cause, share]) => ({ tenant: cause, share }))
        .filter(({ share }) => share > 0)
        .sort((a, b) => b.share - a.share)
        .slice(0, BLAME_CAUSES_SHOWN),
      resources: painsOf(controller, tenant),
    }
  })
}

function painsOf({ measurements: seen }: Controller, tenant: string): BlameView['resources'] {
  const pains = seen
    .resources()
    .map((resource) => ({
      resource,
      pain: seen.latencyAt(resource, tenant) * Math.log(seen.slowdown(resource)),
    }))
    .filter(({ pain }) => pain > 0)
    .sort((a, b) => b.pain - a.pain)
  const all = pains.reduce((sum, { pain }) => sum + pain, 0)
  return pains.slice(0, BLAME_CAUSES_SHOWN).map(({ resource, pain }) => ({ resource, share: pain / all }))
}

/** Newest first. */
export function episodesShown(
  decisions: readonly Decision[],
  of: { readonly policy?: string | undefined; readonly tenant?: string | undefined } = {},
): PolicyEpisode[] {
  const wanted = decisions.filter(
    ({ policy, workflow }) =>
      (of.policy === undefined || policy === of.policy) &&
      (of.tenant === undefined || workflow === of.tenant),
  )
  return episodesOf(wanted).slice(0, EPISODES_SHOWN).map(episodeView)
}

function episodeView({ workflow, points, reason, ...rest }: Episode): PolicyEpisode {
  return {
    ...rest,
    tenant: workflow,
    points: points.map(({ point, from, to }) => ({ point, ...finite('from', from), ...finite('to', to) })),
    reason: reasonView(reason),
  }
}

export function decisionView({ atMs, point, workflow, from, to, because, reason }: Decision): PolicyDecision {
  return {
    timeMs: atMs,
    point,
    tenant: workflow,
    ...finite('from', from),
    ...finite('to', to),
    because,
    reason: reasonView(reason),
  }
}

function reasonView({ resource, slowdown, share, victim, miss }: Reason): DecisionReason {
  return {
    ...(resource === undefined ? {} : { resource }),
    slowdown,
    share,
    ...(victim === undefined ? {} : { victim, miss }),
  }
}

/** A page draws lines: three digits are enough, and a third of the bytes. */
export function historyView({ timesMs, tenants, slowdown }: Past): ControlHistory {
  return {
    timesMs,
    tenants: mapped(tenants, (values) => values.map((value) => (value === null ? null : tenantPast(value)))),
    slowdown: mapped(slowdown, (values) => values.map((value) => (value === null ? null : short(value)))),
  }
}

function tenantPast({ perSecond, latencyMs, latencyMsP99 }: TenantSample): TenantPast {
  return { perSecond: short(perSecond), latencyMs: short(latencyMs), latencyMsP99: short(latencyMsP99) }
}

const short = (value: number): number => Number(value.toPrecision(3))

function mapped<A, B>(all: { readonly [name: string]: A }, fn: (value: A) => B): { [name: string]: B } {
  return Object.fromEntries(Object.entries(all).map(([name, value]) => [name, fn(value)]))
}

/** JSON has no Infinity: no limit is no member. */
export function finite<K extends string>(
  name: K,
  value: number | undefined,
): { readonly [name in K]?: number } {
  const made: { [name in K]?: number } = {}
  if (value !== undefined && value < Number.POSITIVE_INFINITY) made[name] = value
  return made
}
