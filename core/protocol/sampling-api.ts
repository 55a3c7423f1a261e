// What the sampling routes of /api/v1 take and answer.

import type { SamplingPolicy, SamplingUse } from './sampling-policy.ts'
import type { TailRule } from './tail-rule.ts'

export type SamplingPolicyView = SamplingPolicy & {
  readonly setBy: string
  readonly setMs: number
  /** Of the agents that it may apply in, since each of them got it. */
  readonly use: Omit<SamplingUse, 'policy'> & { readonly agents: number }
}

export type SamplingList = {
  readonly policies: readonly SamplingPolicyView[]
  readonly tail: TailRule | null
  readonly stateVersion: number
}
