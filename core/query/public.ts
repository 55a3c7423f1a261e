// The export `crosscut/query`: pure, runs anywhere, no dependencies.
export { parse } from './parse.ts'
export { evaluate, QueryError, type EvaluateOptions } from './evaluate.ts'
export { explain, type AdviceExplanation, type Explanation, type Stage } from './explain.ts'
export { ExecutionError, type RecordedExecution } from './recorded.ts'
export type { Row } from './rows.ts'
export type { Query } from './syntax.ts'
export type { Diagnostic } from '#base'
