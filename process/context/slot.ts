// The one module-level slot of the project: the runtime, shared by every copy of this module in the process.
//
// Copies are real: an application may load crosscut as ESM and as a bundled chunk, or two packages may bring
// their own. Two runtimes would install two sets of hooks and carry two baggages. The name holds a version:
// copies that cannot share do not.
import { Runtime } from './runtime.ts'

const slot = Symbol.for('crosscut.context.1')

function isRuntime(value: unknown): value is Runtime {
  return typeof value === 'object' && value !== null && Reflect.get(value, 'version') === 1
}

function claim(): Runtime {
  const present: unknown = Reflect.get(globalThis, slot)
  if (isRuntime(present)) return present
  const runtime = new Runtime()
  Object.defineProperty(globalThis, slot, { value: runtime, enumerable: false })
  return runtime
}

/** Starts nothing: an idle object until somebody calls `start`. */
export const runtime: Runtime = claim()
