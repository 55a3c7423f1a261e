// Verified instructions into closures: slots become places of an array, parameters become constants. No
// text is ever evaluated.

import type { Baggage } from '#baggage'
import { unreachable } from '#base'
import type { Instruction } from '#protocol'
import { AdviceRefusal } from './refusal.ts'
import type { VerifiedPackage } from './verify.ts'

export type AdviceValue = string | number | bigint | boolean | undefined

/**
 * The point where an advice runs. `baggage` is read and replaced; whoever made the environment puts it back
 * into the execution.
 */
export type AdviceEnvironment = {
  baggage: Baggage
  variable(name: string): AdviceValue
  tag(key: string, value: string | number | bigint | boolean): void
  logLevel(level: string): void
}

export type CompiledAdvice = {
  readonly tool: string
  readonly tracepoint: string
  /** At most this many units of ~50 ns. */
  readonly cost: number
  run(environment: AdviceEnvironment): void
}

/** False = a filter said no. */
type Step = (slots: AdviceValue[], environment: AdviceEnvironment) => boolean

export function compilePackage(verified: VerifiedPackage): readonly CompiledAdvice[] {
  return verified.package.advice.map((advice, i) => {
    const places = new Map<string, number>()
    const steps = advice.instructions.map((instruction) => compileInstruction(instruction, verified, places))
    return {
      tool: verified.package.name,
      tracepoint: advice.tracepoint,
      cost: verified.costs[i] ?? 0,
      run(environment) {
        const slots: AdviceValue[] = []
        for (const step of steps) if (!step(slots, environment)) return
      },
    }
  })
}

function compileInstruction(
  instruction: Instruction,
  verified: VerifiedPackage,
  places: Map<string, number>,
): Step {
  const place = (slot: string): number => {
    const known = places.get(slot)
    if (known !== undefined) return known
    places.set(slot, places.size)
    return places.size - 1
  }
  switch (instruction.op) {
    case 'observe':
      return observe(instruction.vars.map((name) => ({ name, at: place(name) })))
    case 'filter':
      return filter(place(instruction.slot), instruction.equals)
    case 'let':
      return assign(place(instruction.slot), valueOf(instruction.value, verified))
    case 'unpack':
      return unpack(bagOf(verified, instruction.bag), instruction.field, place(instruction.slot))
    case 'set':
      return set(bagOf(verified, instruction.bag), instruction.field, place(instruction.slot))
    case 'tag':
      return tag(instruction.key, place(instruction.slot))
    case 'logLevel':
      return logLevel(place(instruction.slot))
    default:
      return unreachable(instruction)
  }
}

type Bag = VerifiedPackage['bags'][string]

function bagOf(verified: VerifiedPackage, name: string): Bag {
  const bag = verified.bags[name]
  if (bag === undefined) throw new AdviceRefusal('E_ADVICE_BAG', name, 'was verified and is gone')
  return bag
}

function valueOf(
  value: string | number | boolean | { readonly parameter: string },
  verified: VerifiedPackage,
): AdviceValue {
  return typeof value === 'object' ? verified.package.parameters[value.parameter] : value
}

const observe =
  (vars: readonly { readonly name: string; readonly at: number }[]): Step =>
  (slots, environment) => {
    for (const { name, at } of vars) slots[at] = environment.variable(name)
    return true
  }

const filter =
  (at: number, equals: AdviceValue): Step =>
  (slots) =>
    slots[at] === equals

const assign =
  (at: number, value: AdviceValue): Step =>
  (slots) => {
    slots[at] = value
    return true
  }

const unpack =
  (bag: Bag, field: string, at: number): Step =>
  (slots, environment) => {
    slots[at] = scalarOf(bag.read(environment.baggage)?.[field])
    return true
  }

/** A slot without a value writes nothing: absent stays absent. */
const set =
  (bag: Bag, field: string, at: number): Step =>
  (slots, environment) => {
    const value = slots[at]
    if (value !== undefined)
      environment.baggage = bag.update(environment.baggage, (held) => ({ ...held, [field]: value }))
    return true
  }

const tag =
  (key: string, at: number): Step =>
  (slots, environment) => {
    const value = slots[at]
    if (value !== undefined) environment.tag(key, value)
    return true
  }

const logLevel =
  (at: number): Step =>
  (slots, environment) => {
    const value = slots[at]
    if (typeof value === 'string') environment.logLevel(value)
    return true
  }

function scalarOf(value: unknown): AdviceValue {
  const isScalar =
    typeof value === 'string' ||
    typeof value === 'number' ||
    typeof value === 'bigint' ||
    typeof value === 'boolean'
  return isScalar ? value : undefined
}
