// The tree of types to the types that read and write.

import { bagField, BagNode } from '../types/bag.ts'
import { clock } from '../types/clock.ts'
import { counter, pncounter } from '../types/counter.ts'
import { extremum } from '../types/extremum.ts'
import { double, float } from '../types/floats.ts'
import {
  bool,
  fixed32,
  fixed64,
  int32,
  int64,
  sfixed32,
  sfixed64,
  sint32,
  sint64,
} from '../types/integers.ts'
import { mapField } from '../types/map.ts'
import { register } from '../types/register.ts'
import { scalarField } from '../types/scalar-field.ts'
import { setField } from '../types/set.ts'
import { struct, type StructField } from '../types/struct.ts'
import { taint } from '../types/taint.ts'
import { bytes, string } from '../types/text.ts'
import type { FieldType, ScalarType } from '../types/type.ts'
import type { BagDef, ScalarDef, ScalarName, Schema, StructDef, TypeDef } from './schema.ts'

const SCALAR_TYPES: Readonly<Record<ScalarName, ScalarType>> = {
  bool,
  int32,
  int64,
  sint32,
  sint64,
  fixed32,
  fixed64,
  sfixed32,
  sfixed64,
  float,
  double,
  string,
  bytes,
}

/**
 * Every bag of the schema. Bags and structs may refer to each other in any order, so all are made before any
 * is filled.
 */
export function compile(schema: Schema): Map<BagDef, BagNode> {
  const structs = new Map<StructDef, { readonly type: ScalarType; readonly fields: StructField[] }>()
  for (const def of schema.structs) {
    const fields: StructField[] = []
    structs.set(def, { type: struct(def.name, fields), fields })
  }
  const scalarType = (def: ScalarDef): ScalarType => {
    if (def.kind === 'scalar') return SCALAR_TYPES[def.name]
    const made = structs.get(def.struct)
    if (made === undefined) throw new TypeError(`struct ${def.struct.name} is not part of the schema`)
    return made.type
  }
  for (const [def, { fields }] of structs)
    fields.push(...def.fields.map(({ name, type }) => ({ name, type: scalarType(type) })))
  const bags = new Map(schema.bags.map((def) => [def, new BagNode(def.name)]))
  const fieldType = (def: TypeDef): FieldType => {
    switch (def.kind) {
      case 'scalar':
      case 'struct':
        return scalarField(scalarType(def))
      case 'set':
        return setField(scalarType(def.of))
      case 'min':
      case 'max':
        return extremum(def.kind, scalarType(def.of))
      case 'first':
      case 'last':
        return register(def.kind, scalarType(def.of))
      case 'map':
        return mapField(scalarType(def.key), fieldType(def.value))
      case 'bag':
        return bagOf(bags, def.bag)
      case 'taint':
        return taint
      case 'counter':
        return counter
      case 'pncounter':
        return pncounter
      case 'clock':
        return clock
    }
  }
  for (const [def, node] of bags)
    node.define(def.fields.map(({ name, index, type }) => bagField(name, index, fieldType(type))))
  return bags
}

function bagOf(bags: ReadonlyMap<BagDef, BagNode>, def: BagDef): BagNode {
  const node = bags.get(def)
  if (node === undefined) throw new TypeError(`bag ${def.name} is not part of the schema`)
  return node
}
