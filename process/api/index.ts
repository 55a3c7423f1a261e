// The face of api/ and the entry `crosscut`: see README.md.
export { tracepoint, block, point, measure, annotate, count, type Block } from './observe.ts'
export { counters, labels, sets, stack, type Annotations, type Counters } from './annotations.ts'
export { mark, after, type Mark } from './edges.ts'
export { Queue, QueueItem } from './queue.ts'
export {
  tenant,
  tags,
  logLevel,
  controlPoint,
  tryControlPoint,
  resource,
  type ResourceKind,
} from './workflow.ts'
export { setDeadline, remainingMs, cancelSignal } from './deadline.ts'
export { paced } from './paced.ts'
export { FairGate, type FairGateOptions, type GateSlot, type RunOptions } from './fair-gate.ts'
export { Mutex, type LockOptions } from './mutex.ts'
export { RwLock } from './rw-lock.ts'
