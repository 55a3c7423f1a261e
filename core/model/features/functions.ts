// The functions of the language as one table: what each takes, what it gives, how it is computed. The
// checker, completion and the reference page all read it.
//
//   move     from elements to others          Units Blocks Points Edges Children Parent CriticalPath ..
//   choose   some of many                     Filter First Last Nth MaxBy MinBy Distinct Map
//   measure  what an element carries          Duration Timestamp Label Counter Set ..
//   fold     many to one                      Count Sum Avg Min Max P50 .. Exists
//   compute  numbers to numbers               Add Subtract Multiply Divide In Default

import { CHOOSING } from './choosing.ts'
import { COMPUTING } from './computing.ts'
import { FOLDING } from './folding.ts'
import { MEASURING } from './measuring.ts'
import { moved, MOVES, STEPS } from './moves.ts'
import { criticalPathSpec } from './paths.ts'
import type { FunctionSpec } from './spec.ts'

const SAYS_MOVE: Readonly<Record<string, string>> = {
  Units: 'execution units; ExecUnits is the same',
  Blocks: 'blocks (spans)',
  Points: 'begins, events and ends of blocks',
  Edges: 'causal edges other than nesting',
  Sections: 'the stretches that a critical path consists of',
  Children: 'blocks directly below',
  Descendants: 'all blocks below',
  Ancestors: 'all blocks above',
  Parent: 'the block or unit above',
  Unit: 'the execution unit it is in',
  Block: 'the block it is in; of a unit its first',
  Source: 'the block an edge leaves',
  Target: 'the block an edge arrives at',
}

function moveSpec(name: string): FunctionSpec {
  const from = Object.keys((Object.hasOwn(MOVES, name) ? MOVES : STEPS)[name])
  return {
    group: 'move',
    usage: name,
    says: SAYS_MOVE[name] ?? '',
    takes: ({ item }) => from.includes(item),
    needs: from.join(', '),
    apply: ({ steps, input }) => moved(steps, name, input),
  }
}

/** In order of kinds; no name of an object's prototype is among them. */
export const FUNCTIONS: ReadonlyMap<string, FunctionSpec> = new Map([
  ...[...Object.keys(MOVES), ...Object.keys(STEPS)].map((name): [string, FunctionSpec] => [
    name,
    moveSpec(name),
  ]),
  ['ExecUnits', { ...moveSpec('Units'), usage: 'ExecUnits' }],
  ['CriticalPath', criticalPathSpec],
  ...Object.entries(CHOOSING),
  ...Object.entries(MEASURING),
  ...Object.entries(FOLDING),
  ...Object.entries(COMPUTING),
])

/** At the begin of a statement these are of the whole trace. */
export const OF_TRACE: ReadonlySet<string> = new Set([
  'ExecUnits',
  'Units',
  'Blocks',
  'Points',
  'Edges',
  'CriticalPath',
  'Repairs',
])
