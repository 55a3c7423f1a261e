// Verified instructions into closures: slots become places of an array, parameters become constants. No
// text is ever evaluated.
//
//   run:   one row, weight 1 ── one ── one ── .. ── unpack tuples ── rows ── all ── all ── ..
//
// A step works on the one row that there is until tuples are joined, and on all rows after; it ends the run
// by leaving none. It changes rows or the environment. Nothing is kept between runs, so a run inside a run
// is harmless.

import type { Baggage } from '#baggage'
import { unreachable } from '#base'
import type { Act, ActName, Advice, Expression, Fold, Instruction, Tuples } from '#protocol'
import { AGGREGATES, type Aggregate } from './aggregates.ts'
import { compileExpression, type Evaluate } from './expressions.ts'
import type { GroupTable } from './group-table.ts'
import { ROWS_MAX } from './limits.ts'
import { AdviceRefusal } from './refusal.ts'
import { isFull, packTuples, TupleReader, type PackPorts, type Tuple, type TupleField } from './tuples.ts'
import { canonicalKey, valueFrom, type Value } from './values.ts'
import type { VerifiedPackage } from './verify.ts'

/**
 * The point where an advice runs. `baggage` is read and replaced; whoever made the environment puts it back
 * into the execution.
 */
export type AdviceEnvironment = {
  baggage: Baggage
  /** Null for what the tracepoint does not export. */
  variable(name: string): Value
  /** 16 bytes, unique to this hit, growing with causality. */
  stamp(): Uint8Array
  /** Wall clock, ns since the epoch. */
  nowNs(): bigint
  /** For the exit of this invocation, which observes it as `kept.<slot>`. */
  keep(slot: string, value: Value): void
  /** Is `mac` the fleet's for this text? */
  isAuthentic(text: string, mac: string): boolean
  /** `key`: of a tag. What cannot be done here is counted by the environment. */
  act(name: ActName, value: Value, key?: string): void
  /** Something had no room: tuples in the baggage, or rows at this hit. */
  overflow(what: 'tuples' | 'rows'): void
}

export type AdvicePorts = PackPorts & {
  /** Where `emit` counts; the same table for the same name. */
  results(name: string): GroupTable
  /** Uniform in [0, 1). */
  random(): number
  /** At one hit; ROWS_MAX in the user's process. */
  readonly rowsMax?: number
}

export type CompiledAdvice = {
  readonly tool: string
  readonly tracepoint: string
  readonly sources?: Advice['sources']
  /** What it observes of its tracepoint. */
  readonly vars: readonly string[]
  /** Units of ~50 ns for one row. */
  readonly cost: number
  /** Its baggage may grow. */
  readonly packs: boolean
  /** What it may do here. */
  readonly acts: readonly ActName[]
  /** `weight`: how many hits this one stands for; 1 unless hits are sampled. */
  run(environment: AdviceEnvironment, weight?: number): void
}

type Row = { readonly slots: Value[]; readonly weight: number }
type Step = {
  /** Is the row left? */
  readonly one: (row: Row, environment: AdviceEnvironment) => boolean
  /** The rows that are left. */
  readonly all: (rows: readonly Row[], environment: AdviceEnvironment) => readonly Row[]
}
/** Joins tuples: from here on there may be several rows. */
type Joins = { readonly join: (rows: readonly Row[], environment: AdviceEnvironment) => readonly Row[] }

export function compilePackage(verified: VerifiedPackage, ports: AdvicePorts): readonly CompiledAdvice[] {
  return verified.package.advice.map(({ tracepoint, sources, instructions }, i) => {
    const compiler = new Compiler(verified, ports)
    const steps = instructions.map((instruction) => compiler.step(instruction))
    const firstJoin = steps.findIndex((step) => 'join' in step)
    const alone = steps.slice(0, firstJoin < 0 ? steps.length : firstJoin)
    const run = runner(
      compiler.places,
      alone.flatMap((step) => ('one' in step ? [step.one] : [])),
      steps.slice(alone.length).map((step) => ('join' in step ? step.join : step.all)),
    )
    const firsts = compiler.onlyFirsts(instructions)
    return {
      tool: verified.package.name,
      tracepoint,
      ...(sources === undefined ? {} : { sources }),
      vars: instructions.flatMap((one) => (one.op === 'observe' ? one.vars : [])),
      packs: instructions.some(({ op }) => op === 'pack'),
      acts: instructions.flatMap((one) => (one.op === 'act' ? [one.act] : [])),
      cost: verified.costs[i].typical,
      run: firsts === undefined ? run : unlessFull(firsts, run),
    }
  })
}

