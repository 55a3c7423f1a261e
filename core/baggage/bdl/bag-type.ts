// One bag of a schema at work: execution-flow scoped variables. Values are plain objects; every change gives
// a new Baggage in which all other bags, and what this schema does not know of this bag, are as they were.

import { compareBytes, nearest } from '#base'
import { note, notedAt, notedBy, notedEnd, ownedOf, rewritten, type Baggage } from '../baggage.ts'
import { Cursor, enterChild, findChild, firstMarker, PAST_END, type Region } from '../cursor.ts'
import { BaggageError } from '../error.ts'
import { DATA, headerAtom, headerBase, indexPayload, KEYED } from '../header.ts'
import { rewriteNode, type Edit } from '../rewrite.ts'
import { BagNode } from '../types/bag.ts'
import { isCounting, type CountingType } from '../types/counter.ts'
import type { MapField } from '../types/map.ts'
import { payloadOf } from '../types/set.ts'
import type { FieldType } from '../types/type.ts'
import { encodeAtoms } from '../wire.ts'
import { TreeWriter, type Ports } from '../writer.ts'

/** Field names and map keys on the way to a counter: 'disk.writes', or a list when a key is no plain name. */
export type CounterPath = string | readonly (string | number | bigint | boolean)[]

// A schema loaded at run time has no static type; generated code names T.
// oxlint-disable-next-line typescript/no-explicit-any
export interface BagType<T = any> {
  readonly name: string
  readonly id: number
  /**
   * The value; undefined when the bag is not there. Values as TS: bigint for 64-bit, Set, Map, nested
   * objects.
   */
  read(baggage: Baggage): T | undefined
  /**
   * Replaces this bag, keeps unknown fields and all other bags. Errors: E_BAGGAGE_VALUE, E_BAGGAGE_DEPTH;
   * nothing is changed then.
   */
  write(baggage: Baggage, value: T): Baggage
  /** write(b, change(read(b))); a bag that is not there is given to `change` as one with nothing set. */
  update(baggage: Baggage, change: (value: T) => T): Baggage
  drop(baggage: Baggage): Baggage
  /**
   * Copies of the data atoms of a field as they stand: of a `set<bytes>`, its elements. Cost: a walk up to
   * them; nothing else of the bag is read. Errors: E_BAGGAGE_VALUE, no such field.
   */
  elements(baggage: Baggage, field: string): readonly Uint8Array[]
  /** Something of this bag may have been trimmed away. */
  overflowed(baggage: Baggage): boolean
  /**
   * Counts up (pncounter: or down), or ticks a clock. Cost: touches only the counter's own atoms. Errors:
   * E_BAGGAGE_VALUE.
   */
  increment(baggage: Baggage, path: CounterPath, by?: bigint | number): Baggage
  /**
   * Folds the counter's components into one: only after every branch that counts there has ended (a stage, a
   * barrier), and where no older value with the absorbed components will be joined again.
   */
  compact(baggage: Baggage, path: CounterPath): Baggage
}

export class SchemaBag implements BagType {
  readonly name: string
  readonly id: number
  readonly #node: BagNode
  readonly #header: Uint8Array
  /** With its length in front. */
  readonly #encodedHeader: Uint8Array
  readonly #path: readonly Uint8Array[]
  readonly #ports: Ports
  readonly #edit: Edit<unknown>
  readonly #fieldHeaders = new Map<string, Uint8Array>()
  #idle: TreeWriter | undefined

  constructor(options: {
    readonly name: string
    readonly id: number
    readonly node: BagNode
    readonly ports: Ports
  }) {
    this.name = options.name
    this.id = options.id
    this.#node = options.node
    this.#ports = options.ports
    this.#header = headerAtom(0, 0, indexPayload(options.id))
    this.#encodedHeader = encodeAtoms([this.#header])
    this.#path = [this.#header]
    this.#edit = (writer, previous, value) => this.#node.write(writer, value, 0, previous, this.name)
  }

