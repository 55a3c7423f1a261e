// Visits of the demo's page as browser and gateway tell them (process/browser, demo/page.ts), with times that
// are given and not measured: whatever the machine does, the same visits wait for the same.
//
//   gateway  GET /page [phase top: piece UserInput, Feed]   [phase rest: Photos, AwaitSuggestions, Parse..]
//            piece Suggestions .............................'
//   browser  page [document] [render .....................................................]
//            load css x 4 ------.      piece UserInput, Feed -> display_done     Photos, Suggestions
//
// Times in ms since the navigation.

export type Fault = 'cable-cut' | 'causal-order'
export type Visit = {
  readonly index: number
  readonly release: string
  readonly country: string
  readonly experiment: 'together' | 'none'
  readonly fault?: Fault
}

export const SUGGESTING_MS = 400
export const CABLE_MS = 150
const SHEET_MS = 100
const SHEET_BYTES = 6_000
const DRAW_MS = 8
const TOP = ['UserInput', 'Feed'] as const
const ALL = [...TOP, 'Photos', 'Suggestions'] as const
type Piece = (typeof ALL)[number]

type Values = { readonly [key: string]: string | number }
type Edge = { readonly from: string; readonly edge: string; readonly values?: Values }
type Block = {
  readonly id: string
  readonly parent?: string
  readonly name: string
  readonly kind?: number
  readonly start: number
  readonly end: number
  readonly values?: Values
  readonly points?: readonly { readonly name: string; readonly at: number; readonly values?: Values }[]
  readonly links?: readonly Edge[]
}

/** One visit as a request of OTLP/JSON; `beginMs` is when its navigation began. */
export function requestOf(visit: Visit, traceId: string, beginMs: number): object {
  const page = { 'service.namespace': 'shelf', 'service.version': visit.release }
  const browser = { ...page, 'geo.country.iso_code': visit.country, experiment: visit.experiment }
  const ids = new Map<string, string>()
  const idOf = (name: string): string => {
    const id = ids.get(name) ?? (ids.size + 1).toString(16).padStart(16, '0')
    ids.set(name, id)
    return id
  }
  const ns = (ms: number): string => String(BigInt(Math.round((beginMs + ms) * 1e3)) * 1_000n)
  const spanOf = ({ id, parent, name, kind = 1, start, end, values, points = [], links = [] }: Block) => ({
    traceId,
    spanId: idOf(id),
    ...(parent === undefined ? {} : { parentSpanId: idOf(parent) }),
    name,
    kind,
    startTimeUnixNano: ns(start),
    endTimeUnixNano: ns(end),
    attributes: attributesOf(values),
    events: points.map(({ name: what, at, values: of }) => ({
      name: what,
      timeUnixNano: ns(at),
      attributes: attributesOf(of),
    })),
    links: links.map(({ from, edge, values: of }) => ({
      traceId,
      spanId: idOf(from),
      attributes: attributesOf({ 'crosscut.edge': edge, ...of }),
    })),
  })
  const { served, seen } = blocksOf(visit, ns)
  const of = (service: string, resource: Values, blocks: readonly Block[]) => ({
    resource: { attributes: attributesOf({ 'service.name': service, 'host.name': service, ...resource }) },
    scopeSpans: [{ scope: { name: 'replayed' }, spans: blocks.map(spanOf) }],
  })
  return {
    resourceSpans: [
      of('gateway', page, served),
      of('browser', { ...browser, 'crosscut.unit_name': 'Client' }, seen),
    ],
  }
}

const attributesOf = (values: Values = {}): object[] =>
  Object.entries(values).map(([key, value]) => ({
    key,
    value: typeof value === 'string' ? { stringValue: value } : { intValue: String(value) },
  }))

