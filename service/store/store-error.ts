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

/** ClickHouse's NOT_ENOUGH_SPACE. Other writes to a full or failing disk have many codes, but these words. */
const NOT_ENOUGH_SPACE = 243
const DISK_WORDS =
  /not enough space|no space left on device|disk quota exceeded|read-only file ?system|input\/output error/i

/**
 * True = the disk of the engine is full or failing. That says nothing about what was to be written: it is to
 * be tried again for as long as it takes, never to be given up.
 */
export function isDiskTrouble(engineCode: number, message: string): boolean {
  return engineCode === NOT_ENOUGH_SPACE || DISK_WORDS.test(message)
}
