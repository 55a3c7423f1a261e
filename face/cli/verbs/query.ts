// `query "<text>"`, `query rm <id>`, `queries`: ask the running system, watch the answer, take it away again.
//
//   query ── install ──► results once a second ──(--for, Ctrl-C)──► removed
//
// With --past stored traces are asked instead, once. A text of one word is the name of one in the library.
// A query that is watched here lives as long as we do: when we are killed, its time to live ends it.

import { degradedText, type PastResults, type QueryResults, type QueryView, type ResultRow } from '#protocol'
import type { Explanation, LibraryQuery } from '#query'
import { Client } from '../client.ts'
import { clip, duration, durationMs, plain, table } from '../text.ts'
import { CLIENT_FLAGS, CliError, UsageError, type Args, type Io, type Verb } from '../verb.ts'

type Installed = QueryView & { readonly explanation: Explanation; readonly warnings: readonly string[] }

const POLL_MS = 1000
/** While we watch, the server would wait this long for us after our death. */
const WATCHED_TTL_SECONDS = 3600
const ROWS_SHOWN_MAX = 40
/** Texts of a result have up to 4,096; --json has them whole. */
const CELL_CHARS_MAX = 120

export const query: Verb = {
  name: 'query',
  summary: 'ask the running system; shows rows as they are counted, then leaves nothing behind',
  usage: '"<text>" | <name in the library> | library [<name>] | rm <id>',
  words: [1, 2],
  flags: {
    for: { value: '10s', says: 'how long (500ms, 10s, 5m); default: until Ctrl-C' },
    keep: { says: 'install it and return: it lives for --for, default 10m' },
    name: { value: 'NAME', says: 'name it, so that other queries can join it as a view' },
    plan: {
      value: 'baggage|recorded',
      says: 'how to join: in baggage, or of recorded events on the server; default: what fits',
    },
    budget: { value: 'BYTES', says: 'of baggage a request; above it events are recorded; default 1024' },
    past: { value: '1h', says: 'ask stored traces, of the last 1h (30m, 2d), instead of running processes' },
    explain: { says: 'show plan and advice; nothing is installed' },
    'explain-analyze': { says: 'run it for --for (default 5s), then show what it cost beside the plan' },
    ...CLIENT_FLAGS,
  },
  examples: [
    'crosscut query "From r In http.server.request.end GroupBy r.service Select r.service, COUNT"',
    'crosscut query --explain "From d In http.client.request.end Join g In First(http.server.request.start) On g -> d GroupBy g.path Select g.path, COUNT, P99(d.durationMs)"',
    'crosscut query "From s In span.end GroupBy s.service, s.name Select s.service, s.name, COUNT, P99(s.durationMs)" --past 1h',
    'crosscut query library',
    'crosscut query Q7 --for 10s',
    'crosscut query rm 1f2e3d4c',
  ],
  run: async (io, args) => {
    const [first, second] = args.words
    const client = new Client(io, args)
    if (first === 'rm') {
      if (second === undefined) throw new UsageError('query rm takes the id of a query')
      return remove(io, args, client, second)
    }
    if (first === 'library') return listLibrary(io, args, second)
    if (second !== undefined) throw new UsageError('the text of a query is one word: put it in quotes')
    const { text, views } = await fromLibrary(first)
    return await withViews(io, args, views, () =>
      args.text('past') === undefined ? ask(io, args, client, text) : askPast(io, args, client, text),
    )
  },
}

export const queries: Verb = {
  name: 'queries',
  summary: 'live queries: who runs them, how much they count, how long they live',
  usage: '',
  words: [0, 0],
  flags: { ...CLIENT_FLAGS },
  examples: ['crosscut queries'],
  run: async (io, args) => {
    const { queries: all } = await new Client(io, args).json<{ queries: readonly QueryView[] }>(
      'GET',
      '/api/v1/queries',
    )
    if (args.has('json')) for (const one of all) io.out(`${JSON.stringify(one)}\n`)
    else if (all.length === 0) io.say('no query runs\n')
    else io.out(table(io, HEADINGS, all.map(cellsOf)))
    return 0
  },
}

const HEADINGS = ['QUERY', 'NAME', 'TUPLES', 'AGENTS', 'ENDS IN', 'BY', 'TEXT']

