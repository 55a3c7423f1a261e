// Statements to steps: names get their meaning, every pipeline its type; what can never be meant is told with
// what would be. All mistakes of a text are found in one pass.
//
// Where a pipeline begins:
//   a binding, Trace, Root, Row, a literal     at what it names
//   Units, Blocks, Points, Edges, CriticalPath at the whole trace, in a statement or an argument of one
//   any other stage or field                   at the row; inside Filter, Map, MaxBy, MinBy at the element at
//                                              hand, and so do those above

import { nearest, type Range, type Reporter } from '#base'
import { Application, type Cursor, type Tools } from './application.ts'
import { inUnitOf } from './computing.ts'
import { commonKind, comparison, connective, membership, truth } from './conditions.ts'
import { FUNCTIONS, OF_TRACE } from './functions.ts'
import { FEATURE_COLUMNS_MAX, FEATURE_DEPTH_MAX } from './limits.ts'
import { attributeOf, FIELDS, LABELLED } from './measures.ts'
import { asElement, mapped, Steps, type ElementItem, type Node } from './program.ts'
import type { Call, Expr, Literal, Pipe, Statement } from './syntax.ts'
import { isElement, many, one, printType, type Item, type Type } from './types.ts'

export type RowPer = 'trace' | 'unit' | 'block' | 'point' | 'edge'

export type Column = { readonly name: string; readonly node: Node }

/** Where a pipeline stands. */
type Where = {
  readonly it: Node
  readonly isInner: boolean
  readonly isStatement: boolean
  readonly depth: number
}

export type CheckerOptions = {
  readonly rowPer: RowPer
  readonly cursor?: Cursor
}

export const SOURCES = ['Trace', 'Root', 'Row', 'It'] as const
const ROWS = 'Rows'

export class Checker {
  readonly steps = new Steps()
  readonly columns: Column[] = []
  readonly bindings = new Map<string, Node | undefined>()
  readonly #report: Reporter
  readonly #options: CheckerOptions
  #later: ReadonlySet<string> = new Set()
  #recorded = 0
  #isFullTold = false

  constructor(report: Reporter, options: CheckerOptions) {
    this.#report = report
    this.#options = options
  }

  /** What the rows are, where the text says so. */
  get rows(): Node | undefined {
    return this.bindings.get(ROWS)
  }

  statements(all: readonly Statement[]): void {
    this.#later = new Set(all.flatMap(({ name }) => (name === undefined ? [] : [name.text])))
    for (const statement of all) this.#statement(statement)
  }

