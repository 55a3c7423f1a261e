// A short link to a trace, or to the span of it that a row is about.

import { traceAddress } from '../base/route.ts'
import { Icon } from './icon.tsx'

/** Ids go into addresses: nothing but hex passes. */
export function TraceLink({ traceId, element }: { readonly traceId: unknown; readonly element?: unknown }) {
  if (typeof traceId !== 'string' || !/^[0-9a-f]{32}$/.test(traceId)) return null
  const isSpan = typeof element === 'string' && /^[0-9a-f]{16}$/.test(element)
  return (
    <a
      class="trace-link mono"
      href={traceAddress(traceId, isSpan ? element : undefined)}
      title="Open the trace"
    >
      {traceId.slice(-8)}
      <Icon name="right" size={10} />
    </a>
  )
}
