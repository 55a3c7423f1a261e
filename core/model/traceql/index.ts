// The face of traceql/: text to query, query over a trace, what a store can leave out.
export type { AttributeScope, Field, Literal, CompareOp, Intrinsic, TraceQuery } from './syntax.ts'
export { parseTraceQuery } from './parser.ts'
export { evaluateTraceQuery, type FieldValue, type FoundSpanset, type TraceMatch } from './evaluate.ts'
export { needOf, type SpanTest, type TraceNeed } from './prefilter.ts'
export { compileRegular } from './regular.ts'
export { INTRINSICS, intrinsicOf } from './fields.ts'
export { tokensOf } from './lexer.ts'
export type { Values } from './values.ts'
