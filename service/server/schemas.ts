// JSON Schemas of what the API takes and answers, for OpenAPI. Types of the same names stand in
// core/protocol. Each area has its own in schemas/.

import { AGENTS_SCHEMAS } from './schemas/agents.ts'
import { DATASETS_SCHEMAS } from './schemas/datasets.ts'
import { NOTEBOOKS_SCHEMAS } from './schemas/notebooks.ts'
import { PAGES_SCHEMAS } from './schemas/pages.ts'
import { PIPELINE_SCHEMAS } from './schemas/pipeline.ts'
import { POLICIES_SCHEMAS } from './schemas/policies.ts'
import { QUERIES_SCHEMAS } from './schemas/queries.ts'
import { SAMPLING_SCHEMAS } from './schemas/sampling.ts'
import { TOKENS_SCHEMAS } from './schemas/tokens.ts'
import { TOOLS_SCHEMAS } from './schemas/tools.ts'
import { TRACES_SCHEMAS } from './schemas/traces.ts'

export const SCHEMAS = {
  ...PAGES_SCHEMAS,
  ...AGENTS_SCHEMAS,
  ...TRACES_SCHEMAS,
  ...PIPELINE_SCHEMAS,
  ...QUERIES_SCHEMAS,
  ...DATASETS_SCHEMAS,
  ...NOTEBOOKS_SCHEMAS,
  ...TOOLS_SCHEMAS,
  ...SAMPLING_SCHEMAS,
  ...POLICIES_SCHEMAS,
  ...TOKENS_SCHEMAS,
}

export type SchemaName = keyof typeof SCHEMAS
