// How the ingest worker (which owns the log) and the trace worker (which consumes it) talk: a MessagePort, four messages.
//
//   trace worker  -- subscribe -------------------->  ingest worker     at its start, also after a crash of either
//                 <-- sealed (each live segment) ---                    all that exist, then each one when it is sealed
//   ... reads the file by its path, inserts it, durable ...
//                 -- drop(id) --------------------->                    the file may go
//
// Nothing is held twice in memory, and whatever either side forgets is found again in the log's folder.

import type { SegmentInfo } from '#log'

/** Ingest worker to trace worker. A segment may be announced more than once; the consumer knows its ids. */
export type SegmentAnnouncement = { readonly kind: 'sealed'; readonly segment: SegmentInfo }

/** Trace worker to ingest worker. */
export type SegmentRequest =
  | { readonly kind: 'subscribe' }
  | { readonly kind: 'drop'; readonly id: string }