  read(baggage: Baggage): Record<string, unknown> | undefined {
    const bytes = baggage.encode()
    if (bytes.length === 0) return undefined
    const cursor = new Cursor(bytes, 0, bytes.length)
    if (!enterChild(cursor, this.#header, headerBase(0))) return undefined
    const start = cursor.at
    const value = this.#node.read(cursor, 0)
    if (cursor.isPlain) note(baggage, this, start - this.#encodedHeader.length, cursor.at)
    return value ?? this.#node.empty()
  }

  write(baggage: Baggage, value: unknown): Baggage {
    const writer = this.#borrow()
    try {
      if (notedBy(baggage, this)) return this.#replace(writer, baggage, value)
      return rewriteNode(writer, baggage, this.#path, this.#edit, value)
    } finally {
      this.#idle = writer
    }
  }

  /** The usual write behind a read: what stands there is known to hold nothing that must be kept. */
  #replace(writer: TreeWriter, baggage: Baggage, value: unknown): Baggage {
    const bytes = baggage.encode()
    // Asked first: a getter of the user's value may read another bag of this baggage and leave its own note.
    const end = notedEnd(baggage)
    writer.begin(ownedOf(baggage))
    writer.raw(bytes, 0, notedAt(baggage))
    const start = writer.length
    writer.atom(this.#encodedHeader)
    const contents = writer.length
    this.#node.write(writer, value, 0, undefined, this.name)
    if (writer.length === contents) writer.length = start
    writer.raw(bytes, end, bytes.length)
    return rewritten(baggage, writer.finish(), writer.owned)
  }

  update(baggage: Baggage, change: (value: Record<string, unknown>) => unknown): Baggage {
    return this.write(baggage, change(this.read(baggage) ?? this.#node.empty()))
  }

  drop(baggage: Baggage): Baggage {
    const bytes = baggage.encode()
    if (!findChild({ bytes, start: 0, end: bytes.length }, this.#header, headerBase(0)).isFound)
      return baggage
    return this.#writing((writer) => rewriteNode(writer, baggage, this.#path, () => {}, undefined))
  }

  elements(baggage: Baggage, field: string): readonly Uint8Array[] {
    const header = this.#headerOf(field)
    const bytes = baggage.encode()
    const elements: Uint8Array[] = []
    if (bytes.length === 0) return elements
    const cursor = new Cursor(bytes, 0, bytes.length)
    if (!enterChild(cursor, this.#header, headerBase(0))) return elements
    if (!enterChild(cursor, header, headerBase(1))) return elements
    for (; cursor.first !== PAST_END && cursor.first < 0x80; cursor.advance())
      if (cursor.first === DATA) elements.push(bytes.slice(cursor.payload + 1, cursor.next))
    return elements
  }

  #headerOf(field: string): Uint8Array {
    const known = this.#fieldHeaders.get(field)
    if (known !== undefined) return known
    const header = stepInto(new TreeWriter(this.#ports), this.#node, field, 1, this.name).header
    this.#fieldHeaders.set(field, header)
    return header
  }

  /**
   * True for the bag in which the first marker stands and for those after it: what was cut came behind the
   * marker.
   */
  overflowed(baggage: Baggage): boolean {
    const marker = firstMarker(baggage.encode())
    if (marker === undefined) return false
    const [cut] = marker.path
    return cut === undefined || cut[0] < headerBase(0) || compareBytes(this.#header, cut) >= 0
  }

  increment(baggage: Baggage, path: CounterPath, by: bigint | number = 1n): Baggage {
    return this.#writing((writer) => {
      const target = this.#resolve(writer, path)
      const amount = wholeNumber(by, target.where)
      if (amount === 0n) return baggage
      return rewriteNode(
        writer,
        baggage,
        target.headers,
        (out, previous) => {
          target.type.add(out, amount, target.headers.length - 1, previous, target.where)
        },
        undefined,
      )
    })
  }

  compact(baggage: Baggage, path: CounterPath): Baggage {
    return this.#writing((writer) => {
      const { type, headers, where } = this.#resolve(writer, path)
      if (type.compact === undefined)
        throw new BaggageError('E_BAGGAGE_VALUE', `${where} is a ${type.name}: only counters are folded`)
      return rewriteNode(
        writer,
        baggage,
        headers,
        (out, previous: Region | undefined) => {
          if (previous !== undefined) type.compact?.(out, headers.length - 1, previous)
        },
        undefined,
      )
    })
  }

  /**
   * The one writer; a call from inside (a getter of the user's value that writes this bag again) gets one of
   * its own.
   */
  #borrow(): TreeWriter {
    const writer = this.#idle ?? new TreeWriter(this.#ports)
    this.#idle = undefined
    return writer
  }

  #writing<R>(work: (writer: TreeWriter) => R): R {
    const writer = this.#borrow()
    try {
      return work(writer)
    } finally {
      this.#idle = writer
    }
  }

  #resolve(writer: TreeWriter, path: CounterPath): Target {
    const steps = typeof path === 'string' ? path.split('.') : path
    let where = this.name
    let type: FieldType = this.#node
    const headers = [this.#header]
    for (const step of steps) {
      where += `.${step}`
      const next: Step = stepInto(writer, type, step, headers.length, where)
      headers.push(next.header)
      type = next.type
    }
    if (!isCounting(type))
      throw new BaggageError('E_BAGGAGE_VALUE', `${where} is a ${type.name}, not a counter`)
    return { type, headers, where }
  }
}

type Target = { readonly type: CountingType; readonly headers: readonly Uint8Array[]; readonly where: string }
type Step = { readonly type: FieldType; readonly header: Uint8Array }

function stepInto(
  writer: TreeWriter,
  type: FieldType,
  step: string | number | bigint | boolean,
  level: number,
  where: string,
): Step {
  if (type instanceof BagNode) {
    const field = type.field(String(step))
    if (field !== undefined) return { type: field.type, header: headerAtom(level, 0, field.header) }
    const suggestion = nearest(
      String(step),
      type.fields.map(({ name }) => name),
    )
    throw new BaggageError(
      'E_BAGGAGE_VALUE',
      `${where} is no field${suggestion === undefined ? '' : `; is ${suggestion} meant?`}`,
    )
  }
  if (!isMap(type)) throw new BaggageError('E_BAGGAGE_VALUE', `${where}: nothing stands below a ${type.name}`)
  writer.begin(undefined)
  const key = payloadOf(writer, type.key, type.key.check(keyFrom(type, step), `${where} key`))
  return { type: type.value, header: headerAtom(level, KEYED, key) }
}

function isMap(type: FieldType): type is MapField {
  return 'key' in type
}

/** A key in a dotted path is text; where the map's keys are numbers it is read as one. */
function keyFrom(type: MapField, step: string | number | bigint | boolean): unknown {
  if (typeof step !== 'string' || typeof type.key.zero === 'string') return step
  if (typeof type.key.zero === 'boolean') return step === 'true' ? true : step === 'false' ? false : step
  return /^-?\d+$/.test(step) ? BigInt(step) : Number(step)
}

function wholeNumber(by: bigint | number, where: string): bigint {
  if (typeof by === 'bigint') return by
  if (!Number.isSafeInteger(by))
    throw new BaggageError('E_BAGGAGE_VALUE', `${where} grows by a whole number, not ${by}`)
  return BigInt(by)
}
