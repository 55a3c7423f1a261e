// A service: its colour and its name.

import { hueColour, type Theme } from '../base/palette.ts'
import { Text } from './text.tsx'

export function ServiceDot({ hue, theme }: { readonly hue: number; readonly theme: Theme }) {
  return <span class="dot" style={{ background: hueColour(hue, theme) }} aria-hidden="true" />
}

export function ServiceName({
  name,
  hue,
  theme,
}: {
  readonly name: string
  readonly hue: number
  readonly theme: Theme
}) {
  return (
    <span class="service">
      <ServiceDot hue={hue} theme={theme} />
      <Text of={name} />
    </span>
  )
}

export type Share = {
  readonly key: string
  readonly weight: number
  readonly hue: number
  readonly title: string
}

/** A bar divided by weight, as "where the time went" and "which services took part". */
export function ShareBar({
  shares,
  theme,
  label,
}: {
  readonly shares: readonly Share[]
  readonly theme: Theme
  readonly label: string
}) {
  return (
    <span class="share-bar" role="img" aria-label={label}>
      {shares.map((share) => (
        <span
          key={share.key}
          title={share.title}
          style={{ flexGrow: String(share.weight), background: hueColour(share.hue, theme) }}
        />
      ))}
    </span>
  )
}
