// What each policy does and which numbers it takes, for who chooses one from a list. A test compares the
// defaults with what the policies do without them.

export type PolicyNote = {
  readonly does: string
  /** Whether it acts on targets of latency. */
  readonly needsTargets: boolean
  readonly params: { readonly [name: string]: { readonly value: number; readonly says: string } }
}

const SLOWDOWN = { value: 25, says: 'a resource slower than this is too slow' }
const GAIN = { value: 0.02, says: 'how hard it pulls towards that slowdown' }
const ALPHA_PUBLISHED = { value: 0.05, says: 'how much is taken in a step' }
const BETA_PUBLISHED = { value: 0.05, says: 'how much is given back in a step' }

export const POLICY_NOTES: Readonly<Record<string, PolicyNote>> = {
  'latency-slo': {
    does: 'keeps targets of latency by cutting who is to blame',
    needsTargets: true,
    params: {
      alpha: { value: 0.2, says: 'how hard it cuts who is to blame' },
      beta: { value: 0.02, says: 'how much is given back in a step' },
      calm: { value: 0.8, says: 'gives back only below this part of the target' },
      spare: { value: 0.25, says: 'spares who is to blame for less than this part of the worst' },
    },
  },
  bfair: {
    does: 'brings each slow resource to a slowdown, shared max-min by weight',
    needsTargets: false,
    params: {
      slowdown: SLOWDOWN,
      gain: GAIN,
      brake: { value: 0.03, says: 'how hard it brakes while slowdown grows' },
    },
  },
  'r-drf': {
    does: 'equal dominant shares over all resources, by weight',
    needsTargets: false,
    params: {
      slowdown: SLOWDOWN,
      gain: GAIN,
      alpha: { value: 0.05, says: 'how much more than he has everybody asks for' },
    },
  },
  background: {
    does: 'who has a floor.TENANT takes what others leave, and no less than that',
    needsTargets: false,
    params: {
      slowdown: { value: 3, says: 'background is cut where others wait and it is slower than this' },
      cut: { value: 0.3, says: 'how much is taken in a step' },
      raise: { value: 0.05, says: 'how much is given back in a step' },
    },
  },
  'deadline-aware': {
    does: 'targets become deadlines: what comes too late is not begun',
    needsTargets: true,
    params: {
      patience: { value: 1, says: 'the deadline, in targets' },
      calm: { value: 0.8, says: 'loosens it only below this part of the target' },
    },
  },
  'cost-cap': {
    does: 'at most cap.TENANT a second, of what it takes times price.RESOURCE',
    needsTargets: false,
    params: { 'price.cpu': { value: 1, says: 'of a millisecond of CPU' } },
  },
  manual: {
    does: 'fixed rate.TENANT, weight.TENANT and seconds.TENANT at each point',
    needsTargets: false,
    params: {},
  },
  'latency-slo-literal': {
    does: 'LatencySLO as published, to compare',
    needsTargets: true,
    params: { alpha: { value: 0.2, says: 'how hard it cuts who is to blame' }, beta: BETA_PUBLISHED },
  },
  'bfair-literal': {
    does: 'BFAIR as published, to compare',
    needsTargets: false,
    params: { slowdown: SLOWDOWN, alpha: ALPHA_PUBLISHED, beta: BETA_PUBLISHED },
  },
  'r-drf-literal': {
    does: 'R-DRF as published, to compare',
    needsTargets: false,
    params: { slowdown: SLOWDOWN, alpha: ALPHA_PUBLISHED, beta: BETA_PUBLISHED },
  },
}
