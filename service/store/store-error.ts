// The errors of a store, by stable code.

export type StoreErrorCode = 'E_STORE_TIMEOUT' | 'E_STORE_UNAVAILABLE' | 'E_STORE_QUERY' | 'E_STORE_CLOSED'

export class StoreError extends Error {
  readonly code: StoreErrorCode
  /** ClickHouse's own number, where the engine answered. */
  readonly engineCode: number | undefined

  constructor(
    code: StoreErrorCode,
    message: string,
    options?: { readonly cause?: unknown; readonly engineCode?: number },
  ) {
    super(message, { cause: options?.cause })
    this.name = 'StoreError'
    this.code = code
    this.engineCode = options?.engineCode
  }
}
