// What is wrong with a policy that somebody wrote, in a sentence and by a stable code.

export type PolicyErrorCode =
  /** The file cannot be read, is no TypeScript that Node runs, or threw when it was loaded. */
  | 'E_POLICY_LOAD'
  /** It gives no policy, or one that is not as `Policy` says. */
  | 'E_POLICY_SHAPE'
  | 'E_POLICY_THREW'
  | 'E_POLICY_TIMEOUT'
  | 'E_POLICY_MEMORY'
  /** It set what is no rate, weight or time. */
  | 'E_POLICY_VALUE'

export class PolicyError extends Error {
  override readonly name = 'PolicyError'
  readonly code: PolicyErrorCode
  constructor(code: PolicyErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
