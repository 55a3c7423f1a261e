// Tenants: how each fares against its target, how the last ten minutes went, who makes whom slow, which
// policies hold whom, and what they have decided.
//
//   URL  at=<tenant>, of=mean|p99|rate, off=[..]

import './tenants.css'
import type { BlameView, ControlHistory, ControlView, PointView, TenantView } from '#protocol'
import { useEffect } from 'preact/hooks'
import { readControl, readControlHistory, readPolicyTypes } from '../../base/control-api.ts'
import { plural } from '../../base/format.ts'
import { useKeys } from '../../base/keys.ts'
import {
  CONTROL_PAST_REFRESH_MS,
  CONTROL_REFRESH_MS,
  MATRIX_NAMES_MAX,
  POLICY_TYPES_REFRESH_MS,
} from '../../base/limits.ts'
import { serviceHues, type Theme } from '../../base/palette.ts'
import { useResource } from '../../base/resource.ts'
import { changeQuery } from '../../base/route.ts'
import { useTheme } from '../../base/theme.ts'
import { visibleText } from '../../base/text.ts'
import { Choice } from '../../widgets/choice.tsx'
import { Lines } from '../../widgets/lines.tsx'
import { Empty, ErrorNotice, Loading, StaleStrip } from '../../widgets/notice.tsx'
import { ServiceName } from '../../widgets/service.tsx'
import { Sparkline } from '../../widgets/sparkline.tsx'
import { Text } from '../../widgets/text.tsx'
import { Decisions } from './decisions.tsx'
import { Matrix } from './matrix.tsx'
import { NothingMeasured } from './nothing.tsx'
import { Policies } from './policies.tsx'
import { amount, millis, percent, present, rate, resourceName, tenantLines, type Measure } from './say.ts'

const MEASURES = [
  { value: 'mean', label: 'Mean latency, ms' },
  { value: 'p99', label: '99th percentile, ms' },
  { value: 'rate', label: 'Requests a second' },
] as const

export function TenantsView({ query }: { readonly query: URLSearchParams }) {
  const now = useResource('control', readControl, { refreshMs: CONTROL_REFRESH_MS })
  const past = useResource('past', readControlHistory, { refreshMs: CONTROL_PAST_REFRESH_MS })
  const types = useResource('types', readPolicyTypes, { refreshMs: POLICY_TYPES_REFRESH_MS })
  useEffect(() => {
    document.title = 'Tenants · Crosscut'
  }, [])
  useKeys({ Escape: () => changeQuery({ at: undefined }, { replace: true }) })
  if (now.value === undefined)
    return now.error ? <ErrorNotice error={now.error} onRetry={now.reload} /> : <Loading what="tenants" />
  const view = now.value
  return (
    <div class="tenants-page">
      {now.error && <StaleStrip error={now.error} onRetry={now.reload} />}
      <header class="tenants-head">
        <h1>Tenants</h1>
        <p class="totals">
          <span>
            <b>{view.tenants.length}</b> seen
          </span>
          <Missing blame={view.blame} />
          <Held points={view.points} />
        </p>
      </header>
      {view.tenants.length === 0 && view.policies.length === 0 ? (
        <Empty title="No tenant has been seen in the last seconds">
          <NothingMeasured />
        </Empty>
      ) : (
        <Body
          view={view}
          past={past.value}
          query={query}
          side={
            <Policies
              policies={view.policies}
              types={types.value ?? []}
              tenants={view.tenants.map(({ tenant }) => tenant)}
              onChanged={now.reload}
            />
          }
        />
      )}
    </div>
  )
}

function Missing({ blame }: { readonly blame: readonly BlameView[] }) {
  const promised = blame.filter(({ target }) => target !== undefined)
  const missing = promised.filter(({ miss = 0 }) => miss > 1)
  if (promised.length === 0) return <span class="muted">no target is set</span>
  return (
    <span class={missing.length > 0 ? 'error-mark' : 'muted'}>
      {missing.length === 0
        ? `${promised.length === 1 ? 'the target is' : 'all targets are'} met`
        : `${plural(missing.length, 'tenant')} over target`}
    </span>
  )
}

