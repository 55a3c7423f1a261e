// The route table: routing, authorization, /openapi.json and docs/reference/http-api.md all come from here.
// Each area has a table of its own in routes/.

import { COMPAT_ROUTES } from './compat/routes.ts'
import { AGENTS_ROUTES } from './routes/agents.ts'
import { DATASETS_ROUTES } from './routes/datasets.ts'
import { IMPORT_ROUTES } from './routes/import.ts'
import { NOTEBOOKS_ROUTES } from './routes/notebooks.ts'
import { PAGES_ROUTES } from './routes/pages.ts'
import { PIPELINE_ROUTES } from './routes/pipeline.ts'
import { POLICIES_ROUTES } from './routes/policies.ts'
import { QUERIES_ROUTES } from './routes/queries.ts'
import { SAMPLING_ROUTES } from './routes/sampling.ts'
import { TOKENS_ROUTES } from './routes/tokens.ts'
import { TOOLS_ROUTES } from './routes/tools.ts'
import { TRACES_ROUTES } from './routes/traces.ts'
import type { Method, Route } from './routes/route.ts'

export type { Access, Method, Route, RouteDoc } from './routes/route.ts'

export const routeTable: readonly Route[] = [
  ...PAGES_ROUTES,
  ...AGENTS_ROUTES,
  ...TRACES_ROUTES,
  ...PIPELINE_ROUTES,
  ...IMPORT_ROUTES,
  ...QUERIES_ROUTES,
  ...DATASETS_ROUTES,
  ...NOTEBOOKS_ROUTES,
  ...TOOLS_ROUTES,
  ...SAMPLING_ROUTES,
  ...POLICIES_ROUTES,
  ...TOKENS_ROUTES,
  ...COMPAT_ROUTES,
]

export type Match = { readonly route: Route; readonly params: { readonly [name: string]: string } }

/**
 * The route of a decoded path; the methods it has instead when only the method is wrong; undefined = no such
 * path.
 */
export function matchRoute(
  method: string,
  segments: readonly string[],
): Match | { readonly allow: readonly Method[] } | undefined {
  const allow: Method[] = []
  for (const route of routeTable) {
    const params = paramsOf(route.path, segments)
    if (params === undefined) continue
    if (route.method === method || (method === 'HEAD' && route.method === 'GET')) return { route, params }
    allow.push(route.method)
  }
  return allow.length === 0 ? undefined : { allow }
}

function paramsOf(
  path: string,
  segments: readonly string[],
): { readonly [name: string]: string } | undefined {
  const wanted = path.slice(1).split('/')
  if (wanted.length !== segments.length) return undefined
  const params: { [name: string]: string } = {}
  for (const [index, part] of wanted.entries()) {
    const segment = segments[index] ?? ''
    if (part.startsWith('{')) params[part.slice(1, -1)] = segment
    else if (part !== segment) return undefined
  }
  return params
}
