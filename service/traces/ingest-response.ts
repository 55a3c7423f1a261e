// Answers of OTLP: ExportTraceServiceResponse and google.rpc.Status, in the encoding of the request.
//
//   ExportTraceServiceResponse { partial_success = 1 { rejected_spans = 1 int64; error_message = 2 string } }
//   Status                     { code = 1 int32; message = 2 string; details = 3 Any }
//   Any { type_url = 1; value = 2 }   RetryInfo { retry_delay = 1 Duration { seconds = 1 int64 } }
//
// Source: OTLP specification 1.9, "OTLP/HTTP Response", "OTLP/gRPC Throttling"; google/rpc.

import type { OtlpFormat } from './ingest-batch.ts'

/** google.rpc.Code of each HTTP status we send. */
export const RPC_CODES: { readonly [status: number]: number } = {
  400: 3,
  401: 16,
  403: 7,
  404: 5,
  405: 12,
  408: 4,
  413: 8,
  415: 3,
  431: 8,
  500: 13,
  503: 14,
}

export const CONTENT_TYPES: { readonly [format in OtlpFormat]: string } = {
  protobuf: 'application/x-protobuf',
  json: 'application/json',
}

/** 0 rejected with a message is a warning, as the specification says; neither = an empty response. */
export function encodeSuccess(
  format: OtlpFormat,
  outcome: { readonly rejectedSpans: number; readonly message: string },
): Uint8Array {
  const { rejectedSpans, message } = outcome
  const isFull = rejectedSpans === 0 && message === ''
  if (format === 'json') {
    if (isFull) return Buffer.from('{}')
    return Buffer.from(
      JSON.stringify({ partialSuccess: { rejectedSpans: String(rejectedSpans), errorMessage: message } }),
    )
  }
  if (isFull) return new Uint8Array(0)
  return lengthField(1, Buffer.concat([varintField(1, rejectedSpans), textField(2, message)]))
}

export function encodeStatus(format: OtlpFormat, httpStatus: number, message: string): Uint8Array {
  const code = RPC_CODES[httpStatus] ?? 2
  if (format === 'json') return Buffer.from(JSON.stringify({ code, message }))
  return Buffer.concat([varintField(1, code), textField(2, message)])
}

/** google.rpc.Status as gRPC carries it beside the code; with RetryInfo when the sender shall try again. */
export function encodeRpcStatus(
  code: number,
  { message, retrySeconds }: { readonly message: string; readonly retrySeconds?: number },
): Uint8Array {
  const status = [varintField(1, code), textField(2, message)]
  if (retrySeconds === undefined) return Buffer.concat(status)
  const retryInfo = lengthField(1, varintField(1, retrySeconds))
  const any = Buffer.concat([textField(1, RETRY_INFO), lengthField(2, retryInfo)])
  return Buffer.concat([...status, lengthField(3, any)])
}

const RETRY_INFO = 'type.googleapis.com/google.rpc.RetryInfo'

function varint(value: number): number[] {
  const bytes: number[] = []
  for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push((value % 0x80) | 0x80)
  bytes.push(value)
  return bytes
}

const varintField = (field: number, value: number): Uint8Array =>
  Buffer.from(value === 0 ? [] : [field << 3, ...varint(value)])

const lengthField = (field: number, bytes: Uint8Array): Uint8Array =>
  Buffer.concat([Buffer.from([(field << 3) | 2, ...varint(bytes.length)]), bytes])

const textField = (field: number, text: string): Uint8Array =>
  text === '' ? Buffer.alloc(0) : lengthField(field, Buffer.from(text))
