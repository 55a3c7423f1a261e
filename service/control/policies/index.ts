// All policies by name. `literal` ones are as published, with nothing mended: to compare, not to use.

import type { Policy } from '#fair'
import { background } from './background.ts'
import { bfair } from './bfair.ts'
import { bfairLiteral } from './bfair-literal.ts'
import { costCap } from './cost-cap.ts'
import { deadlineAware } from './deadline-aware.ts'
import { latencySlo } from './latency-slo.ts'
import { latencySloLiteral } from './latency-slo-literal.ts'
import { manual } from './manual.ts'
import { rDrf } from './r-drf.ts'
import { rDrfLiteral } from './r-drf-literal.ts'

export const POLICIES: Readonly<Record<string, Policy>> = Object.fromEntries(
  [
    background,
    bfair,
    bfairLiteral,
    costCap,
    deadlineAware,
    latencySlo,
    latencySloLiteral,
    manual,
    rDrf,
    rDrfLiteral,
  ].map((policy) => [policy.name, policy as Policy]),
)
