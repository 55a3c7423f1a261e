// Datasets over HTTP: definitions, questions, comparisons, backfills. A definition asks of every trace
// from now on,
// so changing one takes the right to install queries; it is tried on stored traces before it takes effect.

import type { DatasetCompare, DatasetDefinition, DatasetQuery } from '#protocol'
import {
  DatasetError,
  datasetLimits as limits,
  FeatureWorkerError,
  parseSql,
  type FeatureStats,
  type StoredDataset,
  type Trial,
} from '#traces'
import type { Datasets } from '../datasets.ts'
import type { DatasetRead } from '../dataset-reads.ts'
import type { Exchange, Handler, Services } from '../exchange.ts'
import { readJson, send, sendJson } from '../http-io.ts'
import { flag, integer, object, oneOf, optional, text, time } from '../parse.ts'
import type { Pipeline } from '../pipeline.ts'
import { RequestError } from '../server-error.ts'
import { whoIs } from './who.ts'

const definitionBody = object({
  owner: text(limits.NAME_CHARS_MAX),
  filter: optional(text(limits.DEFINITION_CHARS_MAX)),
  features: optional(text(2 * limits.DEFINITION_CHARS_MAX)),
  /** Instead of features. */
  file: optional(text(limits.NAME_CHARS_MAX + 3)),
  rowPer: optional(oneOf('trace', 'element', 'unit', 'block', 'point', 'edge')),
  retentionHours: optional(integer),
  maxBytes: optional(integer),
  /** Nothing is changed. */
  dryRun: optional(flag),
  /** Also when it costs more than it may. */
  force: optional(flag),
})

const NAME = /^[a-z][a-z0-9_-]{0,63}$/

export const listDatasets: Handler = async ({ response }, services) =>
  sendJson(response, 200, { datasets: services.datasets.list(await statsOf(services)) })

export const getDataset: Handler = async (exchange, services) => {
  const dataset = datasetOf(exchange, services.datasets)
  sendJson(exchange.response, 200, services.datasets.view(dataset, await statsOf(services)))
}

/** 422 carries every mistake of the texts; nothing is changed then. */
export const putDataset: Handler = async (exchange, services) => {
  const { datasets } = services
  const name = nameOf(exchange)
  const { dryRun, force, ...given } = definitionBody(await readJson(exchange.request), '')
  const definition = definitionOf(given)
  const by = whoIs(exchange)
  const draft = await asWritten(exchange, () => datasets.draft(name, definition, by))
  if (draft === undefined) return
  const isChanged = datasets.get(name) !== draft
  const trial = isChanged ? await tryOut(services.pipeline(), draft) : undefined
  if (trial !== undefined && force !== true) checkTrial(trial)
  const columns = draft.columns.map(({ field: _field, ...column }) => column)
  if (dryRun === true) return sendJson(exchange.response, 200, { columns, trial })
  const isNew = datasets.get(name) === undefined
  if (isChanged) {
    services.audit.add(by, 'dataset.put', {
      name,
      version: draft.version,
      ...definition,
      features: draft.features,
    })
    datasets.put(draft)
  }
  sendJson(exchange.response, isNew ? 201 : 200, { ...datasets.view(draft), trial })
}

/** What is made of a text; undefined = all its mistakes were answered. */
async function asWritten<T>(exchange: Exchange, make: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await make()
  } catch (error: unknown) {
    if (!(error instanceof DatasetError)) throw error
    const { code, message, hint, diagnostics } = error
    sendJson(exchange.response, 422, { error: { code, message, hint }, diagnostics })
    return undefined
  }
}

