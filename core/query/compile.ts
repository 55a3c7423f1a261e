// A plan to a tool package: one advice for each node and tracepoint, one field of the query's bag for each
// join. The same instructions that run in processes run in `evaluate`.
//
//   node at its tracepoints:  OBSERVE own variables
//                             FILTER conditions on them
//                             UNPACK each input's field       slots #<input>.<i> for columns, then parts
//                             FILTER conditions on what was joined
//                             PACK columns, parts  |  EMIT keys, folds
//
// Advice of a node comes before that of its inputs: at a tracepoint that plays both parts, what is packed by
// a hit must not be unpacked by the same hit (nothing happens before itself).

import type { Advice, Expression, Fold, Instruction, ToolPackage } from '#protocol'
import { isPresence, layoutPlan, type Layout } from './layout.ts'
import { stateKeyOf, type Plan, type PlanNode } from './plan.ts'
import { keyOf, sourcesIn, type Aggregated, type Term } from './resolved.ts'
import { lineOf } from './vocabulary.ts'

export type CompileOptions = {
  readonly name: string
  readonly version: number
  /** Of the query's bag: unique among the queries that are installed. */
  readonly bagId: number
  /** Texts that lines are lines of, by the tracepoint; one that is not here is taken where it stands. */
  readonly sources?: Readonly<Record<string, readonly string[]>>
}

/** `name` is also that of the result that the root emits to. */
export function compilePlan(
  plan: Plan,
  { name, version, bagId, sources }: CompileOptions,
  layout: Layout = layoutPlan(plan),
): ToolPackage {
  const nodes = flatten(layout)
  const fields = nodes.slice(1).map(({ node }) => `  set<bytes> ${fieldOf(node)} = ${node.id};\n`)
  const schema = fields.length === 0 ? '' : `bag ${BAG} = ${bagId} {\n${fields.join('')}}\n`
  const advice = nodes.map((one): Advice => {
    const instructions = one === layout ? rootInstructions(one, plan, name) : inputInstructions(one)
    // One advice for the union: an event that several of the names fit is one tuple.
    return adviceAt(one.node.names, instructions, sources)
  })
  return { name, version, schema, advice, parameters: {} }
}

/** One advice for all these places; of their lines, those texts. */
export function adviceAt(
  names: readonly string[],
  instructions: readonly Instruction[],
  sources: CompileOptions['sources'] = {},
): Advice {
  const tracepoint = names.join(',')
  const lines = names.filter((name) => lineOf(name) !== undefined)
  const isKnown = lines.length > 0 && lines.every((name) => Object.hasOwn(sources, name))
  if (!isKnown) return { tracepoint, instructions }
  return { tracepoint, instructions, sources: [...new Set(lines.flatMap((name) => sources[name]))] }
}

const BAG = 'Tuples'
const fieldOf = (node: PlanNode): string => `s${node.id}`

function flatten(layout: Layout): readonly Layout[] {
  return [layout, ...layout.inputs.flatMap(flatten)]
}

function rootInstructions(layout: Layout, { output }: Plan, result: string): readonly Instruction[] {
  const names = new Slots(layout)
  const keys = output.keys.map((key) => names.expression(key))
  const folds = output.folds.map((fold) => names.fold(fold))
  return [...joined(layout, names), { op: 'emit', result, keys, folds }]
}

function inputInstructions(layout: Layout): readonly Instruction[] {
  const names = new Slots(layout)
  const { node } = layout
  const columns = layout.columns.map((term) => (isPresence(node, term) ? true : names.expression(term)))
  const parts = layout.parts.map((fold) => names.fold(fold))
  const keep = node.keep === undefined ? {} : { keep: node.keep }
  return [...joined(layout, names), { op: 'pack', bag: BAG, field: fieldOf(node), columns, parts, ...keep }]
}

/** Up to the rows that the node's conditions leave. */
function joined(layout: Layout, names: Slots): readonly Instruction[] {
  const { node, inputs, observes } = layout
  const own = node.where.filter((term) => [...sourcesIn(term)].every((source) => source === node.id))
  const others = node.where.filter((term) => !own.includes(term))
  const filter = (where: Term): Instruction => ({ op: 'filter', where: names.expression(where) })
  return [
    ...(observes.length === 0 ? [] : [{ op: 'observe', vars: observes } as const]),
    ...own.map(filter),
    ...inputs.map((input) => unpack(input)),
    ...others.map(filter),
  ]
}

function unpack(input: Layout): Instruction {
  const { node, columns, parts } = input
  return {
    op: 'unpack',
    bag: BAG,
    field: fieldOf(node),
    tuples: {
      columns: [...columns, ...parts].map((_, i) => slotOf(node, i)),
      weight: weightOf(node),
      ...(node.keep === undefined ? {} : { keep: node.keep }),
      ...(node.isOuter ? { outer: true } : {}),
    },
  }
}

const slotOf = (node: PlanNode, i: number): string => `#${node.id}.${i}`
const weightOf = (node: PlanNode): string => `#${node.id}.n`

/** A constant of advice is a double: what none is exact for is put together of those that are. */
function wholeNumber(value: bigint): Expression {
  const number = Number(value)
  if (BigInt(number) === value) return number
  const [above, below] = [value / TWO_32, value % TWO_32]
  return {
    call: 'add',
    args: [{ call: 'mul', args: [wholeNumber(above), Number(TWO_32)] }, Number(below)],
  }
}

const TWO_32 = 2n ** 32n

/** Where the terms of a node are found when its advice runs. */
class Slots {
  readonly #inputs: readonly Layout[]
  readonly #given = new Map<string, string>()

  constructor({ inputs }: Layout) {
    this.#inputs = inputs
    for (const { node, columns } of inputs)
      columns.forEach((term, i) => this.#given.set(keyOf(term), slotOf(node, i)))
  }

  expression(term: Term): Expression {
    const slot = this.#given.get(keyOf(term))
    if (slot !== undefined) return { slot }
    switch (term.kind) {
      case 'literal':
        return typeof term.value === 'bigint' ? wholeNumber(term.value) : term.value
      case 'var':
        return { slot: term.name }
      case 'call':
        return { call: term.fn, args: term.args.map((arg) => this.expression(arg)) }
      case 'matched':
      case 'aggregate':
        throw new TypeError(`no slot holds ${keyOf(term)}`)
    }
  }

  fold(fold: Aggregated): Fold {
    for (const { node, columns, parts } of this.#inputs) {
      const at = parts.findIndex((part) => stateKeyOf(part) === stateKeyOf(fold))
      if (at >= 0) return { fn: fold.fn, part: slotOf(node, columns.length + at), of: weightOf(node) }
    }
    return { fn: fold.fn, value: this.expression(fold.arg) }
  }
}
