// Where the time of many traces went: their critical paths added up, by service as a ring, by call path as an
// icicle, by operation as a table; what one of them being faster would have brought; and down to example
// traces.
//
//   URL  filter (as in the list), limit, at=<what is looked at>, faster=<percent> with op=<service and name>

import './paths.css'
import type { PathShareView, TracePathsView } from '#protocol'
import { useEffect, useMemo } from 'preact/hooks'
import { readPaths } from '../../base/api.ts'
import { formatCount, formatDuration, plural } from '../../base/format.ts'
import { useFacets } from '../../base/facets.tsx'
import { icicleWay } from '../../base/icicle.ts'
import { useKeys } from '../../base/keys.ts'
import { serviceHues, type Theme } from '../../base/palette.ts'
import { useResource } from '../../base/resource.ts'
import { address, changeQuery, navigate } from '../../base/route.ts'
import { visibleText } from '../../base/text.ts'
import { useTheme } from '../../base/theme.ts'
import { filterRequest, readFilter, writeFilter, type TraceFilter } from '../../base/trace-filter.ts'
import { Button, Select } from '../../widgets/controls.tsx'
import { FilterBar } from '../../widgets/filter-bar.tsx'
import { Icicle, type Slice } from '../../widgets/icicle.tsx'
import { Empty, ErrorNotice, Loading, StaleStrip } from '../../widgets/notice.tsx'
import { ServiceDot } from '../../widgets/service.tsx'
import { Text } from '../../widgets/text.tsx'
import { Drill } from './drill.tsx'
import { percent } from './percent.ts'
import { Ring } from './ring.tsx'

const LIMITS = [100, 200, 500, 1000] as const
const LIMIT_DEFAULT = 200
/** Operations in the table; the rest is small. */
const ROWS_MAX = 60
const FASTER_DEFAULT = 20

type Hues = ReadonlyMap<string, number>
/** What is looked at closer: a service, an operation, or a call path. */
export type Chosen = { readonly title: string; readonly share: PathShareView }

export function PathsView({ query }: { readonly query: URLSearchParams }) {
  const filter = readFilter(query)
  const limit = LIMITS.find((one) => String(one) === query.get('limit')) ?? LIMIT_DEFAULT
  const change = readChange(query)
  const facets = useFacets()
  const theme = useTheme()
  const key = JSON.stringify([keyOf(filter), limit, change])
  const paths = useResource(key, (signal) =>
    readPaths({ filter: bodyOf(filter), limit, ...(change === undefined ? {} : { whatIf: change }) }, signal),
  )
  useEffect(() => {
    document.title = 'Critical paths · Crosscut'
  }, [])
  useKeys({
    '/': () => document.querySelector<HTMLInputElement>('[data-role=search]')?.focus(),
    Escape: () => changeQuery({ at: undefined }, { replace: true }),
  })
  const setFilter = (next: TraceFilter): void => {
    const changed = new URLSearchParams(location.search)
    writeFilter(changed, next)
    changed.delete('at')
    navigate(address('/paths', changed))
  }
  return (
    <div class="paths">
      <div class="traces-head">
        <FilterBar filter={filter} facets={facets} onChange={setFilter} />
        <Select
          label="How many traces"
          value={String(limit)}
          options={LIMITS.map((one) => ({ value: String(one), label: `${formatCount(one)} newest` }))}
          onChange={(value) => changeQuery({ limit: value })}
        />
        <a class="button plain" href={address('/traces', listQuery(filter))}>
          List
        </a>
      </div>
      {paths.value === undefined ? (
        paths.error ? (
          <ErrorNotice error={paths.error} onRetry={paths.reload} />
        ) : (
          <Loading what="critical paths" />
        )
      ) : paths.value.whole.traces === 0 ? (
        <Empty title="No trace matches">
          <p class="muted">Critical paths are those of traces with a root that took time.</p>
        </Empty>
      ) : (
        <>
          {paths.error && <StaleStrip error={paths.error} onRetry={paths.reload} />}
          <Loaded
            paths={paths.value}
            known={facets.services}
            theme={theme}
            at={query.get('at') ?? undefined}
            isStale={paths.valueKey !== key}
            change={change}
          />
        </>
      )}
    </div>
  )
}

type Change = { readonly service: string; readonly name: string; readonly faster: number }

/** op = JSON of [service, name]: both may hold any character. */
function readChange(query: URLSearchParams): Change | undefined {
  const faster = Number(query.get('faster') ?? '')
  const op = query.get('op')
  if (op === null || !(faster > 0 && faster <= 100)) return undefined
  try {
    const parsed: unknown = JSON.parse(op)
    if (!Array.isArray(parsed)) return undefined
    const [service, name] = parsed
    return typeof service === 'string' && typeof name === 'string' ? { service, name, faster } : undefined
  } catch {
    return undefined
  }
}

function keyOf(filter: TraceFilter): string {
  const query = new URLSearchParams()
  writeFilter(query, filter)
  return query.toString()
}

function listQuery(filter: TraceFilter): URLSearchParams {
  const query = new URLSearchParams()
  writeFilter(query, filter)
  return query
}

