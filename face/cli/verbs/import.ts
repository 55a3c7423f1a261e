// `import FILE`: spans of a file into the server, through POST /api/v1/import.
//
// A file goes as it is, gzip and zstd too. One of OTLP lines that is larger than the server takes at once
// goes in parts, cut between lines; each part is durable when it is answered, so after a failure the same
// command goes on: what is there already is not stored twice.

import { closeSync, createReadStream, openSync, readSync, statSync } from 'node:fs'
import path from 'node:path'
import { Client, type FilePart } from '../client.ts'
import { plain } from '../text.ts'
import { CliError, CLIENT_FLAGS, UsageError, type Verb } from '../verb.ts'

/** What the server takes at once: a request of OTLP. */
const PART_BYTES_MAX = 20 * 1024 * 1024
const FORMATS = ['otlp', 'jaeger', 'zipkin']
const LINE_FEED = 0x0a
/** First bytes of a compressed file. */
const MAGIC = { gzip: [0x1f, 0x8b], zstd: [0x28, 0xb5, 0x2f, 0xfd] } as const

type Counts = {
  readonly acceptedSpans: number
  readonly rejectedSpans: number
  readonly message: string
  readonly isDuplicate: boolean
}
type Part = FilePart & { readonly firstLine: number }

export const importFile: Verb = {
  name: 'import',
  summary: 'send a file of spans to the server',
  usage: '<file>',
  words: [1, 1],
  flags: {
    format: {
      value: 'NAME',
      says: 'otlp (default: JSON, one or one a line, or protobuf), jaeger (what its UI downloads), zipkin (v2)',
    },
    ...CLIENT_FLAGS,
  },
  examples: ['crosscut import traces.jsonl', 'crosscut import trace.json --format jaeger'],
  run: async (io, args) => {
    const format = args.text('format') ?? 'otlp'
    if (!FORMATS.includes(format)) throw new UsageError(`--format knows ${FORMATS.join(', ')}`)
    const file = path.resolve(io.cwd, args.words[0] ?? '')
    const client = new Client(io, args)
    let total: Counts = { acceptedSpans: 0, rejectedSpans: 0, message: '', isDuplicate: true }
    for await (const part of partsOf(file, format))
      total = sum(total, await send(client, format, part), part.firstLine)
    if (args.has('json')) io.out(`${JSON.stringify({ format, ...total })}\n`)
    else io.out(`${plain(sentenceOf(path.basename(file), total))}\n`)
    return total.acceptedSpans === 0 ? 1 : 0
  },
}

async function send(client: Client, format: string, part: Part): Promise<Counts> {
  try {
    return await client.upload<Counts>(`/api/v1/import?format=${format}`, part)
  } catch (error: unknown) {
    if (!(error instanceof CliError) || part.firstLine === 1) throw error
    throw new CliError(error.code, `${inPart(part.firstLine)}: ${error.message}`, error.hint)
  }
}

function inPart(firstLine: number): string {
  return `in the part that begins at line ${firstLine}`
}

function sum(total: Counts, part: Counts, firstLine: number): Counts {
  const message =
    part.message === '' || firstLine === 1 ? part.message : `${inPart(firstLine)}: ${part.message}`
  return {
    acceptedSpans: total.acceptedSpans + part.acceptedSpans,
    rejectedSpans: total.rejectedSpans + part.rejectedSpans,
    message: [total.message, message].filter((text) => text !== '').join('; '),
    isDuplicate: total.isDuplicate && part.isDuplicate,
  }
}

function sentenceOf(name: string, { acceptedSpans, rejectedSpans, message, isDuplicate }: Counts): string {
  const before = isDuplicate ? ', all of them here already' : ''
  const left = rejectedSpans === 0 ? '' : `, left out ${rejectedSpans}`
  return `imported ${acceptedSpans} spans of ${name}${before}${left}${message === '' ? '' : ` (${message})`}`
}

/** Errors: E_NO_FILE, E_TOO_LARGE. */
async function* partsOf(file: string, format: string): AsyncGenerator<Part> {
  const { bytes, encoding } = look(file)
  if (bytes > PART_BYTES_MAX && (format !== 'otlp' || encoding !== undefined))
    throw new CliError(
      'E_TOO_LARGE',
      `${file} has ${bytes} bytes; at most ${PART_BYTES_MAX} at once`,
      encoding === undefined
        ? 'export fewer traces at a time'
        : 'decompress it: plain OTLP lines go in parts',
    )
  for await (const part of lines(file)) yield { ...part, encoding }
}

function look(file: string): { readonly bytes: number; readonly encoding: string | undefined } {
  try {
    const bytes = statSync(file).size
    const head = Buffer.alloc(4)
    const handle = openSync(file, 'r')
    readSync(handle, head, 0, head.length, 0)
    closeSync(handle)
    const encoding = Object.entries(MAGIC).find(([, magic]) => magic.every((byte, i) => head[i] === byte))
    return { bytes, encoding: encoding?.[0] }
  } catch {
    throw new CliError('E_NO_FILE', `cannot read ${file}`, 'give the path of a file that you may read')
  }
}

/** The whole file where it fits, else as many whole lines at a time as do. Errors: E_TOO_LARGE. */
async function* lines(file: string): AsyncGenerator<Omit<Part, 'encoding'>> {
  let waiting = Buffer.alloc(0)
  let firstLine = 1
  for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 })) {
    if (Buffer.isBuffer(chunk)) waiting = Buffer.concat([waiting, chunk])
    while (waiting.length > PART_BYTES_MAX) {
      const end = waiting.lastIndexOf(LINE_FEED, PART_BYTES_MAX - 1) + 1
      if (end === 0) throw longLine(firstLine)
      yield { bytes: new Uint8Array(waiting.subarray(0, end)), firstLine }
      firstLine += countLines(waiting.subarray(0, end))
      waiting = waiting.subarray(end)
    }
  }
  if (waiting.length > 0 || firstLine === 1) yield { bytes: new Uint8Array(waiting), firstLine }
}

function longLine(line: number): CliError {
  return new CliError(
    'E_TOO_LARGE',
    `line ${line} is longer than ${PART_BYTES_MAX} bytes`,
    'split it into several requests of OTLP, one a line',
  )
}

function countLines(bytes: Uint8Array): number {
  let count = 0
  for (let i = bytes.indexOf(LINE_FEED); i !== -1; i = bytes.indexOf(LINE_FEED, i + 1)) count++
  return count
}
