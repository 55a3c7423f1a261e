// Where each act may stand. An act that would silently not happen is refused before anything is deployed,
// by the server and by the agent alike, with what to write instead.

import type { ActName } from '#protocol'
import { AdviceRefusal } from './refusal.ts'
import { isCode, placeOf } from './tracepoint-name.ts'

type Rule = {
  /** May it be at a tracepoint of this name? */
  readonly isAt: (name: string) => boolean
  /** What is wrong elsewhere, and what to do about it. */
  readonly mend: string
}

const ANYWHERE: Rule = { isAt: () => true, mend: '' }

/** By its name: a pattern may stand for places that are none. */
const ARRIVAL = 'http.server.request.start'
const DEPARTURE = 'http.client.request.start'
const isArrival = (name: string): boolean => name === ARRIVAL
const isDeparture = (name: string): boolean => name === DEPARTURE

/** Elsewhere something would go on meanwhile. */
const WAITING: Rule = {
  isAt: (name) => isArrival(name) || isDeparture(name),
  mend: `waits, which only a request can: put it at ${ARRIVAL} or ${DEPARTURE}`,
}

const RULES: { readonly [A in ActName]: Rule } = {
  tag: ANYWHERE,
  logLevel: ANYWHERE,
  capture: ANYWHERE,
  sample: ANYWHERE,
  delay: WAITING,
  hold: WAITING,
  reject: {
    isAt: isArrival,
    mend: `answers in place of a handler: put it at ${ARRIVAL}, where none has begun; a call fails by fault`,
  },
  fault: {
    isAt: (name) => isDeparture(name) || (isCode(name) && placeOf(name).place === 'entry'),
    mend: `throws where a function begins or a call leaves: put it at file.ts:function or ${DEPARTURE}`,
  },
  route: {
    isAt: isDeparture,
    mend: `sends a call elsewhere: put it at ${DEPARTURE}, before it has a connection`,
  },
}

/** Every alternative of a tracepoint must be a place of the act. Errors: AdviceRefusal E_ADVICE_ACT. */
export function checkPlace(act: ActName, tracepoint: string, where: string): void {
  const { isAt, mend } = RULES[act]
  if (!tracepoint.split(',').every(isAt)) throw new AdviceRefusal('E_ADVICE_ACT', where, `${act}: ${mend}`)
}
