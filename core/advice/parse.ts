// Unknown JSON into a ToolPackage: shapes only, meaning is `verify`'s. Members that nobody knows are
// refused in instructions (they would silently not happen) and ignored elsewhere (a newer controller may
// say more).

import type { Act, Advice, AggregateName, Fold, Instruction, Keep, ToolPackage, Tuples } from '#protocol'
import { AGGREGATES } from './aggregates.ts'
import { parseExpression } from './expressions.ts'
import {
  ADVICE_MAX,
  COLUMNS_MAX,
  FORGET_AFTER_MAX,
  INSTRUCTIONS_MAX,
  KEEP_MAX,
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
  bound(Object.keys(parameters).length, PARAMETERS_MAX, 'parameters')
  return {
    name: text(json.name, 'name', NAME_LENGTH_MAX),
    version: whole(json.version, 'version'),
    schema: text(json.schema, 'schema', SCHEMA_LENGTH_MAX),
    advice: list(json.advice, 'advice', ADVICE_MAX).map((one, i) => parseAdvice(one, `advice[${i}]`)),
    parameters: Object.fromEntries(
      Object.entries(parameters).map(([name, held]) => [name, scalar(held, `parameters.${name}`)]),
    ),
    ...(json.release === undefined ? {} : { release: whole(json.release, 'release') }),
  }
}

function parseAdvice(value: unknown, where: string): Advice {
  const json = object(value, where)
  const instructions = list(json.instructions, `${where}.instructions`, INSTRUCTIONS_MAX)
  return {
    tracepoint: text(json.tracepoint, `${where}.tracepoint`, NAME_LENGTH_MAX * 8),
    instructions: instructions.map((one, i) => parseInstruction(one, `${where}.instructions[${i}]`)),
    ...(json.sources === undefined ? {} : { sources: names(json.sources, `${where}.sources`) }),
  }
}

type Parser<I extends Instruction> = (json: Json, where: string) => I

const PARSERS: { readonly [O in Instruction['op']]: Parser<Extract<Instruction, { op: O }>> } = {
  observe: (json, where) => ({ op: 'observe', vars: names(json.vars, `${where}.vars`) }),
  filter: (json, where) => ({ op: 'filter', where: parseExpression(json.where, `${where}.where`) }),
  let: (json, where) => ({
    op: 'let',
    slot: name(json.slot, where),
    value: parseExpression(json.value, `${where}.value`),
  }),
  now: (json, where) => ({ op: 'now', slot: name(json.slot, where) }),
  random: (json, where) => ({ op: 'random', slot: name(json.slot, where) }),
  unpack(json, where) {
    const from = { op: 'unpack', bag: name(json.bag, where), field: name(json.field, where) } as const
    return json.tuples === undefined
      ? { ...from, slot: name(json.slot, where) }
      : { ...from, tuples: parseTuples(json.tuples, `${where}.tuples`) }
  },
  pack: (json, where) => ({
    op: 'pack',
    ...fieldOf(json, where),
    columns: list(json.columns, `${where}.columns`, COLUMNS_MAX).map((one) => parseExpression(one, where)),
    parts: list(json.parts, `${where}.parts`, COLUMNS_MAX).map((one) => parseFold(one, `${where}.parts`)),
    ...optionalKeep(json, where),
  }),
  set: (json, where) => ({ op: 'set', ...fieldOf(json, where), slot: name(json.slot, where) }),
  replace: (json, where) => ({ op: 'replace', ...fieldOf(json, where), slot: name(json.slot, where) }),
  increment: (json, where) => ({ op: 'increment', ...fieldOf(json, where), slot: name(json.slot, where) }),
  drop: (json, where) => ({ op: 'drop', bag: name(json.bag, where) }),
  keep: (json, where) => ({ op: 'keep', slot: name(json.slot, where) }),
  verify: (json, where) => ({
    op: 'verify',
    bag: name(json.bag, where),
    of: name(json.of, where),
    mac: name(json.mac, where),
    slot: name(json.slot, where),
  }),
  emit: (json, where) => ({
    op: 'emit',
    result: name(json.result, where),
    keys: list(json.keys, `${where}.keys`, COLUMNS_MAX).map((one) => parseExpression(one, where)),
    folds: list(json.folds, `${where}.folds`, COLUMNS_MAX).map((one) => parseFold(one, `${where}.folds`)),
    ...optionalForget(json.forgetAfter, where),
  }),
  act: parseAct,
}

