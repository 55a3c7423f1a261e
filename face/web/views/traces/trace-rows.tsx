// The table of traces. One row is one link; the whole line can be clicked.

import type { TraceSummary } from '#protocol'
import { useEffect, useMemo, useRef } from 'preact/hooks'
import { formatClock, formatCount, formatDay, formatDuration, plural } from '../../base/format.ts'
import type { Theme } from '../../base/palette.ts'
import { isPlainClick, traceAddress } from '../../base/route.ts'
import { visibleText } from '../../base/text.ts'
import { ServiceDot, ShareBar } from '../../widgets/service.tsx'
import { Text } from '../../widgets/text.tsx'

export type Hues = ReadonlyMap<string, number>

export function TraceRows({
  rows,
  hues,
  theme,
  selected,
  onAim,
  onOpen,
}: {
  readonly rows: readonly TraceSummary[]
  readonly hues: Hues
  readonly theme: Theme
  readonly selected: string | undefined
  /** The pointer moves over the rows. */
  readonly onAim: () => void
  readonly onOpen: (traceId: string) => void
}) {
  const fullNs = useMemo(() => fullBarNs(rows), [rows])
  const newestDay = rows[0] === undefined ? '' : formatDay(BigInt(rows[0].startNs))
  return (
    <table class="table trace-rows" aria-label="Traces">
      <thead>
        <tr>
          <th>Started</th>
          <th>Root</th>
          <th>Services</th>
          <th class="right">Spans</th>
          <th>Errors</th>
          <th>Duration</th>
        </tr>
      </thead>
      <tbody onPointerMove={onAim}>
        {rows.map((row) => (
          <Row
            key={row.traceId}
            row={row}
            hues={hues}
            theme={theme}
            isSelected={row.traceId === selected}
            fullNs={fullNs}
            newestDay={newestDay}
            onOpen={onOpen}
          />
        ))}
      </tbody>
    </table>
  )
}

function Row({
  row,
  hues,
  theme,
  isSelected,
  fullNs,
  newestDay,
  onOpen,
}: {
  readonly row: TraceSummary
  readonly hues: Hues
  readonly theme: Theme
  readonly isSelected: boolean
  readonly fullNs: number
  readonly newestDay: string
  readonly onOpen: (traceId: string) => void
}) {
  const line = useRef<HTMLTableRowElement>(null)
  useEffect(() => {
    if (isSelected) line.current?.scrollIntoView({ block: 'nearest' })
  }, [isSelected])
  const startNs = BigInt(row.startNs)
  const day = formatDay(startNs)
  const width = Math.max(0.4, Math.min(100, (Number(row.durationNs) / fullNs) * 100))
  return (
    <tr
      ref={line}
      class={`${isSelected ? 'selected' : ''}${row.errorCount > 0 ? ' failed' : ''}`}
      aria-selected={isSelected}
      data-trace={row.traceId}
      onClick={(event) => {
        if (!isPlainClick(event)) return
        event.preventDefault()
        onOpen(row.traceId)
      }}
    >
      <td class="started">
        {day !== newestDay && <span class="muted">{day} </span>}
        {formatClock(startNs)}
      </td>
      <td class="root">
        <a href={traceAddress(row.traceId)}>
          <ServiceDot hue={hues.get(row.rootService) ?? 0} theme={theme} />
          <span class="root-service">
            <Text of={row.rootService} />
          </span>
          <span class="root-name">
            <Text of={row.rootName} />
          </span>
          {!row.hasRoot && (
            <span class="badge" title="The root span is missing or still on its way">
              no root yet
            </span>
          )}
          {row.weight !== undefined && (
            <span class="badge" title={`It was sampled, and stands for ${plural(row.weight, 'trace')}`}>
              ×{formatCount(row.weight)}
            </span>
          )}
        </a>
      </td>
      <td class="services">
        <ServicesCell row={row} hues={hues} theme={theme} />
      </td>
      <td class="right">{formatCount(row.spanCount)}</td>
      <td class="errors">
        {row.errorCount > 0 && <span class="error-mark">{plural(row.errorCount, 'error')}</span>}
      </td>
      <td class="duration">
        <span class="duration-cell">
          <span class={`duration-bar${Number(row.durationNs) > fullNs ? ' beyond' : ''}`} aria-hidden="true">
            <span style={{ width: `${width}%` }} />
          </span>
          <span class="duration-text">{formatDuration(BigInt(row.durationNs))}</span>
        </span>
      </td>
    </tr>
  )
}

/**
 * What fills the bar: the longest but for outliers, which would flatten all others; theirs are drawn with an
 * open end.
 */
export function fullBarNs(rows: readonly TraceSummary[]): number {
  const sorted = rows.map((row) => Number(row.durationNs)).sort((a, b) => a - b)
  const high = sorted[Math.floor(sorted.length * 0.95)] ?? 1
  return Math.max(1, Math.min(sorted[sorted.length - 1] ?? 1, high * 1.5))
}

function ServicesCell({
  row,
  hues,
  theme,
}: {
  readonly row: TraceSummary
  readonly hues: Hues
  readonly theme: Theme
}) {
  const shares = row.services.map((service) => ({
    key: service.name,
    weight: service.spanCount,
    hue: hues.get(service.name) ?? 0,
    title: `${visibleText(service.name)}: ${plural(service.spanCount, 'span')}`,
  }))
  const label = row.services.map((service) => visibleText(service.name)).join(', ')
  return (
    <span class="services-cell">
      <ShareBar shares={shares} theme={theme} label={label} />
      <span class="muted">{row.services.length}</span>
    </span>
  )
}
