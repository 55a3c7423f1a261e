// Live queries over HTTP: installing one is a deployment, so it is audited before it is told.

import type { QueryView } from '#protocol'
import { explain, parse, QueryError, type Explanation } from '#query'
import type { Exchange, Handler, Services } from '../exchange.ts'
import { checkMay, installing, removing } from '../grants.ts'
import { openEventStream, readJson, sendJson } from '../http-io.ts'
import {
  PAST_MS_DEFAULT,
  QUERY_BUDGET_BYTES_DEFAULT,
  QUERY_BUDGET_BYTES_MAX,
  QUERY_TTL_MS_DEFAULT,
  QUERY_TTL_MS_MAX,
  ROLLED_UP_COLUMNS_MAX,
} from '../limits.ts'
import { integer, number, object, oneOf, optional, text, time } from '../parse.ts'
import { RequestError } from '../server-error.ts'
import type { PlanChoice } from '../queries.ts'
import { answer } from './traces.ts'
import { whoIs } from './who.ts'

const body = object({
  text: text(64 * 1024),
  ttlSeconds: optional(number),
  name: optional(text(64)),
  plan: optional(oneOf('auto', 'baggage', 'recorded')),
  budgetBytes: optional(integer),
  /** Nothing is installed. */
  dryRun: optional((value: unknown) => value === true),
})

/** 422 names the first mistake and carries all of them; nothing is installed then. */
export const postQuery: Handler = async (exchange, services) => {
  const {
    text: source,
    ttlSeconds,
    name,
    dryRun,
    plan,
    budgetBytes,
  } = body(await readJson(exchange.request), '')
  if (name !== undefined && !/^[A-Za-z_][\w.-]{0,63}$/.test(name))
    throw new RequestError(
      400,
      'E_BAD_REQUEST',
      'a query name is a letter, then up to 63 of A-Z a-z 0-9 _ . -',
      'rename it, or leave it out',
    )
  const ttlMs = (ttlSeconds ?? QUERY_TTL_MS_DEFAULT / 1000) * 1000
  if (!(ttlMs >= 1000 && ttlMs <= QUERY_TTL_MS_MAX))
    throw new RequestError(
      400,
      'E_BAD_REQUEST',
      `ttlSeconds is from 1 to ${QUERY_TTL_MS_MAX / 1000}`,
      'leave it out for ten minutes',
    )
  try {
    checkMay(exchange.caller, installing(services.queries.compile(source), 'query:install'))
    const explanation = explain(source, { views: services.queries.views })
    const warnings = warningsOf(source, services)
    const choice = choiceOf({ plan, budgetBytes }, explanation)
    if (dryRun === true) return sendJson(exchange.response, 200, { explanation, warnings })
    const by = whoIs(exchange)
    services.audit.add(by, 'query.install', {
      text: source,
      ttlMs,
      ...(name === undefined ? {} : { name }),
    })
    const view = services.queries.install({ text: source, name, ttlMs, by, ...choice })
    sendJson(exchange.response, 201, { ...view, explanation, warnings } satisfies Installed)
  } catch (error: unknown) {
    if (!(error instanceof QueryError)) throw error
    sendMistakes(exchange, error, 'nothing was installed')
  }
}

function sendMistakes(
  { response }: Exchange,
  { code, message, diagnostics }: QueryError,
  hint: string,
): void {
  sendJson(response, 422, { error: { code, message, hint }, diagnostics })
}

const pastBody = object({ text: text(64 * 1024), from: optional(time), to: optional(time) })

