// The face of baggage/: see README.md.
export { Baggage, companionsOf, keepMark, keepText, markOf, textOf, withCompanions } from './baggage.ts'
export { BaggageError, type BaggageErrorCode } from './error.ts'
export { BdlError, checkBdl, loadBdl, type BdlOptions, type LoadOptions } from './bdl/load.ts'
export { type BagType, type CounterPath } from './bdl/bag-type.ts'
export { generateTypeScript, type GenerateOptions } from './bdl/generate.ts'
export { compareClocks, type ClockOrder, type VectorClock } from './types/clock.ts'
export { type CounterValue } from './types/counter.ts'
export * from './limits.ts'
