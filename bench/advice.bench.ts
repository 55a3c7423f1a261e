// What does advice cost a hit? The instructions of live queries, run as the agent runs them: counting by a
// text, packing a tuple into a request's baggage, unpacking it again.
//
// Environments are made beforehand: what a tracepoint costs around its advice is the bench of the weaver.

import {
  compilePackage,
  GroupTable,
  TupleOwners,
  verifyPackage,
  type AdviceEnvironment,
  type Value,
} from '#advice'
import { Baggage } from '#baggage'
import type { Instruction } from '#protocol'
import { measurePair, runDirectly, type BenchRow } from './measure.ts'

const SCHEMA = 'bag Tuples = 1048576 { set<bytes> s1 = 1; set<bytes> s2 = 2; }'

const COUNT: readonly Instruction[] = [
  { op: 'observe', vars: ['table', 'bytes'] },
  {
    op: 'emit',
    result: 'r',
    keys: [{ slot: 'table' }],
    folds: [
      { fn: 'count', value: true },
      { fn: 'sum', value: { slot: 'bytes' } },
    ],
  },
]
const PACK: readonly Instruction[] = [
  { op: 'observe', vars: ['table'] },
  { op: 'pack', bag: 'Tuples', field: 's1', columns: [{ slot: 'table' }], parts: [] },
]
const PACK_FIRST: readonly Instruction[] = [
  { op: 'observe', vars: ['table'] },
  {
    op: 'pack',
    bag: 'Tuples',
    field: 's2',
    columns: [{ slot: 'table' }],
    parts: [],
    keep: { which: 'first', count: 1 },
  },
]
const JOIN: readonly Instruction[] = [
  { op: 'observe', vars: ['bytes'] },
  { op: 'unpack', bag: 'Tuples', field: 's1', tuples: { columns: ['#t'], weight: '#n' } },
  { op: 'emit', result: 'r', keys: [{ slot: '#t' }], folds: [{ fn: 'sum', value: { slot: 'bytes' } }] },
]

export async function bench(): Promise<BenchRow[]> {
  const packed = new Hit(Baggage.empty)
  adviceOf(PACK, [])(packed)
  return [
    row(
      'count+sum by key',
      turn(COUNT, ['count', 'sum'], () => Baggage.empty),
    ),
    row(
      'pack',
      turn(PACK, [], () => Baggage.empty),
    ),
    row(
      'pack into one that has a tuple',
      turn(PACK, [], () => packed.baggage),
    ),
    row(
      'pack first',
      turn(PACK_FIRST, [], () => Baggage.empty),
    ),
    row(
      'unpack and sum',
      turn(JOIN, ['sum'], () => packed.baggage),
    ),
  ]
}

function row(subject: string, subjectTurn: (count: number) => unknown): BenchRow {
  return {
    bench: 'advice',
    metric: 'per hit',
    subject,
    unit: 'ns',
    peer: null,
    ...measurePair({ subject: subjectTurn }),
  }
}

type Folds = ConstructorParameters<typeof GroupTable>[0]

function turn(instructions: readonly Instruction[], folds: Folds, baggage: () => Baggage) {
  const run = adviceOf(instructions, folds)
  const hit = new Hit(Baggage.empty)
  return (count: number): unknown => {
    for (let i = 0; i < count; i++) {
      hit.baggage = baggage()
      hit.at = i & 7
      run(hit)
    }
    return hit.baggage
  }
}

function adviceOf(instructions: readonly Instruction[], folds: Folds): (hit: AdviceEnvironment) => void {
  const table = new GroupTable(folds)
  let ids = 0
  const [advice] = compilePackage(
    verifyPackage({
      name: 'bench',
      version: 1,
      schema: SCHEMA,
      advice: [{ tracepoint: 't', instructions }],
      parameters: {},
    }),
    { owners: new TupleOwners(), fresh: () => idOf(++ids), random: Math.random, results: () => table },
  )
  return (hit) => advice.run(hit)
}

function idOf(count: number): Uint8Array {
  return Uint8Array.of(count >>> 24, count >>> 16, count >>> 8, count, 0, 0, 0, 0)
}

const TABLES = ['orders', 'users', 'items', 'carts', 'prices', 'stock', 'logs', 'jobs']
const STAMP = new Uint8Array(16).fill(1)

class Hit implements AdviceEnvironment {
  baggage: Baggage
  at = 0

  constructor(baggage: Baggage) {
    this.baggage = baggage
  }

  variable(name: string): Value {
    return name === 'table' ? TABLES[this.at] : 100 + this.at
  }

  stamp(): Uint8Array {
    return STAMP
  }

  nowNs(): bigint {
    return 0n
  }

  isAuthentic(): boolean {
    return false
  }

  keep(): void {}
  act(): void {}
  overflow(): void {}
}

await runDirectly(import.meta.url, bench)
