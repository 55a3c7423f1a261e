// Summaries as rows of table `traces`, and their computation from table `spans`.
//
//   key (start_ns, trace_id), newest version wins; when the start of a trace moves, the row of the old start
//   is taken back by one with is_deleted = 1: a search by start looks at no more than the keys it returns
//
// A version is the greatest log sequence of its spans: a replay writes the same version with the same
// content.

import type { BlockWriter, NativeBlock, NativeColumn, Row, Store } from '#store'
import { OPERATION_SEPARATOR, type DueTrace, type Summary } from './assembler.ts'
import {
  OPERATIONS_PER_SUMMARY_MAX,
  OVERFLOW_NAME,
  REREAD_TRACES_MAX,
  SERVICES_PER_SUMMARY_MAX,
} from './assembly-limits.ts'
import { headWeightOf, WANTED_SQL } from './head-weight.ts'

export type SummaryRow = {
  readonly summary: Summary
  readonly version: bigint
  readonly isDeleted: boolean
  /** How many traces it stands for by the tail rule; 1 without one. */
  readonly weight: number
  /** The store has a summary of this trace. */
  readonly isAgain: boolean
}

/** Rows for all due traces; those that memory does not know are read from the store. */
export async function summaryRows(store: Store, due: readonly DueTrace[]): Promise<SummaryRow[]> {
  const rows: SummaryRow[] = []
  const unknown: DueTrace[] = []
  for (const trace of due) {
    if (trace.summary === undefined) {
      unknown.push(trace)
      continue
    }
    rows.push({
      summary: trace.summary,
      version: BigInt(trace.sequence),
      isDeleted: false,
      weight: 1,
      isAgain: false,
    })
    if (trace.movedFromNs !== undefined)
      rows.push(tombstone(trace.summary, trace.movedFromNs, BigInt(trace.sequence)))
  }
  for (let at = 0; at < unknown.length; at += REREAD_TRACES_MAX) {
    rows.push(...(await rereadRows(store, unknown.slice(at, at + REREAD_TRACES_MAX))))
  }
  return rows
}

function tombstone(summary: Summary, startNs: bigint, version: bigint): SummaryRow {
  return { summary: { ...summary, startNs }, version, isDeleted: true, weight: 1, isAgain: true }
}

// An alias hides the column of its name in this dialect, also inside other aggregates: hence the names unlike
// any column's.
const REREAD = `SELECT lower(hex(trace_id)) AS id, min(start_ns) AS first_ns,
    max(greatest(start_ns, start_ns + duration_ns)) AS last_ns, count() AS spans,
    countIf(status_code = 2) AS errors,
    countIf(is_root) AS roots, argMin(service, (NOT is_root, start_ns)) AS root_service,
    argMin(name, (NOT is_root, start_ns)) AS root_name,
    toString(argMin(trace_state, (NOT is_root, start_ns))) AS root_state,
    toString(argMinIf(trace_state, start_ns, trace_state != '')) AS first_state,
    toString(argMinIf(trace_state, start_ns, ${WANTED_SQL})) AS wanted_state,
    sumMap(map(toString(service), toUInt64(1))) AS services,
    groupUniqArray(${OPERATIONS_PER_SUMMARY_MAX})(concat(service, char(0), name)) AS operations
  FROM (
    SELECT trace_id, start_ns, duration_ns, status_code, service, name, trace_state,
      parent_span_id = toFixedString('', 8) AS is_root
    FROM spans WHERE trace_id IN (SELECT toFixedString(unhex(arrayJoin({ids:Array(String)})), 16))
    ORDER BY seq DESC LIMIT 1 BY trace_id, span_id
  ) GROUP BY trace_id`

const WRITTEN = `SELECT lower(hex(trace_id)) AS id, start_ns, max(version) AS newest,
    argMax(is_deleted, version) AS is_gone, argMax(weight, version) AS last_weight
  FROM traces WHERE trace_id IN (SELECT toFixedString(unhex(arrayJoin({ids:Array(String)})), 16))
  GROUP BY trace_id, start_ns`

