// What the server knows by name, asked once for all views: offered while somebody types a filter, and the set
// from which services get their colours, so that a service looks the same in the list and in every trace.

import { createContext, type ComponentChildren } from 'preact'
import { useContext, useMemo } from 'preact/hooks'
import { readFacets, type Facets } from './api.ts'
import { FACETS_REFRESH_MS } from './limits.ts'
import { useResource } from './resource.ts'

const NONE: Facets = { services: [], attributeKeys: [] }
const Known = createContext(NONE)

export function FacetsProvider({ children }: { readonly children: ComponentChildren }) {
  const facets = useResource('facets', (signal) => readFacets(signal), { refreshMs: FACETS_REFRESH_MS })
  // The same names are the same object, so that nothing is laid out anew when a refresh brought nothing new.
  const known = useMemo(() => facets.value ?? NONE, [JSON.stringify(facets.value)])
  return <Known.Provider value={known}>{children}</Known.Provider>
}

/** Empty until the server has answered. */
export function useFacets(): Facets {
  return useContext(Known)
}
