// Notebooks that people keep: one file each in the folder `notebooks`, with its last versions. The newest
// version of each is held in memory, so that listing reads no disk.
//
//   create ──► id, version 1 ──► notebooks/ID.json
//   change (names the version it is made from) ──► version + 1, or 409 when somebody was faster
//
// Owner: the server; one writer. With a hundred servers they belong into the store.

import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import type { NotebookCell, NotebookContent, NotebookSummary, NotebookView } from '#protocol'
import { readIfThere, replaceFile } from './files.ts'
import {
  NOTEBOOK_BYTES_MAX,
  NOTEBOOK_CELLS_MAX,
  NOTEBOOK_FILE_BYTES_MAX,
  NOTEBOOK_NAME_CHARS_MAX,
  NOTEBOOK_VERSIONS_MAX,
  NOTEBOOKS_MAX,
} from './limits.ts'
import { RequestError, ServerError } from './server-error.ts'

type Version = NotebookContent & {
  readonly version: number
  readonly name: string
  readonly changedMs: number
  readonly by: string
}
type Kept = {
  readonly id: string
  readonly owner: string
  readonly createdMs: number
  readonly newest: Version
  /** Older ones whose content is in the file, oldest first. */
  readonly older: readonly number[]
}
/** Versions oldest first; the last is the newest. */
type Saved = {
  readonly format: 1
  readonly id: string
  readonly owner: string
  readonly createdMs: number
  readonly versions: readonly Version[]
}

export type NotebookAuthor = {
  readonly owner: string
  /** As the audit log names them. */
  readonly by: string
  /** May change what others own. */
  readonly isAdmin: boolean
}
export type NotebookDraft = NotebookContent & { readonly name: string }

export class Notebooks {
  readonly #dir: string
  readonly #nowMs: () => number
  readonly #kept = new Map<string, Kept>()

  /** Errors: E_DATA_DAMAGED. */
  constructor({ dir, nowMs }: { readonly dir: string; readonly nowMs: () => number }) {
    this.#dir = dir
    this.#nowMs = nowMs
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    for (const file of readdirSync(dir)) {
      if (!/^[0-9a-f]{16}\.json$/.test(file)) continue
      const saved = readSaved(path.join(dir, file))
      this.#kept.set(saved.id, keptOf(saved))
    }
  }

