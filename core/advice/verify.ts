// The rules a package must keep before anything of it is installed, and what each of its advices costs at
// most.
//
// Straight-line code needs no proof of termination: the bound is a sum. Slots are checked like definite
// assignment in a compiler.

import { loadBdl, type BagType } from '#baggage'
import { unreachable } from '#base'
import type { Advice, Instruction, ToolPackage } from '#protocol'
import { COST_MAX } from './limits.ts'
import { AdviceRefusal } from './refusal.ts'

export type Bags = { readonly [name: string]: BagType<{ readonly [field: string]: unknown }> }

/** A package that may be compiled. */
export type VerifiedPackage = {
  readonly package: ToolPackage
  readonly bags: Bags
  readonly costs: readonly number[]
}

/** Errors: AdviceRefusal. */
export function verifyPackage(tool: ToolPackage): VerifiedPackage {
  const bags = loadSchema(tool)
  const costs = tool.advice.map((advice, i) => verifyAdvice(advice, `advice[${i}]`, { tool, bags }))
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

type Around = { readonly tool: ToolPackage; readonly bags: Bags }

function verifyAdvice(advice: Advice, where: string, around: Around): number {
  const written = new Set<string>()
  let cost = 0
  advice.instructions.forEach((instruction, i) => {
    verifyInstruction(instruction, `${where}.instructions[${i}]`, written, around)
    cost += costOf(instruction)
  })
  if (cost > COST_MAX)
    throw new AdviceRefusal('E_ADVICE_COST', where, `costs up to ${cost} units, more than ${COST_MAX}`)
  return cost
}

function verifyInstruction(
  instruction: Instruction,
  where: string,
  written: Set<string>,
  { tool, bags }: Around,
): void {
  const reads = (slot: string) => {
    if (!written.has(slot))
      throw new AdviceRefusal('E_ADVICE_SLOT', where, `slot ${slot} is read before anything wrote it`)
  }
  const needsBag = (bag: string) => {
    if (!Object.hasOwn(bags, bag))
      throw new AdviceRefusal('E_ADVICE_BAG', where, `the schema declares no bag ${bag}`)
  }
  switch (instruction.op) {
    case 'observe':
      return instruction.vars.forEach((slot) => written.add(slot))
    case 'filter':
      return reads(instruction.slot)
    case 'let':
      if (
        typeof instruction.value === 'object' &&
        !Object.hasOwn(tool.parameters, instruction.value.parameter)
      ) {
        throw new AdviceRefusal(
          'E_ADVICE_PARAMETER',
          where,
          `there is no parameter ${instruction.value.parameter}`,
        )
      }
      return void written.add(instruction.slot)
    case 'unpack':
      needsBag(instruction.bag)
      return void written.add(instruction.slot)
    case 'set':
      needsBag(instruction.bag)
      return reads(instruction.slot)
    case 'tag':
      return reads(instruction.slot)
    case 'logLevel':
      return reads(instruction.slot)
    default:
      return unreachable(instruction)
  }
}

/** Units of about 50 ns, measured; reading and writing a bag dominate. */
function costOf(instruction: Instruction): number {
  switch (instruction.op) {
    case 'observe':
      return instruction.vars.length
    case 'filter':
      return 1
    case 'let':
      return 1
    case 'tag':
      return 2
    case 'logLevel':
      return 4
    case 'unpack':
      return 20
    case 'set':
      return 40
    default:
      return unreachable(instruction)
  }
}
