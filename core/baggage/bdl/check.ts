// Declarations to the tree of types: looks up names, checks what may stand where, gives ids. Reports
// everything it finds.

import { nearest } from '#base'
import {
  SCALARS,
  type BagDef,
  type FieldDef,
  type ScalarDef,
  type ScalarName,
  type Schema,
  type StructDef,
  type TypeDef,
} from './schema.ts'
import type { Declaration, FieldSyntax, FileSyntax, Index, Report, TypeSyntax } from './syntax.ts'

/** Largest index and id: what the reference can read. */
const INDEX_MAX = 2 ** 31 - 1

const GENERICS = ['set', 'min', 'max', 'first', 'last'] as const
type Generic = (typeof GENERICS)[number]
const PLAIN = ['taint', 'counter', 'pncounter', 'clock'] as const
type Plain = (typeof PLAIN)[number]
/** The paper writes flag where the code said taint; both capitalise containers now and then. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['flag', 'taint'],
  ['Set', 'set'],
  ['Map', 'map'],
  ['Counter', 'counter'],
])
const BUILT_IN: readonly string[] = [...SCALARS, ...PLAIN, ...GENERICS, 'map', ...ALIASES.keys()]

type Mutable<T> = { -readonly [K in keyof T]: T[K] }
type Entry = { readonly file: FileSyntax; readonly declaration: Declaration; readonly report: Report } & (
  | { readonly kind: 'bag'; readonly def: Mutable<BagDef> }
  | { readonly kind: 'struct'; readonly def: Mutable<StructDef> }
)

export type CheckedFile = { readonly file: FileSyntax; readonly report: Report }
export type Ids = { readonly [bagName: string]: number }

/** `files`: the text itself first, then what it imports. */
export function check(files: readonly CheckedFile[], ids: Ids): Schema {
  const entries = new Map<string, Entry>()
  for (const { file, report } of files) {
    for (const declaration of file.declarations) declare(entries, file, declaration, report)
  }
  for (const entry of entries.values()) {
    if (entry.kind === 'bag') entry.def.fields = bagFields(entries, entry)
    else entry.def.fields = structFields(entries, entry)
  }
  giveIds(entries, ids, files[0])
  refuseEndlessStructs(entries)
  const all = [...entries.values()]
  return {
    packageName: files[0].file.packageName,
    bags: all.flatMap((entry) => (entry.kind === 'bag' ? [entry.def] : [])),
    structs: all.flatMap((entry) => (entry.kind === 'struct' ? [entry.def] : [])),
  }
}

function declare(
  entries: Map<string, Entry>,
  file: FileSyntax,
  declaration: Declaration,
  report: Report,
): void {
  const { name, kind, id } = declaration
  if (BUILT_IN.includes(name.text)) report(name, `${name.text} is a type of the language`)
  if (entries.has(name.text)) {
    report(name, `${name.text} is declared twice`)
    return
  }
  if (kind === 'struct') {
    if (id !== undefined) report(id, 'a struct has no id: only bags stand in baggage by themselves')
    entries.set(name.text, { kind, file, declaration, report, def: { name: name.text, fields: [] } })
    return
  }
  const number = id === undefined ? undefined : checkIndex(id, 'an id', report)
  entries.set(name.text, {
    kind,
    file,
    declaration,
    report,
    def: { name: name.text, id: number, fields: [] },
  })
}

function checkIndex(index: Index, what: string, report: Report): number | undefined {
  const value = Number(index.digits)
  if (value >= 0 && value <= INDEX_MAX && !index.digits.startsWith('-')) return value
  const note = 'nothing sorts before 0 on the wire; leave gaps if something may have to come first'
  report(index, `${what} is a number from 0 to ${INDEX_MAX}`, index.digits.startsWith('-') ? { note } : {})
  return undefined
}

function bagFields(entries: Map<string, Entry>, entry: Entry): FieldDef[] {
  const { declaration, report } = entry
  const fields: FieldDef[] = []
  const nextFree = 1 + Math.max(-1, ...declaration.fields.map((field) => Number(field.index?.digits ?? -1)))
  for (const syntax of declaration.fields) {
    refuseSecondName(declaration, syntax, report)
    const type = typeOf(entries, entry, syntax.type)
    if (syntax.index === undefined) {
      report(syntax.name, `${syntax.name.text} has no index`, {
        suggestion: `${syntax.name.text} = ${nextFree}`,
      })
      continue
    }
    const index = checkIndex(syntax.index, 'an index', report)
    const twin = fields.find((field) => field.index === index)
    if (twin !== undefined)
      report(syntax.index, `${twin.name} has index ${index} already`, { suggestion: String(nextFree) })
    if (type !== undefined && index !== undefined) fields.push({ name: syntax.name.text, index, type })
  }
  return fields.sort((a, b) => a.index - b.index)
}

function refuseSecondName(declaration: Declaration, syntax: FieldSyntax, report: Report): void {
  const first = declaration.fields.find((field) => field.name.text === syntax.name.text)
  if (first !== syntax)
    report(syntax.name, `${declaration.name.text} has a field ${syntax.name.text} already`)
}

