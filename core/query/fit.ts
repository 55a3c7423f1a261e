// What a process would refuse of a query that is right otherwise, said of its text, so that nothing is
// installed that runs nowhere: too many variables or conditions, advice that is too dear.

import { AdviceRefusal, COLUMNS_MAX, parsePackage, verifyPackage } from '#advice'
import type { Reporter } from '#base'
import { compilePlan } from './compile.ts'
import { compileRecording, recordedVariables, TOLD_BESIDE_VARIABLES } from './compile-recording.ts'
import { buildPlan } from './plan.ts'
import type { ResolvedQuery } from './resolved.ts'
import { rewritePlan } from './rewrite.ts'
import type { Query } from './syntax.ts'

const VARIABLES_MAX = COLUMNS_MAX - TOLD_BESIDE_VARIABLES
/** Any: nothing is installed. */
const OPTIONS = { name: 'fit', version: 1, bagId: 64 } as const

/** Either plan may become the one that runs. */
export function checkFits(resolved: ResolvedQuery, { text }: Query, report: Reporter): void {
  const plan = rewritePlan(buildPlan(resolved))
  const whole = { start: 0, end: text.length }
  const variables = recordedVariables(plan).length
  if (variables > VARIABLES_MAX)
    return report.error(whole, `a query reads at most ${VARIABLES_MAX} variables, not ${variables}`)
  for (const tool of [compilePlan(plan, OPTIONS), compileRecording(plan, OPTIONS)]) {
    try {
      verifyPackage(parsePackage(tool))
    } catch (error: unknown) {
      if (!(error instanceof AdviceRefusal)) throw error
      const at = /^advice\[(\d+)\]/.exec(error.where)
      const place = at === null ? '' : ` at ${tool.advice[Number(at[1])].tracepoint}`
      return report.error(whole, `this is more than processes do${place.slice(0, 200)}`, {
        note: error.message,
        suggestion: 'ask for less, or in two queries',
      })
    }
  }
}