/** Members of the request are the parameters of the search, attributes together. */
function bodyOf(filter: TraceFilter): { readonly [name: string]: unknown } {
  const attr: { [key: string]: string } = {}
  const body: { [name: string]: unknown } = {}
  for (const [name, value] of filterRequest(filter, Date.now()))
    if (name.startsWith('attr.')) attr[name.slice(5)] = value
    else body[name] = value
  return Object.keys(attr).length === 0 ? body : { ...body, attr }
}

function Loaded({
  paths,
  known,
  theme,
  at,
  isStale,
  change,
}: {
  readonly paths: TracePathsView
  readonly known: readonly string[]
  readonly theme: Theme
  readonly at: string | undefined
  readonly isStale: boolean
  readonly change: Change | undefined
}) {
  const hues = useMemo(
    () =>
      serviceHues(
        paths.services.map(({ service }) => service),
        known,
      ),
    [paths, known],
  )
  const keys = useMemo(() => nodeKeys(paths.nodes), [paths])
  const slices = useMemo(() => paths.nodes.map((node) => sliceOf(node, hues)), [paths, hues])
  const node = at?.startsWith('path:') === true ? keys.indexOf(at) : -1
  const chosen = chosenOf(paths, at, node)
  const look = (next: string): void => changeQuery({ at: next === at ? undefined : next }, { replace: true })
  const { whole } = paths
  return (
    <div class={`paths-body${isStale ? ' stale' : ''}`} aria-busy={isStale}>
      <div class="paths-main">
        <p class="paths-sum">
          <b>{plural(whole.traces, 'trace')}</b>
          {paths.hasMore && <span class="muted">, the newest that match</span>}
          {' · '}p50 <b>{formatDuration(BigInt(whole.p50Ns))}</b> · p95{' '}
          <b>{formatDuration(BigInt(whole.p95Ns))}</b>
          {paths.skipped > 0 && (
            <span class="muted"> · {plural(paths.skipped, 'trace')} left out: too large for one answer</span>
          )}
        </p>
        {paths.whatIf !== undefined && change !== undefined && (
          <WhatIfNote change={change} whatIf={paths.whatIf} />
        )}
        <section class="paths-top" aria-label="By service and by call path">
          <Ring
            shares={paths.services}
            wholeNs={BigInt(whole.ns)}
            hues={hues}
            theme={theme}
            chosen={at?.startsWith('service:') === true ? at.slice(8) : undefined}
            onChoose={(service) => look(`service:${service}`)}
          />
          <div class="paths-icicle">
            <div class="paths-crumbs">
              <Button isOn={node < 0} onClick={() => changeQuery({ at: undefined }, { replace: true })}>
                All call paths
              </Button>
              {icicleWay(slices, node).map((step) => (
                <button key={step} type="button" class="text-button" onClick={() => look(keys[step]!)}>
                  <Text of={paths.nodes[step]!.name} />
                </button>
              ))}
            </div>
            <Icicle
              slices={slices}
              top={node}
              chosen={node}
              label="Time on the critical path by call path; the tables have the same by operation"
              titleOf={(slice) => titleOf(paths, slice)}
              onOpen={(slice) => look(keys[slice]!)}
            />
            {paths.foldedNodes > 0 && (
              <p class="muted">
                {formatCount(paths.foldedNodes)} rare call paths count for the ones above them.
              </p>
            )}
          </div>
        </section>
        <Operations paths={paths} hues={hues} theme={theme} at={at} change={change} onLook={look} />
      </div>
      {chosen !== undefined && (
        <Drill
          chosen={chosen}
          wholeNs={BigInt(whole.ns)}
          traces={whole.traces}
          onClose={() => changeQuery({ at: undefined }, { replace: true })}
        />
      )}
    </div>
  )
}

function WhatIfNote({
  change,
  whatIf,
}: {
  readonly change: Change
  readonly whatIf: NonNullable<TracePathsView['whatIf']>
}) {
  const before = BigInt(whatIf.beforeNs)
  const saved = before - BigInt(whatIf.afterNs)
  const ms = (ns: string): string => formatDuration(BigInt(ns))
  return (
    <p class="paths-whatif" role="status">
      <span>
        With{' '}
        <b>
          <Text of={change.name} />
        </b>{' '}
        {change.faster} % faster, these traces would have taken <b>{percent(saved, before)} less</b> in all:
        p50 {ms(whatIf.p50BeforeNs)} → <b>{ms(whatIf.p50AfterNs)}</b>, p95 {ms(whatIf.p95BeforeNs)} →{' '}
        <b>{ms(whatIf.p95AfterNs)}</b>; {plural(whatIf.savedTraces, 'trace')} shorter.
      </span>
      <input
        type="range"
        min="5"
        max="100"
        step="5"
        value={change.faster}
        aria-label="How much faster, percent"
        onChange={(event) => changeQuery({ faster: event.currentTarget.value }, { replace: true })}
      />
      <Button onClick={() => changeQuery({ op: undefined, faster: undefined }, { replace: true })}>
        Close
      </Button>
    </p>
  )
}