function cellsOf({ id, name, total, coverage, expiresMs, installedBy, text }: QueryView): string[] {
  const left = Math.max(0, expiresMs - Date.now())
  const agents = `${coverage.installed}/${coverage.connected}`
  return [
    id,
    name ?? '',
    String(total),
    agents,
    duration(BigInt(left) * 1_000_000n),
    installedBy,
    text.replace(/\s+/g, ' '),
  ]
}

/** No query is one word. Errors: E_LIBRARY. */
async function fromLibrary(text: string): Promise<{ text: string; views: readonly LibraryQuery[] }> {
  if (!/^\w+$/.test(text)) return { text, views: [] }
  const found = await inLibrary(text)
  const views = await Promise.all((found.needs ?? []).map(inLibrary))
  return { text: found.text, views }
}

async function inLibrary(name: string): Promise<LibraryQuery> {
  const { LIBRARY } = await import('#query')
  const found = LIBRARY.find(({ id }) => id.toLowerCase() === name.toLowerCase())
  if (found !== undefined) return found
  const known = LIBRARY.map(({ id }) => id).join(' ')
  throw new CliError('E_LIBRARY', `the library has no query ${plain(name)}`, `it has ${known}`)
}

async function listLibrary(io: Io, args: Args, name: string | undefined): Promise<number> {
  const { LIBRARY } = await import('#query')
  const shown = name === undefined ? LIBRARY : [await inLibrary(name)]
  if (args.has('json')) for (const one of shown) io.out(`${JSON.stringify(one)}\n`)
  else if (name !== undefined) io.out(`${shown.map(({ text }) => text).join('\n')}\n`)
  else
    io.out(
      table(
        io,
        ['NAME', 'TITLE', 'TELLS'],
        shown.map(({ id, title, asks }) => [id, title, asks]),
      ),
    )
  return 0
}

/** Runs fn while the views that its query joins are installed; those that run already are left alone. */
async function withViews<R>(
  io: Io,
  args: Args,
  views: readonly LibraryQuery[],
  fn: () => Promise<R>,
): Promise<R> {
  if (views.length === 0) return await fn()
  const client = new Client(io, args)
  const { queries: running } = await client.json<{ queries: readonly QueryView[] }>('GET', '/api/v1/queries')
  const missing = views.filter(({ id, view = id }) => !running.some(({ name }) => name === view))
  const installed: QueryView[] = []
  try {
    for (const { id, view = id, text } of missing)
      installed.push(
        await client.json<QueryView>('POST', '/api/v1/queries', {
          text,
          name: view,
          ttlSeconds: WATCHED_TTL_SECONDS,
        }),
      )
    return await fn()
  } finally {
    if (!args.has('keep')) for (const { id } of installed) await takeAway(io, args, id)
  }
}

/** Ctrl-C has aborted the signal of all else; the query must go all the same. */
async function takeAway(io: Io, args: Args, id: string): Promise<void> {
  const client = new Client({ ...io, signal: AbortSignal.timeout(3000) }, args)
  await client.json('DELETE', `/api/v1/queries/${id}`).catch(() => {
    io.say(`the query ${id} could not be removed; it ends by itself\n`)
  })
}

async function remove(io: Io, args: Args, client: Client, id: string): Promise<number> {
  await client.json('DELETE', `/api/v1/queries/${encodeURIComponent(id)}`)
  io.out(args.has('json') ? `${JSON.stringify({ id, removed: true })}\n` : `removed ${id}\n`)
  return 0
}

async function ask(io: Io, args: Args, client: Client, text: string): Promise<number> {
  const isAnalyzing = args.has('explain-analyze')
  const given = args.text('for') ?? (isAnalyzing ? '5s' : undefined)
  const forMs = given === undefined ? undefined : durationMs('for', given)
  const ttlSeconds = args.has('keep') ? (forMs ?? 600_000) / 1000 : WATCHED_TTL_SECONDS
  const body = {
    text,
    ttlSeconds: Math.max(1, Math.ceil(ttlSeconds)),
    name: args.text('name'),
    plan: args.text('plan'),
    budgetBytes: args.count('budget', 3072),
    dryRun: args.has('explain'),
  }
  const installed = await client.json<Installed>('POST', '/api/v1/queries', body)
  for (const warning of installed.warnings) io.say(`warning: ${plain(warning)}\n`)
  if (args.has('explain')) return show(io, args, installed.explanation)
  if (args.has('keep')) {
    io.out(args.has('json') ? `${JSON.stringify(installed)}\n` : `${installed.id}\n`)
    return 0
  }
  try {
    const last = await watch(io, args, client, installed, forMs)
    if (isAnalyzing) analyze(io, args, installed.explanation, last, forMs ?? 0)
  } finally {
    await takeAway(io, args, installed.id)
  }
  return 0
}

