// Decides at a span's start whether it is recorded. Samplers of the OpenTelemetry specification, by their
// environment names.

import type { SamplerSetting } from './settings.ts'

/** The sampled bit of a parent, if there is one. */
export type SampleQuestion = { readonly traceId: string; readonly parentSampled: boolean | undefined }
export type Sampler = (question: SampleQuestion) => boolean

/**
 * 2^56: the ratio is compared with the rightmost 7 bytes of the trace id, which W3C level 2 says are
 * random.
 */
const RANDOM_SPACE = 2 ** 56

/** A parent-based sampler follows its parent and asks its root sampler only where there is none. */
export function openSampler(setting: SamplerSetting): Sampler {
  const root = rootSampler(setting)
  if (!setting.isParentBased) return root
  return (question) => question.parentSampled ?? root(question)
}

function rootSampler(setting: SamplerSetting): Sampler {
  switch (setting.kind) {
    case 'always_on':
      return () => true
    case 'always_off':
      return () => false
    case 'traceidratio': {
      const bound = setting.ratio * RANDOM_SPACE
      return ({ traceId }) => Number.parseInt(traceId.slice(-14), 16) < bound
    }
  }
}
