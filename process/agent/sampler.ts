// Decides at a span's start whether it is recorded. Samplers of the OpenTelemetry specification, by their
// environment names.

import { randomnessOf, thresholdOf, writeTraceState } from '#protocol'
import type { SamplerSetting } from './settings.ts'

/** The sampled bit of a parent, if there is one. */
export type SampleQuestion = { readonly traceId: string; readonly parentSampled: boolean | undefined }
export type Sampler = (question: SampleQuestion) => boolean

/** A parent-based sampler follows its parent and asks its root sampler only where there is none. */
export function openSampler(setting: SamplerSetting): Sampler {
  const root = rootSampler(setting)
  if (!setting.isParentBased) return root
  return (question) => question.parentSampled ?? root(question)
}

function rootSampler(setting: SamplerSetting): Sampler {
  if (setting.kind === 'always_on') return () => true
  if (setting.kind === 'always_off') return () => false
  const threshold = rootThreshold(setting)
  return ({ traceId }) => randomnessOf(traceId) >= threshold
}

/** Traces whose randomness is below it are not begun: see `#protocol`'s trace state. */
export function rootThreshold({ kind, ratio }: SamplerSetting): string {
  return thresholdOf(kind === 'always_on' ? 1 : kind === 'always_off' ? 0 : ratio)
}

/** What a root carries of this decision: nothing where all are kept. */
export function rootTraceState(setting: SamplerSetting): string | undefined {
  if (setting.kind !== 'traceidratio' || setting.ratio >= 1) return undefined
  return writeTraceState({
    threshold: rootThreshold(setting),
    factor: 1,
    detail: 'normal',
    isWanted: false,
  })
}
