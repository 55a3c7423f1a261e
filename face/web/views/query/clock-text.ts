// The begin of a window as a time of day in the reader's zone.

import { formatClock } from '../../base/format.ts'

/** `ns`: since the epoch, a number or its decimal text. Whole seconds stand without `.000`. */
export function clockText(ns: unknown): string {
  if (typeof ns === 'number' && Number.isFinite(ns)) return briefClock(BigInt(Math.round(ns)))
  return typeof ns === 'string' && /^\d+$/.test(ns) ? briefClock(BigInt(ns)) : '–'
}

const briefClock = (ns: bigint): string => formatClock(ns).replace(/\.000$/, '')
