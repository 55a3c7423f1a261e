// The functions of a module, found in its tree: what each is called, what it exports, where its body is.
//
//   class Store { async get(key) {..} }        Store.get            exports.load = () => ..       load
//   const routes = { list() {..} }             routes.list          app.get('/x', async (req) ..) <get:12>
//   function main() { function inner() {..} }  main.inner           Store.prototype.put = ..      Store.put
//
// A function without a name of its own is called for the call it is given to and its line. Two of one name
// are told apart by `~2`.

import type { AnyNode, Class, Function as FunctionNode, Pattern, Program, ReturnStatement } from 'acorn'
import { DEPTH_MAX, NAME_CHARS_MAX, PARAMS_MAX } from './limits.ts'

/** Offsets into the source text; `end` is exclusive. */
export type Range = { readonly start: number; readonly end: number }

export type FunctionShape = {
  /** In its file: `Class.method`. */
  readonly path: string
  /** 1-based, of its head. */
  readonly line: number
  readonly lines: { readonly first: number; readonly last: number }
  /** The whole function as an expression or a declaration. */
  readonly range: Range
  /** Between the braces and behind directives; of an arrow with an expression, the expression. */
  readonly body: Range
  readonly isExpression: boolean
  readonly isAsync: boolean
  readonly isGenerator: boolean
  readonly isArrow: boolean
  /** Names bound by its parameters, in order. */
  readonly params: readonly string[]
  /** `this` can be read where the body begins. */
  readonly hasThis: boolean
  readonly isGuarded: boolean
  readonly returns: readonly ReturnShape[]
  readonly children: readonly FunctionShape[]
}

/** A return statement of the function itself. */
export type ReturnShape = Range & { readonly argument: Range | undefined }

/** Errors: RangeError where the tree is deeper than DEPTH_MAX. */
export function functionsOf(program: Program): readonly FunctionShape[] {
  const finder = new Finder()
  finder.visitChildren(program, { path: [], owner: undefined, depth: 0 })
  return finder.top
}

type Draft = {
  -readonly [K in keyof FunctionShape]: FunctionShape[K] extends readonly (infer T)[] ? T[] : FunctionShape[K]
} & {
  readonly outer: Draft | undefined
  usesThis: boolean
  /** Calls, waits, makes: more than an expression over what is there. */
  acts: boolean
  vars: Set<string>
}

type Place = {
  readonly path: readonly string[]
  readonly owner: Draft | undefined
  readonly depth: number
  /** What a function or class found here is called. */
  readonly hint?: string
  /** In a class; in the constructor of one that extends another, `this` is not there yet. */
  readonly member?: 'method' | 'derived constructor'
}

class Finder {
  readonly top: FunctionShape[] = []
  readonly #used = new Map<string, number>()

  visit(node: AnyNode, place: Place): void {
    if (place.depth > DEPTH_MAX) throw new RangeError(`deeper than ${DEPTH_MAX}`)
    switch (node.type) {
      case 'FunctionDeclaration':
      case 'FunctionExpression':
      case 'ArrowFunctionExpression':
        return this.#function(node, place)
      case 'ClassDeclaration':
      case 'ClassExpression':
        return this.#class(node, place)
      case 'VariableDeclaration':
        if (node.kind === 'var' && place.owner !== undefined)
          for (const { id } of node.declarations)
            for (const name of boundNames(id)) place.owner.vars.add(name)
        return this.visitChildren(node, place)
      case 'VariableDeclarator':
        return this.visitChildren(node, { ...place, hint: nameOf(node.id) })
      case 'AssignmentExpression':
        return this.visitChildren(node, { ...place, hint: nameOf(node.left) })
      case 'AssignmentPattern':
        return this.visitChildren(node, { ...place, hint: nameOf(node.left) })
      case 'ExportDefaultDeclaration':
        return this.visitChildren(node, { ...place, hint: 'default' })
      case 'ObjectExpression':
        return this.visitChildren(node, inside(place))
      case 'Property':
        return this.visitChildren(node, { ...place, hint: keyOf(node) })
      case 'ParenthesizedExpression':
        return this.visitChildren(node, place)
      case 'ReturnStatement':
        return this.#return(node, place)
      case 'ThisExpression':
        return markThis(place.owner)
      case 'CallExpression':
      case 'NewExpression':
        if (place.owner !== undefined) place.owner.acts = true
        return this.visitChildren(node, { ...place, hint: `<${calleeOf(node.callee)}:${lineOf(node)}>` })
      case 'AwaitExpression':
      case 'YieldExpression':
      case 'TaggedTemplateExpression':
      case 'ImportExpression':
        if (place.owner !== undefined) place.owner.acts = true
        return this.visitChildren(node, unnamed(place))
      default:
        return this.visitChildren(node, unnamed(place))
    }
  }

  visitChildren(node: AnyNode | Program, place: Place): void {
    const deeper = { ...place, depth: place.depth + 1 }
    for (const value of Object.values(node)) {
      if (isNode(value)) this.visit(value, deeper)
      else if (Array.isArray(value)) for (const one of value) if (isNode(one)) this.visit(one, deeper)
    }
  }

