// Resources by slowdown, and whose load it is: a row for each, and a matrix of tenants and resources.
//
//   URL  at=<resource>

import './tenants.css'
import type { ControlHistory, ControlView, ResourceView } from '#protocol'
import { useEffect } from 'preact/hooks'
import { readControl, readControlHistory } from '../../base/control-api.ts'
import { plural } from '../../base/format.ts'
import { CONTROL_PAST_REFRESH_MS, CONTROL_REFRESH_MS, MATRIX_NAMES_MAX } from '../../base/limits.ts'
import { useFacets } from '../../base/facets.tsx'
import { serviceHues, type Theme } from '../../base/palette.ts'
import { useResource } from '../../base/resource.ts'
import { useTheme } from '../../base/theme.ts'
import { visibleText } from '../../base/text.ts'
import { Empty, ErrorNotice, Loading, StaleStrip } from '../../widgets/notice.tsx'
import { ServiceName, ShareBar } from '../../widgets/service.tsx'
import { Sparkline } from '../../widgets/sparkline.tsx'
import { Text } from '../../widgets/text.tsx'
import { Matrix } from './matrix.tsx'
import { NothingMeasured } from './nothing.tsx'
import { amount, percent, present, resourceName } from './say.ts'

/** A resource is called slow from here on: half of the time at it is waiting. */
const SLOW = 2

export function ResourcesView({ query: _query }: { readonly query: URLSearchParams }) {
  const now = useResource('control', readControl, { refreshMs: CONTROL_REFRESH_MS })
  const past = useResource('past', readControlHistory, { refreshMs: CONTROL_PAST_REFRESH_MS })
  const theme = useTheme()
  useEffect(() => {
    document.title = 'Resources · Crosscut'
  }, [])
  if (now.value === undefined)
    return now.error ? <ErrorNotice error={now.error} onRetry={now.reload} /> : <Loading what="resources" />
  const view = now.value
  const slow = view.resources.filter(({ slowdown }) => slowdown >= SLOW).length
  return (
    <div class="tenants-page">
      {now.error && <StaleStrip error={now.error} onRetry={now.reload} />}
      <header class="tenants-head">
        <h1>Resources</h1>
        <p class="totals">
          <span>
            <b>{view.resources.length}</b> measured
          </span>
          <span class={slow > 0 ? 'warn-mark' : 'muted'}>
            {slow === 0 ? 'none is slow' : `${plural(slow, 'is', 'are')} slow`}
          </span>
        </p>
      </header>
      {view.resources.length === 0 ? (
        <Empty title="No resource has been used in the last seconds">
          <NothingMeasured />
        </Empty>
      ) : (
        <div class="tenants-main">
          <ResourceTable view={view} past={past.value} theme={theme} />
          <LoadMatrix view={view} theme={theme} />
        </div>
      )}
    </div>
  )
}

function ResourceTable({
  view,
  past,
  theme,
}: {
  readonly view: ControlView
  readonly past: ControlHistory | undefined
  readonly theme: Theme
}) {
  const { services } = useFacets()
  const places = serviceHues(
    view.resources.map(({ service }) => service),
    services,
  )
  const tenants = serviceHues(view.tenants.map(({ tenant }) => tenant))
  return (
    <div class="table-scroll">
      <table class="table resource-rows" aria-label="Resources">
        <thead>
          <tr>
            <th>Resource</th>
            <th>Service</th>
            <th>Kind</th>
            <th class="right">Slowdown</th>
            <th>10 min</th>
            <th>Whose load</th>
            <th />
          </tr>
        </thead>
        <tbody>
          {view.resources.map((row) => (
            <tr key={row.resource} data-resource={row.resource}>
              <td title={visibleText(row.resource)}>
                <b>
                  <Text
                    of={row.resource.slice(0, Math.max(0, row.resource.lastIndexOf('@'))) || row.resource}
                  />
                </b>
              </td>
              <td>
                <ServiceName name={row.service} hue={places.get(row.service) ?? 0} theme={theme} />
              </td>
              <td class="muted">
                <Text of={row.kind} />
              </td>
              <td class={`right mono ${row.slowdown >= SLOW ? 'warn-mark' : ''}`}>{amount(row.slowdown)}×</td>
              <td>
                <Sparkline values={present(past?.slowdown[row.resource])} />
              </td>
              <Load row={row} hues={tenants} theme={theme} />
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

const LOADS_SHOWN = 3

function Load({
  row,
  hues,
  theme,
}: {
  readonly row: ResourceView
  readonly hues: ReadonlyMap<string, number>
  readonly theme: Theme
}) {
  const all = Object.entries(row.load).sort((a, b) => b[1] - a[1])
  const total = all.reduce((sum, [, load]) => sum + load, 0)
  const told = all.map(([tenant, load]) => `${tenant} ${percent(load / total)}`)
  return (
    <>
      <td class="load-bar">
        <ShareBar
          label={told.join(', ')}
          theme={theme}
          shares={all.map(([tenant, load]) => ({
            key: tenant,
            weight: load,
            hue: hues.get(tenant) ?? 0,
            title: `${tenant}: ${percent(load / total)}, ${amount(load)} a second`,
          }))}
        />
      </td>
      <td class="muted">
        <Text of={told.slice(0, LOADS_SHOWN).join(', ')} />
      </td>
    </>
  )
}

function LoadMatrix({ view, theme }: { readonly view: ControlView; readonly theme: Theme }) {
  const hues = serviceHues(view.tenants.map(({ tenant }) => tenant))
  const rows = view.resources.filter(({ load }) => Object.keys(load).length > 0).slice(0, MATRIX_NAMES_MAX)
  const share = new Map<string, number>()
  for (const { tenant, shares } of view.tenants)
    share.set(
      tenant,
      rows.reduce((sum, { resource }) => sum + (shares[resource] ?? 0), 0),
    )
  const columns = [...share]
    .filter(([, sum]) => sum > 0)
    .sort((a, b) => b[1] - a[1])
    .slice(0, MATRIX_NAMES_MAX)
  const of = (tenant: string) => view.tenants.find((one) => one.tenant === tenant)
  if (columns.length === 0) return null
  return (
    <section aria-label="Tenants and resources">
      <h2>
        Who loads what
        <small class="muted">part of each resource's load, the slowest resource first</small>
      </h2>
      <Matrix
        label="Load of each tenant on each resource"
        corner="resource ╲ tenant"
        rows={rows.map(({ resource, slowdown }) => ({
          id: resource,
          label: (
            <>
              <Text of={resourceName(resource, rows)} />
              <span class={`mono ${slowdown >= SLOW ? 'warn-mark' : 'muted'}`}>{amount(slowdown)}×</span>
            </>
          ),
        }))}
        columns={columns.map(([tenant]) => ({
          id: tenant,
          label: <ServiceName name={tenant} hue={hues.get(tenant) ?? 0} theme={theme} />,
        }))}
        at={(resource, tenant) => of(tenant)?.shares[resource] ?? 0}
        title={(resource, tenant, part) =>
          `${percent(part)} of the load of ${resourceName(resource, rows)} is ${tenant}`
        }
      />
    </section>
  )
}
