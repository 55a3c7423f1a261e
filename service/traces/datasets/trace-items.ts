// A trace on its way through the feature worker: named, waiting for its spans, ready for its owners.

import type { OtlpSpan } from '#model'
import type { Hold } from './hold.ts'

/** As the trace worker tells of it. */
export type DueForFeatures = {
  readonly traceId: string
  /** undefined = memory does not know: read it from the store. */
  readonly spanCount: number | undefined
  readonly isAgain: boolean
  /** What the tail rule lets it stand for. */
  readonly tailWeight: number
}

export type Item = {
  readonly traceId: string
  readonly isAgain: boolean
  readonly hold: Hold
  /** undefined = all of them. */
  readonly only?: { readonly owner: string } | { readonly dataset: string }
  readonly onRows?: (rows: number) => void
}

export type Incoming = Item & {
  readonly spanCount: number | undefined
  readonly tailWeight: number
  readonly sinceMs: number
}

export type Ready = Item & {
  readonly spans: OtlpSpan[]
  readonly version: bigint
  readonly tailWeight: number
}