/** Options that say how a running system is asked mean nothing for what is over. */
const LIVE_ONLY = ['for', 'keep', 'name', 'plan', 'budget', 'explain', 'explain-analyze'] as const

async function askPast(io: Io, args: Args, client: Client, text: string): Promise<number> {
  const out = LIVE_ONLY.find((name) => args.has(name) || args.text(name) !== undefined)
  if (out !== undefined) throw new UsageError(`--past asks stored traces: --${out} is for live queries`)
  const pastMs = durationMs('past', args.text('past') ?? '1h')
  const toMs = Date.now()
  const body = { text, from: String(Math.round(toMs - pastMs)), to: String(toMs) }
  const found = await client.json<PastResults>('POST', '/api/v1/queries/past', body)
  for (const warning of found.warnings) io.say(`warning: ${plain(warning)}\n`)
  if (args.has('json')) {
    io.out(`${JSON.stringify(found)}\n`)
    return 0
  }
  const { columns, rows, total, coverage, assumed, otherRows } = found
  const shown = rows.slice(0, ROWS_SHOWN_MAX)
  if (rows.length > 0)
    io.out(
      table(
        io,
        [...columns],
        shown.map((row) => columns.map((name) => (name === WINDOW ? timeOf(row[name]) : cellOf(row[name])))),
      ),
    )
  if (rows.length > shown.length) io.say(`.. and ${rows.length - shown.length} more rows\n`)
  const cut = coverage.isWhole
    ? ''
    : `; older than ${new Date(Number(BigInt(coverage.fromNs) / 1_000_000n)).toISOString()} was not looked at`
  const skipped = coverage.skipped === 0 ? '' : `; ${coverage.skipped} traces are too large`
  const byTime = assumed === 0 ? '' : `; the order of ${assumed} pairs of spans is by their times alone`
  const other = otherRows === 0 ? '' : `; ${otherRows} tuples beyond the limit of groups`
  io.say(
    `${total} tuples of ${coverage.traces} traces, ${coverage.spans} spans${cut}${skipped}${byTime}${other}\n`,
  )
  return 0
}

/** Polls until the time is over or Ctrl-C; gives the last results. */
async function watch(
  io: Io,
  args: Args,
  client: Client,
  { id }: QueryView,
  forMs: number | undefined,
): Promise<QueryResults | undefined> {
  const endMs = forMs === undefined ? Infinity : Date.now() + forMs
  let last: QueryResults | undefined
  let shownSeq = -1
  while (Date.now() < endMs && !io.signal.aborted) {
    await pause(Math.min(POLL_MS, endMs - Date.now()), io.signal)
    if (io.signal.aborted) break
    last = await client.json<QueryResults>('GET', `/api/v1/queries/${id}/results`)
    if (last.seq === shownSeq || args.has('explain-analyze')) continue
    shownSeq = last.seq
    if (args.has('json')) io.out(`${JSON.stringify(last)}\n`)
    else if (io.columns !== undefined) io.out(`\u001b[2J\u001b[H${rowsTable(io, last)}`)
  }
  const isPiped = io.columns === undefined && !args.has('json') && !args.has('explain-analyze')
  if (isPiped && last !== undefined) io.out(rowsTable(io, last))
  return last
}

function rowsTable(io: Io, results: QueryResults): string {
  const { columns, rows, perSecond, coverage, drops, plan, total } = results
  const shown = rows.slice(0, ROWS_SHOWN_MAX)
  const rateOf = (row: ResultRow, i: number): string[] => {
    const rate = perSecond.rows[i]
    return columns
      .filter(
        (column) => typeof row[column] === 'number' && rate !== undefined && rate[column] !== row[column],
      )
      .map((column) => `${Number(rate?.[column] ?? 0).toFixed(1)}/s`)
      .slice(0, 1)
  }
  const cells = shown.map((row, i) => [
    ...columns.map((column) => (column === WINDOW ? timeOf(row[column]) : cellOf(row[column]))),
    ...rateOf(row, i),
  ])
  const head = perSecond.rows.length === 0 ? columns : [...columns, 'RATE']
  const more = rows.length > shown.length ? `.. and ${rows.length - shown.length} more rows\n` : ''
  const refused = coverage.refused
    .map(({ service, error }) => `; ${plain(service)}: ${plain(error)}`)
    .join('')
  const missed = coverage.missed
    .map(({ tracepoint, reason }) => `; not at ${plain(tracepoint)}: ${plain(reason)}`)
    .join('')
  const functions = coverage.functions === 0 ? '' : `, ${coverage.functions} woven functions`
  const processes = `${coverage.installed} of ${coverage.connected} processes${functions}${sampledText(coverage)}`
  io.say(
    `${total} tuples, ${perSecond.total.toFixed(1)}/s, ${processes}${planText(plan)}${dropText(drops)}${missed}${refused}\n`,
  )
  return rows.length === 0 ? '' : `${table(io, head, cells)}${more}`
}

