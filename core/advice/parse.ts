// Unknown JSON into a ToolPackage: shapes only, meaning is `verify`'s. Members that nobody knows are
// refused in instructions (they would silently not happen) and ignored elsewhere (a newer controller may
// say more).

import type { Advice, Instruction, ToolPackage } from '#protocol'
import {
  ADVICE_MAX,
  INSTRUCTIONS_MAX,
  NAME_LENGTH_MAX,
  PARAMETERS_MAX,
  SCHEMA_LENGTH_MAX,
  TEXT_LENGTH_MAX,
} from './limits.ts'
import { AdviceRefusal } from './refusal.ts'

type Json = { readonly [key: string]: unknown }
type Scalar = string | number | boolean

/** Errors: AdviceRefusal E_ADVICE_FORMAT, E_ADVICE_TOO_LARGE, E_ADVICE_UNKNOWN_OP. */
export function parsePackage(value: unknown): ToolPackage {
  const json = object(value, 'package')
  const parameters = object(json.parameters ?? {}, 'parameters')
  const version = json.version
  if (typeof version !== 'number' || !Number.isSafeInteger(version) || version < 0) {
    throw new AdviceRefusal('E_ADVICE_FORMAT', 'version', 'must be a whole number')
  }
  bound(Object.keys(parameters).length, PARAMETERS_MAX, 'parameters')
  return {
    name: text(json.name, 'name', NAME_LENGTH_MAX),
    version,
    schema: text(json.schema, 'schema', SCHEMA_LENGTH_MAX),
    advice: list(json.advice, 'advice', ADVICE_MAX).map((one, i) => parseAdvice(one, `advice[${i}]`)),
    parameters: Object.fromEntries(
      Object.entries(parameters).map(([name, held]) => [name, scalar(held, `parameters.${name}`)]),
    ),
  }
}

function parseAdvice(value: unknown, where: string): Advice {
  const json = object(value, where)
  const instructions = list(json.instructions, `${where}.instructions`, INSTRUCTIONS_MAX)
  return {
    tracepoint: text(json.tracepoint, `${where}.tracepoint`, NAME_LENGTH_MAX),
    instructions: instructions.map((one, i) => parseInstruction(one, `${where}.instructions[${i}]`)),
  }
}

const PARSERS: {
  readonly [O in Instruction['op']]: (json: Json, where: string) => Extract<Instruction, { op: O }>
} = {
  observe: (json, where) => ({
    op: 'observe',
    vars: list(json.vars, `${where}.vars`, INSTRUCTIONS_MAX).map((one) => name(one, `${where}.vars`)),
  }),
  filter: (json, where) => ({
    op: 'filter',
    slot: name(json.slot, where),
    equals: scalar(json.equals, `${where}.equals`),
  }),
  let: (json, where) => ({
    op: 'let',
    slot: name(json.slot, where),
    value: constant(json.value, `${where}.value`),
  }),
  unpack: (json, where) => ({
    op: 'unpack',
    bag: name(json.bag, where),
    field: name(json.field, where),
    slot: name(json.slot, where),
  }),
  set: (json, where) => ({
    op: 'set',
    bag: name(json.bag, where),
    field: name(json.field, where),
    slot: name(json.slot, where),
  }),
  tag: (json, where) => ({ op: 'tag', key: name(json.key, where), slot: name(json.slot, where) }),
  logLevel: (json, where) => ({ op: 'logLevel', slot: name(json.slot, where) }),
}

const isOp = (op: unknown): op is Instruction['op'] => typeof op === 'string' && Object.hasOwn(PARSERS, op)

function parseInstruction(value: unknown, where: string): Instruction {
  const json = object(value, where)
  if (!isOp(json.op))
    throw new AdviceRefusal(
      'E_ADVICE_UNKNOWN_OP',
      where,
      `this agent has no instruction ${String(json.op).slice(0, 40)}`,
    )
  const instruction = PARSERS[json.op](json, where)
  const extra = Object.keys(json).find((key) => !Object.hasOwn(instruction, key))
  if (extra !== undefined)
    throw new AdviceRefusal('E_ADVICE_FORMAT', where, `${instruction.op} has no member ${extra.slice(0, 40)}`)
  return instruction
}

function constant(value: unknown, where: string): Scalar | { readonly parameter: string } {
  if (typeof value !== 'object') return scalar(value, where)
  return { parameter: name(object(value, where).parameter, `${where}.parameter`) }
}

function object(value: unknown, where: string): Json {
  if (isObject(value)) return value
  throw new AdviceRefusal('E_ADVICE_FORMAT', where, 'must be an object')
}

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function list(value: unknown, where: string, lengthMax: number): readonly unknown[] {
  if (!Array.isArray(value)) throw new AdviceRefusal('E_ADVICE_FORMAT', where, 'must be a list')
  bound(value.length, lengthMax, where)
  return value
}

function text(value: unknown, where: string, lengthMax: number): string {
  if (typeof value !== 'string') throw new AdviceRefusal('E_ADVICE_FORMAT', where, 'must be text')
  bound(value.length, lengthMax, where)
  return value
}

function name(value: unknown, where: string): string {
  const found = text(value, where, NAME_LENGTH_MAX)
  if (found === '') throw new AdviceRefusal('E_ADVICE_FORMAT', where, 'a name is missing')
  return found
}

function scalar(value: unknown, where: string): Scalar {
  if (typeof value === 'string') return text(value, where, TEXT_LENGTH_MAX)
  if (typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) return value
  throw new AdviceRefusal('E_ADVICE_FORMAT', where, 'must be text, a number or a boolean')
}

function bound(size: number, sizeMax: number, where: string): void {
  if (size > sizeMax) throw new AdviceRefusal('E_ADVICE_TOO_LARGE', where, `${size} is more than ${sizeMax}`)
}
