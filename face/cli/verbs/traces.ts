// `crosscut traces` and `crosscut trace <id>`: the list, live if wanted, and one trace as a tree.

import type {
  CriticalPathView,
  PathProfileView,
  SpanView,
  TracePathsView,
  TraceSearchResult,
  TraceSummary,
  TraceView,
} from '#protocol'
import { Client } from '../client.ts'
import { asTyped } from '../install.ts'
import { ago, clip, duration, plain, table } from '../text.ts'
import { CLIENT_FLAGS, UsageError, type Args, type Io, type Verb } from '../verb.ts'
import { FILTER_FLAGS, filterQuery } from './trace-filter.ts'
import { showTree } from './trace-tree.ts'

/** Events of the live list larger than this are not ours. */
const EVENT_CHARS_MAX = 16 * 1024 * 1024
const SPANS_PAGE = 5_000
/** Of the server. */
const LIMIT_DEFAULT = 20

export const traces: Verb = {
  name: 'traces',
  summary: 'search traces, newest first; --follow shows them as they come',
  usage: '',
  words: [0, 0],
  flags: {
    ...FILTER_FLAGS,
    limit: { value: 'N', says: 'how many (default 20, at most 1000)' },
    'critical-path': { says: 'where their time went: critical paths added up, instead of the list' },
    'what-if': {
      value: 'NAME=PERCENT',
      says: 'with --critical-path: what they would have taken with this operation so much faster',
    },
    follow: { short: 'f', says: 'go on with new traces until Ctrl-C' },
    ...CLIENT_FLAGS,
  },
  examples: [
    'crosscut traces --service shop --min-ms 100',
    'crosscut traces --attr http.response.status_code=500 --json',
    `crosscut traces --q '{ kind = server } >> { status = error }'`,
    'crosscut traces -f',
    'crosscut traces --critical-path --service shop --min-ms 100 --limit 500',
    "crosscut traces --critical-path --what-if 'SELECT cart=20'",
  ],
  run: async (io, args) => {
    const client = new Client(io, args)
    const query = filterQuery(args)
    const limit = args.text('limit')
    if (limit !== undefined) query.set('limit', limit)
    if (args.has('critical-path')) return showPaths(io, client, args)
    if (args.text('what-if') !== undefined) throw new UsageError('--what-if goes with --critical-path')
    if (args.has('follow')) return follow(io, client, query, args.has('json'))
    const { traces: found, nextCursor } = await client.json<TraceSearchResult>(
      'GET',
      `/api/v1/traces?${query}`,
    )
    if (args.has('json')) for (const summary of found) io.out(`${JSON.stringify(summary)}\n`)
    else if (found.length === 0) io.say(`no traces match; ${asTyped()} doctor says why none arrive\n`)
    else io.out(table(io, HEAD, found.map(rowOf)))
    // A search by a query looks at a bounded number of traces.
    if (query.has('q') && nextCursor !== undefined && found.length < Number(limit ?? LIMIT_DEFAULT))
      io.say('older traces were not looked at: narrow it by --service, --from and --to\n')
    return 0
  },
}

async function showPaths(io: Io, client: Client, args: Args): Promise<number> {
  const { attr, ...filter } = filterObject(filterQuery(args))
  const change = changeOf(args.text('what-if'))
  const view = await client.json<TracePathsView>('POST', '/api/v1/traces/critical-path', {
    filter: { ...filter, ...(attr === undefined ? {} : { attr }) },
    ...(args.text('limit') === undefined ? {} : { limit: args.count('limit', 1_000) }),
    ...(change === undefined ? {} : { whatIf: change }),
  })
  if (args.has('json')) {
    io.out(`${JSON.stringify(view)}\n`)
    return 0
  }
  if (view.whole.traces === 0) {
    io.say(`no traces match; ${asTyped()} doctor says why none arrive\n`)
    return 0
  }
  const { whole, whatIf, skipped, hasMore } = view
  io.say(
    `${whole.traces} traces${hasMore ? ' (the newest that match)' : ''}, p50 ${duration(BigInt(whole.p50Ns))},` +
      ` p95 ${duration(BigInt(whole.p95Ns))}${skipped > 0 ? `; ${skipped} left out as too large` : ''}\n`,
  )
  if (whatIf !== undefined) {
    const saved = BigInt(whatIf.beforeNs) - BigInt(whatIf.afterNs)
    io.say(
      `${plain(whatIf.name ?? '')} ${whatIf.faster} % faster: ${percentOf(saved, BigInt(whatIf.beforeNs))} less` +
        ` in all, in ${whatIf.savedTraces} traces; p50 ${duration(BigInt(whatIf.p50AfterNs))},` +
        ` p95 ${duration(BigInt(whatIf.p95AfterNs))}\n`,
    )
  }
  io.out(table(io, PATH_HEAD, pathRows(view)))
  return 0
}

const PATH_HEAD = ['SHARE', 'WAITING', 'DRAG', 'P50', 'P95', 'TRACES', 'SERVICE', 'OPERATION', 'EXAMPLE']
/** A screen; --json has all. */
const OPERATIONS_SHOWN = 25

function pathRows({ whole, operations }: PathProfileView): string[][] {
  return operations
    .slice(0, OPERATIONS_SHOWN)
    .map((one) => [
      percentOf(BigInt(one.ns), BigInt(whole.ns)),
      percentOf(BigInt(one.waitNs), BigInt(whole.ns)),
      percentOf(BigInt(one.dragNs), BigInt(whole.ns)),
      duration(BigInt(one.p50Ns)),
      duration(BigInt(one.p95Ns)),
      String(one.traces),
      one.service,
      clip(one.name, 48),
      one.distribution.at(-1)?.traceId ?? '',
    ])
}

