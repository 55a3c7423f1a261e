// Notebooks over HTTP, and the rows of features that their cells ask for. Writing one takes the right that
// making a dataset takes; reading and looking around only that of reading.

import { compileFeatures, compileFilter } from '#model'
import { datasetLimits as limits } from '#traces'
import type { Exchange, Handler } from '../exchange.ts'
import { isGranted, type Caller } from '../grants.ts'
import { readJson, sendJson } from '../http-io.ts'
import { FILTER_TEXT_MAX } from '../limits.ts'
import { readContent, readName, type NotebookAuthor } from '../notebooks.ts'
import { object, oneOf, optional, text, time } from '../parse.ts'
import { RequestError } from '../server-error.ts'
import { answer } from './traces.ts'
import { whoIs } from './who.ts'

export const listNotebooks: Handler = ({ response }, { notebooks }) =>
  sendJson(response, 200, { notebooks: notebooks.list() })

export const getNotebook: Handler = ({ response, params, query }, { notebooks }) => {
  const version = query.get('version')
  if (version !== null && !/^\d{1,9}$/.test(version))
    throw new RequestError(400, 'E_BAD_REQUEST', 'version must be a whole number', 'leave it out')
  const found = notebooks.get(params.id ?? '', version === null ? undefined : Number(version))
  sendJson(response, 200, found ?? missing())
}

export const postNotebook: Handler = async (exchange, { notebooks, audit }) => {
  const body = await readJson(exchange.request)
  const draft = { ...readContent(body), name: readName(Object(body).name) }
  const view = notebooks.create(draft, authorOf(exchange))
  audit.add(whoIs(exchange), 'notebook.put', { id: view.id, name: view.name, version: view.version })
  sendJson(exchange.response, 201, view)
}

export const putNotebook: Handler = async (exchange, { notebooks, audit }) => {
  const body = await readJson(exchange.request)
  const { name, version } = Object(body)
  if (!Number.isSafeInteger(version))
    throw new RequestError(
      400,
      'E_BAD_REQUEST',
      'version must say which version this was made from',
      'GET the notebook: it is its version',
    )
  const draft = { ...readContent(body), name: readName(name), version }
  const view = notebooks.change(exchange.params.id ?? '', draft, authorOf(exchange)) ?? missing()
  audit.add(whoIs(exchange), 'notebook.put', { id: view.id, name: view.name, version: view.version })
  sendJson(exchange.response, 200, view)
}

export const deleteNotebook: Handler = (exchange, { notebooks, audit }) => {
  const id = exchange.params.id ?? ''
  if (!notebooks.remove(id, authorOf(exchange))) missing()
  audit.add(whoIs(exchange), 'notebook.remove', { id })
  sendJson(exchange.response, 200, { id })
}

/** A token with a name owns what it makes, by its browser too; the others are one operator. */
function authorOf(exchange: Exchange): NotebookAuthor {
  const { caller } = exchange
  return { owner: ownerOf(caller), by: whoIs(exchange), isAdmin: isGranted(caller.may, { verb: 'admin' }) }
}

const ownerOf = ({ name, tokenId }: Caller): string =>
  tokenId === undefined ? 'operator' : name.replace(/^browser of /, '')

function missing(): never {
  throw new RequestError(
    404,
    'E_NOT_FOUND',
    'there is no such notebook, or not that version any more',
    'GET /api/v1/notebooks lists them',
  )
}

const rowsBody = object({
  features: text(limits.DEFINITION_CHARS_MAX),
  filter: optional(text(limits.DEFINITION_CHARS_MAX)),
  rowPer: optional(oneOf('trace', 'unit', 'block', 'point', 'edge')),
  from: optional(time),
  to: optional(time),
  cursor: optional(text(FILTER_TEXT_MAX)),
})

/** 422 carries every mistake of the texts. */
export const featureRows: Handler = async (exchange, services) => {
  const body = rowsBody(await readJson(exchange.request), '')
  const { features, filter = '', rowPer = 'trace', from: fromNs, to: toNs, cursor } = body
  const diagnostics = [
    ...compileFeatures(features, { rowPer }).diagnostics,
    ...(filter.trim() === '' ? [] : compileFilter(filter).diagnostics),
  ].filter(({ severity }) => severity === 'error')
  if (diagnostics.length > 0) {
    const message = diagnostics[0]?.message ?? ''
    const error = { code: 'E_FEATURES', message, hint: 'docs/reference/features.md has every function' }
    return sendJson(exchange.response, 422, { error, diagnostics })
  }
  const read = { kind: 'feature-rows', features, filter, rowPer, fromNs, toNs, cursor } as const
  await answer(exchange, services, read)
}
