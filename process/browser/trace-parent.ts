// Which trace this page belongs to: what the server said with the document.
//
//   Server-Timing: crosscut;desc="00-TRACE-ID-01-SERVER"  our agent (CROSSCUT_PAGES=1): ID is kept free for
//                                                         the fetch of the document; SERVER is below it
//   Server-Timing: traceparent;desc="00-TRACE-SERVER-01"  others: the server's own span
//   <meta name="traceparent" content="...">               where headers cannot be set: as the second
//
// The first makes one tree (page > document > server); after the others the document only says that it came
// after that span. Source: W3C Trace Context, Server Timing.

import type { Entry } from './surroundings.ts'

export type Found = {
  readonly traceId: string
  /** Kept free for the fetch of the document. */
  readonly documentId?: string
  /** The server's span; where documentId is, it has an event for the head of its answer. */
  readonly serverId?: string
  readonly isSampled: boolean
}

const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-([0-9a-f]{16}))?$/

export function findTrace(navigation: Entry | undefined, meta: string | null | undefined): Found | undefined {
  const told = (name: string) => navigation?.serverTiming?.find((one) => one.name === name)?.description
  return read(told('crosscut'), true) ?? read(told('traceparent'), false) ?? read(meta, false)
}

function read(text: string | null | undefined, isFree: boolean): Found | undefined {
  const [, traceId, id, flags, own] = TRACEPARENT.exec(text ?? '') ?? []
  if (traceId === undefined || flags === undefined) return undefined
  const isSampled = (parseInt(flags, 16) & 1) === 1
  return isFree ? { traceId, documentId: id, serverId: own, isSampled } : { traceId, serverId: id, isSampled }
}

/** The id in a traceparent of this trace: what a piece of the page says it came from. */
export function spanIdIn(traceparent: string | undefined, traceId: string): string | undefined {
  const [, trace, id] = TRACEPARENT.exec(traceparent ?? '') ?? []
  return trace === traceId ? id : undefined
}
