// The face of store/: see README.md.
export type { Store, StoreOptions, StoreLocation, QueryOptions, QueryParam, Row, Cell, StoreStats } from './store.ts'
