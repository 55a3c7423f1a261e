// What does a woven function cost a call: asleep, and while a query is at it?
//
//   door            a function of a woven module that has no guard itself       over the same, not woven
//   guard           a woven function that nobody asks about                     over the same, not woven
//   count+sum by key   COUNT and SUM, GROUP BY one text, on every call          over the same, not woven
//   pack            one tuple into a request's baggage on every call            over the same, not woven
//   A/A             two copies that are not woven: what noise alone makes
//
// All through what a process really has: load hook, guards, the agent's tracepoints, compiled advice, context
// with promise hooks. The peer is what a debugger offers for the same question: a breakpoint with a condition
// that counts by the same text and never stops. Values are ns over plain, so that the loop is not counted.

import { Session } from 'node:inspector/promises'
import { compilePackage, GroupTable, matchesTracepoint, TupleOwners, verifyPackage } from '#advice'
import { Baggage } from '#baggage'
import { context } from '#context'
import type { Instruction } from '#protocol'
import { Weave } from '#weave'
import { AdviceBudget } from '../process/agent/budget.ts'
import { Ledger } from '../process/agent/guard.ts'
import { Tracepoints } from '../process/agent/tracepoints.ts'
import { measurePair, median, runDirectly, type BenchRow, type Turn } from './measure.ts'

type Subject = typeof import('./weave/subject.mjs')

const RUNS = 21
const SCHEMA = 'bag Tuples = 1048576 { set<bytes> s1 = 1; }'
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

export async function bench(): Promise<BenchRow[]> {
  const [plain, again, stopped] = [await load('plain'), await load('again'), await load('stopped')]
  const weave = new Weave({ patterns: [], matches: matchesTracepoint, nonce: 'bench', onUnwoven: () => {} })
  const woven = await load('woven')
  const tracepoints = tracepointsOf(weave)
  const row = rowAgainst(await breakpoint(stopped))
  const rows = [
    row('A/A', over(calling(again.readBytes), calling(plain.readBytes))),
    row('door', over(calling(woven.scale), calling(plain.scale))),
    row('guard', over(calling(woven.readBytes), calling(plain.readBytes))),
  ]
  tracepoints.install(adviceOf(COUNT))
  rows.push(row('count+sum by key', over(calling(woven.readBytes), calling(plain.readBytes))))
  tracepoints.install(adviceOf(PACK))
  context.start()
  rows.push(row('pack', over(inExecutions(woven.readBytes), inExecutions(plain.readBytes))))
  tracepoints.install([])
  context.stop()
  weave.close()
  return rows
}

type Read = Subject['readBytes']

/** A loop of its own for each function, so that each is compiled for what it calls. */
function calling(read: Read): Turn {
  const text = `return (count) => {
    const tables = ['orders', 'users', 'items', 'carts', 'prices', 'stock', 'logs', 'jobs']
    let last = 0
    for (let i = 0; i < count; i++) last = read(tables[i & 7], i & 127)
    return last
  }`
  return new Function('read', text)(read)
}

/** Each call in an execution of its own, as if it were the first pack of a request. */
function inExecutions(read: Read): Turn {
  const text = `return (count) => {
    const tables = ['orders', 'users', 'items', 'carts', 'prices', 'stock', 'logs', 'jobs']
    let at = 0
    const once = () => read(tables[at & 7], at & 127)
    for (; at < count; at++) run(once)
  }`
  return new Function('read', 'run', text)(read, (once: () => unknown) => context.run(Baggage.empty, once))
}

const load = async (copy: string): Promise<Subject> => await import(`./weave/subject.mjs?${copy}`)

type Over = { readonly value: number; readonly spread: readonly [number, number] }

/** ns a call that `subject` takes beyond `plain`, pair by pair. */
function over(subject: Turn, plain: Turn): Over {
  const differences = Array.from({ length: RUNS }, () => {
    const { value, peerValue } = measurePair({ subject, peer: plain, runs: 1 })
    return value - (peerValue ?? 0)
  }).toSorted((a, b) => a - b)
  // Without the outermost tenth on each side, which is collections and compilations.
  return { value: median(differences), spread: [differences[2], differences[RUNS - 3]] }
}

function rowAgainst(peerValue: number): (subject: string, measured: Over) => BenchRow {
  return (subject, { value, spread }) => ({
    bench: 'weave',
    metric: 'per hit',
    subject,
    value,
    unit: 'ns',
    peer: 'breakpoint',
    peerValue,
    ratio: value / peerValue,
    runs: RUNS,
    spread: [spread[0] / peerValue, spread[1] / peerValue],
  })
}

function tracepointsOf(code: Weave): Tracepoints {
  return new Tracepoints({
    code,
    budget: new AdviceBudget({ budget: Infinity }),
    ledger: new Ledger(),
    surroundings: {
      identity: new Map(),
      nowNs: () => 0n,
      stamp: () => new Uint8Array(16),
      tenant: () => undefined,
      isAuthentic: () => false,
      isSecret: () => false,
      overflowed: () => {},
      toolStops: () => undefined,
      choose: () => {},
    },
  })
}

function adviceOf(instructions: readonly Instruction[]) {
  const table = new GroupTable(['count', 'sum'])
  const advice = [{ tracepoint: 'bench/weave/subject.mjs:readBytes', instructions }]
  const tool = { name: 'bench', version: 1, schema: SCHEMA, advice, parameters: {} }
  const ids = new Uint8Array(8 * 512)
  let used = 0
  const fresh = (): Uint8Array => ids.subarray((used = (used + 8) % ids.length), used + 8)
  return compilePackage(verifyPackage(tool), {
    owners: new TupleOwners(),
    fresh,
    random: Math.random,
    results: () => table,
  })
}

/** ns a hit of a conditional breakpoint that counts and sums by the text and goes on. */
async function breakpoint(subject: Subject): Promise<number> {
  const HITS = 2000
  const counts = new Map<string, { count: number; sum: number }>()
  Reflect.set(globalThis, 'countHere', (table: string, bytes: number): boolean => {
    const held = counts.get(table) ?? { count: 0, sum: 0 }
    counts.set(table, { count: held.count + 1, sum: held.sum + bytes })
    return false
  })
  const session = new Session()
  session.connect()
  await session.post('Debugger.enable')
  await session.post('Debugger.setBreakpointByUrl', {
    lineNumber: 5,
    urlRegex: 'subject\\.mjs\\?stopped$',
    condition: 'countHere(table, bytes)',
  })
  const turn = calling(subject.readBytes)
  const values = Array.from({ length: 5 }, () => {
    const start = process.cpuUsage()
    turn(HITS)
    const { user, system } = process.cpuUsage(start)
    return ((user + system) * 1000) / HITS
  })
  session.disconnect()
  Reflect.deleteProperty(globalThis, 'countHere')
  if (counts.size !== 8) throw new Error('the breakpoint was not hit')
  return median(values)
}

await runDirectly(import.meta.url, bench)
