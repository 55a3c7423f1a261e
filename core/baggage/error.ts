// What goes wrong with baggage itself. Errors in BDL text are BdlError (bdl/).

export type BaggageErrorCode =
  /** Bytes that are not an encoding: a length beyond the end, a length that is no varint, too large. */
  | 'E_BAGGAGE_FORMAT'
  /** A bag nested deeper than 16 levels. */
  | 'E_BAGGAGE_DEPTH'
  /** A value that its declared type cannot hold. */
  | 'E_BAGGAGE_VALUE'

export class BaggageError extends Error {
  override readonly name = 'BaggageError'
  readonly code: BaggageErrorCode

  constructor(code: BaggageErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
