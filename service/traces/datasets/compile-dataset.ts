// A definition to what runs: its filter and its features, compiled together, with all that is wrong in
// either.

import { compileFeatures, compileFilter, type FeatureFilter, type FeatureProgram } from '#model'
import type { DatasetDefinition } from '#protocol'
import { DatasetError } from './query-error.ts'

export type CompiledDataset = { readonly program: FeatureProgram; readonly filter: FeatureFilter }

const everyTrace: FeatureFilter = () => true

/** Errors: E_DATASET_FILTER, E_DATASET_FEATURES with diagnostics. */
export function compileDataset({
  filter,
  features,
  rowPer,
}: Pick<DatasetDefinition, 'filter' | 'features' | 'rowPer'>): CompiledDataset {
  const compiled = compileFeatures(features, { rowPer })
  if (compiled.program === undefined)
    throw new DatasetError(
      'E_DATASET_FEATURES',
      `the features have mistakes: ${compiled.diagnostics[0]?.message ?? ''}`,
      compiled.diagnostics[0]?.suggestion ?? 'crosscut features check FILE shows each',
      compiled.diagnostics,
    )
  if (filter.trim() === '') return { program: compiled.program, filter: everyTrace }
  const condition = compileFilter(filter)
  if (condition.filter === undefined)
    throw new DatasetError(
      'E_DATASET_FILTER',
      `the filter has mistakes: ${condition.diagnostics[0]?.message ?? ''}`,
      condition.diagnostics[0]?.suggestion ?? "duration > 1s and service = 'gateway'",
      condition.diagnostics,
    )
  return { program: compiled.program, filter: condition.filter }
}