function runner(
  places: number,
  alone: readonly Step['one'][],
  joined: readonly Step['all'][],
): CompiledAdvice['run'] {
  // Copied for each run: an array that grows by its slots takes twice as long.
  const empty: readonly Value[] = Array.from({ length: places }, () => null)
  return (environment, weight = 1) => {
    const row: Row = { slots: empty.slice(), weight }
    for (let i = 0; i < alone.length; i++) if (!alone[i](row, environment)) return
    if (joined.length === 0) return
    let rows: readonly Row[] = [row]
    for (const step of joined) {
      rows = step(rows, environment)
      if (rows.length === 0) return
    }
  }
}

/** In all services but the first of a request there is nothing to do: not even its variables are read. */
function unlessFull(firsts: readonly TupleField[], run: CompiledAdvice['run']): CompiledAdvice['run'] {
  return (environment, weight) => {
    for (const field of firsts) if (!isFull(environment.baggage, field)) return run(environment, weight)
  }
}

/** Without effect but on slots. */
const SILENT: ReadonlySet<Instruction['op']> = new Set([
  'observe',
  'filter',
  'let',
  'now',
  'random',
  'unpack',
  'verify',
])

type Bag = VerifiedPackage['bags'][string]

class Compiler {
  readonly #verified: VerifiedPackage
  readonly #ports: AdvicePorts
  readonly #places = new Map<string, number>()

  constructor(verified: VerifiedPackage, ports: AdvicePorts) {
    this.#verified = verified
    this.#ports = ports
  }

  place(slot: string): number {
    const known = this.#places.get(slot)
    if (known !== undefined) return known
    this.#places.set(slot, this.#places.size)
    return this.#places.size - 1
  }

  get places(): number {
    return this.#places.size
  }

