// What is said between the feature worker, the process of an owner and the thread in it that runs its files.

import type { FeatureColumn, FeatureRow, RowPer } from '#model'

export type FileProgram = {
  /** Of this version of this dataset. */
  readonly key: string
  /** As it stands in messages: cold-start.ts. */
  readonly name: string
  /** Left out once the process has it. */
  readonly source?: string
  readonly rowPer: RowPer
  /** Those of the definition; absent = the file is asked which it has. */
  readonly columns?: readonly FeatureColumn[]
}

export type FileJob = {
  readonly programs: readonly FileProgram[]
  /** A Trace, by v8.serialize: written once, read once, carried as bytes between. Absent = only load. */
  readonly trace?: Uint8Array
}

/** What one file made of a trace, and the CPU that it took. */
export type FileOutcome =
  | {
      readonly kind: 'rows'
      readonly cpuMs: number
      readonly columns: readonly FeatureColumn[]
      readonly rows: readonly FeatureRow[]
      /** Numbers that are null, texts and lists cut, rows left out. */
      readonly notFinite: number
      readonly cut: number
      readonly rowsLeftOut: number
    }
  | { readonly kind: 'failed'; readonly cpuMs: number; readonly message: string }

/** Why a thread was ended, or ended by itself. */
export type EndReason = 'cpu' | 'memory' | 'time' | 'crash'

export type FileTold =
  /** All files are loaded: now the trace. */
  | { readonly kind: 'loaded' }
  | { readonly kind: 'outcome'; readonly outcome: FileOutcome }
  | { readonly kind: 'done'; readonly cpuMs: number }
  | { readonly kind: 'ended'; readonly reason: EndReason; readonly message: string; readonly cpuMs: number }