function structFields(entries: Map<string, Entry>, entry: Entry): StructDef['fields'][number][] {
  const { declaration, report } = entry
  return declaration.fields.flatMap((syntax) => {
    refuseSecondName(declaration, syntax, report)
    if (syntax.index !== undefined)
      report(syntax.index, 'fields of a struct go by their order and have no index')
    const type = scalarOf(entries, entry, syntax.type, 'a field of a struct')
    return type === undefined ? [] : [{ name: syntax.name.text, type }]
  })
}

const isScalarName = (name: string): name is ScalarName => SCALARS.some((scalar) => scalar === name)
const isPlain = (name: string): name is Plain => PLAIN.some((plain) => plain === name)
const isGeneric = (name: string): name is Generic => GENERICS.some((generic) => generic === name)

function typeOf(entries: Map<string, Entry>, entry: Entry, syntax: TypeSyntax): TypeDef | undefined {
  const name = ALIASES.get(syntax.name) ?? syntax.name
  if (isPlain(name)) return withArgs(entry, syntax, name, 0) && { kind: name }
  if (isGeneric(name)) {
    const args = withArgs(entry, syntax, name, 1)
    const of = args && scalarOf(entries, entry, args[0], `what stands in ${name}<>`)
    return of && { kind: name, of }
  }
  if (name === 'map') {
    const args = withArgs(entry, syntax, name, 2)
    const key = args && scalarOf(entries, entry, args[0], 'a key of a map')
    const value = args && typeOf(entries, entry, args[1])
    if (key?.kind === 'struct') entry.report(syntax, 'a key of a map is a primitive')
    return key && value && { kind: 'map', key, value }
  }
  if (withArgs(entry, syntax, name, 0) === undefined) return undefined
  if (isScalarName(name)) return { kind: 'scalar', name }
  const target = lookUp(entries, entry, syntax)
  if (target === undefined) return undefined
  return target.kind === 'bag' ? { kind: 'bag', bag: target.def } : { kind: 'struct', struct: target.def }
}

/** The arguments, if there are `count`. */
function withArgs(
  entry: Entry,
  syntax: TypeSyntax,
  name: string,
  count: 0 | 1 | 2,
): readonly TypeSyntax[] | undefined {
  const args = syntax.args ?? []
  if (args.length === count) return args
  const suggestion = count === 0 ? name : count === 1 ? `${name}<string>` : `${name}<string, string>`
  entry.report(syntax, `${name} takes ${count === 0 ? 'no' : count} type${count === 1 ? '' : 's'} in < >`, {
    suggestion,
  })
  return undefined
}

function scalarOf(
  entries: Map<string, Entry>,
  entry: Entry,
  syntax: TypeSyntax,
  what: string,
): ScalarDef | undefined {
  const type = typeOf(entries, entry, syntax)
  if (type === undefined || type.kind === 'scalar' || type.kind === 'struct') return type
  entry.report(syntax, `${what} is a primitive or a struct`, {
    note: `${syntax.name} does not fit into one atom`,
  })
  return undefined
}

/** By name, or by package and name. */
function lookUp(entries: Map<string, Entry>, entry: Entry, syntax: TypeSyntax): Entry | undefined {
  const dot = syntax.name.lastIndexOf('.')
  const found = entries.get(syntax.name.slice(dot + 1))
  if (found !== undefined && (dot < 0 || found.file.packageName === syntax.name.slice(0, dot))) return found
  const suggestion = nearest(syntax.name, [...BUILT_IN, ...entries.keys()])
  entry.report(syntax, `there is no type ${syntax.name}`, suggestion === undefined ? {} : { suggestion })
  return undefined
}

function giveIds(entries: Map<string, Entry>, ids: Ids, main: CheckedFile): void {
  for (const [name, id] of Object.entries(ids)) {
    const entry = entries.get(name)
    const suggestion = nearest(name, entries.keys())
    if (entry?.kind !== 'bag')
      main.report(
        { start: 0, end: 0 },
        `an id is given for ${name}, which is no bag`,
        suggestion === undefined ? {} : { suggestion },
      )
    else if (!Number.isInteger(id) || id < 0 || id > INDEX_MAX)
      main.report(entry.declaration.name, `the id given for ${name} is no number from 0 to ${INDEX_MAX}`)
    else entry.def.id = id
  }
  const owners = new Map<number, string>()
  for (const entry of entries.values()) {
    if (entry.kind !== 'bag' || entry.def.id === undefined) continue
    const owner = owners.get(entry.def.id)
    if (owner !== undefined) entry.report(entry.declaration.name, `${owner} has id ${entry.def.id} already`)
    owners.set(entry.def.id, entry.def.name)
  }
}

/** A struct is inlined, so one that contains itself would have no end. */
function refuseEndlessStructs(entries: Map<string, Entry>): void {
  for (const entry of entries.values()) {
    if (entry.kind === 'struct' && reaches(entry.def, entry.def, new Set()))
      entry.report(entry.declaration.name, `struct ${entry.def.name} contains itself`, {
        suggestion: `bag ${entry.def.name}`,
      })
  }
}

function reaches(from: StructDef, target: StructDef, seen: Set<StructDef>): boolean {
  return from.fields.some(({ type }) => {
    if (type.kind !== 'struct') return false
    if (type.struct === target) return true
    if (seen.has(type.struct)) return false
    seen.add(type.struct)
    return reaches(type.struct, target, seen)
  })
}
