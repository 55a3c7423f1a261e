// Spans for tests and benches as literals, turned into the columns that ingest makes.

import { StringTable, VALUE_TYPES, type AttributeColumns, type SpanBatch } from './span-batch.ts'

export type FixtureValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | Uint8Array
  | { readonly array: string }
  | { readonly kvlist: string }
export type FixtureAttributes = { readonly [key: string]: FixtureValue }

export type FixtureSpan = {
  /** Hex, padded with zeros on the left. */
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly service?: string
  readonly name?: string
  readonly kind?: number
  readonly startNs?: bigint
  readonly endNs?: bigint
  readonly status?: { readonly code: number; readonly message?: string }
  readonly traceState?: string
  readonly flags?: number
  readonly attributes?: FixtureAttributes
  readonly resource?: FixtureAttributes
  readonly scope?: {
    readonly name: string
    readonly version?: string
    readonly attributes?: FixtureAttributes
  }
  readonly events?: readonly {
    readonly timeNs: bigint
    readonly name: string
    readonly attributes?: FixtureAttributes
  }[]
  readonly links?: readonly {
    readonly traceId: string
    readonly spanId: string
    readonly attributes?: FixtureAttributes
  }[]
  readonly dropped?: readonly [attributes: number, events: number, links: number]
}

class Strings {
  readonly #index = new Map<string, number>([['', 0]])
  readonly #parts: Uint8Array[] = [new Uint8Array()]

  text(text: string): number {
    const known = this.#index.get(text)
    if (known !== undefined) return known
    this.#index.set(text, this.#parts.length)
    return this.bytes(new TextEncoder().encode(text))
  }

  bytes(bytes: Uint8Array): number {
    this.#parts.push(bytes)
    return this.#parts.length - 1
  }

  table(): StringTable {
    const offsets = new Uint32Array(this.#parts.length + 1)
    this.#parts.forEach((part, i) => {
      offsets[i + 1] = offsets[i]! + part.length
    })
    return new StringTable(offsets, Buffer.concat(this.#parts))
  }
}

function attributeColumns(rows: readonly FixtureAttributes[], strings: Strings): AttributeColumns {
  const entries = rows.flatMap((row) => Object.entries(row))
  const offsets = new Uint32Array(rows.length + 1)
  rows.forEach((row, i) => {
    offsets[i + 1] = offsets[i]! + Object.keys(row).length
  })
  const words = new Uint32Array(2 * entries.length)
  const ints = new BigInt64Array(words.buffer)
  const doubles = new Float64Array(words.buffer)
  const types = new Uint8Array(entries.length)
  entries.forEach(([, value], j) => {
    if (typeof value === 'bigint') {
      types[j] = VALUE_TYPES.int
      ints[j] = value
    } else if (typeof value === 'number') {
      types[j] = VALUE_TYPES.double
      doubles[j] = value
    } else if (typeof value === 'boolean') {
      types[j] = VALUE_TYPES.bool
      words[2 * j] = value ? 1 : 0
    } else if (typeof value === 'string') {
      types[j] = VALUE_TYPES.string
      words[2 * j] = strings.text(value)
    } else if (value === null) types[j] = VALUE_TYPES.empty
    else if (value instanceof Uint8Array) {
      types[j] = VALUE_TYPES.bytes
      words[2 * j] = strings.bytes(value)
    } else if ('array' in value) {
      types[j] = VALUE_TYPES.array
      words[2 * j] = strings.text(value.array)
    } else {
      types[j] = VALUE_TYPES.kvlist
      words[2 * j] = strings.text(value.kvlist)
    }
  })
  return {
    offsets,
    keys: Uint32Array.from(entries, ([key]) => strings.text(key)),
    types,
    words,
    ints,
    doubles,
  }
}

function ids(values: readonly string[], digits: number): Uint8Array {
  return Uint8Array.from(Buffer.from(values.map((value) => value.padStart(digits, '0')).join(''), 'hex'))
}

/** Index of each value in the list of distinct ones. */
function distinct<T>(values: readonly T[]): { rows: Uint32Array; table: T[] } {
  const index = new Map<string, number>()
  const table: T[] = []
  const rows = Uint32Array.from(values, (value) => {
    const key = JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? `${part}n` : part))
    if (!index.has(key)) {
      index.set(key, table.length)
      table.push(value)
    }
    return index.get(key)!
  })
  return { rows, table }
}

