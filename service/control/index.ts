// The face of control/: see README.md.
export { Controller, type Decision, type PolicyOptions, type PolicyState } from './controller.ts'
export { episodesOf, type Episode, type EpisodeKind } from './episodes.ts'
export { History, type Past, type TenantSample } from './history.ts'
export { Measurements, type MeasurementCounts, type Reception } from './measurements.ts'
export { fulfil, PictureApi, type Picture, type Wish } from './picture.ts'
export { PolicyError, type PolicyErrorCode } from './policy-error.ts'
export type { LatencyTarget } from './rate-table.ts'
export { blame } from './policies/blame.ts'
export type { Reason } from './reasons.ts'
export { POLICIES } from './policies/index.ts'
export { POLICY_NOTES, type PolicyNote } from './policies/notes.ts'
export {
  simulateSystem,
  type Admission,
  type SimulatedResource,
  type SimulatedStep,
  type SimulatedWorkload,
  type SystemInput,
  type SystemSecond,
} from './simulate-system.ts'
