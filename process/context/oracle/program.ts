// Random asynchronous programs, as data: what the interpreter runs and the oracle judges.
//
// Cast: `generateProgram(seed)` makes the same program for the same seed on every Node. Bodies nest up to
// DEPTH_MAX; steps that could wait for each other in a circle (the shared cache, the pool, the queue) have
// bodies without such steps.

export type Tick = 'null' | 'resolved' | 'immediate' | 'nextTick' | 'microtask' | 'timer'
export type Combinator = 'all' | 'allSettled' | 'any' | 'race'
export type Enter = 'plain' | 'branch' | 'isolate' | 'run' | 'adopted' | 'bound'

export type Step =
  | { readonly kind: 'pack' }
  | { readonly kind: 'throw' }
  | { readonly kind: 'tick'; readonly how: Tick }
  | { readonly kind: 'call'; readonly how: Enter; readonly body: Body }
  | { readonly kind: 'start'; readonly slot: number; readonly how: Enter; readonly body: Body }
  | { readonly kind: 'await'; readonly slot: number }
  | {
      readonly kind: 'combine'
      readonly how: Combinator
      readonly isSubclass: boolean
      readonly isLazy: boolean
      /** Earlier children that are waited for too; some are of other executions. */
      readonly slots: readonly number[]
      readonly bodies: readonly Body[]
    }
  | {
      readonly kind: 'then'
      readonly how: 'then' | 'finally' | 'catch'
      readonly body: Body
      readonly handler: Body
      readonly returned: Body | undefined
    }
  | { readonly kind: 'callback'; readonly how: Tick; readonly isAwaited: boolean; readonly body: Body }
  | { readonly kind: 'thenable'; readonly isLater: boolean; readonly body: Body }
  | { readonly kind: 'emit'; readonly isByChild: boolean; readonly body: Body }
  | { readonly kind: 'generator'; readonly bodies: readonly Body[]; readonly consumer: Body }
  | {
      readonly kind: 'asyncGenerator'
      readonly bodies: readonly Body[]
      readonly consumer: Body
      readonly breakAfter: number
      readonly last: Body
    }
  | { readonly kind: 'shared'; readonly key: number; readonly body: Body }
  | { readonly kind: 'pooled'; readonly body: Body }
  | { readonly kind: 'queued'; readonly isBound: boolean; readonly body: Body }
  | { readonly kind: 'message' }
  | { readonly kind: 'adopt'; readonly how: Enter; readonly body: Body }
  | { readonly kind: 'sequence'; readonly bodies: readonly Body[] }

export type Body = readonly Step[]
export type Program = { readonly seed: number; readonly executions: readonly Body[] }

const DEPTH_MAX = 4
const SLOTS = 4

export type Dice = { below(limit: number): number; chance(percent: number): boolean }

/** mulberry32: small, fast, good enough to choose branches. */
export function diceOf(seed: number): Dice {
  let state = seed >>> 0
  const below = (limit: number): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit
  }
  return { below, chance: (percent) => below(100) < percent }
}

export function generateProgram(seed: number): Program {
  const dice = diceOf(seed)
  const executions = Array.from({ length: 1 + dice.below(3) }, () => bodyOf(dice, 0))
  return { seed, executions }
}

const ticks: readonly Tick[] = ['null', 'null', 'resolved', 'immediate', 'nextTick', 'microtask', 'timer']
const enters: readonly Enter[] = ['plain', 'plain', 'plain', 'branch', 'isolate', 'run', 'adopted', 'bound']
const combinators: readonly Combinator[] = ['all', 'all', 'allSettled', 'any', 'race']

function pick<T>(dice: Dice, choices: readonly T[]): T {
  const choice = choices[dice.below(choices.length)]
  if (choice === undefined) throw new RangeError('a choice of nothing')
  return choice
}