  /** Changed last first. */
  list(): readonly NotebookSummary[] {
    const rows = [...this.#kept.values()].map(summaryOf)
    return rows.sort((a, b) => b.changedMs - a.changedMs || (a.id < b.id ? -1 : 1))
  }

  /** Without a version the newest. undefined = there is none, or it is not kept any more. */
  get(id: string, version?: number): NotebookView | undefined {
    const kept = this.#kept.get(id)
    if (kept === undefined) return undefined
    if (version === undefined || version === kept.newest.version) return viewOf(kept, kept.newest)
    if (!kept.older.includes(version)) return undefined
    const old = readSaved(this.#fileOf(id)).versions.find((one) => one.version === version)
    return old === undefined ? undefined : viewOf(kept, old)
  }

  /** Errors: 409 E_TOO_MANY_NOTEBOOKS, E_NOTEBOOK_NAME. */
  create(draft: NotebookDraft, { owner, by }: NotebookAuthor): NotebookView {
    if (this.#kept.size >= NOTEBOOKS_MAX)
      throw new RequestError(
        409,
        'E_TOO_MANY_NOTEBOOKS',
        `there are ${NOTEBOOKS_MAX} notebooks already`,
        'delete one that nobody needs, or share this one by its own address',
      )
    this.#checkName(draft.name)
    const nowMs = this.#nowMs()
    const id = randomBytes(8).toString('hex')
    const versions = [{ ...contentOf(draft), version: 1, changedMs: nowMs, by }]
    return this.#write({ format: 1, id, owner, createdMs: nowMs, versions })
  }

  /**
   * undefined = there is no such notebook. Errors: 403 E_NOTEBOOK_OWNER; 409 E_NOTEBOOK_CHANGED when
   * `version` is not the newest, E_NOTEBOOK_NAME.
   */
  change(
    id: string,
    draft: NotebookDraft & { readonly version: number },
    author: NotebookAuthor,
  ): NotebookView | undefined {
    const kept = this.#kept.get(id)
    if (kept === undefined) return undefined
    checkOwner(kept, author)
    const { newest } = kept
    if (draft.version !== newest.version)
      throw new RequestError(
        409,
        'E_NOTEBOOK_CHANGED',
        `version ${newest.version} was saved by ${newest.by} meanwhile; this was made from ${draft.version}`,
        `look at the newest, or send version ${newest.version} to replace it: the older one is kept beside`,
      )
    if (draft.name !== newest.name) this.#checkName(draft.name)
    const versions = readSaved(this.#fileOf(id)).versions
    const next = {
      ...contentOf(draft),
      version: newest.version + 1,
      changedMs: this.#nowMs(),
      by: author.by,
    }
    const { owner, createdMs } = kept
    return this.#write({ format: 1, id, owner, createdMs, versions: lastOf([...versions, next]) })
  }

  /** False = there is none. Errors: 403 E_NOTEBOOK_OWNER. */
  remove(id: string, author: NotebookAuthor): boolean {
    const kept = this.#kept.get(id)
    if (kept === undefined) return false
    checkOwner(kept, author)
    rmSync(this.#fileOf(id), { force: true })
    this.#kept.delete(id)
    return true
  }

  #write(saved: Saved): NotebookView {
    replaceFile(this.#fileOf(saved.id), JSON.stringify(saved))
    const kept = keptOf(saved)
    this.#kept.set(saved.id, kept)
    return viewOf(kept, kept.newest)
  }

  /** Saving by name: one name is one notebook. */
  #checkName(name: string): void {
    const other = [...this.#kept.values()].find(({ newest }) => newest.name === name)
    if (other === undefined) return
    throw new RequestError(
      409,
      'E_NOTEBOOK_NAME',
      `${other.owner} has a notebook of that name`,
      `choose another name, or change the one that is there: ${other.id}`,
    )
  }

  /** ids are made here or matched in the map: no path comes from outside. */
  #fileOf(id: string): string {
    return path.join(this.#dir, `${id}.json`)
  }
}

function checkOwner({ owner }: Kept, author: NotebookAuthor): void {
  if (author.isAdmin || author.owner === owner) return
  throw new RequestError(
    403,
    'E_NOTEBOOK_OWNER',
    `the notebook belongs to ${owner}`,
    'save a copy under another name',
  )
}

const contentOf = ({ name, cells, sample }: NotebookDraft): NotebookDraft => ({ name, cells, sample })

/** The newest versions that fit into the file; the newest itself always does. */
function lastOf(versions: readonly Version[]): readonly Version[] {
  let bytes = 0
  const kept = versions.slice(-NOTEBOOK_VERSIONS_MAX).toReversed()
  const fitting = kept.filter((version, at) => {
    bytes += bytesOf(version)
    return at === 0 || bytes <= NOTEBOOK_FILE_BYTES_MAX
  })
  return fitting.toReversed()
}

export const bytesOf = (content: NotebookContent): number => Buffer.byteLength(JSON.stringify(content.cells))

function keptOf({ id, owner, createdMs, versions }: Saved): Kept {
  const newest = versions.at(-1)
  if (newest === undefined) throw new Error('a notebook has a version')
  return { id, owner, createdMs, newest, older: versions.slice(0, -1).map(({ version }) => version) }
}

function summaryOf({ id, owner, createdMs, newest }: Kept): NotebookSummary {
  const { name, version, changedMs, by: changedBy, cells } = newest
  const size = { cellCount: cells.length, bytes: bytesOf(newest) }
  return { id, name, owner, version, createdMs, changedMs, changedBy, ...size }
}

function viewOf(kept: Kept, { version, name, changedMs, by, cells, sample }: Version): NotebookView {
  const newest = summaryOf(kept)
  return {
    ...newest,
    version,
    name,
    changedMs,
    changedBy: by,
    cellCount: cells.length,
    bytes: bytesOf({ cells, sample }),
    cells,
    sample,
    olderVersions: kept.older,
  }
}

/** Refuses to start on a damaged file: a notebook that is lost silently is somebody's work. */
function readSaved(file: string): Saved {
  try {
    return savedOf(JSON.parse(readIfThere(file) ?? ''))
  } catch (cause: unknown) {
    throw new ServerError(
      'E_DATA_DAMAGED',
      `${file} holds no notebook; restore it from a copy, or move it away`,
      { cause },
    )
  }
}

function savedOf(json: unknown): Saved {
  const { format, id, owner, createdMs, versions } = Object(json)
  const isWhole =
    format === 1 &&
    /^[0-9a-f]{16}$/.test(String(id)) &&
    typeof owner === 'string' &&
    typeof createdMs === 'number' &&
    Array.isArray(versions) &&
    versions.length > 0
  if (!isWhole) throw new Error('members are missing')
  return { format, id, owner, createdMs, versions: versions.map(versionOf) }
}

function versionOf(json: unknown): Version {
  const { version, name, changedMs, by, ...content } = Object(json)
  if (!Number.isSafeInteger(version) || typeof name !== 'string' || typeof changedMs !== 'number')
    throw new Error('a version is not whole')
  return { version, name, changedMs, by: String(by), ...readContent(content) }
}

const ROW_PER = ['trace', 'unit', 'block', 'point', 'edge'] as const

/** What comes from outside or from disk as exact types. Errors: 400 E_BAD_REQUEST says what is wrong. */
export function readContent(json: unknown): NotebookContent {
  const { cells, sample } = Object(json)
  if (!Array.isArray(cells) || cells.length > NOTEBOOK_CELLS_MAX)
    throw bad(`cells is a list of at most ${NOTEBOOK_CELLS_MAX}`)
  const isSample = sample === 'all' || (Number.isSafeInteger(sample) && sample > 0 && sample <= 1_000)
  if (!isSample) throw bad("sample is 1..1000, or 'all'")
  const content: NotebookContent = { cells: cells.map(cellOf), sample }
  if (bytesOf(content) <= NOTEBOOK_BYTES_MAX) return content
  throw new RequestError(
    413,
    'E_TOO_LARGE',
    `the cells are larger than ${NOTEBOOK_BYTES_MAX} bytes`,
    'divide the notebook',
  )
}

function cellOf(json: unknown, at: number): NotebookCell {
  const { kind, rowPer, text } = Object(json)
  if (typeof text !== 'string') throw bad(`cells[${at}].text must be text`)
  if (kind === 'sql' || kind === 'text') return { kind, text }
  if (kind !== 'features') throw bad(`cells[${at}].kind must be features, sql or text`)
  const row = ROW_PER.find((one) => one === (rowPer ?? 'trace'))
  if (row === undefined) throw bad(`cells[${at}].rowPer must be one of ${ROW_PER.join(', ')}`)
  return { kind, rowPer: row, text }
}

export function readName(name: unknown): string {
  const trimmed = typeof name === 'string' ? name.trim() : ''
  if (trimmed === '' || trimmed.length > NOTEBOOK_NAME_CHARS_MAX)
    throw bad(`name is 1..${NOTEBOOK_NAME_CHARS_MAX} characters`)
  return trimmed
}

const bad = (message: string): RequestError =>
  new RequestError(400, 'E_BAD_REQUEST', message, 'GET /openapi.json has the shape of every body')
