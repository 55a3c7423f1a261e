// What a program may spend on one trace, and what went wrong while it did. One budget is for one trace and
// may be shared by the programs of one owner.

import { FEATURE_WORK_MAX } from './limits.ts'

/** Thrown and caught inside: the feature at hand is null. */
export class OverBudget extends Error {}

const OVER = new OverBudget('over budget')

export class FeatureBudget {
  /** Steps over elements that are left; below 0 = none. */
  left: number
  /** Features that are null because the budget ran out. */
  overBudget = 0
  /** Numbers that are null because they were divided by zero or are beyond what a number holds. */
  notFinite = 0
  /** Texts and lists that were cut to what a row may hold. */
  cut = 0
  /** Rows that are missing. */
  rowsLeftOut = 0

  constructor(work: number = FEATURE_WORK_MAX) {
    this.left = work
  }

  spend(work: number): void {
    this.left -= work
    if (this.left < 0) throw OVER
  }

  /** A number that can be stored, else null and counted. */
  finite(value: number): number | null {
    if (Number.isFinite(value)) return value
    this.notFinite += 1
    return null
  }
}
