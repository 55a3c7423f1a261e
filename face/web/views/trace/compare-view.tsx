// Two traces side by side, matched by call path. The other one is in the URL (with=); offered are traces
// of the same root operation, slowest and fastest of the newest first.

import type { TraceSummary } from '#protocol'
import { useMemo, useState } from 'preact/hooks'
import { readTrace, searchTraces } from '../../base/api.ts'
import { formatCount, formatDuration } from '../../base/format.ts'
import { useFacets } from '../../base/facets.tsx'
import { useResource } from '../../base/resource.ts'
import { changeQuery, traceAddress } from '../../base/route.ts'
import { useTheme } from '../../base/theme.ts'
import { Button } from '../../widgets/controls.tsx'
import { Empty, ErrorNotice, Loading } from '../../widgets/notice.tsx'
import { ServiceDot } from '../../widgets/service.tsx'
import { Text } from '../../widgets/text.tsx'
import { outlineColumns, traceColumns, type TraceColumns } from './columns.ts'
import { compareTraces, type PathDifference } from './compare.ts'
import type { FlameNode } from './flame.ts'

const CANDIDATES = 50
const OFFERED = 8
/** Rows in the page, by how much they differ; each is a dozen nodes. */
const ROWS_MAX = 400

export function CompareView({
  columns,
  withId,
  onSelect,
}: {
  readonly columns: TraceColumns
  readonly withId: string | undefined
  readonly onSelect: (index: number) => void
}) {
  const { services } = useFacets()
  const other = useResource(withId, (signal) => readTrace(withId ?? '', () => {}, signal))
  const value = other.valueKey === withId ? other.value : undefined
  const otherColumns = useMemo(
    () =>
      value === undefined
        ? undefined
        : value.kind === 'whole'
          ? traceColumns(value.view, services)
          : outlineColumns(value.outline, services),
    [value, services],
  )
  return (
    <div class="beside">
      <Choose columns={columns} withId={withId} />
      {withId === undefined ? (
        <Empty title="Compare with which trace?">
          <p class="muted">Choose one of the same operation above, or paste the id of any trace.</p>
        </Empty>
      ) : other.error ? (
        <ErrorNotice error={other.error} onRetry={other.reload} />
      ) : otherColumns === undefined ? (
        <Loading what="the other trace" />
      ) : (
        <Differences a={columns} b={otherColumns} onSelect={onSelect} />
      )}
    </div>
  )
}

function Choose({
  columns,
  withId,
}: {
  readonly columns: TraceColumns
  readonly withId: string | undefined
}) {
  const { summary, traceId } = columns.trace
  const [typed, setTyped] = useState('')
  const query = new URLSearchParams({ limit: String(CANDIDATES) })
  if (summary.rootService !== '') query.set('service', summary.rootService)
  if (summary.rootName !== '') query.set('name', summary.rootName)
  const found = useResource(query.toString(), (signal) => searchTraces(query, signal))
  const offered = useMemo(() => offer(found.value?.traces ?? [], traceId), [found.value, traceId])
  const choose = (id: string | undefined): void => changeQuery({ with: id })
  const isId = /^[0-9a-f]{32}$/i.test(typed.trim())
  return (
    <div class="beside-choose">
      <span class="muted">Compare with</span>
      {offered.map((trace) => (
        <Button
          key={trace.traceId}
          isOn={trace.traceId === withId}
          title={trace.traceId}
          onClick={() => choose(trace.traceId)}
        >
          {formatDuration(BigInt(trace.durationNs))}
          {trace.errorCount > 0 && <em class="bad"> failed</em>}
        </Button>
      ))}
      <form
        class="field"
        onSubmit={(event) => {
          event.preventDefault()
          if (isId) choose(typed.trim().toLowerCase())
        }}
      >
        <input
          type="text"
          value={typed}
          placeholder="Trace id"
          aria-label="Id of the other trace"
          spellcheck={false}
          onInput={(event) => setTyped(event.currentTarget.value)}
        />
      </form>
      {withId !== undefined && (
        <>
          <a class="text-button" href={`${traceAddress(withId)}?view=compare&with=${traceId}`}>
            Swap
          </a>
          <a class="text-button" href={traceAddress(withId)}>
            Open the other
          </a>
        </>
      )}
    </div>
  )
}

/** Slowest and fastest of those found: the ends are what one compares with. */
function offer(traces: readonly TraceSummary[], own: string): readonly TraceSummary[] {
  const sorted = traces
    .filter(({ traceId }) => traceId !== own)
    .toSorted((a, b) => (BigInt(a.durationNs) < BigInt(b.durationNs) ? -1 : 1))
  if (sorted.length <= OFFERED) return sorted
  const step = (sorted.length - 1) / (OFFERED - 1)
  return Array.from({ length: OFFERED }, (_, at) => sorted[Math.round(at * step)]!)
}