function definitionOf(given: {
  readonly owner: string
  readonly filter?: string
  readonly features?: string
  readonly file?: string
  readonly rowPer?: 'trace' | 'element' | 'unit' | 'block' | 'point' | 'edge'
  readonly retentionHours?: number
  readonly maxBytes?: number
}): DatasetDefinition {
  const { owner, filter = '', features = '', file, rowPer = 'trace', retentionHours, maxBytes } = given
  if (!/^[\w.@-]{1,64}$/.test(owner))
    throw bad('owner is 1 to 64 of A-Z a-z 0-9 _ . @ -', 'a team or a person: shop-team')
  if (retentionHours !== undefined && (retentionHours < 1 || retentionHours > limits.RETENTION_HOURS_MAX))
    throw bad(
      `retentionHours is 1..${limits.RETENTION_HOURS_MAX}`,
      `leave it out for ${limits.RETENTION_HOURS_DEFAULT}`,
    )
  if (maxBytes !== undefined && maxBytes < limits.DATASET_BYTES_MIN)
    throw bad(
      `maxBytes is at least ${limits.DATASET_BYTES_MIN}`,
      `leave it out for ${limits.DATASET_BYTES_DEFAULT}`,
    )
  if (file !== undefined && features !== '')
    throw bad('features and file exclude each other', "one dataset of pipelines, one of the file's")
  return {
    owner,
    filter,
    features,
    ...(file === undefined ? {} : { file }),
    rowPer: rowPer === 'element' ? 'block' : rowPer,
    ...(retentionHours === undefined ? {} : { retentionHours }),
    ...(maxBytes === undefined ? {} : { maxBytes }),
  }
}

/** undefined = there are no traces to try it on, or nobody who could. */
async function tryOut(pipeline: Pipeline | undefined, draft: StoredDataset): Promise<Trial | undefined> {
  try {
    return await pipeline?.features()?.tryOut(draft)
  } catch (error: unknown) {
    // While the store starts a definition is taken without a trial: quarantine still guards the others.
    if (error instanceof FeatureWorkerError) return undefined
    throw error
  }
}

function checkTrial({ traces, cpuMs, overBudget, failure }: Trial): void {
  if (failure !== undefined)
    throw new RequestError(
      422,
      'E_DATASET_FILE',
      `on the stored trace ${failure.traceId} it failed: ${failure.message}`,
      `crosscut features check FILE --on ${failure.traceId} shows it; or send force: true`,
    )
  const eachMs = cpuMs / Math.max(1, traces)
  if (traces === 0 || (eachMs <= limits.JOB_MS_MAX && overBudget === 0)) return
  throw new RequestError(
    422,
    'E_DATASET_COST',
    `on ${traces} stored traces these features took ${eachMs.toFixed(1)} ms each` +
      (overBudget > 0 ? `, and ${overBudget} had no room in their budget` : ''),
    `narrow the filter or record less (${limits.JOB_MS_MAX} ms a trace are allowed), or send force: true`,
  )
}

export const deleteDataset: Handler = (exchange, services) => {
  const { name } = datasetOf(exchange, services.datasets)
  services.audit.add(whoIs(exchange), 'dataset.remove', { name })
  services.datasets.remove(name)
  sendJson(exchange.response, 200, { name })
}

export const queryDataset: Handler = async (exchange, services) => {
  const dataset = datasetOf(exchange, services.datasets)
  const query = bodyOf<DatasetQuery>(await readJson(exchange.request))
  await answer(exchange, services, {
    kind: 'dataset-query',
    dataset,
    query: { ...query, select: query.select ?? [] },
  })
}

const sqlBody = object({ text: text(limits.SQL_CHARS_MAX), from: optional(time), to: optional(time) })

/** The same question as a statement; the dataset is the one that it names. */
export const askSql: Handler = async (exchange, services) => {
  const body = sqlBody(await readJson(exchange.request), '')
  const asked = await asWritten(exchange, () => parseSql(body.text))
  if (asked === undefined) return
  const dataset = datasetNamed(asked.dataset, services.datasets)
  const isAll = asked.query.select.join() === '*'
  const query = {
    ...asked.query,
    ...(isAll ? { select: dataset.columns.map(({ name }) => name) } : {}),
    ...(body.from === undefined ? {} : { from: String(body.from) }),
    ...(body.to === undefined ? {} : { to: String(body.to) }),
  }
  await answer(exchange, services, { kind: 'dataset-query', dataset, query })
}

export const compareDataset: Handler = async (exchange, services) => {
  const dataset = datasetOf(exchange, services.datasets)
  const compare = bodyOf<DatasetCompare>(await readJson(exchange.request))
  await answer(exchange, services, { kind: 'dataset-compare', dataset, compare })
}

