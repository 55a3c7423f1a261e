// Schemas of routes/sampling.ts.

import { count, flag, list, number, object, ref, text, type Schema } from './terms.ts'

const levelOfDetail: Schema = { enum: ['coarse', 'normal', 'fine'] }

const strategy = object({ 'probability?': number, 'ratePerSecond?': number })

const samplingPolicy = {
  name: text,
  owner: text,
  strategy: object({ kind: { enum: ['probability', 'rate'] }, 'probability?': number, 'perSecond?': number }),
  restraints: list(object({ attribute: text, test: { enum: ['equals', 'glob'] }, value: text })),
  levelOfDetail,
  'endsMs?': number,
}

const samplingPolicyView = object({
  ...samplingPolicy,
  setBy: text,
  setMs: number,
  use: object({ agents: count, seen: count, kept: count, refused: count }),
})

export const SAMPLING_SCHEMAS = {
  SamplingRequest: object({
    owner: text,
    strategy,
    'restraints?': list(object({ attribute: text, 'equals?': text, 'glob?': text })),
    'levelOfDetail?': levelOfDetail,
    'ttlSeconds?': number,
  }),
  SamplingSet: object({ ...samplingPolicy, stateVersion: count }),
  SamplingPolicy: samplingPolicyView,
  SamplingList: object({
    policies: list(samplingPolicyView),
    tail: { anyOf: [ref('TailRule'), { type: 'null' }] },
    stateVersion: count,
  }),
  TailRule: object({ 'slow?': flag, 'failed?': flag, 'rareBelow?': count, probability: number }),
} satisfies { readonly [name: string]: Schema }
