// The export `crosscut/baggage`: pure, runs anywhere, no dependencies.
export { Baggage } from './baggage.ts'
export { BaggageError, type BaggageErrorCode } from './error.ts'
