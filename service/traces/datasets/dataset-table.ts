// The table of a dataset: one a dataset, its columns typed (ADR 008), and rows as a block for it.
//
//   key (minute, trace_id, element), newest version wins; a row that is no more is taken back (is_deleted)
//   minute    of the trace's start: rows of neighbouring times lie together, so FINAL and time filters are cheap
//   version   when the trace was read: a later reading has at least the spans of an earlier one
//
// A dataset's table is made and changed by the feature worker alone, before its first row of a version.

import type { FeatureValue } from '#model'
import { changeAge, engineOf, type NativeBlock, type NativeColumn, type Store } from '#store'
import type { DatasetColumnType } from '#protocol'
import { tableOf, type StoredDataset } from './definition.ts'
import { RETENTION_HOURS_DEFAULT, SET_MEMBERS_MAX, TEXT_CHARS_MAX } from './limits.ts'

export type DatasetRow = {
  /** 32 hex digits. */
  readonly traceId: string
  /** '' = the trace itself. */
  readonly element: string
  readonly startNs: bigint
  readonly version: bigint
  readonly isDeleted: boolean
  readonly weight: number
  /** In the order of the dataset's columns; of a row taken back, none. */
  readonly values: readonly FeatureValue[]
}

export const TYPES: Readonly<Record<DatasetColumnType, string>> = {
  number: 'Nullable(Float64)',
  string: 'LowCardinality(Nullable(String))',
  strings: 'Array(LowCardinality(String))',
  boolean: 'Nullable(UInt8)',
}

export const minuteOf = (startNs: bigint): number => Number(startNs / 60_000_000_000n)

/** Makes the table as the definition says. Errors: those of the store. */
export async function ensureTable(store: Store, dataset: StoredDataset): Promise<void> {
  const table = tableOf(dataset)
  const hours = Math.max(1, Math.round(dataset.retentionHours ?? RETENTION_HOURS_DEFAULT))
  const placed = [...dataset.columns, ...dataset.retired]
  const fields = placed.map(({ field, type }) => `${field} ${TYPES[type]}`)
  // Each new part is one insert a second: merged ten at a time as those of spans are.
  await store.command(`CREATE TABLE IF NOT EXISTS ${table} (
      minute UInt32 CODEC(Delta, LZ4),
      trace_id FixedString(16),
      element String,
      version UInt64 CODEC(Delta, LZ4),
      is_deleted UInt8,
      ingest_time DateTime CODEC(Delta, LZ4),
      start_ns UInt64 CODEC(Delta, LZ4),
      weight Float64${fields.map((field) => `,\n      ${field}`).join('')},
      INDEX by_trace_id trace_id TYPE bloom_filter(0.01) GRANULARITY 1
    ) ENGINE = ReplacingMergeTree(version, is_deleted)
    PARTITION BY toDate(ingest_time) ORDER BY (minute, trace_id, element)
    TTL ingest_time + toIntervalHour(${hours})
    SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000,
      merge_selector_base = 10, ttl_only_drop_parts = 1`)
  await alterColumns(store, table, placed)
  await changeAge(engineOf(store), table, hours)
}

async function alterColumns(
  store: Store,
  table: string,
  placed: readonly { readonly field: string; readonly type: DatasetColumnType }[],
): Promise<void> {
  const rows = await store.query(
    'SELECT name FROM system.columns WHERE database = currentDatabase() AND table = {table:String}',
    { params: { table } },
  )
  const there = new Set(rows.map(({ name }) => String(name)))
  const wanted = new Set(placed.map(({ field }) => field))
  const changes = [
    ...placed
      .filter(({ field }) => !there.has(field))
      .map(({ field, type }) => `ADD COLUMN IF NOT EXISTS ${field} ${TYPES[type]}`),
    ...[...there]
      .filter((name) => /^f\d+$/.test(name) && !wanted.has(name))
      .map((name) => `DROP COLUMN IF EXISTS ${name}`),
  ]
  if (changes.length > 0) await store.command(`ALTER TABLE ${table} ${changes.join(', ')}`)
}

const UTF8 = new TextEncoder()