function Operations({
  paths,
  hues,
  theme,
  at,
  change,
  onLook,
}: {
  readonly paths: TracePathsView
  readonly hues: Hues
  readonly theme: Theme
  readonly at: string | undefined
  readonly change: Change | undefined
  readonly onLook: (at: string) => void
}) {
  const wholeNs = BigInt(paths.whole.ns)
  return (
    <table class="table paths-table" data-role="operations">
      <thead>
        <tr>
          <th>Operation</th>
          <th class="right">On critical path</th>
          <th />
          <th class="right" title="What these traces would be shorter without its work">
            Drag
          </th>
          <th class="right" title="In queues and on the way along edges">
            Waiting
          </th>
          <th class="right">p50</th>
          <th class="right">p95</th>
          <th class="right">Traces</th>
          <th />
        </tr>
      </thead>
      <tbody>
        {paths.operations.slice(0, ROWS_MAX).map((one) => {
          const id = `op:${JSON.stringify([one.service, one.name])}`
          const isAsked = change !== undefined && change.service === one.service && change.name === one.name
          return (
            <tr key={id} class={id === at ? 'selected' : ''} onClick={() => onLook(id)}>
              <td class="paths-name">
                <ServiceDot hue={hues.get(one.service) ?? 0} theme={theme} />
                <button type="button" class="row-button">
                  <span class="muted">
                    <Text of={one.service} />
                  </span>{' '}
                  <Text of={one.name} />
                </button>
              </td>
              <td class="right">{percent(BigInt(one.ns), wholeNs)}</td>
              <td>
                <ShareLine part={BigInt(one.ns)} drag={BigInt(one.dragNs)} whole={wholeNs} />
              </td>
              <td class="right">{percent(BigInt(one.dragNs), wholeNs)}</td>
              <td class="right muted">{one.waitNs === '0' ? '' : percent(BigInt(one.waitNs), wholeNs)}</td>
              <td class="right">{formatDuration(BigInt(one.p50Ns))}</td>
              <td class="right">{formatDuration(BigInt(one.p95Ns))}</td>
              <td class="right">{formatCount(one.traces)}</td>
              <td class="right">
                <button
                  type="button"
                  class="text-button"
                  aria-pressed={isAsked}
                  onClick={(event) => {
                    event.stopPropagation()
                    changeQuery({
                      op: JSON.stringify([one.service, one.name]),
                      faster: String(change?.faster ?? FASTER_DEFAULT),
                    })
                  }}
                >
                  What if faster?
                </button>
              </td>
            </tr>
          )
        })}
      </tbody>
    </table>
  )
}

/** The share, and in full colour the part that its absence would save. */
function ShareLine({
  part,
  drag,
  whole,
}: {
  readonly part: bigint
  readonly drag: bigint
  readonly whole: bigint
}) {
  const width = (ns: bigint): number => Number((ns * 1000n) / (whole === 0n ? 1n : whole)) / 10
  return (
    <svg class="share-line" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
      <rect class="part" x="0" y="1" width={width(part)} height="6" />
      <rect class="drag" x="0" y="1" width={Math.min(width(part), width(drag))} height="6" />
    </svg>
  )
}

function chosenOf(paths: TracePathsView, at: string | undefined, node: number): Chosen | undefined {
  if (at === undefined) return undefined
  if (node >= 0) return { title: paths.nodes[node]!.name, share: paths.nodes[node]! }
  const service = paths.services.find((one) => at === `service:${one.service}`)
  if (service !== undefined) return { title: service.service, share: service }
  const operation = paths.operations.find((one) => at === `op:${JSON.stringify([one.service, one.name])}`)
  return operation === undefined ? undefined : { title: operation.name, share: operation }
}

/** A short name of each call path that stays the same from answer to answer: a hash of its frames. */
function nodeKeys(nodes: TracePathsView['nodes']): readonly string[] {
  const hashes: number[] = []
  return nodes.map(({ parent, service, name }, at) => {
    let hash = parent < 0 ? 0x811c9dc5 : hashes[parent]!
    for (const unit of `${service.length} ${service}${name}`)
      hash = Math.imul(hash ^ unit.codePointAt(0)!, 0x01000193)
    hashes[at] = hash
    return `path:${(hash >>> 0).toString(36)}`
  })
}

function sliceOf(node: TracePathsView['nodes'][number], hues: Hues): Slice {
  const whole = BigInt(node.withChildrenNs)
  return {
    parent: node.parent,
    amount: whole,
    label: visibleText(node.name),
    hue: hues.get(node.service) ?? 0,
    marked: whole === 0n ? 0 : Number((BigInt(node.ns) * 1000n) / whole) / 1000,
    isBad: false,
  }
}

function titleOf({ nodes, whole }: TracePathsView, at: number): string {
  const node = nodes[at]!
  const times = `${percent(BigInt(node.withChildrenNs), BigInt(whole.ns))} with what it called, ${percent(BigInt(node.ns), BigInt(whole.ns))} itself`
  return `${visibleText(node.service)} · ${visibleText(node.name)}: ${times}, in ${plural(node.traces, 'trace')}`
}