  #class(node: Class & AnyNode, place: Place): void {
    const name = node.id?.name ?? place.hint ?? `<class:${lineOf(node)}>`
    const within = { ...unnamed(place), path: [...place.path, name], depth: place.depth + 1 }
    if (node.superClass) this.visit(node.superClass, unnamed(within))
    for (const member of node.body.body) {
      if (member.type === 'StaticBlock') {
        this.visitChildren(member, within)
        continue
      }
      if (member.computed) this.visit(member.key, within)
      if (!member.value) continue
      const isConstructor = member.type === 'MethodDefinition' && member.kind === 'constructor'
      const kind = isConstructor && node.superClass ? 'derived constructor' : 'method'
      this.visit(member.value, { ...within, hint: keyOf(member), member: kind })
    }
  }

  #function(node: FunctionNode & AnyNode, place: Place): void {
    const own = node.id?.name ?? place.hint
    const path = this.#unique([...place.path, own ?? `<function:${lineOf(node)}>`])
    const draft = draftOf(node, { path, place })
    const within: Place = { path: path.split('.'), owner: draft, depth: place.depth + 1 }
    for (const param of node.params) this.visit(param, within)
    this.visit(node.body, within)
    const isMere = draft.isExpression && !draft.acts && (own === undefined || own.startsWith('<'))
    draft.isGuarded = !isMere && draft.params.length <= PARAMS_MAX && !hasClash(node, draft.vars)
    const isMethod = place.member === 'method' && !draft.isArrow
    draft.hasThis = place.member !== 'derived constructor' && (isMethod || draft.usesThis)
    const siblings = place.owner?.children ?? this.top
    siblings.push(draft)
  }

  #return(node: ReturnStatement, place: Place): void {
    const argument = node.argument ?? undefined
    place.owner?.returns.push({
      start: node.start,
      end: node.end,
      argument: argument === undefined ? undefined : { start: argument.start, end: argument.end },
    })
    this.visitChildren(node, unnamed(place))
  }

  #unique(steps: readonly string[]): string {
    const path = steps
      .join('.')
      .replace(/[^A-Za-z0-9_$.:<>#-]/g, '_')
      .slice(0, NAME_CHARS_MAX)
    const count = (this.#used.get(path) ?? 0) + 1
    this.#used.set(path, count)
    return count === 1 ? path : `${path}~${count}`
  }
}

function draftOf(node: FunctionNode & AnyNode, { path, place }: { path: string; place: Place }): Draft {
  const isArrow = node.type === 'ArrowFunctionExpression'
  return {
    path,
    line: lineOf(node),
    lines: { first: lineOf(node), last: node.loc?.end.line ?? lineOf(node) },
    range: { start: node.start, end: node.end },
    body: bodyOf(node),
    isExpression: node.body.type !== 'BlockStatement',
    isAsync: node.async,
    isGenerator: node.generator,
    isArrow,
    params: node.params.flatMap(boundNames),
    hasThis: false,
    isGuarded: false,
    returns: [],
    children: [],
    outer: isArrow ? place.owner : undefined,
    usesThis: false,
    acts: false,
    vars: new Set(),
  }
}

function bodyOf({ body }: FunctionNode): Range {
  if (body.type !== 'BlockStatement') return { start: body.start, end: body.end }
  const directives = body.body.filter((one) => 'directive' in one && one.directive !== undefined)
  return { start: directives.at(-1)?.end ?? body.start + 1, end: body.end - 1 }
}

/**
 * A guard puts the body into a block, where a function declaration is lexical: one that shares its name with
 * a `var` or with another would not parse there.
 */
function hasClash({ body }: FunctionNode, vars: ReadonlySet<string>): boolean {
  if (body.type !== 'BlockStatement') return false
  const names = body.body.flatMap((one) => (one.type === 'FunctionDeclaration' ? [one.id.name] : []))
  return new Set(names).size < names.length || names.some((name) => vars.has(name))
}

/** An arrow's `this` is that of the function around it. */
function markThis(owner: Draft | undefined): void {
  for (let at = owner; at !== undefined; at = at.outer) at.usesThis = true
}

function boundNames(pattern: Pattern): string[] {
  switch (pattern.type) {
    case 'Identifier':
      return [pattern.name]
    case 'ObjectPattern':
      return pattern.properties.flatMap((one) =>
        boundNames(one.type === 'RestElement' ? one.argument : one.value),
      )
    case 'ArrayPattern':
      return pattern.elements.flatMap((one) => (one === null ? [] : boundNames(one)))
    case 'RestElement':
      return boundNames(pattern.argument)
    case 'AssignmentPattern':
      return boundNames(pattern.left)
    default:
      return []
  }
}

/** `a`, `exports.a`, `A.prototype.a` and `this.a` give something the name a (A.a). */
function nameOf(target: AnyNode): string | undefined {
  if (target.type === 'Identifier') return target.name
  if (target.type !== 'MemberExpression') return undefined
  const key = target.computed ? literalOf(target.property) : keyName(target.property)
  const { object } = target
  const isPrototype = object.type === 'MemberExpression' && keyName(object.property) === 'prototype'
  const of = isPrototype ? nameOf(object.object) : undefined
  return of === undefined ? key : `${of}.${key}`
}

function keyOf(member: { readonly key: AnyNode; readonly computed: boolean }): string {
  const key = member.computed ? literalOf(member.key) : keyName(member.key)
  return key ?? `<computed:${lineOf(member.key)}>`
}

function keyName(key: AnyNode): string | undefined {
  if (key.type === 'Identifier') return key.name
  return key.type === 'PrivateIdentifier' ? `#${key.name}` : literalOf(key)
}

function literalOf(node: AnyNode): string | undefined {
  return node.type === 'Literal' ? String(node.value) : undefined
}

function calleeOf(callee: AnyNode): string {
  if (callee.type === 'Identifier') return callee.name
  return callee.type === 'MemberExpression' ? (keyName(callee.property) ?? 'call') : 'call'
}

/** What is found in an object belongs to the object's name. */
function inside(place: Place): Place {
  return place.hint === undefined ? place : { ...unnamed(place), path: [...place.path, place.hint] }
}

function unnamed({ path, owner, depth }: Place): Place {
  return { path, owner, depth }
}

const lineOf = (node: AnyNode): number => node.loc?.start.line ?? 0

function isNode(value: unknown): value is AnyNode {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'
}
