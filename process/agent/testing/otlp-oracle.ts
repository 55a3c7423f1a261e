// OTLP as protobufjs reads it: the oracle for what our encoder writes, and the eyes of tests that collect
// spans.

import protobuf from 'protobufjs'

const SCHEMA = `syntax = "proto3";
message Request { repeated ResourceSpans resource_spans = 1; }
message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; string schema_url = 3; }
message Resource { repeated KeyValue attributes = 1; uint32 dropped_attributes_count = 2; }
message ScopeSpans { Scope scope = 1; repeated Span spans = 2; string schema_url = 3; }
message Scope { string name = 1; string version = 2; }
message KeyValue { string key = 1; AnyValue value = 2; }
message AnyValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3;
  double double_value = 4;
  ArrayValue array_value = 5; KeyValueList kvlist_value = 6; bytes bytes_value = 7; } }
message ArrayValue { repeated AnyValue values = 1; }
message KeyValueList { repeated KeyValue values = 1; }
message Span { bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; bytes parent_span_id = 4;
  string name = 5; int32 kind = 6;
  fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8; repeated KeyValue attributes = 9;
  uint32 dropped_attributes_count = 10;
  repeated Event events = 11; uint32 dropped_events_count = 12; repeated Link links = 13;
  uint32 dropped_links_count = 14;
  Status status = 15; fixed32 flags = 16; }
message Event { fixed64 time_unix_nano = 1; string name = 2; repeated KeyValue attributes = 3; }
message Link { bytes trace_id = 1; bytes span_id = 2; string trace_state = 3;
  repeated KeyValue attributes = 4; }
message Status { string message = 2; int32 code = 3; }`

const request = protobuf.parse(SCHEMA).root.lookupType('Request')

export type ReadValue = string | number | boolean | null | readonly ReadValue[]
type Pairs = readonly { readonly key: string; readonly value: unknown }[]

export type ReadSpan = {
  readonly resource: Readonly<Record<string, ReadValue>>
  readonly scope: { readonly name: string; readonly version: string }
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string
  readonly traceState: string
  readonly name: string
  readonly kind: number
  readonly startNs: bigint
  readonly endNs: bigint
  readonly attributes: Readonly<Record<string, ReadValue>>
  readonly events: readonly {
    readonly name: string
    readonly timeNs: bigint
    readonly attributes: Readonly<Record<string, ReadValue>>
  }[]
  readonly links: readonly {
    readonly traceId: string
    readonly spanId: string
    readonly attributes: Readonly<Record<string, ReadValue>>
  }[]
  readonly status: { readonly code: number; readonly message: string }
  readonly dropped: readonly [number, number, number]
  readonly flags: number
}

export function readRequest(bytes: Uint8Array): readonly ReadSpan[] {
  const read = request.toObject(request.decode(bytes), {
    bytes: Array,
    longs: String,
    defaults: true,
    arrays: true,
    oneofs: true,
  })
  const spans: ReadSpan[] = []
  for (const { resource, scopeSpans } of read['resourceSpans']) {
    for (const { scope, spans: found } of scopeSpans)
      for (const one of found) spans.push(readSpan(one, resource, scope))
  }
  return spans
}

// What protobufjs gives has no static type; the oracle reads it by the names of the schema above.
// oxlint-disable-next-line typescript/no-explicit-any
function readSpan(one: any, resource: any, scope: any): ReadSpan {
  return {
    resource: record(resource.attributes),
    scope: { name: scope.name, version: scope.version },
    traceId: hex(one.traceId),
    spanId: hex(one.spanId),
    parentSpanId: hex(one.parentSpanId),
    traceState: one.traceState,
    name: one.name,
    kind: one.kind,
    startNs: BigInt(one.startTimeUnixNano),
    endNs: BigInt(one.endTimeUnixNano),
    attributes: record(one.attributes),
    // oxlint-disable-next-line typescript/no-explicit-any
    events: one.events.map((event: any) => ({
      name: event.name,
      timeNs: BigInt(event.timeUnixNano),
      attributes: record(event.attributes),
    })),
    // oxlint-disable-next-line typescript/no-explicit-any
    links: one.links.map((link: any) => ({
      traceId: hex(link.traceId),
      spanId: hex(link.spanId),
      attributes: record(link.attributes),
    })),
    status: { code: one.status?.code ?? 0, message: one.status?.message ?? '' },
    dropped: [one.droppedAttributesCount, one.droppedEventsCount, one.droppedLinksCount],
    flags: one.flags,
  }
}

const hex = (bytes: Iterable<number>): string => Buffer.from([...bytes]).toString('hex')

const record = (pairs: Pairs): Record<string, ReadValue> =>
  Object.fromEntries(pairs.map(({ key, value }) => [key, plain(value)]))

// oxlint-disable-next-line typescript/no-explicit-any
function plain(value: any): ReadValue {
  switch (value?.value) {
    case 'stringValue':
      return value.stringValue
    case 'boolValue':
      return value.boolValue
    case 'intValue':
      return Number(value.intValue)
    case 'doubleValue':
      return value.doubleValue
    case 'arrayValue':
      return value.arrayValue.values.map(plain)
    default:
      return null
  }
}