async function rereadRows(store: Store, due: readonly DueTrace[]): Promise<SummaryRow[]> {
  const params = { ids: due.map(({ traceId }) => traceId) }
  const [computed, written] = await Promise.all([
    store.query(REREAD, { params }),
    store.query(WRITTEN, { params }),
  ])
  const sequences = new Map(due.map(({ traceId, sequence }) => [traceId, BigInt(sequence)]))
  return computed.flatMap((row) => {
    const summary = summaryOfRow(row)
    const before = written.filter(({ id }) => id === summary.traceId)
    // A log that began anew has small sequences: the version must grow all the same.
    const newest = before
      .map(({ newest: version }) => BigInt(String(version)))
      .reduce((a, b) => (a > b ? a : b), 0n)
    const sequence = sequences.get(summary.traceId) ?? 0n
    const version = sequence > newest ? sequence : newest + 1n
    const moved = before.filter(
      ({ start_ns, is_gone }) => is_gone === 0 && String(start_ns) !== String(summary.startNs),
    )
    return [
      { summary, version, isDeleted: false, ...writtenBefore(before) },
      ...moved.map(({ start_ns }) => tombstone(summary, BigInt(String(start_ns)), version)),
    ]
  })
}

/** A trace that was kept is kept, and stands for what it stood for. */
function writtenBefore(rows: readonly Row[]): Pick<SummaryRow, 'weight' | 'isAgain'> {
  const standing = rows.find(({ is_gone }) => is_gone === 0)
  return { weight: Math.max(1, Number(standing?.['last_weight'] ?? 1)), isAgain: standing !== undefined }
}

function summaryOfRow(row: Row): Summary {
  const startNs = BigInt(String(row['first_ns']))
  const endNs = BigInt(String(row['last_ns']))
  return {
    traceId: String(row['id']),
    startNs,
    durationNs: endNs > startNs ? endNs - startNs : 0n,
    rootService: String(row['root_service']),
    rootName: String(row['root_name']),
    hasRoot: Number(row['roots']) > 0,
    spanCount: Number(row['spans']),
    errorCount: Number(row['errors']),
    ...headOf(row),
    services: cappedServices(row['services']),
    operations: Array.isArray(row['operations']) ? row['operations'].map(String) : [],
  }
}

function headOf(row: Row): Pick<Summary, 'rootTraceState' | 'headWeight'> {
  const state = (name: string): string => String(row[name] ?? '')
  const states = {
    hasRoot: Number(row['roots']) > 0,
    rootTraceState: state('root_state'),
    wantedTraceState: state('wanted_state'),
    firstTraceState: state('first_state'),
  }
  return { rootTraceState: states.rootTraceState, headWeight: headWeightOf(String(row['id']), states) }
}

/** The services with most spans by name, the rest under OVERFLOW_NAME. */
function cappedServices(cell: unknown): Map<string, number> {
  const counts =
    typeof cell === 'object' && cell !== null
      ? Object.entries(cell).map(([name, n]) => [name, Number(n)] as const)
      : []
  counts.sort((a, b) => b[1] - a[1])
  const capped = new Map(counts.slice(0, SERVICES_PER_SUMMARY_MAX))
  const rest = counts.slice(SERVICES_PER_SUMMARY_MAX).reduce((sum, [, n]) => sum + n, 0)
  if (rest > 0) capped.set(OVERFLOW_NAME, (capped.get(OVERFLOW_NAME) ?? 0) + rest)
  return capped
}

const UTF8 = new TextEncoder()

/** Data of LowCardinality(String), each distinct text written once; prefix and ends are written before. */
function writeTexts(writer: BlockWriter, texts: Iterable<string>, count: number): void {
  const keys: Uint8Array[] = []
  const places = new Map<string, number>()
  const indices = new Uint32Array(count)
  let at = 0
  for (const text of texts) {
    let place = places.get(text)
    if (place === undefined) {
      place = keys.length
      places.set(text, place)
      keys.push(UTF8.encode(text))
    }
    indices[at++] = place
  }
  writer.lowCardinality(keys, indices)
}

