// `dataset ls | add | rm | query | compare | backfill`: tables of features, asked from a terminal.

import { readFileSync } from 'node:fs'
import path from 'node:path'
import type {
  BackfillView,
  DatasetComparison,
  DatasetDefinition,
  DatasetDifference,
  DatasetResult,
  DatasetView,
} from '#protocol'
import { Client } from '../client.ts'
import { asTyped } from '../install.ts'
import { ago, clip, durationMs, plain, table } from '../text.ts'
import { CliError, CLIENT_FLAGS, UsageError, type Args, type Io, type Verb } from '../verb.ts'

const PROGRESS_MS = 500

export const dataset: Verb = {
  name: 'dataset',
  summary: 'tables of features: list, define, query, compare two populations, backfill',
  usage: 'ls | add <name> | rm <name> | query <name> | compare <name> | backfill <name>',
  words: [1, 2],
  flags: {
    features: { value: 'FILE', says: 'add: pipelines of the feature language; - = stdin' },
    file: {
      value: 'NAME',
      says: "add: a TypeScript feature file in the server's DIR/features, instead of --features",
    },
    filter: { value: 'TEXT', says: 'add: which traces (default: all)' },
    owner: { value: 'NAME', says: 'add: whose features these are (default: $USER)' },
    'row-per': { value: 'trace|block|unit|point|edge', says: 'add: what a row is (default: trace)' },
    'retention-hours': { value: 'N', says: 'add: how long rows live (default: 720)' },
    'max-bytes': { value: 'N', says: 'add: how large the table may be' },
    'dry-run': { says: 'add: only try it on stored traces' },
    force: { says: 'add: also when it costs more than it may' },
    select: {
      value: 'AGGREGATE',
      isMany: true,
      says: "query: count, 'p99(duration_ms)', 'sum(x) as name', or columns (default: count)",
    },
    'group-by': { value: 'COLUMN', isMany: true, says: "query: a column, 'duration_ms / 50', 'x / log 4'" },
    where: { value: 'TEXT', says: "query: service = 'gateway' and duration_ms > 100" },
    every: { value: 'DURATION', says: 'query: a row for each 10s, 1m, ..' },
    'order-by': {
      value: 'NAME',
      isMany: true,
      says: "query: what is selected or grouped by; '-' before: largest first",
    },
    limit: { value: 'N', says: 'query: groups, rows or series' },
    a: { value: 'TEXT', says: 'compare: one population' },
    b: { value: 'TEXT', says: 'compare: the other (default: all rows that are not in a)' },
    all: { says: 'compare: columns too that do not differ significantly' },
    from: { value: 'TIME', says: 'earliest start of traces: ISO 8601, ms or ns since the epoch' },
    to: { value: 'TIME', says: 'latest start' },
    last: { value: 'DURATION', says: 'the same as --from so long ago: 15m, 1h, 7d' },
    cancel: { says: 'backfill: stop the one that runs' },
    'no-wait': { says: 'backfill: do not watch it' },
    ...CLIENT_FLAGS,
  },
  examples: [
    'crosscut dataset ls',
    'crosscut dataset add cold-starts --file cold-start.ts --owner mobile',
    'crosscut dataset add page-loads --features page-load.features --filter \'service = "web"\'',
    "crosscut dataset query requests --select 'p99(duration_ms)' --select count --group-by service --last 1h",
    "crosscut dataset query requests --select 'p99(duration_ms)' --every 1m --last 15m --json",
    "crosscut dataset compare requests --a 'duration_ms > 500' --last 1h",
    'crosscut dataset backfill page-loads --last 7d',
  ],
  run: async (io, args) => {
    const [action = '', name] = args.words
    if (action === 'ls' && name === undefined) return list(io, args)
    const act = name === undefined ? undefined : ACTIONS[action]
    if (act === undefined || name === undefined) throw new UsageError(`dataset takes ${dataset.usage}`)
    return act(io, args, name)
  },
}

const ACTIONS: { readonly [action: string]: (io: Io, args: Args, name: string) => Promise<number> } = {
  add,
  rm: remove,
  query,
  compare,
  backfill,
}

const at = (name: string, rest = ''): string => `/api/v1/datasets/${encodeURIComponent(name)}${rest}`

async function list(io: Io, args: Args): Promise<number> {
  const { datasets } = await new Client(io, args).json<{ datasets: readonly DatasetView[] }>(
    'GET',
    '/api/v1/datasets',
  )
  if (args.has('json')) for (const one of datasets) io.out(`${JSON.stringify(one)}\n`)
  else if (datasets.length === 0) io.say(`no datasets; ${asTyped()} dataset add makes one\n`)
  else
    io.out(
      table(
        io,
        ['DATASET', 'OWNER', 'ROW PER', 'COLUMNS', 'VERSION', 'ROWS', 'CHANGED'],
        datasets.map(rowOf),
      ),
    )
  return 0
}

