// What is said between the trace worker, the feature worker and the thread that starts it.

import type { MessagePort } from 'node:worker_threads'
import type { StoreLocation } from '#store'
import type { BackfillJob } from './backfills.ts'
import type { StoredDataset } from './definition.ts'
import type { FeatureStats } from './feature-pipeline.ts'
import type { DueForFeatures } from './trace-items.ts'
import type { Trial } from './trials.ts'

/** From the trace worker, in the order of the log. */
export type ToFeatures =
  | { readonly kind: 'batch'; readonly payload: Uint8Array }
  | {
      readonly kind: 'due'
      readonly id: number
      readonly traces: readonly DueForFeatures[]
      /** The last ones before an orderly end: nobody waits for company. */
      readonly isLast: boolean
    }
export type FromFeatures = { readonly kind: 'settled'; readonly id: number }

export type FeatureRequest =
  | { readonly kind: 'connect'; readonly port: MessagePort }
  | {
      readonly kind: 'datasets'
      readonly datasets: readonly StoredDataset[]
      readonly dropped: readonly number[]
    }
  | { readonly kind: 'backfill'; readonly job: BackfillJob }
  | { readonly kind: 'cancel'; readonly id: string }
  | { readonly kind: 'stats'; readonly id: number }
  | { readonly kind: 'try'; readonly id: number; readonly dataset: StoredDataset }
  | { readonly kind: 'close' }

export type FeatureAnswer =
  | { readonly kind: 'stats'; readonly id: number; readonly stats: FeatureStats }
  | { readonly kind: 'tried'; readonly id: number; readonly trial: Trial }
  | { readonly kind: 'failed'; readonly id: number; readonly code: string; readonly message: string }
  | { readonly kind: 'backfill'; readonly job: BackfillJob }

export type FeatureWorkerData = {
  readonly store: StoreLocation
  /** Datasets in which a worker before was stuck: their owners rest. */
  readonly suspects: readonly number[]
  /** One Int32: the table of the dataset that is being evaluated; 0 = none. */
  readonly evaluating: SharedArrayBuffer
}
