// `import FILE`: spans of a file (OTLP/JSON or OTLP/protobuf: one export request) into the server, through
// its OTLP port.

import { readFileSync } from 'node:fs'
import path from 'node:path'
import { readVarint } from '#base'
import { Client } from '../client.ts'
import { CliError, CLIENT_FLAGS, UsageError, type Verb } from '../verb.ts'

/** A request of the OTLP port; a larger file is split by whoever exports it. */
const FILE_BYTES_MAX = 20 * 1024 * 1024

export const importFile: Verb = {
  name: 'import',
  summary: 'send a file of spans to the server',
  usage: '<file>',
  words: [1, 1],
  flags: {
    format: { value: 'otlp', says: 'OTLP export request, JSON or protobuf (default)' },
    ...CLIENT_FLAGS,
  },
  examples: ['crosscut import trace.json --format otlp'],
  run: async (io, args) => {
    if ((args.text('format') ?? 'otlp') !== 'otlp') throw new UsageError('--format knows otlp')
    const file = path.resolve(io.cwd, args.words[0] ?? '')
    const bytes = read(file)
    const client = new Client(io, args)
    const { otlpUrl, agentToken } = await client.agentConnection()
    if (otlpUrl === undefined)
      throw new CliError('E_STARTING', 'the server is still starting', 'try again in a second')
    const isJson = /^\s*\{/.test(bytes.subarray(0, 64).toString('latin1'))
    const response = await fetch(`${otlpUrl}/v1/traces`, {
      method: 'POST',
      body: bytes,
      signal: io.signal,
      headers: {
        'content-type': isJson ? 'application/json' : 'application/x-protobuf',
        authorization: `Bearer ${agentToken}`,
      },
    })
    if (!response.ok)
      throw new CliError(
        'E_IMPORT',
        `the server answered ${response.status}`,
        'is the file one OTLP export request?',
      )
    const answer = await response.bytes()
    const rejectedSpans = isJson ? rejectedOfJson(answer) : rejectedOfProtobuf(answer)
    const rejected = rejectedSpans === 0 ? '' : `; ${rejectedSpans} spans were rejected`
    io.out(
      args.has('json')
        ? `${JSON.stringify({ bytes: bytes.length, rejectedSpans })}\n`
        : `imported ${path.basename(file)}${rejected}\n`,
    )
    return 0
  },
}

function rejectedOfJson(answer: Uint8Array): number {
  return Number(/"rejectedSpans":\s*"?(\d+)/.exec(Buffer.from(answer).toString())?.[1] ?? 0)
}

/** ExportTraceServiceResponse { partial_success = 1 { rejected_spans = 1 } }, as our server writes it. */
function rejectedOfProtobuf(answer: Uint8Array): number {
  const inner = answer[0] === 0x0a ? readVarint(answer, 1)?.end : undefined
  return inner !== undefined && answer[inner] === 0x08 ? (readVarint(answer, inner + 1)?.value ?? 0) : 0
}

function read(file: string): Buffer<ArrayBuffer> {
  let bytes: Buffer<ArrayBuffer>
  try {
    bytes = readFileSync(file)
  } catch {
    throw new CliError('E_NO_FILE', `cannot read ${file}`)
  }
  if (bytes.length > FILE_BYTES_MAX)
    throw new CliError('E_TOO_LARGE', `${file} is larger than ${FILE_BYTES_MAX} bytes`, 'split it')
  return bytes
}
