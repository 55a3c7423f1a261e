// What the control API answers: tenants, resources, points, policies. Numbers are of a second, smoothed.

export type TenantView = {
  readonly tenant: string
  /** Requests a second, in the process where most finish; their mean and 99th percentile. */
  readonly perSecond: number
  readonly latencyMs: number
  readonly latencyMsP99: number
  /** Part of each resource's load that is its own, 0 to 1; those it does not use are left out. */
  readonly shares: { readonly [resource: string]: number }
}

export type ResourceView = {
  /** `name@agent`. */
  readonly resource: string
  readonly kind: string
  readonly service: string
  /** 1 = nobody is in the way. */
  readonly slowdown: number
  readonly load: { readonly [tenant: string]: number }
}

export type PointView = {
  readonly point: string
  readonly tenant: string
  readonly perSecond: number
  /** Told to come again, or too late; absent = none. */
  readonly refusedPerSecond?: number
  /** Absent = not limited. */
  readonly rate?: number
  /** The limit holds it: nine tenths of it or more are used. */
  readonly isBinding: boolean
  readonly weight: number
}

/** `PUT /api/v1/policies/{name}`. */
export type PolicyDefinition = {
  readonly policy: string
  readonly params?: { readonly [name: string]: number }
  /** By tenant. */
  readonly targets?: { readonly [tenant: string]: PolicyTarget }
  /** Names of points at which alone it acts, `*` for any text; absent = all. */
  readonly points?: readonly string[]
  readonly dryRun?: boolean
}

export type PolicyTarget = { readonly latencyMs: number; readonly statistic?: 'mean' | 'p99' }

export type PolicyDecision = {
  readonly timeMs: number
  readonly point: string
  readonly tenant: string
  /** Absent = no limit. */
  readonly from?: number
  readonly to?: number
  readonly because: DecisionCause
  /** What spoke against the tenant then. */
  readonly reason: DecisionReason
}

/** Lifted = the limit held nobody for ten seconds; removed, replaced = its policy was. */
export type DecisionCause = 'decided' | 'lifted' | 'removed' | 'replaced'

export type DecisionReason = {
  /** Where it does most harm; absent = no resource is slow. */
  readonly resource?: string
  readonly slowdown: number
  /** Its part of that resource's load, 0 to 1. */
  readonly share: number
  /** Who misses the target most, and by what factor; absent = nobody does. */
  readonly victim?: string
  readonly miss?: number
}

/** Decisions of one policy about one tenant that go the same way without a pause. */
export type PolicyEpisode = {
  readonly kind: 'cut' | 'raised' | 'released'
  readonly fromMs: number
  readonly untilMs: number
  readonly policy: string
  readonly isDryRun: boolean
  readonly tenant: string
  /** Rates before and after, by point; absent = no limit. */
  readonly points: readonly { readonly point: string; readonly from?: number; readonly to?: number }[]
  readonly because: DecisionCause
  readonly reason: DecisionReason
}

/** Who makes whom slow: the gradient of a tenant's latency by the load of each. */
export type BlameView = {
  readonly tenant: string
  readonly latencyMs: number
  /** What is promised; absent = nothing. */
  readonly target?: PolicyTarget
  /** Latency over target, of the statistic that is promised. */
  readonly miss?: number
  /** Parts of 1, the worst first, itself among them; empty = nothing can be attributed. */
  readonly causes: readonly { readonly tenant: string; readonly share: number }[]
  /** Where it happens: parts of 1, the worst first. */
  readonly resources: readonly { readonly resource: string; readonly share: number }[]
}

/** A policy that can be set. */
export type PolicyTypeView = {
  readonly policy: string
  readonly does: string
  readonly needsTargets: boolean
  /** Numbers it takes, with what they are when nobody says. */
  readonly params: readonly { readonly name: string; readonly value: number; readonly says: string }[]
  /** Its place in the data folder; absent = built in. */
  readonly file?: string
}

/** Everything of one moment, for a page. */
export type ControlView = {
  readonly timeMs: number
  readonly tenants: readonly TenantView[]
  readonly resources: readonly ResourceView[]
  readonly points: readonly PointView[]
  readonly policies: readonly PolicyView[]
  readonly blame: readonly BlameView[]
  /** Newest first. */
  readonly episodes: readonly PolicyEpisode[]
}

/** The last ten minutes, oldest first; null = it was not among the first of that moment. */
export type ControlHistory = {
  readonly timesMs: readonly number[]
  readonly tenants: { readonly [tenant: string]: readonly (TenantPast | null)[] }
  readonly slowdown: { readonly [resource: string]: readonly (number | null)[] }
}

export type TenantPast = {
  readonly perSecond: number
  readonly latencyMs: number
  readonly latencyMsP99: number
}

export type PolicyView = PolicyDefinition & {
  readonly name: string
  readonly error?: string
  readonly isStopped: boolean
  readonly settings: readonly PointSetting[]
  /** The last of them, newest last. */
  readonly decisions: readonly PolicyDecision[]
}

export type PointSetting = {
  /** `point@agent` = at that instance alone. */
  readonly point: string
  readonly tenant: string
  readonly rate?: number
  readonly weight: number
  /** Who passes has a deadline of so many ms from then on. */
  readonly limitMs?: number
}
