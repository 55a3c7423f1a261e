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
  { label: 'System', path: '/system', key: 's', views: ['system'] },
]
