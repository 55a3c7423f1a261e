// The functions of a module, found in its tree: what each is called, what it exports, where its body is.
//
//   class Store { async get(key) {..} }        Store.get            exports.load = () => ..       load
//   const routes = { list() {..} }             routes.list          app.get('/x', async (req) ..) <get:12>
//   function main() { function inner() {..} }  main.inner           Store.prototype.put = ..      Store.put
//
// A function without a name of its own is called for the call it is given to and its line. Two of one name
// are told apart by `~2`.

import type {
  AnyNode,
  Class,
  Function as FunctionNode,
  Identifier,
  ModuleDeclaration,
  Pattern,
  Program,
  ReturnStatement,
  Statement,
} from 'acorn'
import { DEPTH_MAX, NAME_CHARS_MAX, PARAMS_MAX } from './limits.ts'

/** Offsets into the source text; `end` is exclusive. */
export type Range = { readonly start: number; readonly end: number }

export type FunctionShape = {
  /** In its file: `Class.method`. */
  readonly path: string
  /** 1-based, of its head; 0-based. */
  readonly line: number
  readonly column: number
  /** 1-based. */
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
  /** Whose scope it is made in: the module's, or (a number) a class's; undefined: that of a block or call. */
  readonly door: 'module' | number | undefined
  /** Inside another function. */
  readonly isNested: boolean
  /** Its body does the same in another function that is given the same `this` and parameters. */
  readonly isRepeatable: boolean
  readonly inClass: boolean
  /** Braces included; of an arrow with an expression, the expression. */
  readonly block: Range
  readonly statements: readonly StatementShape[]
  /** Names it declares anywhere. */
  readonly locals: ReadonlySet<string>
  readonly returns: readonly ReturnShape[]
  readonly children: readonly FunctionShape[]
}

/** A statement of the function itself; alone: the body of an `if` or a loop without braces. */
export type StatementShape = Range & {
  readonly line: number
  readonly column: number
  readonly isAlone: boolean
}

/** A return statement of the function itself. */
export type ReturnShape = Range & { readonly argument: Range | undefined }

/** A class whose methods see names that its module does not. */
export type ClassShape = {
  /** Behind its brace. */
  readonly at: number
  /** Private fields, as `#taken`; no accessors or methods. */
  readonly fields: readonly string[]
}

export type ModuleShape = {
  /** Outermost; the others are their children. */
  readonly functions: readonly FunctionShape[]
  /** `FunctionShape.door` counts them. */
  readonly classes: readonly ClassShape[]
}

/** Errors: RangeError where the tree is deeper than DEPTH_MAX. */
export function shapeOf(program: Program): ModuleShape {
  const finder = new Finder()
  const place: Place = { path: [], owner: undefined, depth: 0, door: 'module', inClass: false }
  finder.visitChildren(program, place)
  return { functions: finder.top, classes: finder.classes }
}

type Draft = {
  -readonly [K in keyof FunctionShape]: FunctionShape[K] extends readonly (infer T)[] ? T[] : FunctionShape[K]
} & {
  locals: Set<string>
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
  readonly door: FunctionShape['door']
  readonly inClass: boolean
  /** What a function or class found here is called. */
  readonly hint?: string
  /** In a class; in the constructor of one that extends another, `this` is not there yet. */
  readonly member?: 'method' | 'derived constructor'
}

