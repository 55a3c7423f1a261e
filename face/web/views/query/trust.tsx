// How far rows can be trusted: how many tuples, who runs the query, what it costs, and what is missing.

import { degradedText, type QueryResults } from '#protocol'
import { formatClock, formatCount, formatDuration, plural } from '../../base/format.ts'
import { shortText } from '../../base/value-text.ts'
import { msToNs } from '../../widgets/time-axis.ts'
import { Text } from '../../widgets/text.tsx'

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

type Doubt = { readonly text: string; readonly isError: boolean }

/** What is not counted, or not all of it: a line each, or nothing at all. */
export function Doubts({ results }: { readonly results: QueryResults }) {
  const doubts = doubtsOf(results)
  if (doubts.length === 0) return null
  return (
    <ul class="query-doubts" role="status" aria-label="What is missing">
      {doubts.slice(0, DOUBTS_MAX).map(({ text, isError }, i) => (
        <li key={i} class={isError ? 'error-mark' : 'warn-mark'}>
          <Text of={text} />
        </li>
      ))}
      {doubts.length > DOUBTS_MAX && <li class="muted">and {doubts.length - DOUBTS_MAX} more</li>}
    </ul>
  )
}

/** More would push the rows from the screen. */
const DOUBTS_MAX = 4

/** The worst first. */
function doubtsOf({ coverage, drops, plan }: QueryResults): readonly Doubt[] {
  const errors = [
    lost(drops.lost, 'events came too late or had no room'),
    lost(drops.otherRows, 'tuples beyond the limit of groups are in no row'),
    lost(drops.overflows, 'hits had no room in the baggage'),
    ...coverage.refused.map(({ service, error }) => `${service} refuses it: ${error}`),
  ]
  const warnings = [
    plan.kind === 'recorded' ? recordedText(plan) : undefined,
    ...coverage.missed.map(
      ({ tracepoint, reason, agents }) =>
        `Not at ${tracepoint} in ${plural(agents, 'process', 'processes')}: ${reason}`,
    ),
    ...coverage.sampled.map((one) => `${one.service}: ${degradedText(one)}`),
  ]
  const said = (text: string | undefined): text is string => text !== undefined
  return [
    ...errors.filter(said).map((text) => ({ text, isError: true })),
    ...warnings.filter(said).map((text) => ({ text, isError: false })),
  ]
}

const lost = (count: number, what: string): string | undefined =>
  count > 0 ? `${formatCount(count)} ${what}` : undefined

function recordedText({ sinceMs, reason }: QueryResults['plan']): string {
  const since = `Recorded and joined on the server since ${formatClock(msToNs(sinceMs))}`
  return reason === undefined ? since : `${since}: ${reason}`
}
