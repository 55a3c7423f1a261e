// Every bound of ingest, with its reason. What a limit of a span drops is counted in that span's dropped
// counts; what a limit of a request refuses is answered with a code.

// --- one request

/** OTLP's recommendation for HTTP, also after decompression (opentelemetry-proto, docs/specification.md). */
export const BODY_BYTES_MAX = 20 * 1024 * 1024

/**
 * Messages (spans, attributes, values, events, links, resources, scopes) in one body: bytes / 4 + 1024. A
 * real attribute is two messages in 12 bytes or more; a body of empty messages (two bytes each) passes this
 * bound half-way, after about 10 ms.
 */
export const OBJECTS_BASE_MAX = 1024
export const BYTES_PER_OBJECT_MIN = 4

/**
 * ResourceSpans and ScopeSpans together; a Collector that batches for a whole cluster sends some hundreds.
 */
export const GROUPS_MAX = 32_768

/** AnyValue in AnyValue. OpenTelemetry's own SDKs stop far below; protobufjs at about 99. */
export const VALUE_DEPTH_MAX = 32

/**
 * Nesting of JSON as a whole: a value sits some dozen levels deep, and each AnyValue takes two or three
 * levels.
 */
export const JSON_DEPTH_MAX = 16 + 4 * VALUE_DEPTH_MAX

/** After so many objects a decoder lets other requests run: about 4 ms of work at 0.2 us an object. */
export const SLICE_OBJECTS = 16_384

// --- one span (OpenTelemetry's SDK defaults are 128 each)

export const ATTRIBUTES_PER_ROW_MAX = 128
export const EVENTS_PER_SPAN_MAX = 128
export const LINKS_PER_SPAN_MAX = 128

/** Names are for lists and charts; longer ones are cut at a character. */
export const NAME_BYTES_MAX = 1024

/** A cut key would be another key: an attribute with a longer one is dropped and counted. */
export const KEY_BYTES_MAX = 1024

/**
 * Stack traces and SQL fit; a whole document does not. Text is cut at a character, bytes at a byte, lists are
 * dropped.
 */
export const VALUE_BYTES_MAX = 64 * 1024

/**
 * Values inside one array or list of key-values, all levels together. As text the shortest useful one takes
 * 17 bytes (`{"intValue":"1"},`), so no list that fits into VALUE_BYTES_MAX is lost; and 128 such attributes
 * take about 25 ms.
 */
export const NESTED_VALUES_MAX = 4096

// --- a file of another tracing system

/**
 * One span of a Jaeger or Zipkin file as text; a larger one is rejected alone. It is the most that JSON.parse
 * sees at once: 1 MiB of empty objects takes 20 MiB for a moment, and 10 ms.
 */
export const FOREIGN_SPAN_BYTES_MAX = 1024 * 1024

/** Translated spans go to the OTLP decoder in pieces of about this size, so that none of it takes long. */
export const FOREIGN_PIECE_CHARS = 256 * 1024

/** Other requests run after so much of a file: 5 ms of parsing. */
export const FOREIGN_SLICE_BYTES = 256 * 1024

// --- the listener

/**
 * Bytes of bodies (decompressed) that may be held at once by one ingest thread: three of the largest, or 600
 * usual ones.
 */
export const BODY_BYTES_IN_FLIGHT_MAX = 64 * 1024 * 1024

/** Chunks below this are copied together into blocks of the next: an object for 1 KiB costs 10 % more. */
export const CHUNK_BYTES_MIN = 1024
export const CHUNK_BLOCK_BYTES = 64 * 1024

/**
 * A sender must deliver its whole request within this; an honest one over a bad line has 20 MiB / 30 s = 5.6
 * Mbit/s.
 */
export const REQUEST_MS_MAX = 30_000
export const HEADERS_MS_MAX = 10_000
export const KEEP_ALIVE_MS = 65_000
export const HEADER_BYTES_MAX = 16 * 1024
export const HEADERS_COUNT_MAX = 100

/** Connections of one ingest thread; more are refused by closing. An idle one costs about 10 kB. */
export const CONNECTIONS_MAX = 4096

// --- the listener for gRPC

/** The default of every gRPC library, and what senders cut their batches to. Also after decompression. */
export const GRPC_MESSAGE_BYTES_MAX = 4 * 1024 * 1024

/** Calls under way on one connection; an exporter has one, a Collector's queue has ten. */
export const GRPC_STREAMS_MAX = 100

/** A connection of HTTP/2 costs about 60 kB with its tables: 60 MB for all. More are closed at once. */
export const GRPC_CONNECTIONS_MAX = 1024

/** A connection without a byte for so long is told to go; senders come back by themselves. */
export const GRPC_IDLE_MS = 300_000

/** What a call, and what a connection, may send before it is read: a whole message without a pause. */
export const GRPC_STREAM_WINDOW_BYTES = 1024 * 1024
export const GRPC_SESSION_WINDOW_BYTES = GRPC_MESSAGE_BYTES_MAX

/** Of nghttp2, per connection, in MB: its windows and tables. */
export const GRPC_SESSION_MEMORY_MB = 10

/** Frames that make no sense, and calls beyond GRPC_STREAMS_MAX, before the connection is cut. */
export const GRPC_BAD_FRAMES_MAX = 100

/** Calls that a sender may open and cancel: so many at once, then so many a second (rapid reset). */
export const GRPC_RESET_BURST = 200
export const GRPC_RESETS_PER_SECOND = 20

// --- pages (crosscut/browser): anybody can send what they send

/** A beacon is at most 64 KiB; the rest is for recorders of other makes. */
export const PAGE_BODY_BYTES_MAX = 128 * 1024

/**
 * All pages together, of one ingest thread: a visit is about 20 kB, so 100 visits a second; 2 % of what the
 * thread decodes. A burst is ten seconds of it.
 */
export const PAGE_BYTES_PER_SECOND_MAX = 2 * 1024 * 1024
export const PAGE_BURST_BYTES_MAX = 10 * PAGE_BYTES_PER_SECOND_MAX

/** What a refused sender is told to wait. */
export const RETRY_AFTER_SECONDS = 2

if (BODY_BYTES_IN_FLIGHT_MAX < 2 * BODY_BYTES_MAX) throw new Error('two of the largest bodies must fit')
if (GRPC_MESSAGE_BYTES_MAX > BODY_BYTES_MAX) throw new Error('what gRPC takes, HTTP takes')
