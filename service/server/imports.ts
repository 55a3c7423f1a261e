// Files of spans, from the API to the ingest thread: the body is read here, within the bounds of a request of
// OTLP, and decoded there.

import type { IncomingMessage } from 'node:http'
import {
  ByteBudget,
  IMPORT_FORMATS,
  Refusal,
  withBody,
  type ImportCounts,
  type ImportFormat,
  type IngestHandle,
} from '#traces'
import { IMPORT_BYTES_IN_FLIGHT_MAX } from './limits.ts'
import { RequestError } from './server-error.ts'

export class Imports {
  readonly #budget = new ByteBudget(IMPORT_BYTES_IN_FLIGHT_MAX)
  readonly #ingest: () => Pick<IngestHandle, 'importFile'> | undefined

  /** `ingest`: undefined while it is being restarted. */
  constructor(ingest: () => Pick<IngestHandle, 'importFile'> | undefined) {
    this.#ingest = ingest
  }

  /** Resolves when durable. Errors: RequestError. */
  async take(request: IncomingMessage, format: string): Promise<ImportCounts> {
    const known = readFormat(format)
    try {
      return await withBody(request, this.#budget, ({ bytes }) => this.#import(bytes, known))
    } catch (error: unknown) {
      if (!(error instanceof Refusal)) throw error
      throw new RequestError(error.status, error.code, error.message, error.hint)
    }
  }

  #import(bytes: Uint8Array, format: ImportFormat): Promise<ImportCounts> {
    const ingest = this.#ingest()
    if (ingest !== undefined) return ingest.importFile(bytes, format)
    throw new RequestError(503, 'E_STARTING', 'taking spans is being restarted', 'try again in a second')
  }
}

function readFormat(given: string): ImportFormat {
  const format = IMPORT_FORMATS.find((known) => known === given)
  if (format !== undefined) return format
  throw new RequestError(
    400,
    'E_IMPORT_FORMAT',
    given === '' ? 'the format of the file is missing' : `there is no format '${given.slice(0, 40)}'`,
    `add format=${IMPORT_FORMATS.join(' or format=')}`,
  )
}