const ACTS: { readonly [A in Act['act']]: Parser<Extract<Act, { act: A }>> } = {
  tag: (json, where) => ({ op: 'act', act: 'tag', key: name(json.key, where), slot: name(json.slot, where) }),
  logLevel: (json, where) => ({ op: 'act', act: 'logLevel', slot: name(json.slot, where) }),
  delay: (json, where) => ({ op: 'act', act: 'delay', slot: name(json.slot, where) }),
  reject: (json, where) => ({ op: 'act', act: 'reject', slot: name(json.slot, where) }),
  fault: (json, where) => ({ op: 'act', act: 'fault', slot: name(json.slot, where) }),
  route: (json, where) => ({ op: 'act', act: 'route', slot: name(json.slot, where) }),
  sample: (json, where) => ({ op: 'act', act: 'sample', slot: name(json.slot, where) }),
  capture: (json, where) => ({ op: 'act', act: 'capture', slots: names(json.slots, `${where}.slots`) }),
  hold: (json, where) => ({ op: 'act', act: 'hold', slot: name(json.slot, where) }),
}

const isKey = <T extends object>(table: T, key: unknown): key is keyof T & string =>
  typeof key === 'string' && Object.hasOwn(table, key)

function parseAct(json: Json, where: string): Act {
  if (!isKey(ACTS, json.act))
    throw new AdviceRefusal(
      'E_ADVICE_UNKNOWN_OP',
      where,
      `this agent has no act ${String(json.act).slice(0, 40)}`,
    )
  return ACTS[json.act](json, where)
}

function parseInstruction(value: unknown, where: string): Instruction {
  const json = object(value, where)
  if (!isKey(PARSERS, json.op))
    throw new AdviceRefusal(
      'E_ADVICE_UNKNOWN_OP',
      where,
      `this agent has no instruction ${String(json.op).slice(0, 40)}`,
    )
  const instruction = PARSERS[json.op](json, where)
  refuseExtra(json, instruction, where, instruction.op)
  return instruction
}

function optionalForget(value: unknown, where: string): { readonly forgetAfter?: number } {
  if (value === undefined) return {}
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > FORGET_AFTER_MAX)
    throw new AdviceRefusal('E_ADVICE_FORMAT', where, `forgetAfter is 1..${FORGET_AFTER_MAX} reports`)
  return { forgetAfter: value }
}

function parseTuples(value: unknown, where: string): Tuples {
  const json = object(value, where)
  const tuples = {
    columns: names(json.columns, `${where}.columns`),
    weight: name(json.weight, where),
    ...optionalKeep(json, where),
    ...(json.outer === undefined ? {} : { outer: json.outer === true }),
  }
  refuseExtra(json, tuples, where, 'tuples')
  return tuples
}

function parseFold(value: unknown, where: string): Fold {
  const json = object(value, where)
  if (!isKey(AGGREGATES, json.fn))
    throw new AdviceRefusal(
      'E_ADVICE_UNKNOWN_OP',
      where,
      `this agent has no aggregate ${String(json.fn).slice(0, 40)}`,
    )
  const fn: AggregateName = json.fn
  return 'part' in json
    ? { fn, part: name(json.part, where), of: name(json.of, where) }
    : { fn, value: parseExpression(json.value, where) }
}

function optionalKeep(json: Json, where: string): { readonly keep?: Keep } {
  if (json.keep === undefined) return {}
  const { which, count } = object(json.keep, `${where}.keep`)
  if (which !== 'first' && which !== 'recent')
    throw new AdviceRefusal('E_ADVICE_FORMAT', where, 'keep is of the first or the recent ones')
  if (typeof count !== 'number' || !Number.isInteger(count) || count < 1 || count > KEEP_MAX)
    throw new AdviceRefusal('E_ADVICE_TOO_LARGE', where, `keeps 1 to ${KEEP_MAX} events`)
  return { keep: { which, count } }
}

function fieldOf(json: Json, where: string): { readonly bag: string; readonly field: string } {
  return { bag: name(json.bag, where), field: name(json.field, where) }
}

function names(value: unknown, where: string): readonly string[] {
  return list(value, where, COLUMNS_MAX).map((one) => name(one, where))
}

function refuseExtra(json: Json, known: object, where: string, what: string): void {
  const extra = Object.keys(json).find((key) => !Object.hasOwn(known, key))
  if (extra !== undefined)
    throw new AdviceRefusal('E_ADVICE_FORMAT', where, `${what} has no member ${extra.slice(0, 40)}`)
}

function object(value: unknown, where: string): Json {
  if (isObject(value)) return value
  throw new AdviceRefusal('E_ADVICE_FORMAT', where, 'must be an object')
}

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function whole(value: unknown, where: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw new AdviceRefusal('E_ADVICE_FORMAT', where, 'must be a whole number')
}

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
