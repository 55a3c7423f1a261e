// A file of spans, from us or from another tracing system: the same way to the log as all other spans.
//
//   body + format -> BatchIngest -> counts, or what is wrong: a code, its place in the file, what mends it
//
// The rules of a request of OTLP hold, but that a file without any span is refused: it is of another format.

import type { BatchFormat, BatchIngest } from './ingest-batch.ts'
import { Refusal, refusalOf } from './ingest-refusal.ts'
import { OtlpError, type OtlpErrorCode } from './otlp-error.ts'

export const IMPORT_FORMATS = ['otlp', 'jaeger', 'zipkin'] as const
export type ImportFormat = (typeof IMPORT_FORMATS)[number]

export type ImportCounts = {
  readonly format: ImportFormat
  readonly acceptedSpans: number
  readonly rejectedSpans: number
  /** What was rejected, dropped or cut, and the place of the first; '' = nothing. */
  readonly message: string
  /** True = the same file is here already: nothing was stored again. */
  readonly isDuplicate: boolean
}

/** Resolves when durable. Errors: Refusal. Owns: the body until it settles. */
export async function importFile(
  ingest: Pick<BatchIngest, 'ingest'>,
  body: Uint8Array,
  format: ImportFormat,
): Promise<ImportCounts> {
  const outcome = await ingest.ingest(body, batchFormat(body, format)).catch((error: unknown) => {
    throw error instanceof OtlpError ? malformed(error, body, format) : refusalOf(error)
  })
  if (outcome.acceptedSpans + outcome.rejectedSpans === 0) throw empty(body, format)
  return { format, ...outcome }
}

/** A request in protobuf begins with its first field, one in JSON with a brace and a name. */
function batchFormat(body: Uint8Array, format: ImportFormat): BatchFormat {
  if (format !== 'otlp') return format
  return body[0] === PROTOBUF_FIRST_BYTE && !JSON_HEAD.test(headOf(body)) ? 'protobuf' : 'json-lines'
}

/** ExportTraceServiceRequest.resource_spans; a line feed too, and a length of 123 is a brace. */
const PROTOBUF_FIRST_BYTE = 0x0a
const JSON_HEAD = /^\s*\{\s*("\w|\})/
const HEAD_BYTES = 256

function headOf(body: Uint8Array): string {
  return Buffer.from(body.buffer, body.byteOffset, Math.min(body.length, HEAD_BYTES)).toString('latin1')
}

const CODES: { readonly [code in OtlpErrorCode]: string } = {
  E_OTLP_MALFORMED: 'E_IMPORT_MALFORMED',
  E_OTLP_OBJECTS: 'E_IMPORT_OBJECTS',
  E_OTLP_DEPTH: 'E_IMPORT_DEPTH',
}

const SHAPES: { readonly [format in ImportFormat]: string } = {
  otlp: 'OTLP is {"resourceSpans":[...]}, one or one a line, or one request in protobuf',
  jaeger: 'Jaeger is {"data":[{"traceID","spans","processes"}]}, as its UI downloads it',
  zipkin: 'Zipkin is a list of spans of version 2, as GET /api/v2/trace/{id} answers',
}

function malformed({ code, message, at }: OtlpError, body: Uint8Array, format: ImportFormat): Refusal {
  const status = code === 'E_OTLP_OBJECTS' ? 413 : 400
  const place = `line ${lineOf(body, at)}: ${message}`
  return new Refusal(status, { code: CODES[code], message: place, hint: hintOf(body, format) })
}

function empty(body: Uint8Array, format: ImportFormat): Refusal {
  const message = `there is no span of format ${format} in the file`
  return new Refusal(400, { code: 'E_IMPORT_EMPTY', message, hint: hintOf(body, format) })
}

/** A file that looks like one of another format is said to. */
function hintOf(body: Uint8Array, format: ImportFormat): string {
  const head = headOf(body)
  const likely = /^\s*\[/.test(head)
    ? 'zipkin'
    : /^\s*\{\s*"resourceSpans"/.test(head)
      ? 'otlp'
      : /^\s*\{\s*"data"/.test(head)
        ? 'jaeger'
        : format
  return likely === format ? SHAPES[format] : `it looks like ${likely}: try --format ${likely}`
}

function lineOf(body: Uint8Array, at: number): number {
  let line = 1
  for (let i = body.indexOf(0x0a); i !== -1 && i < at; i = body.indexOf(0x0a, i + 1)) line++
  return line
}
