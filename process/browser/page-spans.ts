// What the browser measured of a page, as blocks, points and edges of one unit.
//
//   page      |==================================================| settled
//   document    |===============================|   until the last byte: the server's span is below it
//   render                 |=====================================|  from the first byte, which came after the
//   load css                 |======|                               head of the server's answer
//   long task, measures, blocks of the application
//
// A resource is a block, for the eye; and an edge of whoever waited for it, from where its fetch began to its
// last byte. Source: Navigation Timing 2, Resource Timing 3, Long Tasks; Canopy 3.4 and 5.4.

import { LINKS_MAX } from './limits.ts'
import type { PageLink, PagePoint, PageSpan } from './otlp-json.ts'
import type { Entry, Values } from './surroundings.ts'
import type { Found } from './trace-parent.ts'

export type Ids = { readonly page: string; readonly document: string; readonly render: string }
export type Loaded = { readonly entry: Entry; readonly id: string; readonly kind: string }

type Frame = {
  readonly ids: Ids
  readonly found: Found | undefined
  readonly navigation: Entry
  readonly loaded: readonly Loaded[]
  readonly end: number
}

/** Document and render: what every page has. */
export function navigationSpans({ ids, found, navigation, loaded, end }: Frame): PageSpan[] {
  const { fetchStart: start = 0, responseStart: first = 0, responseEnd: last = 0 } = navigation
  if (first <= 0) return []
  const links = loaded
    .filter(({ entry, kind }) => kind !== 'fetch' && endOf(entry) > first && endOf(entry) <= end)
    .slice(0, LINKS_MAX)
    .map((one) => resourceEdge(one, { id: ids.render, start: first }, navigation, ids))
  return [
    {
      id: ids.document,
      parent: ids.page,
      name: 'document',
      kind: 3,
      start,
      end: Math.max(first, last),
      points: [{ name: 'response', at: first }],
      values: { resource: 'html', ...statusOf(navigation), ...sizesOf(navigation) },
      links: cameFrom(found, Math.max(first, last)),
    },
    {
      id: ids.render,
      parent: ids.page,
      name: 'render',
      kind: 1,
      start: first,
      end,
      links: [firstByte(found, ids, first), ...links],
    },
  ]
}

/** The server said when its head left; else all that is known is what the browser saw. */
function firstByte(found: Found | undefined, ids: Ids, first: number): PageLink {
  if (found?.documentId === undefined || found.serverId === undefined)
    return { id: ids.document, edge: 'join', from: first }
  const values = { 'crosscut.edge.from_event': 'http.response.head' }
  return { id: found.serverId, edge: 'async', values }
}

/** A server's span that is not below the document is where it came from. */
function cameFrom(found: Found | undefined, to: number): PageLink[] {
  const isOther = found?.documentId === undefined && found?.serverId !== undefined
  return isOther ? [{ id: found.serverId ?? '', edge: 'async', to }] : []
}

/**
 * To whoever waited, from where the fetch began: in itself, or before it in what was there. It has what the
 * resource has, so that questions about edges need not look for the block.
 */
export function resourceEdge(
  { entry, kind }: Loaded,
  waiter: { readonly id: string; readonly start: number },
  { responseStart: first = 0 }: Entry,
  ids: Ids,
): PageLink {
  const from = entry.startTime
  const id = from >= waiter.start ? waiter.id : from >= first ? ids.render : ids.document
  return {
    id,
    edge: 'resource',
    from,
    to: endOf(entry),
    values: { resource: kind, 'crosscut.edge.name': urlOf(entry.name), ...sizesOf(entry) },
  }
}

export function resourceSpan({ entry, id, kind }: Loaded, parent: string): PageSpan {
  return {
    id,
    parent,
    name: `load ${kind}`,
    kind: 3,
    start: entry.startTime,
    end: endOf(entry),
    values: { resource: kind, 'url.full': urlOf(entry.name), ...statusOf(entry), ...sizesOf(entry) },
  }
}

/** Instants of the navigation; absent where the browser does not tell. */
export function navigationPoints(navigation: Entry): PagePoint[] {
  const times: readonly (readonly [string, number | undefined])[] = [
    ['dns', navigation.domainLookupStart],
    ['connect', navigation.connectStart],
    ['tls', navigation.secureConnectionStart],
    ['request', navigation.requestStart],
    ['dom_interactive', navigation.domInteractive],
    ['dom_content_loaded', navigation.domContentLoadedEventEnd],
    ['load', navigation.loadEventEnd],
  ]
  const known = times.flatMap(([name, at = 0]) => (at > 0 ? [{ name, at }] : []))
  return [{ name: 'navigation', at: 0 }, ...known]
}

export const endOf = (entry: Entry): number => entry.responseEnd || entry.startTime + entry.duration

/** Without query and fragment: they may name a person. */
export function urlOf(name: string): string {
  return name.replace(/[?#].*/s, '')
}

/** css, js, img, font, fetch or other: by who asked, else by the name. */
export function kindOf({ name, initiatorType }: Entry): string {
  const extension = /\.(\w+)$/.exec(urlOf(name))?.[1] ?? ''
  if (initiatorType === 'fetch' || initiatorType === 'xmlhttprequest' || initiatorType === 'beacon') {
    return 'fetch'
  }
  if (/^(woff2?|ttf|otf)$/.test(extension)) return 'font'
  if (initiatorType === 'script' || /^m?js$/.test(extension)) return 'js'
  if (extension === 'css') return 'css'
  if (
    initiatorType === 'img' ||
    initiatorType === 'image' ||
    /^(png|jpe?g|gif|svg|webp|avif|ico)$/.test(extension)
  ) {
    return 'img'
  }
  return initiatorType === 'link' ? 'css' : 'other'
}

/** Another origin may hide its sizes: all are 0 then, and nothing is said. */
function sizesOf({ transferSize: bytes = 0, decodedBodySize: decoded = 0, deliveryType }: Entry): Values {
  if (bytes === 0 && decoded === 0) return {}
  return {
    'crosscut.counter.bytes': bytes,
    'crosscut.counter.decoded_bytes': decoded,
    cached: bytes === 0 || deliveryType === 'cache',
  }
}

function statusOf({ responseStatus: status = 0, nextHopProtocol: protocol = '' }: Entry): Values {
  return {
    ...(status > 0 ? { 'http.response.status_code': status } : {}),
    ...(protocol === '' ? {} : { 'network.protocol.name': protocol }),
  }
}
