// The face of model/ (and of the package entry crosscut/traces): see README.md.
export * from './otlp-span.ts'
export * from './trace.ts'
export type { LooseOtlpSpan } from './loose-span.ts'
export { buildTrace } from './build-trace.ts'
export { criticalPath, exclusiveTimes } from './critical-path.ts'
export { spanHint } from './span-hint.ts'
export { summarize, toTraceView, toSpanView, toCriticalPathView } from './trace-view.ts'
