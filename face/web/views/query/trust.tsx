// How far rows can be trusted: how many tuples, who runs the query, what it costs, and what is missing.

import type { QueryResults } from '#protocol'
import { formatCount, formatDuration, plural } from '../../base/format.ts'
import { Text } from '../../widgets/text.tsx'
import { shortText } from './shape.ts'

export function Trust({ results }: { readonly results: QueryResults }) {
  const { total, perSecond, coverage, use } = results
  return (
    <p class="query-trust" role="status">
      <span>
        <b>{formatCount(total)}</b> tuples
      </span>
      <span>
        <b>{shortText(Number(perSecond.total.toFixed(1)))}</b> a second
      </span>
      <span class={coverage.installed < coverage.connected ? 'warn-mark' : ''}>
        <b>{coverage.installed}</b> of {coverage.connected} processes
      </span>
      {coverage.functions > 0 && (
        <span>
          <b>{coverage.functions}</b> woven {coverage.functions === 1 ? 'function' : 'functions'}
        </span>
      )}
      {use.runs > 0 && use.ns > 0 && (
        <span>{formatDuration(BigInt(Math.round(use.ns / use.runs)))} a run</span>
      )}
    </p>
  )
}

/** What is not counted, or not all of it: a line each, or nothing at all. */
export function Doubts({ results }: { readonly results: QueryResults }) {
  const { coverage, drops } = results
  const lines: { readonly text: string; readonly isError: boolean }[] = [
    ...coverage.missed.map(({ tracepoint, reason, agents }) => ({
      text: `Not at ${tracepoint} in ${plural(agents, 'process', 'processes')}: ${reason}`,
      isError: false,
    })),
    ...coverage.sampled.map(({ service, every }) => ({
      text:
        every === 0
          ? `${service}: disarmed, it costs too much there`
          : `${service}: one hit in ${every} is counted ${every} times, since it costs too much there`,
      isError: false,
    })),
    ...(drops.otherRows > 0
      ? [
          {
            text: `${formatCount(drops.otherRows)} tuples beyond the limit of groups are in no row`,
            isError: true,
          },
        ]
      : []),
    ...(drops.overflows > 0
      ? [{ text: `${formatCount(drops.overflows)} hits had no room in the baggage`, isError: true }]
      : []),
    ...coverage.refused.map(({ service, error }) => ({
      text: `${service} refuses it: ${error}`,
      isError: true,
    })),
  ]
  if (lines.length === 0) return null
  return (
    <ul class="query-doubts" role="status" aria-label="What is missing">
      {lines.slice(0, LINES_MAX).map(({ text, isError }, i) => (
        <li key={i} class={isError ? 'error-mark' : 'warn-mark'}>
          <Text of={text} />
        </li>
      ))}
      {lines.length > LINES_MAX && <li class="muted">and {lines.length - LINES_MAX} more</li>}
    </ul>
  )
}

/** More would push the rows from the screen. */
const LINES_MAX = 4
