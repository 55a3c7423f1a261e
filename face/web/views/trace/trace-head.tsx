// Above the waterfall: which trace this is, where its time went, what was repaired, and what can be shown or
// taken along.

import { formatClock, formatCount, formatDay, formatDuration, plural } from '../../base/format.ts'
import type { Theme } from '../../base/palette.ts'
import { changeQuery } from '../../base/route.ts'
import { Button, CopyButton, IconButton } from '../../widgets/controls.tsx'
import { Icon } from '../../widgets/icon.tsx'
import { ServiceName, ShareBar } from '../../widgets/service.tsx'
import { Text } from '../../widgets/text.tsx'
import type { TraceColumns } from './columns.ts'
import { otlpJson } from './otlp-json.ts'
import { pathShares, type PathSection } from './overlay.ts'

export function TraceHead({
  columns,
  sections,
  theme,
  isPathShown,
  areArrowsShown,
  arrowCount,
  areNotesShown,
  onBack,
  onSelect,
}: {
  readonly columns: TraceColumns
  readonly sections: readonly PathSection[]
  readonly theme: Theme
  readonly isPathShown: boolean
  readonly areArrowsShown: boolean
  readonly arrowCount: number
  readonly areNotesShown: boolean
  readonly onBack: () => void
  readonly onSelect: (index: number) => void
}) {
  const { trace } = columns
  const { summary } = trace
  const startNs = BigInt(summary.startNs)
  return (
    <header class="trace-head">
      <div class="trace-title">
        <IconButton icon="back" label="Back to the list (Esc)" onClick={onBack} />
        <h1>
          <span class="muted">
            <Text of={summary.rootService} />
          </span>{' '}
          <Text of={summary.rootName} />
        </h1>
        <span class="grow" />
        <Button
          icon="path"
          isOn={isPathShown}
          title="Critical path (c)"
          onClick={() => changeQuery({ path: isPathShown ? '0' : undefined }, { replace: true })}
        >
          Critical path
        </Button>
        {arrowCount > 0 && (
          <Button
            icon="arrows"
            isOn={areArrowsShown}
            title="Joins, barriers, queues, links (r)"
            onClick={() => changeQuery({ arrows: areArrowsShown ? '0' : undefined }, { replace: true })}
          >
            Arrows <span class="muted">{formatCount(arrowCount)}</span>
          </Button>
        )}
        <CopyButton
          get={() => JSON.stringify(otlpJson(trace.traceId, columns.spans), undefined, 1)}
          label="Copy the trace as OTLP JSON"
        >
          OTLP
        </CopyButton>
        <CopyButton get={() => location.href} label="Copy a link to exactly this view">
          Link
        </CopyButton>
      </div>
      <div class="trace-facts">
        <span>
          <b>{formatDuration(BigInt(summary.durationNs))}</b>
        </span>
        <span>{plural(trace.totalSpans, 'span')}</span>
        <span>{plural(columns.serviceNames.length, 'service')}</span>
        {summary.errorCount > 0 && <span class="error-mark">{plural(summary.errorCount, 'error')}</span>}
        <span class="muted">
          {formatDay(startNs)} {formatClock(startNs)}
        </span>
        <span class="trace-id mono muted">
          {trace.traceId}
          <CopyButton get={() => trace.traceId} label="Copy the trace id" />
        </span>
        <Notes columns={columns} isOpen={areNotesShown} onSelect={onSelect} />
        <span class="grow" />
        <PathSummary columns={columns} sections={sections} theme={theme} />
      </div>
    </header>
  )
}

/** "Where the time went": the critical path by service. */
function PathSummary({
  columns,
  sections,
  theme,
}: {
  readonly columns: TraceColumns
  readonly sections: readonly PathSection[]
  readonly theme: Theme
}) {
  const shares = pathShares(columns, sections)
  if (shares.length === 0) return null
  const total = shares.reduce((sum, share) => sum + share.ns, 0n)
  const hueOf = (service: string): number => columns.serviceHue[columns.serviceNames.indexOf(service)] ?? 0
  const percent = (ns: bigint): number => Number((ns * 1000n) / (total === 0n ? 1n : total)) / 10
  const main = shares.slice(0, 3).filter((share) => percent(share.ns) >= 1)
  return (
    <span class="path-summary" aria-label="Critical path by service">
      <span class="muted">Critical path</span>
      <ShareBar
        theme={theme}
        label="Critical path by service"
        shares={shares.map((share) => ({
          key: share.service,
          weight: Math.max(1, percent(share.ns)),
          hue: hueOf(share.service),
          title: `${formatDuration(share.ns)} in ${share.spans}`,
        }))}
      />
      {main.map((share) => (
        <span key={share.service} class="path-share" title={`${formatDuration(share.ns)} in ${share.spans}`}>
          <ServiceName name={share.service} hue={hueOf(share.service)} theme={theme} />
          <b>{Math.round(percent(share.ns))} %</b>
        </span>
      ))}
    </span>
  )
}

/** What the model changed, folded into one chip. */
function Notes({
  columns,
  isOpen,
  onSelect,
}: {
  readonly columns: TraceColumns
  readonly isOpen: boolean
  readonly onSelect: (index: number) => void
}) {
  const { repairs: all, clocks } = columns.trace
  const moved = clocks.filter((clock) => clock.offsetNs !== '0')
  // How the clocks were found matters only once one was moved.
  const repairs = all.filter((repair) => repair.kind !== 'clock-by-requests' || moved.length > 0)
  if (repairs.length === 0 && moved.length === 0) return null
  const words = [
    moved.length > 0 ? `${plural(moved.length, 'clock')} aligned` : '',
    repairs.length > 0 ? plural(repairs.length, 'note') : '',
  ]
  return (
    <span class="notes">
      <button
        type="button"
        class={`notes-chip${isOpen ? ' on' : ''}`}
        aria-expanded={isOpen}
        onClick={() => changeQuery({ notes: isOpen ? undefined : '1' }, { replace: true })}
      >
        <Icon name="clock" size={12} />
        {words.filter((word) => word !== '').join(' · ')}
      </button>
      {isOpen && (
        <div class="notes-card">
          {moved.map((clock) => (
            <p key={clock.host}>
              Clock of{' '}
              <b>
                <Text of={clock.host} />
              </b>{' '}
              moved by {BigInt(clock.offsetNs) > 0n ? '+' : ''}
              {formatDuration(BigInt(clock.offsetNs))}
            </p>
          ))}
          {repairs.slice(0, 50).map((repair, at) => {
            const index = repair.spanId === undefined ? undefined : columns.indexOf.get(repair.spanId)
            return (
              <p key={at}>
                <code>
                  <Text of={repair.kind} />
                </code>{' '}
                <Text of={repair.message} />{' '}
                {index !== undefined && (
                  <button type="button" class="text-button" onClick={() => onSelect(index)}>
                    show
                  </button>
                )}
              </p>
            )
          })}
          {repairs.length > 50 && <p class="muted">and {formatCount(repairs.length - 50)} more</p>}
        </div>
      )}
    </span>
  )
}
