// What a caller may do: verbs, some of them at certain tracepoints only.
//
//   query:install@shop/**,http.*      a verb, then globs over names of tracepoints; none = everywhere
//
// A route asks for a verb, a package for the tracepoints of each of its advices too. An alternative of a
// pattern that a grant does not provably cover is refused (`coversTracepoint`).
// Source: reliability spec 2.2 (installing a query is a deployment).

import { coversTracepoint, placeOf } from '#advice'
import { nearest } from '#base'
import { VERBS, type Instruction, type ToolPackage, type Verb } from '#protocol'
import { DEFAULT_VARS } from '#query'
import { RequestError } from './server-error.ts'

/** `agent` is what the token of agents may, and no other is granted it. */
export type Right = Verb | 'agent'

export type Grant = {
  readonly verb: Right
  /** Globs with commas; undefined = everywhere. */
  readonly within: string | undefined
}

export type Demand = {
  readonly verb: Right
  /** undefined = somewhere. */
  readonly tracepoint?: string
}

export type Caller = {
  /** As the audit log and refusals name it. */
  readonly name: string
  readonly may: readonly Grant[]
  /** The browser sent it by itself, so requests that change something must prove their origin. */
  readonly isBrowser: boolean
  /** Of a token with a name; what it does ends with it. */
  readonly tokenId: string | undefined
}

const LIMITABLE: ReadonlySet<string> = new Set<Verb>(['query:install', 'query:capture-values', 'tool:deploy'])
const GLOB = /^[\w$.:*/<>@#~-]+$/

/** Errors: 400 E_BAD_REQUEST. */
export function parseGrant(text: string): Grant {
  const [, word = '', within] = /^([^@]*)(?:@(.*))?$/s.exec(text) ?? []
  const verb = VERBS.find((one) => one === word)
  if (verb === undefined) {
    const close = nearest(word, VERBS)
    const hint = close === undefined ? `verbs are ${VERBS.join(', ')}` : `is ${close} meant?`
    throw bad(`there is no verb '${word.slice(0, 40)}'`, hint)
  }
  if (within === undefined) return { verb, within }
  if (!LIMITABLE.has(verb)) throw bad(`${verb} is not limited to tracepoints`, `grant ${verb} by itself`)
  const wrong = within.split(',').find((glob) => !GLOB.test(glob) || placeOf(glob).of !== glob)
  if (wrong === undefined) return { verb, within }
  throw bad(
    `'${wrong.slice(0, 40)}' is no glob over names of tracepoints`,
    'shop/**, http.*, store.ts:Store.*: without the place in the function',
  )
}

export const grantText = ({ verb, within }: Grant): string =>
  within === undefined ? verb : `${verb}@${within}`

export function isGranted(may: readonly Grant[], { verb, tracepoint }: Demand): boolean {
  if (may.some((grant) => grant.verb === 'admin')) return true
  const own = may.filter((grant) => grant.verb === verb)
  if (own.length === 0) return false
  const globs = own.flatMap(({ within }) => within ?? [])
  if (tracepoint === undefined || globs.length < own.length) return true
  return coversTracepoint(globs.join(','), tracepoint)
}

/** Errors: 403 E_FORBIDDEN, with all that is missing. */
export function checkMay({ name, may }: Caller, demands: readonly Demand[]): void {
  const missing = demands.filter((demand) => !isGranted(may, demand))
  const [first] = missing
  if (first === undefined) return
  const at = first.tracepoint === undefined ? '' : ` at ${shortOf(first.tracepoint)}`
  const wanted = missing.map(({ verb, tracepoint }) =>
    grantText({
      verb,
      within: tracepoint
        ?.split(',')
        .map((one) => placeOf(one).of)
        .join(','),
    }),
  )
  const shown = [...new Set(wanted)].map(shortOf).slice(0, MISSING_SHOWN)
  throw new RequestError(
    403,
    'E_FORBIDDEN',
    `${name} may not ${DEEDS[first.verb]}${at}`,
    `missing: ${shown.join(' ')}; an operator makes a token that may: crosscut token create`,
  )
}

const MISSING_SHOWN = 4
const shortOf = (text: string): string => (text.length > 160 ? `${text.slice(0, 160)}..` : text)

const DEEDS: Readonly<Record<Right, string>> = {
  read: 'read what the system does',
  'query:install': 'install or remove queries',
  'query:capture-values': 'read values (arguments, results, headers, attributes)',
  'tool:deploy': 'deploy or remove tools',
  'sampling:set': 'set or remove sampling policies',
  'policy:throttle': 'throttle',
  admin: 'administer this server',
  agent: 'speak as an agent',
}

type Deployment = 'query:install' | 'tool:deploy'

/** What installing a package takes. */
export function installing(tool: ToolPackage, verb: Deployment): readonly Demand[] {
  const captures = tool.advice.filter(({ tracepoint, instructions }) =>
    instructions.some((instruction) => isCapture(instruction, tracepoint, verb)),
  )
  return [
    ...removing(tool, verb),
    ...captures.map(({ tracepoint }): Demand => ({ verb: 'query:capture-values', tracepoint })),
  ]
}

/** What removing a package takes, or putting another in its place. */
export function removing({ advice }: ToolPackage, verb: Deployment): readonly Demand[] {
  return advice.map(({ tracepoint }) => ({ verb, tracepoint }))
}

/** A query unpacks only what it packed itself; a tool may unpack what others did. */
function isCapture(instruction: Instruction, tracepoint: string, verb: Deployment): boolean {
  if (instruction.op === 'unpack') return verb === 'tool:deploy'
  return instruction.op === 'observe' && !instruction.vars.every((name) => isPlain(name, tracepoint))
}

/** How long, everywhere; with what status and how late, where we measure it ourselves. */
const PLAIN: ReadonlySet<string> = new Set([...DEFAULT_VARS, 'durationMs'])
const MEASURED: ReadonlySet<string> = new Set(['status', 'p50Ms', 'p99Ms', 'maxMs'])
const MEASURING = /^(http\.(server|client)\.(response|request\.end)|span\.end|node\.eventloop\.delay)$/

function isPlain(name: string, tracepoint: string): boolean {
  if (PLAIN.has(name)) return true
  return MEASURED.has(name) && tracepoint.split(',').every((one) => MEASURING.test(one))
}

function bad(message: string, hint: string): RequestError {
  return new RequestError(400, 'E_BAD_REQUEST', message, hint)
}
