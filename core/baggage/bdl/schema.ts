// The one tree of types: names looked up, every rule checked. The run time and the generator both read this
// and nothing else.

/** Values that fit into one atom of their own. */
export const SCALARS = [
  'bool',
  'int32',
  'int64',
  'sint32',
  'sint64',
  'fixed32',
  'fixed64',
  'sfixed32',
  'sfixed64',
  'float',
  'double',
  'string',
  'bytes',
] as const
export type ScalarName = (typeof SCALARS)[number]

export type StructDef = {
  readonly name: string
  readonly fields: readonly { readonly name: string; readonly type: ScalarDef }[]
}
export type ScalarDef =
  | { readonly kind: 'scalar'; readonly name: ScalarName }
  | { readonly kind: 'struct'; readonly struct: StructDef }

export type TypeDef =
  | ScalarDef
  | { readonly kind: 'taint' | 'counter' | 'pncounter' | 'clock' }
  | { readonly kind: 'min' | 'max' | 'first' | 'last' | 'set'; readonly of: ScalarDef }
  | { readonly kind: 'map'; readonly key: ScalarDef; readonly value: TypeDef }
  | { readonly kind: 'bag'; readonly bag: BagDef }

export type FieldDef = { readonly name: string; readonly index: number; readonly type: TypeDef }

/** `id` is undefined for bags that only stand in other bags. */
export type BagDef = {
  readonly name: string
  readonly id: number | undefined
  readonly fields: readonly FieldDef[]
}

export type Schema = {
  readonly packageName: string
  readonly bags: readonly BagDef[]
  readonly structs: readonly StructDef[]
}
