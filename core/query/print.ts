// Terms, plans and advice as a person reads them.

import type { Advice, Expression, Fold, Instruction, ToolPackage } from '#protocol'
import type { Plan, PlanNode } from './plan.ts'
import { nodesOf } from './plan.ts'
import type { Layout } from './layout.ts'
import { printConstant, type Aggregated, type SourceId, type Term } from './resolved.ts'

const OPERATORS: Readonly<Record<string, string>> = {
  and: 'and',
  or: 'or',
  eq: '==',
  ne: '!=',
  lt: '<',
  le: '<=',
  gt: '>',
  ge: '>=',
  add: '+',
  sub: '-',
  mul: '*',
  div: '/',
  mod: '%',
}

export type Names = ReadonlyMap<SourceId, string>

export function aliasesOf(root: PlanNode): Names {
  return new Map(nodesOf(root).map(({ id, alias }) => [id, alias]))
}

export function printTerm(term: Term, names: Names): string {
  switch (term.kind) {
    case 'literal':
      return printConstant(term)
    case 'var': {
      const alias = names.get(term.source) ?? ''
      return alias === '' ? term.name : `${alias}.${term.name}`
    }
    case 'matched':
      return `matched(${names.get(term.source) ?? ''})`
    case 'aggregate':
      return printAggregate(term, names)
    case 'call':
      return printCall(
        term.fn,
        term.args.map((arg) => printTerm(arg, names)),
      )
  }
}

function printCall(fn: string, args: readonly string[]): string {
  const operator = Object.hasOwn(OPERATORS, fn) && args.length === 2 ? OPERATORS[fn] : undefined
  return operator === undefined ? `${fn}(${args.join(', ')})` : `(${args.join(` ${operator} `)})`
}

/** `SUM(e.bytes)`, `P99(e.ms)`, `COUNT`. */
export function printAggregate({ fn, arg, quantile }: Aggregated, names: Names): string {
  if (fn === 'count' && arg.kind === 'literal') return 'COUNT'
  const name = quantile === undefined ? fn.toUpperCase() : `P${String(quantile).slice(2).padEnd(2, '0')}`
  return `${name}(${printTerm(arg, names)})`
}

/** As written: all conditions at the top, every joined tuple carried whole. */
export function printPlan({ root, output }: Plan): string {
  const names = aliasesOf(root)
  return [...printOutput(output, names), ...printNode(root, names, '')].join('\n')
}

/** With what each node packs for the one above. */
export function printLayout(layout: Layout, { output }: Plan): string {
  const names = aliasesOf(layout.node)
  return [...printOutput(output, names), ...printLaidOut(layout, names, '')].join('\n')
}

function printOutput(output: Plan['output'], names: Names): string[] {
  const columns = output.columns.map(({ name, value }) => {
    const text = printTerm(value, names)
    return name === '' || name === text ? text : `${text} As ${name}`
  })
  const keys = output.keys.map((key) => printTerm(key, names)).join(', ')
  const { top } = output
  return [
    `Select ${columns.join(', ')}`,
    ...(top === undefined ? [] : [`Top ${top.count} By ${printTerm(top.by, names)}`]),
    ...(output.isRaw ? [] : [`GroupBy ${keys === '' ? '(all)' : keys}`]),
  ]
}

function printNode(node: PlanNode, names: Names, indent: string): string[] {
  return [
    ...node.where.map((where) => `${indent}Where ${printTerm(where, names)}`),
    `${indent}${sourceText(node)}`,
    ...node.inputs.flatMap((input) => [
      `${indent}${joinText(input, node)}`,
      ...printNode(input, names, `${indent}  `),
    ]),
  ]
}

/** What a node packs, as printed. */
export function packsOf({ columns, parts }: Layout, names: Names): readonly string[] {
  return [
    ...columns.map((column) => printTerm(column, names)),
    ...parts.map((part) => printAggregate(part, names)),
  ]
}

function printLaidOut(layout: Layout, names: Names, indent: string): string[] {
  const { node, inputs } = layout
  const packed = packsOf(layout, names)
  return [
    `${indent}${sourceText(node)}`,
    ...node.where.map((where) => `${indent}  Where ${printTerm(where, names)}`),
    ...inputs.flatMap((input) => [
      `${indent}${joinText(input.node, node)}`,
      ...printLaidOut(input, names, `${indent}  `),
    ]),
    ...(packed.length === 0 ? [] : [`${indent}  packs ${packed.join(', ')}`]),
  ]
}

const sourceText = ({ alias, names }: PlanNode): string =>
  `${alias === '' ? '' : `${alias} In `}${names.join(', ')}`

function joinText(input: PlanNode, above: PlanNode): string {
  const keep =
    input.keep === undefined
      ? ''
      : ` ${input.keep.which === 'first' ? 'First' : 'MostRecent'}${input.keep.count === 1 ? '' : `N ${input.keep.count}`}`
  return `${input.isOuter ? '⟕' : '⋈'}${keep} ${input.alias} -> ${above.alias === '' ? above.names.join(', ') : above.alias}`
}

/** In the form of the paper: OBSERVE, UNPACK, FILTER, PACK, EMIT. */
export function printAdvice({ advice }: ToolPackage): string {
  return advice
    .map((one, i) =>
      [`A${i} at ${one.tracepoint}`, ...instructionsOf(one).map((line) => `  ${line}`)].join('\n'),
    )
    .join('\n')
}

export const instructionsOf = ({ instructions }: Advice): readonly string[] =>
  instructions.map(printInstruction)

function printInstruction(instruction: Instruction): string {
  switch (instruction.op) {
    case 'observe':
      return `OBSERVE ${instruction.vars.join(', ')}`
    case 'filter':
      return `FILTER ${printExpression(instruction.where)}`
    case 'unpack':
      return 'tuples' in instruction
        ? `UNPACK ${instruction.field}${keepText(instruction.tuples)} ${instruction.tuples.columns.join(', ')}`.trimEnd()
        : `UNPACK ${instruction.bag}.${instruction.field} ${instruction.slot}`
    case 'pack': {
      const columns = [...instruction.columns.map(printExpression), ...instruction.parts.map(printFold)]
      return `PACK ${instruction.field}${keepText(instruction)} ${columns.join(', ')}`.trimEnd()
    }
    case 'emit':
      return `EMIT ${[...instruction.keys.map(printExpression), ...instruction.folds.map(printFold)].join(', ')}`
    case 'random':
      return `RANDOM ${instruction.slot}`
    case 'let':
      return `LET ${instruction.slot} = ${printExpression(instruction.value)}`
    default:
      return instruction.op.toUpperCase()
  }
}

function keepText({ keep, outer }: { keep?: { which: string; count: number }; outer?: boolean }): string {
  const kept = keep === undefined ? '' : ` ${keep.which.toUpperCase()} ${keep.count}`
  return outer === true ? `${kept} OUTER` : kept
}

function printExpression(expression: Expression): string {
  if (typeof expression !== 'object' || expression === null) return JSON.stringify(expression)
  if ('slot' in expression) return expression.slot
  if ('parameter' in expression) return `$${expression.parameter}`
  return printCall(expression.call, expression.args.map(printExpression))
}

function printFold(fold: Fold): string {
  const name = fold.fn.toUpperCase()
  if ('part' in fold) return `${name} of ${fold.part}`
  return fold.fn === 'count' && fold.value === true ? name : `${name}(${printExpression(fold.value)})`
}
