// What model/ offers of the feature language: see README.md.
export {
  compileFeatures,
  compileFilter,
  prepareTrace,
  type FeatureColumn,
  type FeatureFilter,
  type FeatureProgram,
  type FeatureRow,
  type FeatureValue,
  type PreparedTrace,
} from './compile.ts'
export {
  completeFeatures,
  highlightFeatures,
  type CompleteOptions,
  type FeatureCompletion,
  type FeatureHighlight,
  type FeatureVocabulary,
} from './complete.ts'
export type { RowPer } from './check.ts'
export { FeatureBudget } from './budget.ts'
export { RowSample, type RowPlace } from './row-sample.ts'
