// The face of store/: see README.md.
export type {
  Store,
  StoreOptions,
  StoreLocation,
  QueryOptions,
  QueryParam,
  Row,
  Cell,
  StoreStats,
} from './store.ts'
export { openStore } from './clickhouse-store.ts'
export { storeSocketPath } from './child-host.ts'
export { StoreError, type StoreErrorCode } from './store-error.ts'
export { BlockWriter, encodeNativeBlock, type NativeBlock, type NativeColumn } from './native-block.ts'
export { SCHEMA_VERSION } from './migrations.ts'
export { changeAge, enforceSize, engineOf } from './retention.ts'