class Finder {
  readonly top: FunctionShape[] = []
  readonly classes: ClassShape[] = []
  /** Expressions with a name that only they themselves see, and that are being visited. */
  readonly #selves: { readonly name: string; readonly draft: Draft }[] = []
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
        for (const name of node.declarations.flatMap(({ id }) => boundNames(id))) {
          place.owner?.locals.add(name)
          if (node.kind === 'var') place.owner?.vars.add(name)
        }
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
      case 'Identifier':
        return this.#identifier(node, place)
      case 'Super':
      case 'MetaProperty':
        return markUnrepeatable(place.owner)
      case 'BlockStatement':
      case 'StaticBlock':
        addStatements(place.owner, node.body)
        return this.visitChildren(node, inBlock(place))
      case 'SwitchCase':
        addStatements(place.owner, node.consequent)
        return this.visitChildren(node, inBlock(place))
      case 'CatchClause':
        if (node.param) for (const name of boundNames(node.param)) place.owner?.locals.add(name)
        return this.visitChildren(node, inBlock(place))
      case 'IfStatement':
        addAlone(place.owner, node.consequent)
        if (node.alternate) addAlone(place.owner, node.alternate)
        return this.visitChildren(node, unnamed(place))
      case 'ForStatement':
      case 'ForInStatement':
      case 'ForOfStatement':
      case 'WhileStatement':
      case 'DoWhileStatement':
        addAlone(place.owner, node.body)
        return this.visitChildren(node, inBlock(place))
      case 'CallExpression':
      case 'NewExpression':
        if (place.owner !== undefined) place.owner.acts = true
        return this.visitChildren(node, { ...place, hint: `<${calleeOf(node.callee)}:${lineOf(node)}>` })
      case 'ImportExpression':
        markUnrepeatable(place.owner)
        if (place.owner !== undefined) place.owner.acts = true
        return this.visitChildren(node, unnamed(place))
      case 'AwaitExpression':
      case 'YieldExpression':
      case 'TaggedTemplateExpression':
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
    if (node.type === 'ClassDeclaration') place.owner?.locals.add(name)
    const within = {
      ...unnamed(place),
      path: [...place.path, name],
      depth: place.depth + 1,
      door: this.#doorOf(node, place),
      inClass: true,
    }
    if (node.superClass) this.visit(node.superClass, unnamed(within))
    for (const member of node.body.body) {
      if (member.type === 'StaticBlock') {
        this.visit(member, within)
        continue
      }
      if (member.computed) this.visit(member.key, within)
      if (!member.value) continue
      const isConstructor = member.type === 'MethodDefinition' && member.kind === 'constructor'
      const kind = isConstructor && node.superClass ? 'derived constructor' : 'method'
      this.visit(member.value, { ...within, hint: keyOf(member), member: kind })
    }
  }

  /** A class that hides nothing is seen through the door of what is around it. */
  #doorOf(node: Class & AnyNode, { door }: Place): FunctionShape['door'] {
    const hidden = node.body.body.flatMap((member) =>
      'key' in member && member.key.type === 'PrivateIdentifier' ? [member] : [],
    )
    const isHiding = hidden.length > 0 || (node.type === 'ClassExpression' && node.id)
    if (door === undefined || !isHiding) return door
    const fields = hidden.flatMap(({ type, key }) =>
      type === 'PropertyDefinition' ? [keyName(key) ?? ''] : [],
    )
    return this.classes.push({ at: node.body.start + 1, fields }) - 1
  }

  #identifier({ name }: Identifier, { owner }: Place): void {
    if (name === 'arguments') markUnrepeatable(owner)
    for (const self of this.#selves) if (self.name === name) self.draft.isRepeatable = false
  }

  #function(node: FunctionNode & AnyNode, place: Place): void {
    const own = node.id?.name ?? place.hint
    const path = this.#unique([...place.path, own ?? `<function:${lineOf(node)}>`])
    const draft = draftOf(node, { path, place })
    if (node.type === 'FunctionDeclaration' && node.id) place.owner?.locals.add(node.id.name)
    const self = node.type === 'FunctionExpression' && node.id ? { name: node.id.name, draft } : undefined
    if (self !== undefined) this.#selves.push(self)
    const { depth, inClass } = place
    const within: Place = { path: path.split('.'), owner: draft, depth: depth + 1, door: undefined, inClass }
    for (const param of node.params) this.visit(param, within)
    // What a default made sees the parameters of the first call, not those of another.
    if (draft.children.length > 0) draft.isRepeatable = false
    this.visit(node.body, within)
    if (self !== undefined) this.#selves.pop()
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
    column: node.loc?.start.column ?? 0,
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
    door: place.door,
    isNested: place.owner !== undefined,
    isRepeatable: true,
    inClass: place.inClass,
    block: { start: node.body.start, end: node.body.end },
    statements: [],
    locals: new Set(node.params.flatMap(boundNames)),
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
  const directives = body.body.filter(isDirective)
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

function addStatements(owner: Draft | undefined, list: readonly Statement[]): void {
  for (const one of list) if (!isDirective(one)) owner?.statements.push(statementOf(one, false))
}

function addAlone(owner: Draft | undefined, body: Statement): void {
  if (body.type !== 'BlockStatement') owner?.statements.push(statementOf(body, true))
}

function statementOf({ start, end, loc }: Statement, isAlone: boolean): StatementShape {
  return { start, end, line: loc?.start.line ?? 0, column: loc?.start.column ?? 0, isAlone }
}

export const isDirective = (statement: Statement | ModuleDeclaration): boolean =>
  'directive' in statement && statement.directive !== undefined

/** What a function is called with, or as, is its own: an arrow asks the function around it. */
function markUnrepeatable(owner: Draft | undefined): void {
  for (let at = owner; at !== undefined; at = at.outer) at.isRepeatable = false
}

/** An arrow's `this` is that of the function around it. */
function markThis(owner: Draft | undefined): void {
  for (let at = owner; at !== undefined; at = at.outer) at.usesThis = true
}

export function boundNames(pattern: Pattern): string[] {
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

function unnamed({ path, owner, depth, door, inClass }: Place): Place {
  return { path, owner, depth, door, inClass }
}

/** No door stands inside a block: what it declares is seen from nowhere else. */
function inBlock(place: Place): Place {
  return { ...unnamed(place), door: undefined }
}

const lineOf = (node: AnyNode): number => node.loc?.start.line ?? 0

function isNode(value: unknown): value is AnyNode {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'
}
