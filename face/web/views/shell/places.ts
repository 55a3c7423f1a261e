// The places of the app: what stands in the navigation, and the keys that lead there. A new view adds a line.

import type { Route } from '../../base/route.ts'

export type Place = {
  readonly label: string
  readonly path: string
  /** g, then this. */
  readonly key: string
  /** The views that belong to the place. */
  readonly views: readonly Route['view'][]
}

export const PLACES: readonly Place[] = [
  { label: 'Traces', path: '/traces', key: 't', views: ['traces', 'trace'] },
  { label: 'Query', path: '/query', key: 'q', views: ['query'] },
  { label: 'Datasets', path: '/datasets', key: 'd', views: ['datasets', 'dataset'] },
  { label: 'Critical paths', path: '/paths', key: 'p', views: ['paths'] },
  { label: 'Services', path: '/services', key: 'm', views: ['services'] },
  { label: 'Notebooks', path: '/notebooks', key: 'n', views: ['notebooks', 'notebook'] },
  { label: 'Tenants', path: '/tenants', key: 'e', views: ['tenants'] },
  { label: 'Resources', path: '/resources', key: 'r', views: ['resources'] },
  { label: 'Pipeline', path: '/pipeline', key: 'i', views: ['pipeline'] },
  { label: 'System', path: '/system', key: 's', views: ['system'] },
]
