// Sampling policies (told to every agent within a second) and the tail rule (told to the trace worker). Every
// change is audited before it is in force.

import { readSamplingPolicy, readTailRule, type SamplingList, type SamplingPolicy } from '#protocol'
import type { Handler, Services } from '../exchange.ts'
import { readJson, sendJson } from '../http-io.ts'
import { SAMPLING_TTL_SECONDS_MAX } from '../limits.ts'
import { RequestError } from '../server-error.ts'
import { whoIs } from './who.ts'

export const listSampling: Handler = ({ response }, { sampling, state }) => {
  const list: SamplingList = {
    policies: sampling.policies,
    tail: sampling.tail ?? null,
    stateVersion: state.version,
  }
  sendJson(response, 200, list)
}

export const getSampling: Handler = ({ response, params }, services) =>
  sendJson(response, 200, found(services, params.name))

export const putSampling: Handler = async (exchange, { sampling, state, audit, nowMs }) => {
  const name = exchange.params.name ?? ''
  const body = await readJson(exchange.request)
  const held: { readonly [member: string]: unknown } = { ...Object(body) }
  if (held['name'] !== undefined && held['name'] !== name)
    throw bad('the name in the body is not the name in the path', 'leave it out of the body')
  const endsMs = endOf(held['ttlSeconds'], nowMs())
  const read = readSamplingPolicy({ ...held, name, ...(endsMs === undefined ? {} : { endsMs }) })
  if ('wrong' in read) throw bad(read.wrong, 'docs/concepts/sampling.md has examples')
  if (read.policy.endsMs !== undefined && read.policy.endsMs <= nowMs())
    throw bad('endsMs is over', 'give ttlSeconds, or a time to come')
  sampling.checkRoom(name)
  audit.add(whoIs(exchange), 'sampling.set', auditOf(read.policy))
  sampling.set(read.policy, exchange.caller.name)
  sendJson(exchange.response, 200, { ...read.policy, stateVersion: state.version })
}

export const deleteSampling: Handler = (exchange, services) => {
  const { name } = found(services, exchange.params.name)
  services.audit.add(whoIs(exchange), 'sampling.remove', { name })
  services.sampling.remove(name)
  sendJson(exchange.response, 200, { name, stateVersion: services.state.version })
}

export const getTail: Handler = ({ response }, { sampling }) => {
  const { tail } = sampling
  if (tail === undefined) throw noTail()
  sendJson(response, 200, tail)
}

export const putTail: Handler = async (exchange, { sampling, audit }) => {
  const read = readTailRule(await readJson(exchange.request))
  if ('wrong' in read) throw bad(read.wrong, 'docs/concepts/sampling.md says what a rule deletes')
  audit.add(whoIs(exchange), 'tail.set', { ...read.rule })
  sampling.setTail(read.rule)
  sendJson(exchange.response, 200, read.rule)
}

export const deleteTail: Handler = (exchange, { sampling, audit }) => {
  if (sampling.tail === undefined) throw noTail()
  audit.add(whoIs(exchange), 'tail.remove', {})
  sampling.setTail(undefined)
  sendJson(exchange.response, 200, { ok: true })
}

/** What the audit log can hold of it: one line of plain values. */
function auditOf({ name, owner, strategy, restraints, levelOfDetail, endsMs = 0 }: SamplingPolicy) {
  return {
    name,
    owner,
    strategy: strategy.kind === 'rate' ? `${strategy.perSecond}/s` : `probability ${strategy.probability}`,
    restraints: restraints
      .map(({ attribute, test, value }) => `${attribute} ${test === 'glob' ? '~' : '='} ${value}`)
      .join(', '),
    levelOfDetail,
    endsMs,
  }
}

function endOf(ttlSeconds: unknown, nowMs: number): number | undefined {
  if (ttlSeconds === undefined || ttlSeconds === null) return undefined
  if (typeof ttlSeconds === 'number' && ttlSeconds > 0 && ttlSeconds <= SAMPLING_TTL_SECONDS_MAX)
    return nowMs + Math.ceil(ttlSeconds * 1000)
  throw bad(
    `ttlSeconds must be a number above 0, at most ${SAMPLING_TTL_SECONDS_MAX}`,
    'without it a policy lives until it is removed',
  )
}

function found({ sampling }: Services, wanted: string | undefined) {
  const policy = sampling.policies.find(({ name }) => name === wanted)
  if (policy !== undefined) return policy
  throw new RequestError(
    404,
    'E_NOT_FOUND',
    `there is no sampling policy ${wanted ?? ''}`,
    'crosscut sampling ls lists them',
  )
}

const noTail = (): RequestError =>
  new RequestError(404, 'E_NOT_FOUND', 'there is no tail rule: every trace is kept', 'PUT sets one')

const bad = (message: string, hint: string): RequestError =>
  new RequestError(400, 'E_BAD_REQUEST', message, hint)
