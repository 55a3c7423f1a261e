// Above the waterfall: which trace this is, where its time went, what was repaired, and what can be shown or
// taken along.

import { formatClock, formatCount, formatDay, formatDuration, plural } from '../../base/format.ts'
import type { Theme } from '../../base/palette.ts'
import { changeQuery } from '../../base/route.ts'
import { Button, CopyButton, IconButton } from '../../widgets/controls.tsx'
import { Icon } from '../../widgets/icon.tsx'
import { ServiceDot, ServiceName, ShareBar } from '../../widgets/service.tsx'
import { Text } from '../../widgets/text.tsx'
import type { TraceColumns } from './columns.ts'
import { ExportButton } from './export-button.tsx'
import { pathOperations, type PathShare, type TracePath } from './overlay.ts'
import { TRACE_VIEWS, type TraceViewName } from './trace-state.ts'

/** Rows of the card: what is left is below a percent. */
const OPERATIONS_SHOWN_MAX = 40

export function TraceHead({
  columns,
  view,
  shares,
  path,
  theme,
  isPathShown,
  areArrowsShown,
  arrowCount,
  areNotesShown,
  areOperationsShown,
  onBack,
  onSelect,
}: {
  readonly columns: TraceColumns
  readonly view: TraceViewName
  readonly shares: readonly PathShare[]
  readonly path: TracePath
  readonly theme: Theme
  readonly isPathShown: boolean
  readonly areArrowsShown: boolean
  readonly arrowCount: number
  readonly areNotesShown: boolean
  readonly areOperationsShown: boolean
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
        <ViewSwitch view={view} />
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
        <ExportButton traceId={trace.traceId} totalSpans={trace.totalSpans} />
        <CopyButton get={() => location.href} label="Copy a link to exactly this view">
          Link
        </CopyButton>
        <a
          class="button plain"
          href={`/datasets?trace=${trace.traceId}`}
          title="Rows of this trace in the datasets"
        >
          Datasets
        </a>
      </div>
      <div class="trace-facts">
        <span>
          <b>{formatDuration(BigInt(summary.durationNs))}</b>
        </span>
        <span>{plural(trace.totalSpans, 'span')}</span>
        <span>{plural(columns.serviceNames.length, 'service')}</span>
        {summary.weight !== undefined && summary.weight > 1 && (
          <span title="It was sampled: counts of datasets take it for so many">
            stands for {plural(Math.round(summary.weight * 10) / 10, 'trace')}
          </span>
        )}
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
        <PathSummary
          columns={columns}
          shares={shares}
          path={path}
          theme={theme}
          isOpen={areOperationsShown}
          onSelect={onSelect}
        />
      </div>
    </header>
  )
}

/** The same trace, looked at in other ways; which one is in the URL. */
function ViewSwitch({ view }: { readonly view: TraceViewName }) {
  return (
    <span class="segments" role="group" aria-label="View of the trace">
      {TRACE_VIEWS.map(({ name, label }, at) => (
        <button
          key={name}
          type="button"
          aria-pressed={name === view}
          title={`${label} (${at + 1})`}
          onClick={() => changeQuery({ view: name === 'waterfall' ? undefined : name })}
        >
          {label}
        </button>
      ))}
    </span>
  )
}

/** "Where the time went": the critical path by service, and by operation in a card. */
function PathSummary({
  columns,
  shares,
  path,
  theme,
  isOpen,
  onSelect,
}: {
  readonly columns: TraceColumns
  readonly shares: readonly PathShare[]
  readonly path: TracePath
  readonly theme: Theme
  readonly isOpen: boolean
  readonly onSelect: (index: number) => void
}) {
  if (shares.length === 0) return null
  const total = shares.reduce((sum, share) => sum + share.ns, 0n)
  const hueOf = (service: string): number => columns.serviceHue[columns.serviceNames.indexOf(service)] ?? 0
  const percent = (ns: bigint): number => Number((ns * 1000n) / (total === 0n ? 1n : total)) / 10
  const main = shares.slice(0, 3).filter((share) => percent(share.ns) >= 1)
  return (
    <span class="path-summary" aria-label="Critical path by service">
      <button
        type="button"
        class="text-button"
        aria-expanded={isOpen}
        title="By operation"
        onClick={() => changeQuery({ ops: isOpen ? undefined : '1' }, { replace: true })}
      >
        Critical path
      </button>
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
      {isOpen && (
        <div class="notes-card path-operations">
          <table data-role="path-operations">
            <tbody>
              {pathOperations(columns, path.sections)
                .slice(0, OPERATIONS_SHOWN_MAX)
                .map((operation) => (
                  <tr key={`${operation.service} ${operation.example}`}>
                    <td>
                      <ServiceDot hue={hueOf(operation.service)} theme={theme} />
                      <button
                        type="button"
                        class="row-button"
                        title="Its longest section"
                        onClick={() => onSelect(operation.example)}
                      >
                        <span class="muted">
                          <Text of={operation.service} />
                        </span>{' '}
                        <Text of={operation.name} />
                      </button>
                    </td>
                    <td class="number muted">{operation.spans > 1 ? `${operation.spans}×` : ''}</td>
                    <td class="number">{formatDuration(operation.ns)}</td>
                    <td class="number">{percent(operation.ns)} %</td>
                  </tr>
                ))}
            </tbody>
          </table>
        </div>
      )}
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
