// The URL is the state of the app. A route is the parsed URL; navigate() changes it; every view derives from
// it.
//
//   /traces?service=web&minMs=100&paused=<ms>         the list; paused = as it was then
//   /traces/<traceId>?span=<id>&z=<from>-<to>&q=text  one trace; z in ns after the trace's start
//   /query?text=<query>&id=<id>&view=pivot&of=COUNT    a live query: its text, whose rows are shown, and how
//   /datasets?edit=<name>                             the datasets; the definition of one, '' = a new one
//   /datasets/<name>?where=<text>&view=heat            one dataset: what is asked of it, and how it is seen
//   /paths?service=web&at=<part>&op=..&faster=20       critical paths of many traces
//   /services?last=15&at=<service>                    who calls whom
//   /notebook?cell=<kind>:<text>                      cells of features and SQL, one below the other
//   /notebooks?q=<text>                               notebooks that were saved
//   /notebooks/<id>?version=<n>                       one; with cells: changes that are not saved, made
//                                                     of version `of`
//   /pipeline?last=<minutes>                          how far behind answers are, and what was dropped
//   /tenants?at=<tenant>&of=p99                       tenants, who makes whom slow, policies
//   /resources?at=<resource>                          resources by slowdown, and whose load it is
//   /system                                           the processes
//   /login                                            a login link that does not work (any more)

import { useEffect, useState } from 'preact/hooks'

export type Route =
  | { readonly view: 'traces'; readonly query: URLSearchParams }
  | { readonly view: 'trace'; readonly traceId: string; readonly query: URLSearchParams }
  | { readonly view: 'query'; readonly query: URLSearchParams }
  | { readonly view: 'datasets'; readonly query: URLSearchParams }
  | { readonly view: 'dataset'; readonly name: string; readonly query: URLSearchParams }
  | { readonly view: 'paths'; readonly query: URLSearchParams }
  | { readonly view: 'services'; readonly query: URLSearchParams }
  | { readonly view: 'notebooks'; readonly query: URLSearchParams }
  | { readonly view: 'notebook'; readonly id: string | undefined; readonly query: URLSearchParams }
  | { readonly view: 'pipeline'; readonly query: URLSearchParams }
  | { readonly view: 'tenants'; readonly query: URLSearchParams }
  | { readonly view: 'resources'; readonly query: URLSearchParams }
  | { readonly view: 'system'; readonly query: URLSearchParams }
  | { readonly view: 'login'; readonly query: URLSearchParams }
  | { readonly view: 'unknown'; readonly path: string; readonly query: URLSearchParams }

const DATASET_PATH = /^\/datasets\/([^/]+)$/
const NOTEBOOK_PATH = /^\/notebooks\/([0-9a-f]{16})$/
const TRACE_PATH = /^\/traces\/([0-9a-fA-F]{32})$/

export function parseRoute(path: string, search: string): Route {
  const query = new URLSearchParams(search)
  const trace = TRACE_PATH.exec(path)
  if (trace !== null) return { view: 'trace', traceId: trace[1]!.toLowerCase(), query }
  if (path === '/' || path === '/traces') return { view: 'traces', query }
  if (path === '/query') return { view: 'query', query }
  if (path === '/datasets') return { view: 'datasets', query }
  const dataset = DATASET_PATH.exec(path)
  if (dataset !== null) return { view: 'dataset', name: decoded(dataset[1]!), query }
  if (path === '/paths') return { view: 'paths', query }
  if (path === '/services') return { view: 'services', query }
  if (path === '/notebook') return { view: 'notebook', id: undefined, query }
  if (path === '/notebooks') return { view: 'notebooks', query }
  const notebook = NOTEBOOK_PATH.exec(path)
  if (notebook !== null) return { view: 'notebook', id: notebook[1]!, query }
  if (path === '/pipeline') return { view: 'pipeline', query }
  if (path === '/tenants') return { view: 'tenants', query }
  if (path === '/resources') return { view: 'resources', query }
  if (path === '/system') return { view: 'system', query }
  if (path === '/login') return { view: 'login', query }
  return { view: 'unknown', path, query }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part // cut off on its way: no dataset has such a name, and the page says so
  }
}

export const datasetAddress = (name: string): string => `/datasets/${encodeURIComponent(name)}`

export const notebookAddress = (id: string): string => `/notebooks/${id}`

/** The address of a route with these parameters; blanks and slashes stay readable. */
export function address(path: string, query: URLSearchParams): string {
  const text = query.toString().replaceAll('%2F', '/').replaceAll('%3A', ':')
  return text === '' ? path : `${path}?${text}`
}

/** The address of a trace, or of one span in it. */
export function traceAddress(traceId: string, spanId?: string): string {
  return spanId === undefined ? `/traces/${traceId}` : `/traces/${traceId}?span=${spanId}`
}

const CHANGED = 'crosscut:route'

/** Goes to an address of this app. `replace` keeps the browser's back button for real steps. */
export function navigate(to: string, options: { readonly replace?: boolean } = {}): void {
  if (to === location.pathname + location.search) return
  if (options.replace) history.replaceState(null, '', to)
  else history.pushState(null, '', to)
  dispatchEvent(new Event(CHANGED))
}

/** Changes parameters of the present address. undefined removes one. */
export function changeQuery(
  changes: { readonly [key: string]: string | undefined },
  options: { readonly replace?: boolean } = {},
): void {
  const query = new URLSearchParams(location.search)
  for (const [key, value] of Object.entries(changes)) {
    if (value === undefined || value === '') query.delete(key)
    else query.set(key, value)
  }
  navigate(address(location.pathname, query), options)
}

/** Goes to the present path with other parameters. */
export function changeAddress(
  change: (query: URLSearchParams) => URLSearchParams,
  options: { readonly replace?: boolean } = {},
): void {
  navigate(address(location.pathname, change(new URLSearchParams(location.search))), options)
}

/** The present route; the component is drawn again when it changes. */
export function useRoute(): Route {
  const [route, setRoute] = useState(() => parseRoute(location.pathname, location.search))
  useEffect(() => {
    const read = (): void => setRoute(parseRoute(location.pathname, location.search))
    addEventListener('popstate', read)
    addEventListener(CHANGED, read)
    return () => {
      removeEventListener('popstate', read)
      removeEventListener(CHANGED, read)
    }
  }, [])
  return route
}

/** A click that nobody has taken and that asks for no new tab, window or download. */
export function isPlainClick(event: MouseEvent): boolean {
  const isModified = event.metaKey || event.ctrlKey || event.shiftKey || event.altKey
  return !event.defaultPrevented && event.button === 0 && !isModified
}

/**
 * Makes a plain click on a link of ours a navigation without loading; other clicks (new tab, download) stay
 * the browser's.
 */
export function followLink(event: MouseEvent): void {
  if (!isPlainClick(event)) return
  const anchor = event.target instanceof Element ? event.target.closest('a') : null
  if (
    anchor === null ||
    anchor.target !== '' ||
    anchor.origin !== location.origin ||
    anchor.hasAttribute('download')
  )
    return
  event.preventDefault()
  navigate(anchor.pathname + anchor.search)
}