function rowOf({ name, owner, rowPer, columns, version, use, changedMs }: DatasetView): string[] {
  const failed = use === undefined || use.failures === 0 ? '' : ` (${use.failures} traces failed)`
  const resting = use?.quarantinedUntilMs === undefined ? '' : ' (quarantined)'
  const rows = use === undefined ? '' : `${use.rows}${failed}${resting}`
  return [name, owner, rowPer, String(columns.length), String(version), rows, ago(Date.now() - changedMs)]
}

type Added = DatasetView & {
  readonly trial?: {
    readonly traces: number
    readonly matched: number
    readonly rows: number
    readonly cpuMs: number
  }
}

async function add(io: Io, args: Args, name: string): Promise<number> {
  const [pipelines, file] = [args.text('features'), args.text('file')]
  if ((pipelines === undefined) === (file === undefined))
    throw new UsageError('dataset add needs --features FILE, or --file NAME of a feature file')
  const hours = args.count('retention-hours', 1e6)
  const bytes = args.count('max-bytes', Number.MAX_SAFE_INTEGER)
  const body: Partial<DatasetDefinition> & { readonly dryRun?: boolean; readonly force?: boolean } = {
    owner: args.text('owner') ?? io.env.USER ?? 'me',
    filter: args.text('filter') ?? '',
    ...(pipelines === undefined ? { file } : { features: readText(io, pipelines) }),
    ...rowPerOf(args),
    ...(hours === undefined ? {} : { retentionHours: hours }),
    ...(bytes === undefined ? {} : { maxBytes: bytes }),
    ...(args.has('dry-run') ? { dryRun: true } : {}),
    ...(args.has('force') ? { force: true } : {}),
  }
  const done = await new Client(io, args).json<Added>('PUT', at(name), body)
  if (args.has('json')) io.out(`${JSON.stringify(done)}\n`)
  else {
    io.out(
      table(
        io,
        ['COLUMN', 'TYPE', 'UNIT'],
        done.columns.map(({ name: column, type, unit = '' }) => [column, type, unit]),
      ),
    )
    const what = args.has('dry-run') ? 'tried' : `${name} is live, version ${done.version}`
    io.say(`${what}${trialText(done.trial)}\n`)
  }
  return 0
}

function trialText(trial: Added['trial']): string {
  if (trial === undefined || trial.traces === 0) return ''
  const each = (trial.cpuMs / trial.traces).toFixed(2)
  return `; of ${trial.traces} stored traces ${trial.matched} match: ${trial.rows} rows, ${each} ms each`
}

function rowPerOf(args: Args): { readonly rowPer?: DatasetDefinition['rowPer'] } {
  const told = args.text('row-per')
  if (told === undefined) return {}
  const row = told === 'element' ? 'block' : told
  if (row === 'trace' || row === 'block' || row === 'unit' || row === 'point' || row === 'edge')
    return { rowPer: row }
  throw new UsageError('--row-per is one of trace, block, unit, point, edge')
}

function readText(io: Io, file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : path.resolve(io.cwd, file), 'utf8')
  } catch {
    throw new CliError('E_NO_FILE', `cannot read ${file}`)
  }
}

async function remove(io: Io, args: Args, name: string): Promise<number> {
  await new Client(io, args).json('DELETE', at(name))
  io.out(args.has('json') ? `${JSON.stringify({ name, removed: true })}\n` : `removed ${name}\n`)
  return 0
}

function timesOf(args: Args): { readonly from?: string; readonly to?: string } {
  const last = args.text('last')
  if (last !== undefined && args.text('from') !== undefined)
    throw new UsageError('--last and --from are the same')
  const from =
    last === undefined ? args.text('from') : String(Math.round(Date.now() - durationMs('last', last)))
  const to = args.text('to')
  return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }
}