const PARTS = [
  'select',
  'groupBy',
  'where',
  'from',
  'to',
  'everySeconds',
  'orderBy',
  'limit',
  'a',
  'b',
  'columns',
]

/** An object of known members; what is in them is read where their columns are known. */
function bodyOf<T>(value: unknown): T {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw bad('the body must be an object', "{ select: ['count'], groupBy: ['service'] }")
  const unknown = Object.keys(value).find((name) => !PARTS.includes(name))
  if (unknown !== undefined)
    throw bad(`a question has no part '${unknown.slice(0, 40)}'`, `its parts: ${PARTS.join(', ')}`)
  return value as T
}

async function answer({ response }: Exchange, services: Services, read: DatasetRead): Promise<void> {
  const pipeline = services.pipeline()
  if (pipeline === undefined)
    throw new RequestError(503, 'E_STARTING', 'the server is starting', 'try again in a second')
  const bytes = await pipeline.reads.read(read)
  send(response, 200, bytes ?? Buffer.from('null'), { 'content-type': 'application/json' })
}

export const startBackfill: Handler = async (exchange, services) => {
  const { name, version } = datasetOf(exchange, services.datasets)
  const given = bodyOf<{ readonly from?: unknown; readonly to?: unknown }>(await readJson(exchange.request))
  const fromNs = instantOf(given.from, 'from') ?? 0n
  const toNs = instantOf(given.to, 'to') ?? BigInt(services.nowMs() + 60_000) * 1_000_000n
  if (fromNs >= toNs) throw bad('from is not before to', 'from <= start of a trace < to')
  const by = whoIs(exchange)
  const view = services.datasets.startBackfill({ name, version, fromNs, toNs, by })
  services.audit.add(by, 'dataset.backfill', { name, version, from: String(fromNs), to: String(toNs) })
  sendJson(exchange.response, 202, view)
}

export const getBackfill: Handler = (exchange, { datasets }) => {
  const view = datasets.backfill(datasetOf(exchange, datasets).name)
  if (view === undefined) throw noBackfill()
  sendJson(exchange.response, 200, view)
}

export const cancelBackfill: Handler = (exchange, services) => {
  const { name } = datasetOf(exchange, services.datasets)
  const view = services.datasets.cancelBackfill(name)
  if (view === undefined) throw noBackfill()
  services.audit.add(whoIs(exchange), 'dataset.backfill.cancel', { name })
  sendJson(exchange.response, 200, view)
}

function instantOf(value: unknown, name: string): bigint | undefined {
  if (value === undefined || value === null || value === '') return undefined
  const given = String(value)
  if (/^\d{17,19}$/.test(given)) return BigInt(given)
  const ms = /^\d{1,16}$/.test(given) ? Number(given) : /^\d{4}-\d\d/.test(given) ? Date.parse(given) : NaN
  if (Number.isFinite(ms) && ms >= 0) return BigInt(ms) * 1_000_000n
  throw bad(`${name} must be a time`, 'ms or ns since the epoch, or ISO 8601: 2026-11-28T10:00:00Z')
}

async function statsOf(services: Services): Promise<FeatureStats | undefined> {
  return services.pipeline()?.features()?.stats()
}

function nameOf({ params }: Exchange): string {
  const name = params['name'] ?? ''
  if (NAME.test(name)) return name
  throw bad('a name of a dataset is a-z, then up to 63 of a-z 0-9 _ -', 'checkout-requests')
}

const datasetOf = ({ params }: Exchange, datasets: Datasets): StoredDataset =>
  datasetNamed(params['name'] ?? '', datasets)

function datasetNamed(name: string, datasets: Datasets): StoredDataset {
  const dataset = datasets.get(name)
  if (dataset !== undefined) return dataset
  throw new RequestError(
    404,
    'E_NOT_FOUND',
    `there is no dataset '${name.slice(0, 64)}'`,
    'GET /api/v1/datasets lists them; PUT makes one',
  )
}

function noBackfill(): RequestError {
  return new RequestError(404, 'E_NOT_FOUND', 'no backfill was started', 'POST to it with { from, to }')
}

function bad(message: string, hint: string): RequestError {
  return new RequestError(400, 'E_BAD_REQUEST', message, hint)
}