function bodyOf(dice: Dice, depth: number): Body {
  const steps: Step[] = []
  const length = 1 + dice.below(depth === 0 ? 7 : 4)
  for (let i = 0; i < length; i++) steps.push(depth < DEPTH_MAX ? stepOf(dice, depth) : leafOf(dice))
  if (depth > 0 && dice.chance(15)) steps.push({ kind: 'throw' })
  return steps
}

const bodiesOf = (dice: Dice, depth: number): Body[] =>
  Array.from({ length: 1 + dice.below(3) }, () => bodyOf(dice, depth))

/** Packs and ticks only: for callbacks that cannot wait, and for bodies that others wait for. */
function simpleBodyOf(dice: Dice, isAsync: boolean): Body {
  return Array.from({ length: 1 + dice.below(3) }, (): Step => (isAsync ? leafOf(dice) : { kind: 'pack' }))
}

function leafOf(dice: Dice): Step {
  return dice.chance(50) ? { kind: 'pack' } : { kind: 'tick', how: pick(dice, ticks) }
}

type Maker = (dice: Dice, depth: number) => Step

const makers: readonly Maker[] = [
  () => ({ kind: 'pack' }),
  () => ({ kind: 'pack' }),
  leafOf,
  (dice, depth) => ({ kind: 'call', how: pick(dice, enters), body: bodyOf(dice, depth + 1) }),
  (dice, depth) => ({ kind: 'call', how: 'plain', body: bodyOf(dice, depth + 1) }),
  (dice, depth) => ({
    kind: 'start',
    slot: dice.below(SLOTS),
    how: pick(dice, enters),
    body: bodyOf(dice, depth + 1),
  }),
  (dice) => ({ kind: 'await', slot: dice.below(SLOTS) }),
  (dice) => ({ kind: 'await', slot: dice.below(SLOTS) }),
  (dice, depth) => ({
    kind: 'combine',
    how: pick(dice, combinators),
    isSubclass: dice.chance(20),
    isLazy: dice.chance(30),
    slots: Array.from({ length: dice.below(3) }, () => dice.below(SLOTS)),
    bodies: bodiesOf(dice, depth + 1),
  }),
  (dice, depth) => ({
    kind: 'then',
    how: pick(dice, ['then', 'finally', 'catch'] as const),
    body: bodyOf(dice, depth + 1),
    handler: simpleBodyOf(dice, false),
    returned: dice.chance(40) ? bodyOf(dice, depth + 1) : undefined,
  }),
  (dice) => ({
    kind: 'callback',
    how: pick(dice, ticks),
    isAwaited: dice.chance(60),
    body: simpleBodyOf(dice, false),
  }),
  (dice) => ({ kind: 'thenable', isLater: dice.chance(50), body: simpleBodyOf(dice, false) }),
  (dice) => ({ kind: 'emit', isByChild: dice.chance(50), body: simpleBodyOf(dice, false) }),
  (dice) => ({
    kind: 'generator',
    bodies: [simpleBodyOf(dice, false), simpleBodyOf(dice, false)],
    consumer: simpleBodyOf(dice, false),
  }),
  (dice, depth) => ({
    kind: 'asyncGenerator',
    bodies: bodiesOf(dice, depth + 1),
    consumer: simpleBodyOf(dice, true),
    breakAfter: dice.below(5),
    last: simpleBodyOf(dice, false),
  }),
  (dice) => ({ kind: 'shared', key: dice.below(2), body: simpleBodyOf(dice, true) }),
  (dice) => ({ kind: 'pooled', body: simpleBodyOf(dice, true) }),
  (dice) => ({ kind: 'queued', isBound: dice.chance(50), body: simpleBodyOf(dice, true) }),
  (dice) => (dice.chance(15) ? { kind: 'message' } : { kind: 'pack' }),
  (dice, depth) => ({ kind: 'adopt', how: pick(dice, enters), body: bodyOf(dice, depth + 1) }),
  (dice, depth) => ({ kind: 'sequence', bodies: bodiesOf(dice, depth + 1) }),
]

function stepOf(dice: Dice, depth: number): Step {
  return pick(dice, makers)(dice, depth)
}
