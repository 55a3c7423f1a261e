// The face of protocol/: see README.md.
export * from './trace-attributes.ts'
export * from './trace-api.ts'
export * from './query-api.ts'
export * from './token-api.ts'
export * from './advice-ir.ts'
export * from './desired-state.ts'
export * from './agent-messages.ts'
export * from './host-api.ts'
