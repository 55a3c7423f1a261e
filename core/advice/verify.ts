// The rules a package must keep before anything of it is installed, and what each of its advices costs.
//
// Straight-line code needs no proof of termination: the bound is a sum, times the rows there may be. Slots
// are checked like definite assignment in a compiler.

import { loadBdl, type BagType } from '#baggage'
import { unreachable } from '#base'
import type { Advice, Expression, Fold, Instruction, ToolPackage, Tuples } from '#protocol'
import { checkPlace } from './acts.ts'
import { costOfExpression, readsOf } from './expressions.ts'
import { COST_MAX, ROWS_MAX } from './limits.ts'
import { AdviceRefusal } from './refusal.ts'

export type Bags = { readonly [name: string]: BagType<{ readonly [field: string]: unknown }> }

/** Units of ~50 ns: with one row, and with as many as there may be. */
export type Cost = { readonly typical: number; readonly most: number }

/** A package that may be compiled. */
export type VerifiedPackage = {
  readonly package: ToolPackage
  readonly bags: Bags
  readonly costs: readonly Cost[]
}

/** Errors: AdviceRefusal. */
export function verifyPackage(tool: ToolPackage): VerifiedPackage {
  const bags = loadSchema(tool)
  const costs = tool.advice.map((advice, i) => new Verifier(tool, bags, `advice[${i}]`).verify(advice))
  verifyResults(tool)
  return { package: tool, bags, costs }
}

function loadSchema(tool: ToolPackage): Bags {
  if (tool.schema.trim() === '') return {}
  try {
    return loadBdl(tool.schema)
  } catch (error: unknown) {
    throw new AdviceRefusal('E_ADVICE_SCHEMA', 'schema', error instanceof Error ? error.message : 'is no BDL')
  }
}

/** Rows of one result have the same keys and aggregates, wherever they come from. */
function verifyResults(tool: ToolPackage): void {
  const shapes = new Map<string, string>()
  tool.advice.forEach(({ instructions }, i) => {
    for (const instruction of instructions) {
      if (instruction.op !== 'emit') continue
      const shape = `${instruction.keys.length} ${instruction.folds.map(({ fn }) => fn).join(' ')}`
      if ((shapes.get(instruction.result) ?? shape) !== shape)
        throw new AdviceRefusal(
          'E_ADVICE_FORMAT',
          `advice[${i}]`,
          `${instruction.result} has another shape elsewhere`,
        )
      shapes.set(instruction.result, shape)
    }
  })
}

class Verifier {
  readonly #tool: ToolPackage
  readonly #bags: Bags
  readonly #where: string
  readonly #written = new Set<string>()

  constructor(tool: ToolPackage, bags: Bags, where: string) {
    this.#tool = tool
    this.#bags = bags
    this.#where = where
  }

  verify({ tracepoint, instructions }: Advice): Cost {
    let rows = 1
    let typical = 0
    let most = 0
    instructions.forEach((instruction, i) => {
      const where = `${this.#where}.instructions[${i}]`
      this.#check(instruction, where)
      if (instruction.op === 'act') checkPlace(instruction.act, tracepoint, where)
      typical += costOf(instruction)
      most += costOf(instruction) * (isOncePerRow(instruction) ? rows : 1)
      if (instruction.op === 'unpack' && 'tuples' in instruction) rows = ROWS_MAX
    })
    if (typical > COST_MAX)
      throw new AdviceRefusal(
        'E_ADVICE_COST',
        this.#where,
        `costs up to ${typical} units, more than ${COST_MAX}`,
      )
    return { typical, most }
  }

