// What goes wrong with the input of a caller. Bugs of ours are assertions.

export type FairErrorCode =
  /** simulateSchedule was given something that cannot be run. */
  | 'E_SCHEDULE_INPUT'
  /** maxMinShare or dominantShares was given a number that is none, or a resource without capacity. */
  | 'E_SHARE_INPUT'
  /** A gate or limiter was made of numbers that cannot be. */
  | 'E_FAIR_OPTIONS'
  /** As many wait as may wait. */
  | 'E_GATE_FULL'
  /** Its deadline passed before its turn came. */
  | 'E_GATE_EXPIRED'

export class FairError extends Error {
  override readonly name = 'FairError'
  readonly code: FairErrorCode

  constructor(code: FairErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