/** Owns: reads the rows when the block is encoded. */
export function datasetBlock(
  dataset: StoredDataset,
  rows: readonly DatasetRow[],
  nowSeconds: number,
): NativeBlock {
  const column = (name: string, type: string, write: NativeColumn['write']): NativeColumn => ({
    name,
    type,
    write,
  })
  return {
    rowCount: rows.length,
    columns: [
      column('minute', 'UInt32', (writer) =>
        writer.memory(filled(new Uint32Array(rows.length), (i) => minuteOf(rows[i]!.startNs))),
      ),
      column('trace_id', 'FixedString(16)', (writer) => writeTraceIds(writer, rows)),
      column('element', 'String', (writer) => {
        for (const { element } of rows) writeAscii(writer, element)
      }),
      column('version', 'UInt64', (writer) =>
        writer.memory(filledBig(new BigUint64Array(rows.length), (i) => rows[i]!.version)),
      ),
      column('is_deleted', 'UInt8', (writer) =>
        writer.raw(filled(new Uint8Array(rows.length), (i) => Number(rows[i]!.isDeleted))),
      ),
      column('ingest_time', 'DateTime', (writer) =>
        writer.memory(new Uint32Array(rows.length).fill(nowSeconds)),
      ),
      column('start_ns', 'UInt64', (writer) =>
        writer.memory(filledBig(new BigUint64Array(rows.length), (i) => rows[i]!.startNs)),
      ),
      column('weight', 'Float64', (writer) =>
        writer.memory(filled(new Float64Array(rows.length), (i) => rows[i]!.weight)),
      ),
      ...dataset.columns.map(({ field, type }, place) =>
        valueColumn(
          field,
          type,
          rows.map(({ values }) => values[place] ?? null),
        ),
      ),
    ],
  }
}

function valueColumn(name: string, type: DatasetColumnType, values: readonly FeatureValue[]): NativeColumn {
  const write: NativeColumn['write'] = (writer) => {
    switch (type) {
      case 'number': {
        const numbers = values.map(numberOf)
        writer.raw(filled(new Uint8Array(values.length), (i) => Number(numbers[i] === null)))
        return writer.memory(filled(new Float64Array(values.length), (i) => numbers[i] ?? 0))
      }
      case 'boolean':
        writer.raw(filled(new Uint8Array(values.length), (i) => Number(typeof values[i] !== 'boolean')))
        return writer.raw(filled(new Uint8Array(values.length), (i) => Number(values[i] === true)))
      case 'string':
        writer.lowCardinalityPrefix()
        return writeDictionary(writer, values.map(textOf), [EMPTY, EMPTY])
      case 'strings': {
        writer.lowCardinalityPrefix()
        const sets = values.map(membersOf)
        const ends = new Uint32Array(sets.length + 1)
        sets.forEach((set, row) => {
          ends[row + 1] = ends[row]! + set.length
        })
        writer.ends(ends)
        return writeDictionary(writer, sets.flat(), [])
      }
    }
  }
  return { name, type: TYPES[type], write }
}

// Loops by hand: TypedArray.from with a function goes through an iterator, at three times the time.
function filled<A extends Uint8Array | Uint32Array | Float64Array>(
  array: A,
  value: (i: number) => number,
): A {
  for (let i = 0; i < array.length; i++) array[i] = value(i)
  return array
}

function filledBig(array: BigUint64Array, value: (i: number) => bigint): BigUint64Array {
  for (let i = 0; i < array.length; i++) array[i] = value(i)
  return array
}

type Writer = Parameters<NativeColumn['write']>[0]

/** Rows of one trace follow each other: its id is read once. */
function writeTraceIds(writer: Writer, rows: readonly DatasetRow[]): void {
  let traceId = ''
  let bytes: Uint8Array = EMPTY
  for (const row of rows) {
    if (row.traceId !== traceId) {
      traceId = row.traceId
      bytes = Buffer.from(traceId, 'hex')
    }
    writer.raw(bytes)
  }
}

/** Span ids and numbers: short, and a byte a character. */
function writeAscii(writer: Writer, text: string): void {
  if (text.length >= 0x80) return writer.string(UTF8.encode(text))
  const at = writer.reserve(text.length + 1)
  writer.buffer[at] = text.length
  for (let i = 0; i < text.length; i++) writer.buffer[at + 1 + i] = text.charCodeAt(i)
}

const EMPTY = new Uint8Array()

/** Of a nullable dictionary key 0 is null and key 1 the empty text, as the engine keeps them. */
function writeDictionary(
  writer: Parameters<NativeColumn['write']>[0],
  texts: readonly (string | null)[],
  reserved: readonly Uint8Array[],
): void {
  const keys = [...reserved]
  const known = new Map<string, number>(reserved.length === 0 ? [] : [['', 1]])
  const indexOf = (text: string | null): number => {
    if (text === null) return 0
    const index = known.get(text)
    if (index !== undefined) return index
    known.set(text, keys.length)
    keys.push(UTF8.encode(text))
    return keys.length - 1
  }
  const indices = filled(new Uint32Array(texts.length), (i) => indexOf(texts[i]!))
  writer.lowCardinality(keys, indices)
}

/** NaN and infinities have no place in an answer: they are missing. */
function numberOf(value: FeatureValue): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value + 0 : null
}

function textOf(value: FeatureValue): string | null {
  return typeof value === 'string' ? value.slice(0, TEXT_CHARS_MAX) : null
}

function membersOf(value: FeatureValue): readonly string[] {
  if (!Array.isArray(value)) return []
  return [...new Set(value)].slice(0, SET_MEMBERS_MAX).map((text) => String(text).slice(0, TEXT_CHARS_MAX))
}