function Differences({
  a,
  b,
  onSelect,
}: {
  readonly a: TraceColumns
  readonly b: TraceColumns
  readonly onSelect: (index: number) => void
}) {
  const { rows, onlyA, onlyB } = useMemo(() => compareTraces(a, b), [a, b])
  const theme = useTheme()
  const most = rows.reduce((ns, row) => (size(row.selfNs) > ns ? size(row.selfNs) : ns), 1n)
  const hueOf = (service: string): number => {
    const at = a.serviceNames.indexOf(service)
    return at >= 0 ? a.serviceHue[at]! : (b.serviceHue[b.serviceNames.indexOf(service)] ?? 0)
  }
  const shown = rows.length <= ROWS_MAX ? rows : largest(rows)
  const lengthOf = (columns: TraceColumns): bigint => BigInt(columns.trace.summary.durationNs)
  return (
    <div class="beside-body">
      <p class="beside-sum">
        <b>{formatDuration(lengthOf(a))}</b> here, <b>{formatDuration(lengthOf(b))}</b> there:{' '}
        <b class={lengthOf(b) > lengthOf(a) ? 'slower' : 'faster'}>{signed(lengthOf(b) - lengthOf(a))}</b>
        <span class="muted">
          {' '}
          · {formatCount(a.count)} and {formatCount(b.count)} spans · {formatCount(onlyA)} call paths only
          here, {formatCount(onlyB)} only there
          {shown.length < rows.length && ` · the ${formatCount(shown.length)} that differ most`}
        </span>
      </p>
      <table data-role="differences">
        <thead>
          <tr>
            <th>Call path</th>
            <th class="number">Spans here</th>
            <th class="number">there</th>
            <th class="number">Self here</th>
            <th class="number">there</th>
            <th class="number">Self differs</th>
            <th class="bars" />
            <th class="number">Total differs</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((row, at) => (
            <tr
              key={at}
              class={row.a === undefined ? 'only-there' : row.b === undefined ? 'only-here' : ''}
              onClick={() => row.a !== undefined && onSelect(row.a.example)}
            >
              <td style={{ paddingLeft: `${16 + Math.min(row.depth, 20) * 14}px` }}>
                <ServiceDot hue={hueOf(row.service)} theme={theme} />
                <button type="button" class="row-button" disabled={row.a === undefined}>
                  <span class="muted">
                    <Text of={row.service} />
                  </span>{' '}
                  <Text of={row.name} />
                </button>
                {row.a === undefined && <span class="only">only there</span>}
                {row.b === undefined && <span class="only">only here</span>}
              </td>
              <td class="number">{row.a?.count ?? '–'}</td>
              <td class="number">{row.b?.count ?? '–'}</td>
              <td class="number">{selfOf(row.a)}</td>
              <td class="number">{selfOf(row.b)}</td>
              <td class={`number ${row.selfNs > 0n ? 'slower' : row.selfNs < 0n ? 'faster' : 'muted'}`}>
                {signed(row.selfNs)}
              </td>
              <td class="bars">
                <DeltaBar ns={row.selfNs} most={most} />
              </td>
              <td class="number muted">{signed(row.totalNs)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** Rows that differ most, with the rows above them, in their order. */
function largest(rows: readonly PathDifference[]): readonly PathDifference[] {
  const kept = new Set<number>()
  const byMoved = rows
    .map((_, at) => at)
    .sort((x, y) =>
      rows[x]!.movedNs < rows[y]!.movedNs ? 1 : rows[x]!.movedNs > rows[y]!.movedNs ? -1 : x - y,
    )
  for (const at of byMoved) {
    if (kept.size >= ROWS_MAX) break
    for (let above = at; above >= 0 && !kept.has(above); above = rows[above]!.parent) kept.add(above)
  }
  return rows.filter((_, at) => kept.has(at))
}

function DeltaBar({ ns, most }: { readonly ns: bigint; readonly most: bigint }) {
  const width = Number((size(ns) * 1000n) / most) / 20
  return (
    <svg class="delta-bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
      <rect class="axis-line" x="49.6" y="0" width="0.8" height="10" />
      <rect
        class={ns > 0n ? 'slower' : 'faster'}
        x={ns > 0n ? 50 : 50 - width}
        y="1.5"
        width={width}
        height="7"
      />
    </svg>
  )
}

function selfOf(node: FlameNode | undefined): string {
  return node === undefined ? '–' : formatDuration(node.selfNs)
}

function size(ns: bigint): bigint {
  return ns < 0n ? -ns : ns
}

function signed(ns: bigint): string {
  return ns === 0n ? '±0' : ns > 0n ? `+${formatDuration(ns)}` : `−${formatDuration(-ns)}`
}