function offsetsOf(lengths: readonly number[]): Uint32Array {
  const offsets = new Uint32Array(lengths.length + 1)
  lengths.forEach((length, i) => {
    offsets[i + 1] = offsets[i]! + length
  })
  return offsets
}

export function batchOf(
  spans: readonly FixtureSpan[],
  receivedNs = BigInt(Date.now()) * 1_000_000n,
): SpanBatch {
  const strings = new Strings()
  const text = (part: (span: FixtureSpan) => string | undefined): Uint32Array =>
    Uint32Array.from(spans, (span) => strings.text(part(span) ?? ''))
  const resources = distinct(
    spans.map(({ service, resource }) => ({
      ...(service === undefined ? {} : { 'service.name': service }),
      ...resource,
    })),
  )
  const scopes = distinct(spans.map(({ scope }) => scope ?? { name: '' }))
  const events = spans.flatMap((span) => span.events ?? [])
  const links = spans.flatMap((span) => span.links ?? [])
  return {
    spanCount: spans.length,
    receivedNs,
    traceIds: ids(
      spans.map((span) => span.traceId),
      32,
    ),
    spanIds: ids(
      spans.map((span) => span.spanId),
      16,
    ),
    parentSpanIds: ids(
      spans.map((span) => span.parentSpanId ?? '0'),
      16,
    ),
    startNs: BigUint64Array.from(spans, (span) => span.startNs ?? 1_000_000_000n),
    endNs: BigUint64Array.from(spans, (span) => span.endNs ?? 2_000_000_000n),
    names: text((span) => span.name ?? 'work'),
    traceStates: text((span) => span.traceState),
    statusMessages: text((span) => span.status?.message),
    flags: Uint32Array.from(spans, (span) => span.flags ?? 0),
    resourceRows: resources.rows,
    scopeRows: scopes.rows,
    droppedAttributes: Uint32Array.from(spans, (span) => span.dropped?.[0] ?? 0),
    droppedEvents: Uint32Array.from(spans, (span) => span.dropped?.[1] ?? 0),
    droppedLinks: Uint32Array.from(spans, (span) => span.dropped?.[2] ?? 0),
    kinds: Uint8Array.from(spans, (span) => span.kind ?? 1),
    statusCodes: Uint8Array.from(spans, (span) => span.status?.code ?? 0),
    attributes: attributeColumns(
      spans.map((span) => span.attributes ?? {}),
      strings,
    ),
    events: {
      offsets: offsetsOf(spans.map((span) => span.events?.length ?? 0)),
      timesNs: BigUint64Array.from(events, (event) => event.timeNs),
      names: Uint32Array.from(events, (event) => strings.text(event.name)),
      droppedAttributes: new Uint32Array(events.length),
      attributes: attributeColumns(
        events.map((event) => event.attributes ?? {}),
        strings,
      ),
    },
    links: {
      offsets: offsetsOf(spans.map((span) => span.links?.length ?? 0)),
      traceIds: ids(
        links.map((link) => link.traceId),
        32,
      ),
      spanIds: ids(
        links.map((link) => link.spanId),
        16,
      ),
      traceStates: new Uint32Array(links.length),
      flags: new Uint32Array(links.length),
      droppedAttributes: new Uint32Array(links.length),
      attributes: attributeColumns(
        links.map((link) => link.attributes ?? {}),
        strings,
      ),
    },
    resources: {
      count: resources.table.length,
      schemaUrls: new Uint32Array(resources.table.length),
      droppedAttributes: new Uint32Array(resources.table.length),
      attributes: attributeColumns(resources.table, strings),
    },
    scopes: {
      count: scopes.table.length,
      names: Uint32Array.from(scopes.table, (scope) => strings.text(scope.name)),
      versions: Uint32Array.from(scopes.table, (scope) => strings.text(scope.version ?? '')),
      schemaUrls: new Uint32Array(scopes.table.length),
      droppedAttributes: new Uint32Array(scopes.table.length),
      attributes: attributeColumns(
        scopes.table.map((scope) => scope.attributes ?? {}),
        strings,
      ),
    },
    strings: strings.table(),
  }
}
