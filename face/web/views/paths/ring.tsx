// The critical path as a ring, a part for each service, with its legend: the parts are the whole time,
// exactly.

import type { TracePathsView } from '#protocol'
import { hueColour, type Theme } from '../../base/palette.ts'
import { visibleText } from '../../base/text.ts'
import { ServiceDot } from '../../widgets/service.tsx'
import { Text } from '../../widgets/text.tsx'
import { percent } from './percent.ts'

const RADIUS = 58
const THICK = 24
const CENTRE = 76
/** The rest is one part: thinner ones cannot be told apart. */
const PARTS_MAX = 11

type Part = { readonly service: string | undefined; readonly ns: bigint; readonly hue: number }

export function Ring({
  shares,
  wholeNs,
  hues,
  theme,
  chosen,
  onChoose,
}: {
  readonly shares: TracePathsView['services']
  readonly wholeNs: bigint
  readonly hues: ReadonlyMap<string, number>
  readonly theme: Theme
  readonly chosen: string | undefined
  readonly onChoose: (service: string) => void
}) {
  const parts: Part[] = shares
    .slice(0, PARTS_MAX)
    .map(({ service, ns }) => ({ service, ns: BigInt(ns), hue: hues.get(service) ?? 0 }))
  const rest = wholeNs - parts.reduce((sum, { ns }) => sum + ns, 0n)
  if (rest > 0n) parts.push({ service: undefined, ns: rest, hue: 10 })
  let turned = 0
  return (
    <div class="ring">
      <svg viewBox={`0 0 ${2 * CENTRE} ${2 * CENTRE}`} role="img" aria-label="Critical path by service">
        {parts.map(({ service, ns, hue }) => {
          const part = Number((ns * 1_000_000n) / (wholeNs === 0n ? 1n : wholeNs)) / 1_000_000
          const from = turned
          turned += part
          return (
            <path
              key={service ?? ''}
              d={arc(from, turned)}
              fill={hueColour(hue, theme)}
              class={service !== undefined && service === chosen ? 'chosen' : ''}
              onClick={() => service !== undefined && onChoose(service)}
            >
              <title>
                {visibleText(service ?? 'others')}: {percent(ns, wholeNs)}
              </title>
            </path>
          )
        })}
      </svg>
      <ul>
        {parts.map(({ service, ns, hue }) => (
          <li key={service ?? ''} class={service !== undefined && service === chosen ? 'chosen' : ''}>
            <ServiceDot hue={hue} theme={theme} />
            {service === undefined ? (
              <span class="muted">others</span>
            ) : (
              <button type="button" class="row-button" onClick={() => onChoose(service)}>
                <Text of={service} />
              </button>
            )}
            <b>{percent(ns, wholeNs)}</b>
          </li>
        ))}
      </ul>
    </div>
  )
}

/** From one part of the turn to another, clockwise from the top. */
function arc(from: number, to: number): string {
  // A whole ring has the same begin and end: an arc of no length.
  const end = Math.min(to, from + 0.99999)
  const at = (turn: number, radius: number): string => {
    const angle = turn * 2 * Math.PI - Math.PI / 2
    return `${(CENTRE + radius * Math.cos(angle)).toFixed(3)} ${(CENTRE + radius * Math.sin(angle)).toFixed(3)}`
  }
  const [outer, inner] = [RADIUS + THICK / 2, RADIUS - THICK / 2]
  const large = end - from > 0.5 ? 1 : 0
  return `M${at(from, outer)}A${outer} ${outer} 0 ${large} 1 ${at(end, outer)}L${at(end, inner)}A${inner} ${inner} 0 ${large} 0 ${at(from, inner)}Z`
}
