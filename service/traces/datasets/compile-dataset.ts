// A definition to what runs: its filter and its features, compiled together, with all that is wrong in
// either.

import { compileFeatures, compileFilter, type FeatureFilter, type FeatureProgram } from '#model'
import type { DatasetDefinition } from '#protocol'
import { DatasetError } from './query-error.ts'

export type CompiledDataset = {
  /** Absent = its features are a TypeScript file's (../feature-files). */
  readonly program?: FeatureProgram
  readonly filter: FeatureFilter
}

const everyTrace: FeatureFilter = () => true

type Texts = Pick<DatasetDefinition, 'filter' | 'features' | 'rowPer' | 'file'>

/** Errors: E_DATASET_FILTER, E_DATASET_FEATURES with diagnostics. */
export function compileDataset({ filter, features, rowPer, file }: Texts): CompiledDataset {
  const pipelines = file === undefined ? { program: compilePipelines({ features, rowPer }) } : {}
  return { ...pipelines, filter: compileCondition(filter) }
}

export function compilePipelines({ features, rowPer }: Pick<Texts, 'features' | 'rowPer'>): FeatureProgram {
  const { program, diagnostics } = compileFeatures(features, { rowPer })
  if (program !== undefined) return program
  throw new DatasetError(
    'E_DATASET_FEATURES',
    `the features have mistakes: ${diagnostics[0]?.message ?? ''}`,
    diagnostics[0]?.suggestion ?? 'crosscut features check FILE shows each',
    diagnostics,
  )
}

function compileCondition(text: string): FeatureFilter {
  if (text.trim() === '') return everyTrace
  const { filter, diagnostics } = compileFilter(text)
  if (filter !== undefined) return filter
  throw new DatasetError(
    'E_DATASET_FILTER',
    `the filter has mistakes: ${diagnostics[0]?.message ?? ''}`,
    diagnostics[0]?.suggestion ?? "duration > 1s and service = 'gateway'",
    diagnostics,
  )
}
