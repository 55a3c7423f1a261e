// The tree of a TraceQL query: frozen data, made by the parser, read by types, evaluator and pre-filter.
//
//   query    = pipeline, hints
//   pipeline = stages, each from spansets to spansets
//   spanset  = { condition } and its combinations: && || and the structural operators

import type { Span } from '#base'

/** Where a value is looked for. any = the span, else its resource. */
export type AttributeScope = 'any' | 'span' | 'resource' | 'event' | 'link' | 'instrumentation'

export type Intrinsic =
  | 'span:name'
  | 'span:duration'
  | 'span:status'
  | 'span:statusMessage'
  | 'span:kind'
  | 'span:id'
  | 'span:parentID'
  | 'span:childCount'
  | 'trace:duration'
  | 'trace:rootName'
  | 'trace:rootService'
  | 'trace:id'
  | 'event:name'
  | 'event:timeSinceStart'
  | 'link:spanID'
  | 'link:traceID'
  | 'instrumentation:name'
  | 'instrumentation:version'
  | 'nestedSetLeft'
  | 'nestedSetRight'
  | 'nestedSetParent'

export type Field =
  | { readonly kind: 'attribute'; readonly scope: AttributeScope; readonly name: string }
  | { readonly kind: 'intrinsic'; readonly name: Intrinsic }

export type LiteralType = 'int' | 'float' | 'duration' | 'string' | 'boolean' | 'nil' | 'status' | 'kind'
/** Durations are ns. A whole number beyond 2^53 is a bigint. */
export type Literal = {
  readonly type: LiteralType
  readonly value: number | bigint | string | boolean | null
}

export type ArithmeticOp = '+' | '-' | '*' | '/' | '%' | '^'
export type CompareOp = '=' | '!=' | '<' | '<=' | '>' | '>='
export type MatchOp = '=~' | '!~'
export type LogicOp = '&&' | '||'

type At = { readonly span: Span }

/** What is asked of one span. */
export type Expression = At &
  (
    | { readonly kind: 'literal'; readonly literal: Literal }
    | { readonly kind: 'field'; readonly field: Field; readonly text: string }
    | { readonly kind: 'not'; readonly of: Expression }
    | { readonly kind: 'negative'; readonly of: Expression }
    | {
        readonly kind: 'arithmetic'
        readonly op: ArithmeticOp
        readonly left: Expression
        readonly right: Expression
      }
    | {
        readonly kind: 'compare'
        readonly op: CompareOp
        readonly left: Expression
        readonly right: Expression
      }
    | { readonly kind: 'match'; readonly op: MatchOp; readonly left: Expression; readonly pattern: string }
    | { readonly kind: 'logic'; readonly op: LogicOp; readonly left: Expression; readonly right: Expression }
  )

export type Relation = 'descendant' | 'ancestor' | 'child' | 'parent' | 'sibling'
/** plain = spans of the right side; not = those without the relation; union = spans of both sides. */
export type RelationMode = 'plain' | 'not' | 'union'

export type Spanset = At &
  (
    | { readonly kind: 'filter'; readonly where: Expression }
    | { readonly kind: 'combine'; readonly op: LogicOp; readonly left: Spanset; readonly right: Spanset }
    | {
        readonly kind: 'relation'
        readonly relation: Relation
        readonly mode: RelationMode
        readonly left: Spanset
        readonly right: Spanset
      }
    | { readonly kind: 'pipeline'; readonly stages: readonly Stage[] }
  )

export type AggregateName = 'count' | 'avg' | 'min' | 'max' | 'sum'

/** A number per spanset. */
export type Scalar = At &
  (
    | { readonly kind: 'number'; readonly literal: Literal }
    | { readonly kind: 'aggregate'; readonly name: AggregateName; readonly of?: Expression }
    | {
        readonly kind: 'scalar-arithmetic'
        readonly op: ArithmeticOp
        readonly left: Scalar
        readonly right: Scalar
      }
  )

export type Stage =
  | { readonly kind: 'spansets'; readonly spanset: Spanset }
  | { readonly kind: 'having'; readonly op: CompareOp; readonly left: Scalar; readonly right: Scalar }
  | { readonly kind: 'by'; readonly of: Expression; readonly text: string }
  | { readonly kind: 'coalesce' }
  | { readonly kind: 'select'; readonly fields: readonly { readonly field: Field; readonly text: string }[] }

export type TraceQuery = {
  readonly text: string
  readonly stages: readonly Stage[]
  /** Fields that the answer shows of each span: those of conditions, then those of select(). */
  readonly shown: readonly { readonly field: Field; readonly text: string }[]
}