function Held({ points }: { readonly points: readonly PointView[] }) {
  const held = new Set(points.filter(({ isBinding }) => isBinding).map(({ tenant }) => tenant))
  return (
    <span class="muted">{held.size === 0 ? 'nobody is held' : `${plural(held.size, 'tenant')} held`}</span>
  )
}

function Body({
  view,
  past,
  query,
  side,
}: {
  readonly view: ControlView
  readonly past: ControlHistory | undefined
  readonly query: URLSearchParams
  readonly side: preact.ComponentChildren
}) {
  const theme = useTheme()
  const at = query.get('at') ?? undefined
  const hues = serviceHues(view.tenants.map(({ tenant }) => tenant))
  const episodes = at === undefined ? view.episodes : view.episodes.filter(({ tenant }) => tenant === at)
  return (
    <div class="tenants-body">
      <div class="tenants-main">
        <TenantTable view={view} past={past} at={at} hues={hues} theme={theme} />
        <Past past={past} blame={view.blame} query={query} />
        <BlameMatrix view={view} hues={hues} theme={theme} />
        <Decisions
          episodes={episodes}
          resources={view.resources}
          fromMs={past?.timesMs[0] ?? view.timeMs - 600_000}
          nowMs={view.timeMs}
        />
      </div>
      <aside class="tenants-side">{side}</aside>
    </div>
  )
}

type Hues = ReadonlyMap<string, number>

function TenantTable({
  view,
  past,
  at,
  hues,
  theme,
}: {
  readonly view: ControlView
  readonly past: ControlHistory | undefined
  readonly at: string | undefined
  readonly hues: Hues
  readonly theme: Theme
}) {
  const rows = view.tenants.toSorted((a, b) => b.perSecond - a.perSecond)
  return (
    <div class="table-scroll">
      <table class="table tenant-rows" aria-label="Tenants">
        <thead>
          <tr>
            <th>Tenant</th>
            <th class="right">Requests/s</th>
            <th class="right">Mean</th>
            <th class="right">
              p99<span class="unit">last second</span>
            </th>
            <th class="right">Target</th>
            <th>Mean, 10 min</th>
            <th>Takes most of</th>
            <th>Limit</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <TenantRow
              key={row.tenant}
              row={row}
              view={view}
              values={present(past?.tenants[row.tenant]?.map((one) => one && one.latencyMs))}
              isAt={row.tenant === at}
              hue={hues.get(row.tenant) ?? 0}
              theme={theme}
            />
          ))}
        </tbody>
      </table>
    </div>
  )
}

function TenantRow({
  row,
  view,
  values,
  isAt,
  hue,
  theme,
}: {
  readonly row: TenantView
  readonly view: ControlView
  readonly values: readonly number[]
  readonly isAt: boolean
  readonly hue: number
  readonly theme: Theme
}) {
  const { tenant, perSecond, latencyMs, latencyMsP99, shares } = row
  const { target, miss = 0 } = view.blame.find((one) => one.tenant === tenant) ?? {}
  const [most] = Object.entries(shares).sort((a, b) => b[1] - a[1])
  return (
    <tr class={isAt ? 'selected' : ''} data-tenant={tenant}>
      <td>
        <button
          type="button"
          class="text-button plain"
          aria-pressed={isAt}
          title="Its decisions alone (Esc: all)"
          onClick={() => changeQuery({ at: isAt ? undefined : tenant }, { replace: true })}
        >
          <ServiceName name={tenant} hue={hue} theme={theme} />
        </button>
      </td>
      <td class="right mono">{amount(perSecond)}</td>
      <td class={`right mono ${miss > 1 && target?.statistic !== 'p99' ? 'error-mark' : ''}`}>
        {millis(latencyMs)}
      </td>
      <td class={`right mono ${miss > 1 && target?.statistic === 'p99' ? 'error-mark' : ''}`}>
        {millis(latencyMsP99)}
      </td>
      <td class="right mono target">
        {target === undefined
          ? ''
          : `${millis(target.latencyMs)} ${target.statistic === 'p99' ? 'p99' : 'mean'}`}
      </td>
      <td>
        <Sparkline values={values} />
      </td>
      <td>
        {most !== undefined && (
          <>
            <span class="mono">{percent(most[1])}</span> <Text of={resourceName(most[0], view.resources)} />
          </>
        )}
      </td>
      <td class="limit">
        <Limits points={view.points.filter((one) => one.tenant === tenant)} />
      </td>
    </tr>
  )
}

