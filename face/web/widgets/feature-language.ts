// The language of features, as an editor asks about it: checker and completion are those of #model, in the
// page.

import { compileFeatures, compileFilter, completeFeatures, highlightFeatures } from '#model'
import type { DatasetRowPer } from '#protocol'
import type { Language } from './code-editor.ts'

export type FeatureContext = {
  readonly rowPer: DatasetRowPer
  /** Attributes that traces have. */
  readonly attributes: readonly string[]
}

const IS_OFFERED = /[\w."]$|[|(]\s*$|=\s*$/

/** `context` is asked anew at each use. */
export function featureLanguage(context: () => FeatureContext): Language {
  return {
    label: 'Features',
    placeholder: 'Trace | Duration | In(ms) | RecordAs("duration_ms")',
    mistakes: (text) => compileFeatures(text, { rowPer: context().rowPer }).diagnostics,
    candidates: (text, at) => {
      const { rowPer, attributes } = context()
      return completeFeatures(text, at, { rowPer, vocabulary: { attributes } })
    },
    isOffered: (before) => IS_OFFERED.test(before),
    highlight: highlightFeatures,
  }
}

export function filterLanguage(context: () => FeatureContext): Language {
  return {
    label: 'Filter',
    placeholder: 'every trace; or: duration > 1s and service = "gateway"',
    mistakes: (text) => compileFilter(text).diagnostics,
    candidates: (text, at) => {
      const { attributes } = context()
      return completeFeatures(text, at, { isFilter: true, vocabulary: { attributes } })
    },
    isOffered: (before) => IS_OFFERED.test(before),
    highlight: highlightFeatures,
  }
}
