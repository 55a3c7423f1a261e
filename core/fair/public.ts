// The entry `crosscut/control`: what users and tests may rely on.
export { simulateSchedule } from './simulate.ts'
export type { ScheduledRequest, ScheduleInput, SimulatedRequest, SimulatedTenant } from './simulate.ts'
export type { Algorithm } from './scheduler.ts'
export { dominantShares, maxMinShare } from './shares.ts'
export { FairError, type FairErrorCode } from './error.ts'
export type { ControllerApi, Policy } from './policy.ts'
