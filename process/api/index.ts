// The face of api/ and the entry `crosscut`: see README.md.
export { tracepoint, block, point, measure, type Block } from './observe.ts'
export { tenant, tags, logLevel, controlPoint, resource, type ResourceKind } from './workflow.ts'
export { FairGate, type FairGateOptions, type RunOptions } from './fair-gate.ts'
export { Mutex, type LockOptions } from './mutex.ts'
export { RwLock } from './rw-lock.ts'
