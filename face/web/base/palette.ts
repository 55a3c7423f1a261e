// A colour for each service, the same on every page and after every reload.
//
// A service starts at the hue its name hashes to; a taken hue moves on to the next free one, in the order of
// names. That is done once over all services the server knows, which gives each the same colour everywhere,
// and again within one picture, so that two services of one trace look alike only when there are more than
// eleven. Two hues are left out: red means error and petrol is the accent. The hues are oklch of one
// lightness (0.60 on paper, 0.735 on dark), 3.7:1 or better against their surface.

export type Theme = 'light' | 'dark'

const HUES: readonly { readonly light: string; readonly dark: string }[] = [
  { light: '#4f80ca', dark: '#7babf1' }, // blue
  { light: '#a97500', dark: '#d1a04e' }, // ochre
  { light: '#299663', dark: '#64bf8d' }, // green
  { light: '#8e6cbe', dark: '#b797e6' }, // purple
  { light: '#108faa', dark: '#3dbad9' }, // cyan
  { light: '#b55f8d', dark: '#df8bb6' }, // pink
  { light: '#7a8a23', dark: '#a3b35b' }, // olive
  { light: '#7276c9', dark: '#9ba1f0' }, // indigo
  { light: '#b96831', dark: '#e29463' }, // brown
  { light: '#a564a9', dark: '#ce90d1' }, // magenta
  { light: '#718391', dark: '#99acbb' }, // slate
]

/** Index of the hue of each service of a picture. Cost: O(services + known). */
export function serviceHues(
  services: Iterable<string>,
  known: readonly string[] = [],
): ReadonlyMap<string, number> {
  const everywhere = spread(known, hashOf)
  return spread(services, (name) => everywhere.get(name) ?? hashOf(name))
}

/** Hues for names that are no services: the first few are far apart. */
export const huesApart = (names: readonly string[]): ReadonlyMap<string, number> =>
  new Map(names.map((name, i) => [name, (i * HUE_STRIDE) % HUES.length]))

/** Coprime to the number of hues, so that all are taken before one comes again. */
const HUE_STRIDE = 4

/** Hues from where each name would like to be, moved on past those that are taken. */
function spread(services: Iterable<string>, wish: (name: string) => number): Map<string, number> {
  const names = [...new Set(services)].sort()
  const taken = new Set<number>()
  const hues = new Map<string, number>()
  for (const name of names) {
    if (taken.size === HUES.length) taken.clear()
    let hue = wish(name) % HUES.length
    while (taken.has(hue)) hue = (hue + 1) % HUES.length
    taken.add(hue)
    hues.set(name, hue)
  }
  return hues
}

/** The colour of a hue in a theme. */
export function hueColour(hue: number, theme: Theme): string {
  return (HUES[hue % HUES.length] ?? HUES[0]!)[theme]
}

/** FNV-1a, 32 bit: short names spread well and it is three lines. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}
