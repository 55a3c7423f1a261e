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
const nobody = (mend: string): Rule => ({ isAt: () => false, mend })

/** By its name: a pattern may stand for places that are none. */
const ARRIVAL = 'http.server.request.start'
const isArrival = (name: string): boolean => name === ARRIVAL

const RULES: { readonly [A in ActName]: Rule } = {
  tag: ANYWHERE,
  logLevel: ANYWHERE,
  capture: ANYWHERE,
  sample: ANYWHERE,
  delay: {
    isAt: isArrival,
    mend: `waits, and only at ${ARRIVAL} is there nothing yet that would go on meanwhile: put it there`,
  },
  reject: {
    isAt: isArrival,
    mend: `answers in place of a handler, and only at ${ARRIVAL} has none begun: put it there`,
  },
  fault: {
    isAt: (name) => isCode(name) && placeOf(name).place === 'entry',
    mend: 'throws where a function begins: put it at one, file.ts:function',
  },
  hold: nobody('no agent carries it out: nobody could release what it holds'),
  route: nobody('no agent carries it out: no call asks for a destination'),
}

/** Every alternative of a tracepoint must be a place of the act. Errors: AdviceRefusal E_ADVICE_ACT. */
export function checkPlace(act: ActName, tracepoint: string, where: string): void {
  const { isAt, mend } = RULES[act]
  if (!tracepoint.split(',').every(isAt)) throw new AdviceRefusal('E_ADVICE_ACT', where, `${act}: ${mend}`)
}
