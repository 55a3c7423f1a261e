// Why a package was not accepted.

export type RefusalCode =
  | 'E_ADVICE_FORMAT'
  | 'E_ADVICE_TOO_LARGE'
  | 'E_ADVICE_COST'
  | 'E_ADVICE_UNKNOWN_OP'
  | 'E_ADVICE_ACT'
  | 'E_ADVICE_SLOT'
  | 'E_ADVICE_SCHEMA'
  | 'E_ADVICE_BAG'
  | 'E_ADVICE_PARAMETER'

/** `where` is a path like `advice[0].instructions[2]`. */
export class AdviceRefusal extends Error {
  override readonly name = 'AdviceRefusal'
  readonly code: RefusalCode
  readonly where: string

  constructor(code: RefusalCode, where: string, message: string) {
    super(`${where}: ${message}`)
    this.code = code
    this.where = where
  }
}
