// The verb table: what crosscut can do. Help, completion and docs/reference/cli.md are made from it.

import type { Verb } from './verb.ts'
import { agents, killSwitch, login, tracepoints } from './verbs/agents.ts'
import { attach } from './verbs/attach.ts'
import { bagc } from './verbs/bagc.ts'
import { bench } from './verbs/bench.ts'
import { completionVerb } from './verbs/completion.ts'
import { dataset } from './verbs/dataset.ts'
import { doctor } from './verbs/doctor.ts'
import { exportTraces } from './verbs/export.ts'
import { features } from './verbs/features.ts'
import { importFile } from './verbs/import.ts'
import { policy } from './verbs/policy.ts'
import { queries, query } from './verbs/query.ts'
import { run } from './verbs/run.ts'
import { blame, points, resources, tenants } from './verbs/tenants.ts'
import { token } from './verbs/token.ts'
import { sampling } from './verbs/sampling.ts'
import { tool } from './verbs/tool.ts'
import { trace, traces } from './verbs/traces.ts'
import { up } from './verbs/up.ts'

export const VERBS: readonly Verb[] = [
  up,
  run,
  attach,
  doctor,
  traces,
  trace,
  agents,
  tracepoints,
  query,
  queries,
  dataset,
  tenants,
  resources,
  blame,
  points,
  policy,
  tool,
  sampling,
  killSwitch,
  login,
  token,
  importFile,
  exportTraces,
  features,
  bagc,
  bench,
  completionVerb(() => VERBS),
]