const sampledText = ({ sampled }: QueryResults['coverage']): string =>
  sampled.map((one) => `; in ${plain(one.service)}: ${degradedText(one)}`).join('')

/** The column that `Every` puts in front: begin of the window, ns since the epoch. */
const WINDOW = 'window'

function timeOf(value: unknown): string {
  const ms = Number(value) / 1e6
  return Number.isFinite(ms) ? new Date(ms).toISOString().slice(11, 23) : cellOf(value)
}

const planText = ({ kind, reason = '' }: QueryResults['plan']): string =>
  kind === 'baggage' ? '' : `; events are recorded and joined on the server: ${plain(reason)}`

function dropText({ otherRows, overflows, lost }: QueryResults['drops']): string {
  const late = lost === 0 ? '' : `; ${lost} events came too late or had no room`
  const other = `${otherRows === 0 ? '' : `; ${otherRows} tuples beyond the limit of groups`}${late}`
  return overflows === 0 ? other : `${other}; ${overflows} hits had no room in the baggage`
}

/** Numbers short, text as it is, lists with commas; a histogram as its number of buckets. */
function cellOf(value: unknown): string {
  if (typeof value === 'number')
    return Number.isInteger(value) ? String(value) : value.toPrecision(5).replace(/\.?0+$/, '')
  if (typeof value === 'string') return clip(value, CELL_CHARS_MAX)
  if (Array.isArray(value)) return value.map(cellOf).join(',')
  return value === null || value === undefined ? '' : String(value)
}

function show(io: Io, args: Args, explanation: Explanation): number {
  if (args.has('json')) io.out(`${JSON.stringify(explanation)}\n`)
  else {
    io.out(
      `as written\n${indented(explanation.plan.before)}\nas it runs\n${indented(explanation.plan.after)}\n`,
    )
    io.out(`advice\n${indented(explanation.text)}\n`)
    const { cost, bytesPerRequest } = explanation
    io.out(`dearest hit ${cost} units of ~50 ns; about ${bytesPerRequest} bytes of baggage a request\n`)
  }
  return 0
}

function analyze(
  io: Io,
  args: Args,
  explanation: Explanation,
  last: QueryResults | undefined,
  forMs: number,
): void {
  const seconds = forMs / 1000
  const measured = {
    seconds,
    tuples: last?.total ?? 0,
    tuplesPerSecond: (last?.total ?? 0) / seconds,
    processes: last?.coverage.installed ?? 0,
    runsPerSecond: (last?.use.runs ?? 0) / seconds,
    nsPerRun: last === undefined || last.use.runs === 0 ? 0 : last.use.ns / last.use.runs,
    cpuShare: (last?.use.ns ?? 0) / (seconds * 1e9),
    packedBytes: last?.use.packedBytes ?? 0,
    drops: last?.drops ?? { otherRows: 0, overflows: 0, lost: 0 },
  }
  if (args.has('json')) io.out(`${JSON.stringify({ ...explanation, measured })}\n`)
  else {
    show(io, args, explanation)
    io.out(
      `measured over ${seconds} s in ${measured.processes} processes: ${measured.tuples} tuples, ` +
        `${measured.tuplesPerSecond.toFixed(1)}/s${dropText(measured.drops)}; ` +
        `${measured.runsPerSecond.toFixed(1)} runs/s of ${measured.nsPerRun.toFixed(0)} ns = ` +
        `${(measured.cpuShare * 100).toPrecision(2)} % of one core; ${measured.packedBytes} bytes a pack\n`,
    )
  }
}

const indented = (text: string): string =>
  text
    .split('\n')
    .map((line) => `  ${plain(line)}`)
    .join('\n')

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, Math.max(0, ms))
    function done(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    signal.addEventListener('abort', done)
  })
}