function* servicesOfAll(rows: readonly SummaryRow[]): Generator<string> {
  for (const { summary } of rows) yield* summary.services.keys()
}

function* operationsOfAll(rows: readonly SummaryRow[]): Generator<string> {
  for (const { summary } of rows) yield* summary.operations
}

/**
 * Shapes: one row a summary or tombstone, in the order given. Names repeat from trace to trace, so they go as
 * dictionaries: encoding each was half of what a summary cost.
 */
export function summaryBlock(rows: readonly SummaryRow[], nowSeconds: number): NativeBlock {
  const u64 = (name: string, value: (row: SummaryRow) => bigint): NativeColumn => ({
    name,
    type: 'UInt64',
    write: (writer) => writer.memory(BigUint64Array.from(rows, value)),
  })
  const u32 = (name: string, type: string, value: (row: SummaryRow) => number): NativeColumn => ({
    name,
    type,
    write: (writer) => writer.memory(Uint32Array.from(rows, value)),
  })
  const u8 = (name: string, value: (row: SummaryRow) => boolean): NativeColumn => ({
    name,
    type: 'UInt8',
    write: (writer) => writer.raw(Uint8Array.from(rows, (row) => (value(row) ? 1 : 0))),
  })
  const text = (name: string, value: (row: SummaryRow) => string): NativeColumn => ({
    name,
    type: 'LowCardinality(String)',
    write: (writer) => {
      writer.lowCardinalityPrefix()
      writeTexts(writer, rows.map(value), rows.length)
    },
  })
  const starts = (size: (row: SummaryRow) => number): Uint32Array => {
    const offsets = new Uint32Array(rows.length + 1)
    rows.forEach((row, i) => {
      offsets[i + 1] = offsets[i]! + size(row)
    })
    return offsets
  }
  return {
    rowCount: rows.length,
    columns: [
      u64('start_ns', (row) => row.summary.startNs),
      {
        name: 'trace_id',
        type: 'FixedString(16)',
        write: (writer) => {
          for (const row of rows) writer.raw(Buffer.from(row.summary.traceId, 'hex'))
        },
      },
      u64('version', (row) => row.version),
      u8('is_deleted', (row) => row.isDeleted),
      {
        name: 'weight',
        type: 'Float64',
        write: (writer) => writer.memory(Float64Array.from(rows, (row) => row.weight)),
      },
      {
        name: 'head_weight',
        type: 'Float64',
        write: (writer) => writer.memory(Float64Array.from(rows, ({ summary }) => summary.headWeight)),
      },
      u32('ingest_time', 'DateTime', () => nowSeconds),
      u64('duration_ns', (row) => row.summary.durationNs),
      text('root_service', (row) => row.summary.rootService),
      text('root_name', (row) => row.summary.rootName),
      u8('has_root', (row) => row.summary.hasRoot),
      u32('span_count', 'UInt32', (row) => row.summary.spanCount),
      u32('error_count', 'UInt32', (row) => row.summary.errorCount),
      {
        name: 'services',
        type: 'Map(LowCardinality(String), UInt32)',
        write: (writer) => {
          const offsets = starts((row) => row.summary.services.size)
          writer.lowCardinalityPrefix()
          writer.ends(offsets)
          writeTexts(writer, servicesOfAll(rows), offsets[rows.length]!)
          writer.memory(Uint32Array.from(rows.flatMap((row) => [...row.summary.services.values()])))
        },
      },
      {
        name: 'operations',
        type: 'Array(LowCardinality(String))',
        write: (writer) => {
          const offsets = starts((row) => row.summary.operations.length)
          writer.lowCardinalityPrefix()
          writer.ends(offsets)
          writeTexts(writer, operationsOfAll(rows), offsets[rows.length]!)
        },
      },
    ],
  }
}

/** `service NUL name`, as it stands in column operations. */
export function operationText(service: string, name: string): string {
  return service + OPERATION_SEPARATOR + name
}