  #check(instruction: Instruction, where: string): void {
    switch (instruction.op) {
      case 'observe':
        return instruction.vars.forEach((slot) => this.#written.add(slot))
      case 'filter':
        return this.#reads(instruction.where, where)
      case 'let':
        this.#reads(instruction.value, where)
        return this.#writes(instruction.slot)
      case 'now':
      case 'random':
        return this.#writes(instruction.slot)
      case 'unpack':
        this.#needsBag(instruction.bag, where)
        return 'tuples' in instruction ? this.#unpacks(instruction.tuples) : this.#writes(instruction.slot)
      case 'pack':
        this.#needsBag(instruction.bag, where)
        instruction.columns.forEach((column) => this.#reads(column, where))
        return instruction.parts.forEach((part) => this.#folds(part, where))
      case 'set':
      case 'replace':
      case 'increment':
        this.#needsBag(instruction.bag, where)
        return this.#readsSlot(instruction.slot, where)
      case 'drop':
        return this.#needsBag(instruction.bag, where)
      case 'keep':
        return this.#readsSlot(instruction.slot, where)
      case 'verify':
        this.#needsBag(instruction.bag, where)
        return this.#writes(instruction.slot)
      case 'emit':
        instruction.keys.forEach((key) => this.#reads(key, where))
        return instruction.folds.forEach((fold) => this.#folds(fold, where))
      case 'act':
        return 'slots' in instruction
          ? instruction.slots.forEach((slot) => this.#readsSlot(slot, where))
          : this.#readsSlot(instruction.slot, where)
      default:
        return unreachable(instruction)
    }
  }

  #unpacks({ columns, weight }: Tuples): void {
    for (const slot of [...columns, weight]) this.#writes(slot)
  }

  #folds(fold: Fold, where: string): void {
    if ('value' in fold) return this.#reads(fold.value, where)
    this.#readsSlot(fold.part, where)
    this.#readsSlot(fold.of, where)
  }

  #reads(expression: Expression, where: string): void {
    const { slots, parameters } = readsOf(expression)
    for (const slot of slots) this.#readsSlot(slot, where)
    for (const parameter of parameters)
      if (!Object.hasOwn(this.#tool.parameters, parameter))
        throw new AdviceRefusal('E_ADVICE_PARAMETER', where, `there is no parameter ${parameter}`)
  }

  #readsSlot(slot: string, where: string): void {
    if (!this.#written.has(slot))
      throw new AdviceRefusal('E_ADVICE_SLOT', where, `slot ${slot} is read before anything wrote it`)
  }

  #writes(slot: string): void {
    this.#written.add(slot)
  }

  #needsBag(bag: string, where: string): void {
    if (!Object.hasOwn(this.#bags, bag))
      throw new AdviceRefusal('E_ADVICE_BAG', where, `the schema declares no bag ${bag}`)
  }
}

const isOncePerRow = ({ op }: Instruction): boolean =>
  op === 'filter' || op === 'let' || op === 'pack' || op === 'emit' || op === 'unpack'

const sumOf = (expressions: readonly Expression[]): number =>
  expressions.reduce<number>((sum, one) => sum + costOfExpression(one), expressions.length)

const costOfFolds = (folds: readonly Fold[]): number =>
  sumOf(folds.map((fold) => ('value' in fold ? fold.value : null)))

/** Units of about 50 ns for one row, measured; reading and writing a bag dominate. */
function costOf(instruction: Instruction): number {
  switch (instruction.op) {
    case 'observe':
      return instruction.vars.length
    case 'filter':
      return 1 + costOfExpression(instruction.where)
    case 'let':
      return 1 + costOfExpression(instruction.value)
    case 'now':
      return 2
    case 'random':
      return 1
    case 'unpack':
      return 20
    case 'pack':
      return 40 + sumOf(instruction.columns) + costOfFolds(instruction.parts)
    case 'set':
    case 'replace':
    case 'increment':
      return 40
    case 'drop':
      return 10
    case 'keep':
      return 2
    case 'verify':
      return 60
    case 'emit':
      return 2 + sumOf(instruction.keys) + costOfFolds(instruction.folds)
    case 'act':
      return 4
    default:
      return unreachable(instruction)
  }
}