function Limits({ points }: { readonly points: readonly PointView[] }) {
  const limited = points.filter((one) => one.rate !== undefined)
  if (limited.length === 0) return <span class="muted">none</span>
  const tightest = limited.toSorted((a, b) => (a.rate ?? 0) - (b.rate ?? 0))[0]
  return (
    <span
      title={limited
        .map((one) => `${visibleText(one.point)}: ${amount(one.perSecond)} of ${rate(one.rate)}`)
        .join('\n')}
    >
      <span class="mono">{rate(tightest?.rate)}</span> at <Text of={tightest?.point ?? ''} />{' '}
      {limited.some(({ isBinding }) => isBinding) ? (
        <b class="held">held</b>
      ) : (
        <span class="muted">does not bind</span>
      )}
    </span>
  )
}

function Past({
  past,
  blame,
  query,
}: {
  readonly past: ControlHistory | undefined
  readonly blame: readonly BlameView[]
  readonly query: URLSearchParams
}) {
  const measure = MEASURES.find(({ value }) => value === query.get('of')) ?? MEASURES[0]
  if (past === undefined || past.timesMs.length < 2) return null
  return (
    <section class="tenants-past" aria-label="The last ten minutes">
      <h2>
        The last ten minutes
        <Choice label="Value" name="of" value={measure.value} options={MEASURES} />
      </h2>
      <div class="past-chart">
        <Lines
          timesMs={past.timesMs}
          lines={[...tenantLines(past, measure.value), ...targetLines(past, blame, measure.value)]}
          measure={measure.label}
          off={offOf(query)}
        />
      </div>
    </section>
  )
}

/** What is promised, as a line to be below of. */
function targetLines(past: ControlHistory, blame: readonly BlameView[], measure: Measure) {
  return blame.flatMap(({ tenant, target }) =>
    target === undefined || (target.statistic ?? 'mean') !== measure
      ? []
      : [{ name: `target of ${tenant}`, values: past.timesMs.map(() => target.latencyMs) }],
  )
}

function offOf(query: URLSearchParams): ReadonlySet<string> {
  try {
    const off: unknown = JSON.parse(query.get('off') ?? '[]')
    return new Set(Array.isArray(off) ? off.filter((one) => typeof one === 'string') : [])
  } catch {
    return new Set()
  }
}

function BlameMatrix({
  view,
  hues,
  theme,
}: {
  readonly view: ControlView
  readonly hues: Hues
  readonly theme: Theme
}) {
  const rows = view.blame.filter(({ causes }) => causes.length > 0).slice(0, MATRIX_NAMES_MAX)
  const total = new Map<string, number>()
  for (const { causes } of rows)
    for (const { tenant, share } of causes) total.set(tenant, (total.get(tenant) ?? 0) + share)
  const columns = [...total].sort((a, b) => b[1] - a[1]).slice(0, MATRIX_NAMES_MAX)
  const name = (tenant: string) => ({
    id: tenant,
    label: <ServiceName name={tenant} hue={hues.get(tenant) ?? 0} theme={theme} />,
  })
  const row = (tenant: string) => view.blame.find((one) => one.tenant === tenant)
  return (
    <section aria-label="Who makes whom slow">
      <h2>
        Who makes whom slow
        <small class="muted">part of what a tenant waits for at slow resources, by whose load it is</small>
      </h2>
      {rows.length === 0 ? (
        <p class="muted">Nobody waits for anybody: no resource is slow.</p>
      ) : (
        <Matrix
          label="Who makes whom slow"
          corner="who waits ╲ for whom"
          rows={rows.map(({ tenant }) => name(tenant))}
          columns={columns.map(([tenant]) => name(tenant))}
          at={(waits, cause) => row(waits)?.causes.find(({ tenant }) => tenant === cause)?.share ?? 0}
          title={(waits, cause, share) => {
            const where = row(waits)?.resources[0]?.resource
            const at = where === undefined ? '' : `, mostly at ${resourceName(where, view.resources)}`
            return waits === cause
              ? `${percent(share)} of what ${waits} waits is for itself${at}`
              : `${percent(share)} of what ${waits} waits is for ${cause}${at}`
          }}
        />
      )}
    </section>
  )
}