async function query(io: Io, args: Args, name: string): Promise<number> {
  const every = args.text('every')
  const where = args.text('where')
  const limit = args.count('limit', 1e6)
  const select = args.all('select')
  const answer = await new Client(io, args).json<DatasetResult>('POST', at(name, '/query'), {
    select: select.length === 0 ? ['count'] : select,
    groupBy: args.all('group-by'),
    orderBy: args.all('order-by'),
    ...(where === undefined ? {} : { where }),
    ...(every === undefined ? {} : { everySeconds: durationMs('every', every) / 1000 }),
    ...(limit === undefined ? {} : { limit }),
    ...timesOf(args),
  })
  if (args.has('json')) {
    for (const row of answer.rows) io.out(`${JSON.stringify(row)}\n`)
    return 0
  }
  const { columns, rows, matched } = answer
  const head = columns.map(({ name: column, unit }) => (unit === undefined ? column : `${column} [${unit}]`))
  const cells = rows.map((row) => columns.map(({ name: column, type }) => cellText(row[column], type)))
  io.out(table(io, head.map(plain), cells))
  const more = answer.isCut ? '; there are more: --limit' : ''
  io.say(`${matched.rows} rows, for ${significant(matched.weight)} traces or elements${more}\n`)
  return 0
}

function cellText(cell: DatasetResult['rows'][number][string] | undefined, type: string): string {
  if (cell === null || cell === undefined) return '-'
  if (type === 'time') return new Date(Number(cell)).toISOString()
  if (typeof cell === 'number') return significant(cell)
  return clip(Array.isArray(cell) ? cell.join(' ') : String(cell), 60)
}

/** Six digits say enough; whole numbers are whole. */
function significant(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)))
}

async function compare(io: Io, args: Args, name: string): Promise<number> {
  const a = args.text('a')
  const b = args.text('b')
  if (a === undefined)
    throw new UsageError("dataset compare needs --a CONDITION, like --a 'duration_ms > 500'")
  const answer = await new Client(io, args).json<DatasetComparison>('POST', at(name, '/compare'), {
    a,
    ...(b === undefined ? {} : { b }),
    ...timesOf(args),
  })
  if (args.has('json')) {
    io.out(`${JSON.stringify(answer)}\n`)
    return 0
  }
  const shown = answer.columns.filter(({ isSignificant }) => isSignificant || args.has('all'))
  if (shown.length > 0)
    io.out(table(io, ['COLUMN', 'EFFECT', 'Q', 'WHAT DIFFERS', 'A', 'B'], shown.map(differenceRow)))
  io.say(
    `a: ${answer.a.rows} rows, b: ${answer.b.rows} rows; ${shown.length} of ${answer.columns.length} columns shown` +
      `, significant at q < ${answer.level} (Benjamini-Hochberg)\n`,
  )
  return 0
}

function differenceRow(one: DatasetDifference): string[] {
  const head = [one.column, one.effect.toFixed(3), one.q < 1e-4 ? '<0.0001' : one.q.toFixed(4)]
  if (one.kind === 'numbers') {
    const number = (value: number | null): string => (value === null ? '-' : significant(value))
    const unit = one.unit === undefined ? '' : ` ${one.unit}`
    return [...head, `median${unit}`, number(one.a.p50), number(one.b.p50)]
  }
  const [first] = one.values
  if (first === undefined) return [...head, '-', '-', '-']
  const value = first.value === null ? 'missing' : first.value === undefined ? 'others' : String(first.value)
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`
  return [...head, clip(value, 40), percent(first.a), percent(first.b)]
}

async function backfill(io: Io, args: Args, name: string): Promise<number> {
  const client = new Client(io, args)
  if (args.has('cancel')) {
    const view = await client.json<BackfillView>('DELETE', at(name, '/backfill'))
    io.out(args.has('json') ? `${JSON.stringify(view)}\n` : `${name}: ${view.state}\n`)
    return 0
  }
  let view = await client.json<BackfillView>('POST', at(name, '/backfill'), timesOf(args))
  while (!args.has('no-wait') && (view.state === 'waiting' || view.state === 'running')) {
    if (!args.has('json')) io.say(`\r${progressText(view)}`)
    await pause(PROGRESS_MS, io.signal)
    // It goes on without us: Ctrl-C only stops watching.
    if (io.signal.aborted) break
    view = await client.json<BackfillView>('GET', at(name, '/backfill'))
  }
  if (args.has('json')) io.out(`${JSON.stringify(view)}\n`)
  else {
    io.say(`\r${progressText(view)}\n`)
    io.out(`${name}: ${view.state}, ${view.rows} rows of ${view.tracesDone} traces\n`)
  }
  if (view.error !== undefined)
    throw new CliError('E_BACKFILL_FAILED', view.error, 'start it again: it writes no row twice')
  return 0
}

const BAR = 24

function progressText({ tracesDone, tracesTotal }: BackfillView): string {
  const share = tracesTotal === 0 ? 0 : Math.min(1, tracesDone / tracesTotal)
  const done = Math.round(share * BAR)
  return `[${'#'.repeat(done)}${'.'.repeat(BAR - done)}] ${tracesDone} of ${tracesTotal} traces`
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}