  parameter(name: string): Value {
    return valueFrom(this.#verified.package.parameters[name])
  }

  /** The fields of an advice that packs Firsts and does nothing else. */
  onlyFirsts(instructions: readonly Instruction[]): readonly TupleField[] | undefined {
    const fields: TupleField[] = []
    for (const one of instructions) {
      if (SILENT.has(one.op)) continue
      if (one.op !== 'pack' || one.keep?.which !== 'first') return undefined
      fields.push({ bag: this.#bag(one.bag), field: one.field, keep: one.keep })
    }
    return fields.length === 0 ? undefined : fields
  }

  step(instruction: Instruction): Step | Joins {
    switch (instruction.op) {
      case 'observe':
        return observe(instruction.vars.map((name) => ({ name, at: this.place(name) })))
      case 'filter':
        return filter(compileExpression(instruction.where, this))
      case 'let':
        return assign(this.place(instruction.slot), compileExpression(instruction.value, this))
      case 'now':
        return fill(this.place(instruction.slot), (environment) => valueFrom(environment.nowNs()))
      case 'random':
        return fill(this.place(instruction.slot), () => this.#ports.random())
      case 'unpack':
        return 'tuples' in instruction
          ? this.#unpackTuples(instruction)
          : unpack(this.#bag(instruction.bag), instruction.field, this.place(instruction.slot))
      case 'pack':
        return this.#pack(instruction)
      case 'set':
      case 'replace':
        return this.#set(instruction)
      case 'increment':
        return increment(this.#bag(instruction.bag), instruction.field, this.place(instruction.slot))
      case 'drop':
        return drop(this.#bag(instruction.bag))
      case 'keep':
        return keep(instruction.slot, this.place(instruction.slot))
      case 'verify':
        return this.#verify(instruction)
      case 'emit':
        return this.#emit(instruction)
      case 'act':
        return this.#act(instruction)
      default:
        return unreachable(instruction)
    }
  }

  #bag(name: string): Bag {
    const bag = this.#verified.bags[name]
    if (bag === undefined) throw new AdviceRefusal('E_ADVICE_BAG', name, 'was verified and is gone')
    return bag
  }

  #unpackTuples({ bag, field, tuples }: { bag: string; field: string; tuples: Tuples }): Joins {
    const columns = tuples.columns.map((slot) => this.place(slot))
    const reader = new TupleReader({ bag: this.#bag(bag), field, keep: tuples.keep }, columns.length)
    const weight = this.place(tuples.weight)
    const rowsMax = this.#ports.rowsMax ?? ROWS_MAX
    const nothing: readonly Tuple[] =
      tuples.outer === true ? [{ values: columns.map(() => null), weight: 1 }] : []
    return {
      join(rows, environment) {
        const found = reader.read(environment.baggage)
        return product(rows, found.length === 0 ? nothing : found, { columns, weight, rowsMax }, environment)
      },
    }
  }

  #pack(instruction: Extract<Instruction, { op: 'pack' }>): Step {
    const into = { bag: this.#bag(instruction.bag), field: instruction.field, keep: instruction.keep }
    const columns = instruction.columns.map((column) => compileExpression(column, this))
    const folds = instruction.parts.map((part) => this.#fold(part))
    const shape = { columns: columns.length, parts: instruction.parts.map(({ fn }) => fn) }
    const zeros = shape.parts.map((fn) => AGGREGATES[fn].zero)
    const ports = this.#ports
    const put = (tuples: readonly Tuple[], environment: AdviceEnvironment): void => {
      const packed = packTuples(environment.baggage, into, tuples, shape, {
        owners: ports.owners,
        fresh: ports.fresh,
        tupleBytesMax: ports.tupleBytesMax,
        stamp: () => environment.stamp(),
      })
      if (packed === undefined) environment.overflow('tuples')
      else environment.baggage = packed
    }
    return {
      one(row, environment) {
        const values = columns.map((column) => column(row.slots))
        for (let i = 0; i < folds.length; i++) values.push(folds[i](zeros[i], row))
        put([{ values, weight: row.weight }], environment)
        return true
      },
      all(rows, environment) {
        put(tuplesOf(rows, columns, folds, zeros), environment)
        return rows
      },
    }
  }

  #set({ op, bag: name, field, slot }: Extract<Instruction, { op: 'set' | 'replace' }>): Step {
    const bag = this.#bag(name)
    const at = this.place(slot)
    return once((row, environment) => {
      const value = row.slots[at] ?? null
      // A slot without a value writes nothing: absent stays absent.
      if (value === null) return
      const held = op === 'set' ? bag.read(environment.baggage) : undefined
      environment.baggage = bag.write(environment.baggage, { ...held, [field]: value })
    })
  }

  #verify({ bag: name, of, mac, slot }: Extract<Instruction, { op: 'verify' }>): Step {
    const bag = this.#bag(name)
    return fill(this.place(slot), (environment) => {
      const held = bag.read(environment.baggage)
      const value = valueFrom(held?.[of])
      const proof = held?.[mac]
      return typeof proof === 'string' && environment.isAuthentic(canonicalKey(value), proof)
    })
  }

  #emit(instruction: Extract<Instruction, { op: 'emit' }>): Step {
    const table = this.#ports.results(instruction.result)
    const keys = instruction.keys.map((key) => compileExpression(key, this))
    const folds = instruction.folds.map((fold) => this.#fold(fold))
    const [lone] = keys
    const statesOf: (row: Row) => Value[] | undefined =
      keys.length === 1
        ? (row) => table.statesForOne(lone(row.slots), row.weight)
        : (row) =>
            table.statesFor(
              keys.map((key) => key(row.slots)),
              row.weight,
            )
    return eachRow((row, environment) => {
      const states = statesOf(row)
      if (states === undefined) return true
      for (let i = 0; i < folds.length; i++)
        if (!table.put(states, i, folds[i](states[i], row))) environment.overflow('rows')
      return true
    })
  }

  #fold(fold: Fold): AddRow {
    const aggregate = AGGREGATES[fold.fn]
    if ('value' in fold) return this.#addValue(fold.value, aggregate)
    return mergePart(aggregate, this.place(fold.part), this.place(fold.of))
  }

  /** A slot and a constant are read without a call: they are nearly all there is. */
  #addValue(expression: Expression, { add }: Aggregate): AddRow {
    if (typeof expression === 'object' && expression !== null && 'slot' in expression) {
      const at = this.place(expression.slot)
      return (state, { slots, weight }) => add(state, slots[at] ?? null, weight)
    }
    const value = compileExpression(expression, this)
    return (state, { slots, weight }) => add(state, value(slots), weight)
  }

  #act(act: Act): Step {
    if (act.act === 'capture') {
      const places = act.slots.map((slot) => ({ slot, at: this.place(slot) }))
      return once((row, environment) => {
        for (const { slot, at } of places) environment.act('capture', row.slots[at] ?? null, slot)
      })
    }
    const at = this.place(act.slot)
    const key = act.act === 'tag' ? act.key : undefined
    return once((row, environment) => {
      const value = row.slots[at] ?? null
      if (value !== null) environment.act(act.act, value, key)
    })
  }
}

type AddRow = (state: Value, row: Row) => Value

/** A state that stands for `of` tuples counts as often as the others that it is joined to. */
function mergePart(aggregate: Aggregate, part: number, of: number): AddRow {
  return (state, { slots, weight }) => {
    const tuples = slots[of]
    return aggregate.merge(state, slots[part] ?? null, typeof tuples === 'number' ? weight / tuples : 1)
  }
}

/** Rows with equal columns are one tuple; the states of its parts cover all of them. */
function tuplesOf(
  rows: readonly Row[],
  columns: readonly Evaluate[],
  folds: readonly AddRow[],
  zeros: readonly Value[],
): readonly Tuple[] {
  const groups = new Map<
    string,
    { readonly keys: readonly Value[]; states: readonly Value[]; weight: number }
  >()
  for (const row of rows) {
    const keys = columns.map((column) => column(row.slots))
    const name = canonicalKey(keys)
    const group = groups.get(name) ?? { keys, states: zeros, weight: 0 }
    group.states = folds.map((fold, i) => fold(group.states[i], row))
    group.weight += row.weight
    groups.set(name, group)
  }
  return [...groups.values()].map(({ keys, states, weight }) => ({ values: [...keys, ...states], weight }))
}

type Into = { readonly columns: readonly number[]; readonly weight: number; readonly rowsMax: number }

function product(
  rows: readonly Row[],
  tuples: readonly Tuple[],
  { columns, weight, rowsMax }: Into,
  environment: AdviceEnvironment,
): readonly Row[] {
  const joined: Row[] = []
  for (const row of rows) {
    for (const tuple of tuples) {
      if (joined.length >= rowsMax) {
        environment.overflow('rows')
        return joined
      }
      const slots = row.slots.slice()
      for (let i = 0; i < columns.length; i++) slots[columns[i]] = tuple.values[i]
      slots[weight] = tuple.weight
      joined.push({ slots, weight: row.weight * tuple.weight })
    }
  }
  return joined
}

/** The same for each row there is. Nearly always all are left. */
function eachRow(one: Step['one']): Step {
  return {
    one,
    all(rows, environment) {
      let left: Row[] | undefined
      for (let i = 0; i < rows.length; i++) {
        if (one(rows[i], environment)) left?.push(rows[i])
        else left ??= rows.slice(0, i)
      }
      return left ?? rows
    },
  }
}

/** Done once, with the first row. */
function once(act: (row: Row, environment: AdviceEnvironment) => void): Step {
  return {
    one(row, environment) {
      act(row, environment)
      return true
    },
    all(rows, environment) {
      act(rows[0], environment)
      return rows
    },
  }
}

/** Worked out once, and put into every row. */
function fill(at: number, value: (environment: AdviceEnvironment) => Value): Step {
  return {
    one({ slots }, environment) {
      slots[at] = value(environment)
      return true
    },
    all(rows, environment) {
      const filled = value(environment)
      for (const { slots } of rows) slots[at] = filled
      return rows
    },
  }
}

function observe(vars: readonly { readonly name: string; readonly at: number }[]): Step {
  const fills = vars.map(({ name, at }) => fill(at, (environment) => environment.variable(name)))
  return {
    one({ slots }, environment) {
      for (let i = 0; i < vars.length; i++) slots[vars[i].at] = environment.variable(vars[i].name)
      return true
    },
    all: (rows, environment) => fills.reduce((left, { all }) => all(left, environment), rows),
  }
}

const filter = (where: Evaluate): Step => eachRow(({ slots }) => where(slots) === true)

const assign = (at: number, value: Evaluate): Step =>
  eachRow(({ slots }) => {
    slots[at] = value(slots)
    return true
  })

const unpack = (bag: Bag, field: string, at: number): Step =>
  fill(at, (environment) => valueFrom(bag.read(environment.baggage)?.[field]))

const increment = (bag: Bag, field: string, at: number): Step =>
  once(({ slots }, environment) => {
    const by = slots[at] ?? null
    if (typeof by === 'bigint' || (typeof by === 'number' && Number.isInteger(by)))
      environment.baggage = bag.increment(environment.baggage, field, by)
  })

const drop = (bag: Bag): Step =>
  once((_row, environment) => {
    environment.baggage = bag.drop(environment.baggage)
  })

const keep = (slot: string, at: number): Step =>
  once(({ slots }, environment) => environment.keep(slot, slots[at] ?? null))
