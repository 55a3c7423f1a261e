// What the parser makes of a text: statements of expressions, with a range on every node. Names have no
// meaning yet, so that a text is parsed whatever it names.
//
//   Statement ── [name =] Expr
//   Expr      ── literal | head (a name, perhaps with arguments) | pipe (Expr | stage)
//                | compare | in | and | or | not
//   Arg       ── Expr | range (from -> to)

import type { Range } from '#base'

export type Name = Range & { readonly text: string }

export type Literal = Range & {
  readonly kind: 'literal'
  readonly value: number | string | boolean
  /** Of a number: 'ns' or 'By'. */
  readonly unit?: string
}

/** A name with the arguments behind it; none = no parentheses. */
export type Call = Range & { readonly fn: Name; readonly args: readonly Arg[]; readonly hasArgs: boolean }

export type Head = Range & { readonly kind: 'head'; readonly call: Call }
export type Pipe = Range & { readonly kind: 'pipe'; readonly input: Expr; readonly call: Call }

export type CompareOp = '=' | '!=' | '<' | '<=' | '>' | '>=' | 'like'
export type Compare = Range & {
  readonly kind: 'compare'
  readonly op: CompareOp
  readonly left: Expr
  readonly right: Expr
}
export type In = Range & { readonly kind: 'in'; readonly left: Expr; readonly list: readonly Expr[] }
export type Both = Range & { readonly kind: 'and' | 'or'; readonly left: Expr; readonly right: Expr }
export type Not = Range & { readonly kind: 'not'; readonly arg: Expr }

export type Expr = Literal | Head | Pipe | Compare | In | Both | Not
export type PathRange = Range & { readonly kind: 'range'; readonly from: Expr; readonly to: Expr }
export type Arg = Expr | PathRange

export type Statement = Range & { readonly name?: Name; readonly value: Expr }
