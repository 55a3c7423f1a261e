// BDL as written: declarations with spans, names not yet looked up.

import type { Diagnostic } from '#base'

/** A stretch of the text: UTF-16 offsets. */
export type Range = { readonly start: number; readonly end: number }
export type Name = Range & { readonly text: string }
/** `digits` as written, so that 99999999999999999999 can be reported and not rounded. */
export type Index = Range & { readonly digits: string }

export type TypeSyntax = Range & {
  /** Qualified names keep their dots. */
  readonly name: string
  /** undefined: no brackets. set<> has none inside, counter<> is allowed so. */
  readonly args: readonly TypeSyntax[] | undefined
}

export type FieldSyntax = Range & {
  readonly type: TypeSyntax
  readonly name: Name
  readonly index: Index | undefined
}

export type Declaration = Range & {
  readonly kind: 'bag' | 'struct'
  readonly name: Name
  /** `bag Zipkin = 2 {`: where the bag stands in baggage. */
  readonly id: Index | undefined
  readonly fields: readonly FieldSyntax[]
}

export type ImportSyntax = Range & { readonly path: string }

export type FileSyntax = {
  readonly text: string
  readonly packageName: string
  readonly imports: readonly ImportSyntax[]
  readonly declarations: readonly Declaration[]
}

/** What went wrong, before line and column are worked out. */
export type Report = (range: Range, message: string, more?: Pick<Diagnostic, 'note' | 'suggestion'>) => void
