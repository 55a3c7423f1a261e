// `features check <file> | ls`: features before they are in use, tried on a trace, and those that are. A file of
// TypeScript is run as the server runs it: in a process of its own, with its limits.

import { readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { formatDiagnostic, type Diagnostic } from '#base'
import type { FeatureColumn, FeatureRow, LooseOtlpSpan, Trace } from '#model'
import { Client } from '../client.ts'
import { loadServer } from '../load-server.ts'
import { clip, plain, table } from '../text.ts'
import { CliError, CLIENT_FLAGS, UsageError, type Args, type Io, type Verb } from '../verb.ts'

const ROWS = ['trace', 'unit', 'block', 'point', 'edge'] as const
type RowPer = (typeof ROWS)[number]
const ROWS_SHOWN_MAX = 40
const CELL_CHARS_MAX = 60
/** A trace of 100,000 spans with all its attributes. */
const TRACE_BYTES_MAX = 256 * 1024 * 1024
const SPANS_PAGE = 5_000

export const features: Verb = {
  name: 'features',
  summary: 'check pipelines or a TypeScript feature file, try them on a trace; list those of all datasets',
  usage: 'check <file> | ls',
  words: [1, 2],
  flags: {
    'row-per': { value: ROWS.join('|'), says: 'what a row is; default: trace' },
    filter: { says: 'the file is a condition on traces, as the filter of a dataset' },
    on: { value: 'TRACE', says: 'try it on a trace: its id, or a file of OTLP/JSON as export writes it' },
    ...CLIENT_FLAGS,
  },
  examples: [
    'crosscut features check page-load.features',
    'crosscut features check page-load.features --on 4bf92f3577b34da6a3ce929d0e0e4736',
    'crosscut features check cold-start.ts --on trace.json',
    'crosscut features ls',
  ],
  run: async (io, args) => {
    const [action, file] = args.words
    if (action === 'check' && file !== undefined) return check(io, args, file)
    if (action === 'ls' && file === undefined) return list(io, args)
    throw new UsageError(`features takes ${features.usage}`)
  },
}

function check(io: Io, args: Args, file: string): Promise<number> {
  const text = readText(path.resolve(io.cwd, file), file)
  return file.endsWith('.ts') ? checkFile(io, args, { file, text }) : checkPipelines(io, args, { file, text })
}

type Given = { readonly file: string; readonly text: string }

async function checkFile(io: Io, args: Args, { file, text }: Given): Promise<number> {
  if (args.has('filter')) throw new UsageError('a filter is a condition of the feature language')
  const { askFeatureFile, FeatureFileError } = await loadServer()
  const on = args.text('on')
  const trace = on === undefined ? undefined : await readTrace(io, args, on)
  const source = { name: path.basename(file), source: text, rowPer: rowPerOf(args) }
  try {
    const { columns, rows, notFinite } = await askFeatureFile(source, trace)
    const tried = trace === undefined ? {} : { rows, notFinite }
    if (args.has('json')) io.out(`${JSON.stringify({ ok: true, columns, diagnostics: [], ...tried })}\n`)
    else if (trace === undefined) showColumns(io, columns)
    else showTried(io, columns, { rows, overBudget: 0, notFinite })
    return 0
  } catch (error: unknown) {
    if (!(error instanceof FeatureFileError)) throw error
    if (args.has('json'))
      io.out(`${JSON.stringify({ ok: false, columns: [], diagnostics: [{ message: error.message }] })}\n`)
    else io.say(`${plain(error.message)}\n`)
    return 1
  }
}

async function checkPipelines(io: Io, args: Args, { file, text }: Given): Promise<number> {
  const rowPer = rowPerOf(args)
  const { compileFeatures, compileFilter, FeatureBudget } = await import('#model')
  const { program, filter, diagnostics } = args.has('filter')
    ? { program: undefined, ...compileFilter(text) }
    : { filter: undefined, ...compileFeatures(text, { rowPer }) }
  const isGood = program !== undefined || filter !== undefined
  const columns = program?.columns ?? []
  const on = isGood ? args.text('on') : undefined
  const trace = on === undefined ? undefined : await readTrace(io, args, on)
  const budget = new FeatureBudget()
  const rows = trace && program?.evaluate(trace, budget)
  const holds = trace && filter?.(trace, budget)
  if (args.has('json')) {
    const { overBudget, notFinite } = budget
    const tried = trace === undefined ? {} : { rows, holds, overBudget, notFinite }
    io.out(`${JSON.stringify({ ok: isGood, columns, diagnostics, ...tried })}\n`)
    return isGood ? 0 : 1
  }
  for (const one of diagnostics) io.say(`${lineOf(file, one)}\n`)
  if (holds !== undefined) io.out(holds ? 'holds\n' : 'does not hold\n')
  else if (filter !== undefined) io.out('a condition on traces\n')
  else if (rows === undefined && columns.length > 0) showColumns(io, columns)
  showTried(io, columns, { rows, ...budget })
  return isGood ? 0 : 1
}

function showColumns(io: Io, columns: readonly FeatureColumn[]): void {
  io.out(table(io, ['COLUMN', 'TYPE', 'UNIT'], columns.map(cellsOf)))
}

type Tried = {
  readonly rows: readonly FeatureRow[] | undefined
  readonly overBudget: number
  readonly notFinite: number
}

function showTried(io: Io, columns: readonly FeatureColumn[], { rows, overBudget, notFinite }: Tried): void {
  if (rows !== undefined) showRows(io, columns, rows)
  if (overBudget > 0) io.say(`${overBudget} values are null because the trace is too large for them\n`)
  if (notFinite > 0) io.say(`${notFinite} values are null: a division by zero, or beyond a number\n`)
}

/** One row reads better from top to bottom. */
function showRows(io: Io, columns: readonly FeatureColumn[], rows: readonly FeatureRow[]): void {
  const text = (value: FeatureRow['values'][number]): string =>
    value === null ? '' : clip(plain(Array.isArray(value) ? value.join(', ') : String(value)), CELL_CHARS_MAX)
  const [only] = rows
  if (rows.length === 1 && only?.element === undefined) {
    const lines = columns.map((column, at) => [
      plain(column.name),
      text(only?.values[at] ?? null),
      column.unit ?? '',
    ])
    return io.out(table(io, ['COLUMN', 'VALUE', 'UNIT'], lines))
  }
  const head = columns.map(({ name, unit }) => plain(unit === undefined ? name : `${name} (${unit})`))
  const shown = rows
    .slice(0, ROWS_SHOWN_MAX)
    .map(({ element = '', values }) => [element, ...values.map(text)])
  io.out(table(io, ['ELEMENT', ...head], shown))
  if (rows.length > shown.length) io.say(`${rows.length - shown.length} more rows; --json has them all\n`)
}

const lineOf = (file: string, one: Diagnostic): string => `${file}:${plain(formatDiagnostic(one))}`

const cellsOf = ({ name, type, unit }: FeatureColumn): string[] => [plain(name), type, unit ?? '']

function rowPerOf(args: Args): RowPer {
  const told = args.text('row-per') ?? 'trace'
  const found = ROWS.find((row) => row === (told === 'element' ? 'block' : told))
  if (found === undefined) throw new UsageError(`--row-per is one of ${ROWS.join(', ')}`)
  return found
}

function readText(file: string, name: string): string {
  try {
    if (statSync(file).size <= TRACE_BYTES_MAX) return readFileSync(file, 'utf8')
  } catch {
    throw new CliError('E_NO_FILE', `cannot read ${name}`)
  }
  throw new CliError('E_TOO_LARGE', `${name} has more than ${TRACE_BYTES_MAX} bytes`)
}

// --- a trace to try it on

type Request = {
  readonly resourceSpans?: readonly {
    readonly resource?: object
    readonly scopeSpans?: readonly { readonly scope?: object; readonly spans?: readonly LooseOtlpSpan[] }[]
  }[]
}

async function readTrace(io: Io, args: Args, on: string): Promise<Trace> {
  const { buildTrace } = await import('#model')
  const requests = /^[0-9a-f]{32}$/i.test(on)
    ? await askFor(new Client(io, args), on)
    : parseLines(readText(path.resolve(io.cwd, on), on), on)
  const spans = requests.flatMap(spansOf)
  if (spans.length > 0) return buildTrace(spans)
  throw new CliError(
    'E_NO_SPANS',
    `there are no spans in ${on}`,
    'give the id of a trace, or a file of OTLP/JSON',
  )
}

/** Spans of one process share its resource: the model reads each once. */
function spansOf({ resourceSpans = [] }: Request): LooseOtlpSpan[] {
  return resourceSpans.flatMap(({ resource = {}, scopeSpans = [] }) =>
    scopeSpans.flatMap(({ scope = {}, spans = [] }) => spans.map((span) => ({ ...span, resource, scope }))),
  )
}

async function askFor(client: Client, traceId: string): Promise<Request[]> {
  const pages: Request[] = []
  for (let offset = 0; ; offset += SPANS_PAGE) {
    const page = await client.json<Request>(
      'GET',
      `/api/v1/traces/${traceId.toLowerCase()}/otlp?offset=${offset}&limit=${SPANS_PAGE}`,
    )
    pages.push(page)
    if (spansOf(page).length < SPANS_PAGE) return pages
  }
}

/** One request, or one a line. */
function parseLines(text: string, name: string): Request[] {
  try {
    return [JSON.parse(text) as Request]
  } catch {
    return text
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => parseLine(line, name))
  }
}

function parseLine(line: string, name: string): Request {
  try {
    return JSON.parse(line) as Request
  } catch {
    throw new CliError('E_NOT_JSON', `${name} is no OTLP/JSON`, 'write one with crosscut export ID')
  }
}

// --- ls

type Dataset = { readonly name: string; readonly owner: string; readonly columns: readonly FeatureColumn[] }

async function list(io: Io, args: Args): Promise<number> {
  const { datasets } = await new Client(io, args).json<{ datasets: readonly Dataset[] }>(
    'GET',
    '/api/v1/datasets',
  )
  const rows = datasets.flatMap(({ name: dataset, owner, columns }) =>
    columns.map((column) => ({ dataset, owner, ...column })),
  )
  if (args.has('json')) for (const row of rows) io.out(`${JSON.stringify(row)}\n`)
  else if (rows.length === 0) io.say('no dataset has features yet\n')
  else {
    const cells = rows.map(({ dataset, owner, ...column }) => [
      plain(dataset),
      ...cellsOf(column),
      plain(owner),
    ])
    io.out(table(io, ['DATASET', 'COLUMN', 'TYPE', 'UNIT', 'OWNER'], cells))
  }
  return 0
}