/** The same language, of stored traces. 422 as for a live one. */
export const askPast: Handler = async (exchange, services) => {
  const body = pastBody(await readJson(exchange.request), '')
  const { text: source, to: toNs = BigInt(services.nowMs()) * 1_000_000n } = body
  const { from: fromNs = toNs - BigInt(PAST_MS_DEFAULT) * 1_000_000n } = body
  const { views } = services.queries
  const { query, diagnostics } = parse(source, { views })
  if (query === undefined) return sendMistakes(exchange, new QueryError(diagnostics), 'nothing was asked')
  if (fromNs > toNs)
    throw new RequestError(400, 'E_BAD_REQUEST', 'from is after to', 'give both as times, from first')
  await answer(exchange, services, { kind: 'past', text: source, views, fromNs, toNs })
}

type Wanted = {
  readonly plan: 'auto' | 'baggage' | 'recorded' | undefined
  readonly budgetBytes: number | undefined
}

/** Tuples ride in baggage while they are expected to fit; whether they do is seen when it runs. */
function choiceOf(
  { plan = 'auto', budgetBytes: budget }: Wanted,
  { bytesPerRequest }: Explanation,
): PlanChoice {
  const budgetBytes = budget ?? QUERY_BUDGET_BYTES_DEFAULT
  if (budgetBytes > QUERY_BUDGET_BYTES_MAX)
    throw new RequestError(
      400,
      'E_BAD_REQUEST',
      `budgetBytes is at most ${QUERY_BUDGET_BYTES_MAX}`,
      'ask for less',
    )
  if (plan === 'recorded') return { kind: 'recorded', isFixed: true, reason: 'asked for' }
  if (plan === 'baggage' || bytesPerRequest <= budgetBytes)
    return { kind: 'baggage', isFixed: plan === 'baggage' }
  const reason = `about ${bytesPerRequest} bytes of baggage a request, above the budget of ${budgetBytes}`
  return { kind: 'recorded', isFixed: true, reason }
}

type Installed = QueryView & { readonly explanation: Explanation; readonly warnings: readonly string[] }

/** Names that no connected process knows: it may start later, but more often it is misspelt. */
function warningsOf(source: string, { agents, queries }: Services): readonly string[] {
  const vocabulary = agents.tracepoints('*')
  const { diagnostics } = parse(source, { views: queries.views, vocabulary })
  return diagnostics.map(({ message, suggestion }) =>
    suggestion === undefined ? message : `${message}; is ${suggestion} meant?`,
  )
}

export const listQueries: Handler = ({ response }, { queries }) =>
  sendJson(response, 200, { queries: queries.list() })

export const queryResults: Handler = ({ request, response, params, query }, { queries }) => {
  const id = params.id ?? ''
  const by = rolledUpBy(query)
  if (/\btext\/event-stream\b/.test(request.headers.accept ?? '')) {
    if (queries.results(id) === undefined) throw noQuery(id)
    queries.stream(id, openEventStream(response), by)
    return
  }
  const results = queries.results(id, by)
  if (results === undefined) throw noQuery(id)
  const since = query.get('since')
  const isOld = since !== null && /^\d{1,15}$/.test(since) && results.seq <= Number(since)
  sendJson(response, 200, isOld ? { ...results, rows: [], isUnchanged: true } : results)
}

function rolledUpBy(query: URLSearchParams): readonly string[] {
  const by = [...new Set(query.getAll('by'))]
  if (by.length <= ROLLED_UP_COLUMNS_MAX) return by
  throw new RequestError(400, 'E_BAD_REQUEST', `by is at most ${ROLLED_UP_COLUMNS_MAX} columns`, 'name fewer')
}

export const deleteQuery: Handler = (exchange, services) => {
  const id = exchange.params.id ?? ''
  const tool = services.queries.packageOf(id)
  if (tool === undefined) throw noQuery(id)
  checkMay(exchange.caller, removing(tool, 'query:install'))
  services.audit.add(whoIs(exchange), 'query.remove', { id })
  services.queries.remove(id)
  sendJson(exchange.response, 200, { id })
}

function noQuery(id: string): RequestError {
  return new RequestError(
    404,
    'E_NOT_FOUND',
    `no query ${id.slice(0, 40)} runs`,
    'it may have expired: crosscut queries',
  )
}
