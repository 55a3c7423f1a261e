// The graph as a picture: boxes of services, arrows as wide as they are busy, with calls, p95 and failures
// written on those that have room. A box that is chosen keeps what it calls and who calls it.

import type { ServiceGraphView } from '#protocol'
import { useMemo } from 'preact/hooks'
import { formatCount, formatDuration, plural } from '../../base/format.ts'
import { hueColour, type Theme } from '../../base/palette.ts'
import { changeQuery } from '../../base/route.ts'
import { visibleText } from '../../base/text.ts'
import { BOX, labelsOf, sheetOf } from './arrows.ts'
import { placeServices } from './layout.ts'

type Edge = ServiceGraphView['edges'][number]

export function GraphPicture({
  graph,
  names,
  hues,
  theme,
  at,
}: {
  readonly graph: ServiceGraphView
  /** Of those that are drawn. */
  readonly names: readonly string[]
  readonly hues: ReadonlyMap<string, number>
  readonly theme: Theme
  readonly at: string | undefined
}) {
  const sheet = useMemo(() => sheetOf(placeServices(names, graph.edges), graph.edges), [names, graph])
  const isNear = (edge: Edge): boolean => at === undefined || edge.from === at || edge.to === at
  const drawn = graph.edges
    .toSorted((a, b) => b.count - a.count)
    .flatMap((edge) => {
      const arrow = sheet.arrow(edge)
      return arrow === undefined ? [] : [{ of: edge, arrow, text: labelOf(edge) }]
    })
  const labels = labelsOf(drawn.filter(({ of }) => isNear(of)))
  const most = drawn.reduce((count, { of }) => Math.max(count, of.count), 1)
  return (
    <div class="services-picture" tabIndex={0} role="group" aria-label="Service graph, to scroll">
      <svg
        width={sheet.width}
        height={sheet.height}
        viewBox={`0 0 ${sheet.width} ${sheet.height}`}
        role="img"
        aria-label="Service graph; the table below has the same"
      >
        <defs>
          <marker
            id="tip"
            viewBox="0 0 8 8"
            refX="7"
            refY="4"
            markerWidth="9"
            markerHeight="9"
            markerUnits="userSpaceOnUse"
            orient="auto"
          >
            <path class="edge-tip" d="M0 0 8 4 0 8Z" />
          </marker>
        </defs>
        {/* Rare ones on top of busy ones: a thin line on a wide one is seen. */}
        {drawn.map(({ of: edge, arrow }) => (
          <path
            key={keyOf(edge)}
            class={`edge${edge.errors > 0 ? ' failing' : ''}${isNear(edge) ? '' : ' far'}${
              edge.kind === 'call' ? '' : ' edge-told'
            }`}
            stroke-width={1 + 4 * (Math.log1p(edge.count) / Math.log1p(most))}
            d={arrow.path}
            marker-end="url(#tip)"
          >
            <title>{edgeTitle(edge)}</title>
          </path>
        ))}
        {labels.map(({ of: edge, x, y, text }) => (
          <text key={keyOf(edge)} class={`edge-label${edge.errors > 0 ? ' bad' : ''}`} x={x} y={y + 4}>
            {text}
          </text>
        ))}
        {names.map((name) => (
          <Box
            key={name}
            graph={graph}
            name={name}
            spot={sheet.spot(name)!}
            at={at}
            fill={hueColour(hues.get(name) ?? 0, theme)}
          />
        ))}
      </svg>
    </div>
  )
}

function Box({
  graph,
  name,
  spot: { x, y },
  at,
  fill,
}: {
  readonly graph: ServiceGraphView
  readonly name: string
  readonly spot: { readonly x: number; readonly y: number }
  readonly at: string | undefined
  readonly fill: string
}) {
  const service = graph.services.find((one) => one.name === name)
  const errors = service?.errors ?? 0
  const choose = (): void => changeQuery({ at: name === at ? undefined : name }, { replace: true })
  const isFar =
    at !== undefined &&
    name !== at &&
    !graph.edges.some(({ from, to }) => (from === at && to === name) || (to === at && from === name))
  return (
    <g
      class={`box${name === at ? ' chosen' : ''}${isFar ? ' far' : ''}${
        service === undefined ? ' silent' : ''
      }`}
      transform={`translate(${x} ${y})`}
      role="button"
      tabIndex={0}
      aria-pressed={name === at}
      aria-label={visibleText(name)}
      onClick={choose}
      onKeyDown={(event) => {
        if (event.key !== 'Enter' && event.key !== ' ') return
        event.preventDefault()
        choose()
      }}
    >
      <rect width={BOX.width} height={BOX.height} rx="6" />
      <rect class="hue" width="4" height={BOX.height} rx="2" fill={fill} />
      <text x="14" y="19" class="name">
        {shortName(name)}
      </text>
      <text x="14" y="36" class={errors > 0 ? 'bad' : 'sub'}>
        {serviceLine(graph, name)}
      </text>
      <title>{visibleText(name) + (service === undefined ? ', which sends no spans' : '')}</title>
    </g>
  )
}

const keyOf = (edge: Edge): string => `${edge.kind} ${edge.from.length} ${edge.from}${edge.to}`

function serviceLine({ services, edges }: ServiceGraphView, name: string): string {
  const service = services.find((one) => one.name === name)
  const calls = edges.filter((edge) => edge.to === name && edge.kind === 'call')
  const slowest = calls.reduce((ns, { p95Ns }) => (BigInt(p95Ns ?? '0') > ns ? BigInt(p95Ns ?? '0') : ns), 0n)
  const told = BigInt(service?.p95Ns ?? '0')
  const p95 = told > 0n ? told : slowest
  const count = (service?.serverSpans ?? 0) || calls.reduce((sum, edge) => sum + edge.count, 0)
  const errors = service?.errors ?? 0
  return [
    formatCount(count),
    p95 > 0n ? `p95 ${formatDuration(p95)}` : '',
    errors > 0 ? plural(errors, 'error') : '',
  ]
    .filter((part) => part !== '')
    .join(' · ')
}

/** Short: what one compares. */
function labelOf({ count, errors, p95Ns }: Edge): string {
  const parts = [formatCount(count)]
  if (p95Ns !== undefined && p95Ns !== '0') parts.push(formatDuration(BigInt(p95Ns)))
  if (errors > 0) parts.push(`${percent(errors / Math.max(1, count))} failed`)
  return parts.join(' · ')
}

const percent = (share: number): string => (share < 0.01 ? '<1 %' : `${Math.round(100 * share)} %`)

function edgeTitle(edge: Edge): string {
  const times = edge.p95Ns === undefined ? '' : `, p95 ${formatDuration(BigInt(edge.p95Ns))}`
  const errors = edge.errors > 0 ? `, ${plural(edge.errors, 'error')}` : ''
  return `${visibleText(edge.from)} → ${visibleText(edge.to)} (${edge.kind}): ${formatCount(edge.count)}${errors}${times}`
}

function shortName(name: string): string {
  const text = visibleText(name)
  return text.length > 22 ? `${text.slice(0, 21)}…` : text
}
