// `export`: traces as OTLP/JSON, by their ids or by a search. A line is one request, as the file exporter of the
// OpenTelemetry Collector writes them; `import` reads it again without loss.
//
//   ids, or pages of a search --> pages of spans of each trace --> stdout, one file, or a file a trace

import { closeSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs'
import path from 'node:path'
import type { TraceSearchResult } from '#protocol'
import { Client } from '../client.ts'
import { CliError, CLIENT_FLAGS, UsageError, type Args, type Io, type Verb } from '../verb.ts'
import { FILTER_FLAGS, filterQuery } from './trace-filter.ts'

const IDS_MAX = 1_000
const TRACES_DEFAULT = 1_000
const TRACES_MAX = 1_000_000
const SEARCH_PAGE = 1_000
/** A line of one trace; a larger trace is several lines. */
const SPANS_PAGE = 5_000

const { json: _lines, ...SERVER_FLAGS } = CLIENT_FLAGS

export const exportTraces: Verb = {
  name: 'export',
  summary: 'write traces as OTLP/JSON, which import reads again without loss',
  usage: '[<trace id> ...]',
  words: [0, IDS_MAX],
  flags: {
    ...FILTER_FLAGS,
    limit: { value: 'N', says: `of a search: how many traces, newest first (default ${TRACES_DEFAULT})` },
    out: { value: 'FILE', short: 'o', says: 'into one file, a line for each trace (default: stdout)' },
    dir: { value: 'DIR', says: 'into a file for each trace, DIR/<trace id>.json' },
    ...SERVER_FLAGS,
  },
  examples: [
    'crosscut export 4bf92f3577b34da6a3ce929d0e0e4736 > trace.json',
    'crosscut export --service shop --error --from 2026-11-24T10:00:00Z --to 2026-11-24T11:00:00Z -o shop.jsonl',
  ],
  run: async (io, args) => {
    const client = new Client(io, args)
    const query = filterQuery(args)
    const ids = args.words.length === 0 ? searched(io, client, query, args) : args.words
    if (args.words.length > 0 && query.size > 0)
      throw new UsageError('export takes trace ids or a search, not both')
    const output = outputOf(io, args)
    let traceCount = 0
    for await (const id of ids) {
      for await (const line of linesOf(client, id)) output.write(id, line)
      traceCount++
    }
    output.close()
    io.say(`exported ${traceCount} ${traceCount === 1 ? 'trace' : 'traces'}${output.place}\n`)
    return traceCount === 0 ? 1 : 0
  },
}

/** Ids of the newest traces that fit. */
async function* searched(io: Io, client: Client, query: URLSearchParams, args: Args): AsyncGenerator<string> {
  let left = args.count('limit', TRACES_MAX) ?? TRACES_DEFAULT
  for (;;) {
    query.set('limit', String(Math.min(left, SEARCH_PAGE)))
    const { traces, nextCursor } = await client.json<TraceSearchResult>('GET', `/api/v1/traces?${query}`)
    for (const { traceId } of traces) yield traceId
    left -= traces.length
    if (nextCursor === undefined) return
    if (left <= 0) return io.say('older traces fit too: raise --limit, or give --to\n')
    query.set('cursor', nextCursor)
  }
}

type Request = { readonly resourceSpans: readonly ResourceSpans[] }
type ResourceSpans = { readonly scopeSpans: readonly { readonly spans: readonly unknown[] }[] }

async function* linesOf(client: Client, id: string): AsyncGenerator<string> {
  for (let offset = 0; ; offset += SPANS_PAGE) {
    const page = `/api/v1/traces/${encodeURIComponent(id)}/otlp?offset=${offset}&limit=${SPANS_PAGE}`
    const request = await client.json<Request>('GET', page)
    const spanCount = request.resourceSpans
      .flatMap(({ scopeSpans }) => scopeSpans)
      .reduce((sum, { spans }) => sum + spans.length, 0)
    if (spanCount > 0) yield `${JSON.stringify(request)}\n`
    if (spanCount < SPANS_PAGE) return
  }
}

type Output = {
  /** For the sentence at the end. */
  readonly place: string
  write(id: string, line: string): void
  close(): void
}

function outputOf(io: Io, args: Args): Output {
  const { file, dir } = { file: args.text('out'), dir: args.text('dir') }
  if (file !== undefined && dir !== undefined) throw new UsageError('export takes --out or --dir, not both')
  if (file !== undefined) return toFile(path.resolve(io.cwd, file))
  if (dir !== undefined) return toFolder(path.resolve(io.cwd, dir))
  return { place: '', write: (_id, line) => io.out(line), close: () => {} }
}

/** Under its name only when it is whole; after a failure FILE.part holds what came before it. */
function toFile(file: string): Output {
  const part = `${file}.part`
  const handle = orRefuse(part, () => openSync(part, 'w'))
  return {
    place: ` to ${file}`,
    write: (_id, line) => orRefuse(part, () => writeSync(handle, line)),
    close: () => {
      closeSync(handle)
      renameSync(part, file)
    },
  }
}

function toFolder(dir: string): Output {
  orRefuse(dir, () => mkdirSync(dir, { recursive: true }))
  const place = ` to ${dir}`
  let open: { readonly id: string; readonly output: Output } | undefined
  return {
    place,
    write: (id, line) => {
      if (open?.id !== id) {
        open?.output.close()
        open = { id, output: toFile(path.join(dir, `${id}.json`)) }
      }
      open.output.write(id, line)
    },
    close: () => open?.output.close(),
  }
}

function orRefuse<T>(place: string, act: () => T): T {
  try {
    return act()
  } catch (error: unknown) {
    const why = error instanceof Error ? error.message : String(error)
    throw new CliError('E_NO_WRITE', `cannot write ${place}: ${why}`, 'give a place that you may write')
  }
}
