// The face of advice/: see README.md.
export { parsePackage } from './parse.ts'
export { verifyPackage, type Cost, type VerifiedPackage } from './verify.ts'
export { compilePackage, type AdviceEnvironment, type AdvicePorts, type CompiledAdvice } from './compile.ts'
export {
  GroupTable,
  PROCESS_LIMITS,
  type GroupState,
  type TableLimits,
  type TableSnapshot,
} from './group-table.ts'
export { STAMP_BYTES, TupleOwners } from './tuples.ts'
export { AGGREGATES, type Aggregate } from './aggregates.ts'
export { applyFunction } from './functions.ts'
export { ascendingOf, histogramFrom, type HistogramState } from './histogram.ts'
export { canonicalKey, compareValues, valueFrom, valueFromJson, type Value } from './values.ts'
export { isCode, isPattern, matchesTracepoint, placeOf, tracepointAt } from './tracepoint-name.ts'
export { AdviceRefusal, type RefusalCode } from './refusal.ts'
export * from './limits.ts'
