// What is wrong with a question to a dataset, or with its definition: a code, a sentence, and the mend.

import type { Diagnostic } from '#base'

export type DatasetErrorCode =
  | 'E_DATASET_QUERY'
  | 'E_DATASET_COLUMN'
  | 'E_DATASET_WHERE'
  | 'E_DATASET_TOO_MUCH'
  | 'E_DATASET_DEFINITION'
  | 'E_DATASET_FILTER'
  | 'E_DATASET_FEATURES'
  | 'E_DATASET_FILE'

export class DatasetError extends Error {
  override readonly name = 'DatasetError'
  readonly code: DatasetErrorCode
  readonly hint: string
  /** Where it is in a text. */
  readonly diagnostics: readonly Diagnostic[]

  constructor(
    code: DatasetErrorCode,
    message: string,
    hint: string,
    diagnostics: readonly Diagnostic[] = [],
  ) {
    super(message)
    this.code = code
    this.hint = hint
    this.diagnostics = diagnostics
  }
}