function percentOf(part: bigint, whole: bigint): string {
  return whole === 0n ? '-' : `${(Number((part * 10_000n) / whole) / 100).toFixed(1)} %`
}

/** `NAME=20`; the last = counts, names have them too. */
function changeOf(text: string | undefined): { name: string; faster: number } | undefined {
  if (text === undefined) return undefined
  const [, name, percent] = /^(.+)=(\d{1,3}(?:\.\d+)?)$/s.exec(text) ?? []
  if (name === undefined || Number(percent) > 100)
    throw new UsageError(`--what-if needs NAME=PERCENT (0 to 100), not '${text}'`)
  return { name, faster: Number(percent) }
}

function filterObject(query: URLSearchParams): { attr?: { [key: string]: string }; [name: string]: unknown } {
  const attr: { [key: string]: string } = {}
  const rest: { [name: string]: unknown } = {}
  for (const [name, value] of query)
    if (name.startsWith('attr.')) attr[name.slice(5)] = value
    else if (name !== 'limit') rest[name] = value
  return Object.keys(attr).length === 0 ? rest : { ...rest, attr }
}

const HEAD = ['TRACE', 'START', 'DURATION', 'SPANS', 'ERRORS', 'STANDS FOR', 'ROOT'] as const

function rowOf(summary: TraceSummary): string[] {
  const { traceId, startNs, durationNs, spanCount, errorCount, weight = 1 } = summary
  const { rootService, rootName, hasRoot } = summary
  const age = ago(Date.now() - Number(BigInt(startNs) / 1_000_000n))
  const root = `${rootService} ${rootName}${hasRoot ? '' : ' (root missing)'}`
  const numbers = [spanCount, errorCount, Math.round(weight * 10) / 10].map(String)
  return [traceId, age, duration(BigInt(durationNs)), ...numbers, clip(root, 60)]
}

async function follow(io: Io, client: Client, query: URLSearchParams, isJson: boolean): Promise<number> {
  const response = await client.open('GET', `/api/v1/traces?${query}`, {
    accept: 'text/event-stream',
    isEndless: true,
  })
  let rest = ''
  try {
    for await (const chunk of response.body ?? []) {
      const lines = (rest + Buffer.from(chunk).toString('utf8')).split('\n')
      rest = lines.pop() ?? ''
      if (rest.length > EVENT_CHARS_MAX) throw new UsageError('the stream is not one of Crosscut')
      for (const line of lines) if (line.startsWith('data: ')) show(io, line.slice(6), isJson)
    }
  } catch (error: unknown) {
    if (!io.signal.aborted) throw error
  }
  return 0
}

function show(io: Io, data: string, isJson: boolean): void {
  const { traces: found }: TraceSearchResult = JSON.parse(data)
  for (const summary of [...found].reverse()) {
    const [id = '', , long = '', spans = '', errors = '', root = ''] = rowOf(summary).map(plain)
    io.out(
      isJson
        ? `${JSON.stringify(summary)}\n`
        : `${id}  ${long.padStart(9)}  ${spans.padStart(5)} spans  ${errors} errors  ${root}\n`,
    )
  }
}

export const trace: Verb = {
  name: 'trace',
  summary: 'one trace as a tree, the critical path marked',
  usage: '<trace id>',
  words: [1, 1],
  flags: { 'critical-path': { says: 'the sections of the critical path instead' }, ...CLIENT_FLAGS },
  examples: [
    'crosscut trace 4bf92f3577b34da6a3ce929d0e0e4736',
    'crosscut trace 4bf92f35... --critical-path --json',
  ],
  run: async (io, args) => {
    const client = new Client(io, args)
    const at = `/api/v1/traces/${encodeURIComponent(args.words[0] ?? '')}`
    if (args.has('critical-path'))
      return showPath(io, await client.json<CriticalPathView>('GET', `${at}/critical-path`), args.has('json'))
    const view = await client.json<TraceView>('GET', at)
    if (args.has('json')) return writeJson(io, client, at, view)
    const path = await client.json<CriticalPathView>('GET', `${at}/critical-path`)
    showTree(io, view, path)
    return 0
  },
}

/** The whole view, further pages of spans included. */
async function writeJson(io: Io, client: Client, at: string, view: TraceView): Promise<number> {
  const spans = [...view.spans]
  while (spans.length < view.totalSpans) {
    const page = await client.json<{ spans: readonly SpanView[] }>(
      'GET',
      `${at}/spans?offset=${spans.length}&limit=${SPANS_PAGE}`,
    )
    if (page.spans.length === 0) break
    spans.push(...page.spans)
  }
  io.out(`${JSON.stringify({ ...view, spans })}\n`)
  return 0
}

function showPath(io: Io, { sections, exclusiveNs }: CriticalPathView, isJson: boolean): number {
  if (isJson) io.out(`${JSON.stringify({ sections, exclusiveNs })}\n`)
  else
    io.out(
      table(
        io,
        ['FOR', 'SERVICE', 'SPAN', 'ID'],
        sections.map(({ startNs, endNs, service, name, spanId }) => [
          duration(BigInt(endNs) - BigInt(startNs)),
          service,
          clip(name, 60),
          spanId,
        ]),
      ),
    )
  return 0
}