  #statement({ name, value, ...range }: Statement): void {
    const before = this.#recorded
    const node = this.#check(value, this.#top(true))
    if (name === undefined) {
      if (node !== undefined && this.#recorded === before)
        this.#report.warning(range, 'this is computed for nothing', {
          suggestion: 'end it with | RecordAs("column"), or give it a name',
        })
      return
    }
    const { text } = name
    if (this.bindings.has(text)) this.#report.error(name, `${text} is bound already`)
    if (SOURCES.some((source) => source === text))
      this.#report.error(name, `${text} is a word of the language`)
    else if (FUNCTIONS.has(text))
      this.#report.warning(name, `${text} is a function too; from here on the binding is meant`)
    if (Object.values(FIELDS).some((fields) => Object.hasOwn(fields, text)))
      this.#report.error(name, `${text} is a field, which conditions would no longer reach`, {
        suggestion: text[0].toUpperCase() + text.slice(1),
      })
    if (text === ROWS && node !== undefined) this.#checkRows(node, value)
    this.bindings.set(text, node)
  }

  #checkRows(node: Node, range: Range): void {
    const { rowPer } = this.#options
    const { item, isMany } = node.type
    if (item === rowPer && isMany && rowPer !== 'trace' && !node.usesRow) return
    const wanted = rowPer === 'trace' ? 'there is one row a trace' : `rows are of many ${rowPer}s`
    this.#report.error(range, `${wanted}; this is ${printType(node.type)}`)
  }

  /** The last statement of a filter. */
  condition(value: Expr): Node | undefined {
    return this.#truth(this.#check(value, this.#top(false)), value)
  }

  #top(isStatement: boolean): Where {
    return { it: this.#row(), isInner: false, isStatement, depth: 0 }
  }

  #trace(): Node {
    return this.steps.add({ key: 'Trace', type: one('trace'), isLiteral: true, build: () => () => 0 })
  }

  #row(): Node {
    const { rowPer } = this.#options
    if (rowPer === 'trace') return this.#trace()
    return this.steps.add({
      key: 'Row',
      type: one(rowPer),
      usesRow: true,
      isLiteral: true,
      build: () => (scope) => scope.row,
    })
  }

  #it(type: Type): Node {
    return this.steps.add({
      key: `It ${printType(type)}`,
      type: { ...type, isMany: false },
      usesIt: true,
      build: () => (scope) => scope.it,
    })
  }

  #root(): Node {
    return this.steps.add({
      key: 'Root',
      type: one('block'),
      isLiteral: true,
      build:
        () =>
        ({ index }) =>
          index.trace.root === -1 ? null : index.trace.root,
    })
  }

  #check(expr: Expr, where: Where): Node | undefined {
    const { steps } = this
    if (where.depth > FEATURE_DEPTH_MAX || steps.isFull) return this.#tooLarge(expr)
    const inside = { ...where, isStatement: false, depth: where.depth + 1 }
    switch (expr.kind) {
      case 'literal':
        return this.#literal(expr)
      case 'head':
        return this.#head(expr.call, where)
      case 'pipe':
        return this.#pipe(expr, where)
      case 'not': {
        const arg = this.#truth(this.#check(expr.arg, inside), expr.arg)
        return arg && steps.add(connective('not', [arg]))
      }
      case 'and':
      case 'or': {
        const left = this.#truth(this.#check(expr.left, inside), expr.left)
        const right = this.#truth(this.#check(expr.right, inside), expr.right)
        return left && right && steps.add(connective(expr.kind, [left, right]))
      }
      case 'in':
        return this.#membership(expr.left, expr.list, inside)
      case 'compare': {
        const left = this.#check(expr.left, inside)
        const other = this.#check(expr.right, inside)
        if (left === undefined || other === undefined) return undefined
        const right = inUnitOf(steps, other, left.type)
        const kind = this.#comparable(left, right, expr)
        if (kind === undefined) return undefined
        if (expr.op === 'like' && kind !== 'string' && kind !== 'any') {
          this.#report.error(expr, 'a glob is of texts', { suggestion: 'name like "GET /*"' })
          return undefined
        }
        return steps.add(comparison(expr.op, kind, left, right))
      }
    }
  }

  #tooLarge(range: Range): undefined {
    if (!this.#isFullTold) this.#report.error(range, 'the text has more steps than a program may have')
    this.#isFullTold = true
    return undefined
  }

  #literal({ value, unit }: Literal): Node {
    const item: Item = typeof value === 'number' ? 'number' : typeof value === 'string' ? 'string' : 'boolean'
    return this.steps.add({
      key: `literal ${JSON.stringify([value, unit])}`,
      type: one(item, unit),
      isLiteral: true,
      shape: { of: 'literal', value },
      build: () => () => value,
    })
  }

  /** Both sides have one value, of kinds and units that can be equal. */
  #comparable(left: Node, right: Node, range: Range): ReturnType<typeof commonKind> {
    for (const { type } of [left, right]) {
      if (!type.isMany && !isElement(type.item)) continue
      this.#report.error(range, `a comparison is of single values; this is ${printType(type)}`, {
        suggestion: type.isMany ? '| First, | Count, | Sum, ..' : '| Label("name"), | Duration, | Exists, ..',
      })
      return undefined
    }
    const kind = commonKind(left.type.item, right.type.item)
    if (kind === undefined)
      this.#report.error(range, `${printType(left.type)} never equals ${printType(right.type)}`)
    else this.#checkUnits(left, right, range)
    return kind
  }

  #checkUnits({ type: left }: Node, right: Node, range: Range): void {
    const unit = right.type.unit
    if (left.unit !== undefined && unit !== undefined && left.unit !== unit)
      this.#report.error(range, `${left.unit} and ${unit} do not compare`)
    if (left.unit === 'ns' && unit === undefined && right.shape?.of === 'literal' && right.shape.value !== 0)
      this.#report.warning(range, 'a duration is in ns', { suggestion: 'write the unit: 10ms' })
  }

  #membership(left: Expr, list: readonly Expr[], where: Where): Node | undefined {
    const value = this.#check(left, where)
    const members = list.map((member) => ({ member, node: this.#check(member, where) }))
    if (value === undefined) return undefined
    const nodes: Node[] = []
    let kind = commonKind(value.type.item, value.type.item)
    for (const { member, node: given } of members) {
      if (given === undefined) return undefined
      const node = inUnitOf(this.steps, given, value.type)
      const common = this.#comparable(value, node, member)
      if (common === undefined) return undefined
      if (kind === 'any') kind = common
      nodes.push(node)
    }
    if (kind !== undefined) return this.steps.add(membership(kind, value, nodes))
    this.#comparable(value, value, left)
    return undefined
  }

  /** The node as a condition. */
  #truth(node: Node | undefined, range: Range): Node | undefined {
    if (node === undefined) return undefined
    const { item, isMany } = node.type
    if (!isMany && item === 'boolean') return node
    if (!isMany && item === 'any') return this.steps.add(truth(node))
    this.#report.error(range, `a condition is true or false; this is ${printType(node.type)}`, {
      suggestion: '| Exists',
    })
    return undefined
  }

  #pipe(expr: Pipe, where: Where): Node | undefined {
    // Left to right in a loop: a pipeline may be longer than a stack is deep.
    const calls: Call[] = []
    let first: Expr = expr
    while (first.kind === 'pipe') {
      calls.push(first.call)
      first = first.input
    }
    let node = this.#check(first, { ...where, depth: where.depth + 1 })
    for (const call of calls.reverse()) {
      if (node === undefined) return undefined
      node = call.fn.text === 'RecordAs' ? this.#record(node, call, where) : this.#stage(node, call, where)
    }
    return node
  }

  #head(call: Call, where: Where): Node | undefined {
    const { text } = call.fn
    const { cursor } = this.#options
    if (text === cursor?.name) {
      cursor.found({ at: 'head', it: where.it.type, isInner: where.isInner })
      return undefined
    }
    if (!call.hasArgs) {
      if (this.bindings.has(text)) return this.bindings.get(text)
      if (text === 'Trace') return this.#trace()
      if (text === 'Root') return this.#root()
      if (text === 'Row') return this.#row()
      if (text === 'It') return where.it
    }
    if (FUNCTIONS.has(text)) {
      const isOfTrace = OF_TRACE.has(text) && (!where.isInner || hasRange(call))
      return this.#stage(isOfTrace ? this.#trace() : where.it, call, where)
    }
    if (!call.hasArgs && !/^[A-Z]/.test(text)) return this.#field(where.it, call)
    return this.#unknown(call, [...this.bindings.keys(), ...SOURCES, ...FUNCTIONS.keys()])
  }

  #unknown({ fn }: Call, candidates: readonly string[]): undefined {
    const isLater = this.#later.has(fn.text)
    const meant = nearest(fn.text, candidates)
    this.#report.error(
      fn,
      isLater ? `${fn.text} is bound further down` : `there is no ${fn.text}`,
      isLater
        ? { suggestion: 'put its line above this one' }
        : meant === undefined
          ? {}
          : { suggestion: meant },
    )
    return undefined
  }

  /** A name without a capital: a field of the element at hand, else an attribute of it. */
  #field(it: Node, { fn }: Call): Node | undefined {
    const { item } = it.type
    if (!isElement(item)) {
      this.#report.error(fn, `${printType(it.type)} has no ${fn.text}`, { suggestion: 'It' })
      return undefined
    }
    const from = item as ElementItem
    const field = Object.hasOwn(FIELDS[from], fn.text) ? FIELDS[from][fn.text] : undefined
    if (field !== undefined) {
      const { type, read } = field
      const build = mapped(({ index }, value) => read(index, asElement(value)), false)
      const key = `field ${fn.text}`
      return this.steps.add({ key, type, inputs: [it], shape: { of: 'field' }, build })
    }
    if (!LABELLED.has(from)) {
      this.#report.error(fn, `${printType(it.type)} has no ${fn.text}`)
      return undefined
    }
    const key = fn.text
    const build = mapped(({ index }, value) => attributeOf(index, from, asElement(value), key) ?? null, false)
    return this.steps.add({ key: `attribute ${key}`, type: one('any'), inputs: [it], build })
  }

  #stage(input: Node, call: Call, where: Where): Node | undefined {
    const { text } = call.fn
    const { cursor } = this.#options
    if (text === cursor?.name) {
      cursor.found({ at: 'stage', input: input.type })
      return undefined
    }
    const spec = FUNCTIONS.get(text)
    if (spec === undefined) return this.#unknown(call, [...FUNCTIONS.keys(), 'RecordAs'])
    if (!spec.takes(input.type)) {
      this.#report.error(call.fn, `${text} is of ${spec.needs}; this is ${printType(input.type)}`, {
        ...suggestStep(text, input.type),
      })
      // What stands in its parentheses is looked at all the same for the cursor in it.
      if (cursor === undefined) return undefined
    }
    const checked = new Application(this.#tools(where), input, this.#trace(), call)
    const node = spec.apply(checked)
    checked.rejectExtra()
    return checked.isRejected ? undefined : node
  }

  #tools(where: Where): Tools {
    const depth = where.depth + 1
    const { cursor } = this.#options
    return {
      steps: this.steps,
      report: this.#report,
      cursor,
      check: (expr) => this.#check(expr, { ...where, isStatement: false, depth }),
      checkInner: (expr, element) =>
        this.#check(expr, { it: this.#it(element), isInner: true, isStatement: false, depth }),
      truth: (node, range) => this.#truth(node, range),
      both: (left, right) => this.steps.add(connective('and', [left, right])),
    }
  }

  /** A column; the value goes on. */
  #record(node: Node, call: Call, where: Where): Node | undefined {
    const checked = new Application(this.#tools(where), node, this.#trace(), call)
    const name = checked.nameArg('a column')
    checked.rejectExtra()
    if (!where.isStatement) checked.reject('RecordAs stands at the end of a statement, not inside one')
    else if (name !== undefined && !checked.isRejected) this.#addColumn(name, node, call)
    return node
  }

  #addColumn(name: string, node: Node, call: Call): void {
    this.#recorded += 1
    const { item, isMany } = node.type
    if (!/^[A-Za-z_][A-Za-z0-9_.-]{0,63}$/.test(name))
      this.#report.error(
        call,
        'a column has a letter first, then letters, digits, "_", "." and "-", 64 at most',
      )
    else if (isElement(item))
      this.#report.error(call.fn, `a row holds values; this is ${printType(node.type)}`, {
        suggestion: isMany ? '| Count, | Label("name")' : '| Label("name"), | Duration',
      })
    else if (isMany && item !== 'string' && item !== 'any')
      this.#report.error(call.fn, `a row holds one number; this is ${printType(node.type)}`, {
        suggestion: '| Sum, | Avg, | Max, | P99',
      })
    else if (this.columns.some((column) => column.name === name))
      this.#report.error(call, `${name} is recorded already`)
    else if (this.columns.length >= FEATURE_COLUMNS_MAX)
      this.#report.error(call, `more than ${FEATURE_COLUMNS_MAX} columns`)
    else {
      node.useCount += 1
      this.columns.push({ name, node })
    }
  }
}

const hasRange = ({ args }: Call): boolean => args.some(({ kind }) => kind === 'range')

/** What most often is missing before a stage. */
function suggestStep(name: string, { item, isMany }: Type): { suggestion?: string } {
  const spec = FUNCTIONS.get(name)
  if (spec === undefined) return {}
  const bridges: readonly [string, Type][] = [
    ['| First', { item, isMany: false }],
    ['| Blocks', many('block')],
    ['| Duration', { ...one('number', 'ns'), isMany }],
    ['| Block', { ...one('block'), isMany }],
  ]
  const bridge = bridges.find(
    ([stage, type]) =>
      spec.takes(type) && (stage === '| First' ? isMany : takesStage(stage, { item, isMany })),
  )
  return bridge === undefined ? {} : { suggestion: `${bridge[0]} | ${name}` }
}

const takesStage = (stage: string, input: Type): boolean =>
  FUNCTIONS.get(stage.slice(2))?.takes(input) === true