function blocksOf(visit: Visit, ns: (ms: number) => string) {
  const { country, experiment, fault, index } = visit
  // No two visits are alike.
  const own = (index * 7) % 5
  const line = fault === 'cable-cut' && country === 'IN' ? CABLE_MS : 0
  const isTopLate = fault === 'causal-order' && experiment === 'none'
  const isPageLate = fault === 'causal-order' && experiment === 'together'
  const suggested = 12 + SUGGESTING_MS + own
  const made = { UserInput: 40 + own, Feed: 55 + own, Photos: 80 + own, Suggestions: suggested }
  const sent = { top: isTopLate ? suggested + 2 : made.Feed + 1, rest: suggested + 4 }
  const end = sent.rest + 1
  const phaseOf = (piece: Piece): 'top' | 'rest' =>
    piece === 'UserInput' || piece === 'Feed' ? 'top' : 'rest'
  const awaiting = (phase: 'top' | 'rest', from: number): readonly Block[] => [
    { id: `await ${phase}`, parent: `phase ${phase}`, name: 'AwaitSuggestions', start: from, end: suggested },
    {
      id: `parse ${phase}`,
      parent: `phase ${phase}`,
      name: 'ParseSuggestions',
      start: suggested,
      end: suggested + 1,
      links: [{ from: `await ${phase}`, edge: 'join' }],
    },
  ]
  const served: readonly Block[] = [
    {
      id: 'get',
      parent: 'document',
      name: 'GET /page',
      kind: 2,
      start: 10,
      end,
      points: [{ name: 'http.response.head', at: 12 }],
    },
    ...(['top', 'rest'] as const).map((phase) => ({
      id: `phase ${phase}`,
      parent: 'get',
      name: `phase ${phase}`,
      start: 12,
      end: sent[phase],
    })),
    ...ALL.map((piece) => ({
      id: `made ${piece}`,
      parent: piece === 'Suggestions' ? 'get' : `phase ${phaseOf(piece)}`,
      name: `piece ${piece}`,
      start: 12,
      end: made[piece],
    })),
    ...(isTopLate ? awaiting('top', made.Feed) : []),
    ...awaiting('rest', made.Photos),
  ]
  const first = 14 + line
  const sheet = { start: first + 2, end: first + 2 + SHEET_MS + line }
  const sheetEdge = (name: Piece): Edge => ({
    from: 'render',
    edge: 'resource',
    values: {
      'crosscut.edge.from_ns': ns(sheet.start),
      'crosscut.edge.to_ns': ns(sheet.end),
      resource: 'css',
      'crosscut.edge.name': `/style/${name}.css`,
      'crosscut.counter.bytes': SHEET_BYTES,
    },
  })
  const show = (piece: Piece, at: number, after?: string): Block => ({
    id: `shown ${piece}`,
    parent: 'page',
    name: `piece ${piece}`,
    start: at,
    end: Math.max(at, sheet.end) + DRAW_MS,
    values: { piece, 'crosscut.counter.css_bytes': SHEET_BYTES, 'crosscut.counter.late_styles': 0 },
    links: [
      { from: `phase ${phaseOf(piece)}`, edge: 'async' },
      ...(after === undefined ? [] : [{ from: after, edge: 'async' }]),
      ...(sheet.end > at ? [sheetEdge(piece)] : []),
    ],
  })
  const last = show('Suggestions', sent.rest + 1 + line)
  const others = ALL.filter((piece) => piece !== 'Suggestions').map((piece) =>
    isPageLate ? show(piece, last.end, last.id) : show(piece, sent[phaseOf(piece)] + 1 + line),
  )
  const displayed = Math.max(
    ...others.filter(({ id }) => TOP.some((one) => id.endsWith(one))).map((one) => one.end),
  )
  const settled = Math.max(last.end, ...others.map((one) => one.end)) + 1
  const seen: readonly Block[] = [
    {
      id: 'page',
      name: 'page /page',
      start: 0,
      end: settled,
      points: [
        { name: 'navigation', at: 0 },
        { name: 'display_done', at: displayed, values: { marker: 'display_done' } },
      ],
    },
    { id: 'document', parent: 'page', name: 'document', kind: 3, start: 0, end: end + 2 + line },
    {
      id: 'render',
      parent: 'page',
      name: 'render',
      start: first,
      end: settled,
      links: [{ from: 'get', edge: 'async', values: { 'crosscut.edge.from_event': 'http.response.head' } }],
    },
    ...ALL.map((piece) => ({
      id: `sheet ${piece}`,
      parent: 'page',
      name: 'load css',
      kind: 3,
      ...sheet,
      values: { resource: 'css', 'url.full': `/style/${piece}.css` },
    })),
    ...others,
    last,
  ]
  return { served, seen }
}
