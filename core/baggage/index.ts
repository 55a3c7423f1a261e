// The face of baggage/: see README.md.
export { Baggage } from './baggage.ts'
export { BaggageError, type BaggageErrorCode } from './error.ts'
export * from './limits.ts'
